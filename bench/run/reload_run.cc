#include "bench/run/reload_run.h"

#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "bench/alternation.h"
#include "bench/environment_json.h"
#include "bench/nat_traffic.h"
#include "bench/printed.h"
#include "bench/run/change_losses.h"
#include "bench/run/console.h"
#include "bench/run/live_tables.h"
#include "bench/run/memory_port.h"
#include "bench/run/paced_loop.h"
#include "bench/run/stretch_lines.h"
#include "bench/run/timed_window.h"
#include "bench/run/timeline_json.h"
#include "bench/run/worker_chores.h"
#include "bench/statistics.h"

namespace postern::bench {
namespace {

constexpr uint32_t kPods = 100'000;
constexpr uint32_t kPolicies = 1000;
constexpr double kLoad = 0.8;
// What is timed at once of the loop that takes all it can.
constexpr uint32_t kWindowBursts = 512;
// However short the run: a change takes its time.
constexpr uint64_t kPatience_s = 60;
// A stretch without a change is as long as the change before it; the first one is so long.
constexpr double kFirstQuiet_s = 0.25;

Scenario scenario_for(const Options& options, uint32_t version) {
  Scenario scenario = scenario_of(options);
  scenario.replaced_pods = kPods;
  scenario.replaced_policies = kPolicies;
  scenario.version = version;
  return scenario;
}

// Packets a second, window by window.
struct Rates {
  std::vector<double> undisturbed = {};
  std::vector<double> all = {};
  [[nodiscard]] const std::vector<double>& counted() const {
    return undisturbed.empty() ? all : undisturbed;
  }
  [[nodiscard]] double median() const { return median_of(counted()).value; }
};

class ReloadRun : public SoloCase {
 public:
  explicit ReloadRun(const CaseParts& parts)
      : SoloCase(parts, scenario_for(parts.options, 0)),
        texts_{scenario_.configuration(), scenario_for(parts.options, 1).configuration()},
        frames_(scenario_, Direction::kOutbound, options_.frame_bytes) {}

 private:
  std::string make_tables() override {
    auto tables = LiveTables::make(texts_[0]);
    if (!tables.ok()) return std::string(tables.status().message());
    live_ = std::move(*tables);
    return "";
  }
  [[nodiscard]] PortlessGateway::Tables tables() const override {
    return {*live_->published().current(), live_->shared(), live_->model()};
  }

  std::string prepare() override {
    take_over();
    std::string failure = SoloCase::prepare();
    if (!failure.empty()) return failure;
    packets_ = draw_packets(scenario_, frames_, Direction::kOutbound, options_.seed, gateway());
    return "";
  }

  std::string measure() override {
    attention_.begin();
    chores_.emplace(gateway(), &live_->channel());
    std::string failure = measure_io();
    if (failure.empty()) failure = measure_rates();
    if (failure.empty() && !attention_.interrupted()) failure = measure_losses();
    if (!failure.empty()) return failure;
    if (gateway().sessions().live() != scenario_.sessions) {
      return "sessions of pods that stay have ended";
    }
    return how_it_went();
  }

  // Whether there were other tables in force, which the worker has taken now.
  bool take_over() {
    const uint64_t generation = live_->published().generation();
    if (generation == generation_) return false;
    generation_ = generation;
    gateway().use(*live_->published().current());
    live_->channel().seen_generation.store(generation, std::memory_order_release);
    return true;
  }
  // What the worker does between bursts.
  bool between() {
    const bool took = take_over();
    return chores_->turn() || took;
  }

  // What receiving and freeing costs by itself.
  std::string measure_io() {
    MemoryPort port(pool_, frames_, packets_);
    const Lane lane{&port, Scenario::kClusterPort};
    Alternation alternation(std::span(&lane, 1), gateway(), Treatment::kWalk);
    for (int i = 0; i < kIoGroups; ++i) {
      const std::optional<Sample> sample = alternation.measure();
      if (!sample) return alternation.failure();
      io_.push_back(sample->io);
    }
    return "";
  }

  // In turns without a change and with one, until half of the time is over. `quiet_until(end)`
  // measures until then, `change()` until changed().
  template <typename Quiet, typename Change>
  std::string in_turns(Quiet&& quiet_until, Change&& change) {
    const uint64_t hz = rte_get_tsc_hz();
    const uint64_t end = rte_rdtsc() + options_.duration_ms * (hz / 1000) / 2;
    double quiet_s = std::min(kFirstQuiet_s, options_.duration_ms / 8e3);
    do {
      const auto quiet = static_cast<uint64_t>(quiet_s * static_cast<double>(hz));
      std::string failure = quiet_until(rte_rdtsc() + quiet);
      if (!failure.empty() || attention_.interrupted()) return failure;
      const uint64_t begun = rte_rdtsc();
      patience_ = begun + kPatience_s * hz;
      live_->begin_change(texts_[++version_ % 2]);
      failure = change();
      if (failure.empty()) failure = how_it_went();
      if (!failure.empty() || attention_.interrupted()) return failure;
      quiet_s = static_cast<double>(rte_rdtsc() - begun) / static_cast<double>(hz);
      changes_s_.push_back(quiet_s);
    } while (rte_rdtsc() < end);
    return "";
  }
  [[nodiscard]] bool is_changing() const { return !live_->changed() && rte_rdtsc() < patience_; }

  // With as many packets as the worker takes.
  std::string measure_rates() {
    MemoryPort port(pool_, frames_, packets_);
    const uint64_t forwarded_before = gateway().forwarded();
    std::string failure = in_turns(
        [&](uint64_t end) {
          rounds_.emplace_back();
          return measure_rate(port, rounds_.back().before, "before",
                              [&] { return rte_rdtsc() < end; });
        },
        [&] {
          return measure_rate(port, rounds_.back().during, "during", [&] { return is_changing(); });
        });
    if (failure.empty() && gateway().forwarded() - forwarded_before != carried_) {
      return "packets were lost: " + gateway().lost();
    }
    return failure;
  }

  template <typename More>
  std::string measure_rate(MemoryPort& port, Rates& rates, const char* phase, More&& more) {
    do {
      if (!measure_window(port, rates)) return port.failure();
      if (attention_.line_is_due()) tell_rate(rates, phase);
    } while (more() && !attention_.is_called_off());
    return "";
  }

  bool measure_window(MemoryPort& port, Rates& rates) {
    window_.begin();
    for (uint32_t i = 0; i < kWindowBursts; ++i) {
      if (!port.receive(burst_)) return false;
      gateway().carry(burst_, Scenario::kClusterPort);
      between();
    }
    const double cycles = window_.end();
    carried_ += uint64_t{kWindowBursts} * kBurst;
    const double rate = kWindowBursts * kBurst / cycles * static_cast<double>(rte_get_tsc_hz());
    rates.all.push_back(rate);
    if (!window_.was_disturbed()) rates.undisturbed.push_back(rate);
    return true;
  }

  // At 80 % of that.
  std::string measure_losses() {
    PacedRing ring(pool_, frames_, packets_, options_.descriptors);
    PacedLoop loop(ring, gateway(), Scenario::kClusterPort);
    per_second_ = kLoad * loop.capacity(2 * rate_of(&Round::before).value);
    if (per_second_ == 0) return "no packet buffer is free";
    StretchLines quiet_lines(attention_, quiet_, "80 % load, before", per_second_);
    StretchLines during_lines(attention_, during_, "80 % load, during", per_second_);
    const auto carry = [&](Stretch& stretch, Rounds& rounds, StretchLines& lines, auto&& more) {
      std::string failure = loop.run(per_second_, Carriage::kWalk, stretch, [&] {
        const bool worked = between();
        lines.look(scenario_.sessions);
        return AfterTurn{.goes_on = more() && !attention_.is_called_off(), .worked = worked};
      });
      rounds.note(stretch);
      return failure;
    };
    return in_turns(
        [&](uint64_t end) {
          return carry(quiet_, quiet_rounds_, quiet_lines, [&] { return rte_rdtsc() < end; });
        },
        [&] {
          return carry(during_, during_rounds_, during_lines, [&] { return is_changing(); });
        });
  }

  std::string how_it_went() const {
    if (attention_.interrupted()) return "";
    if (!live_->changed()) return "the configuration was not replaced in time";
    if (!live_->refusal().empty()) return "the configuration was refused: " + live_->refusal();
    return "";
  }

  // What full load is like, without a change and with one.
  struct Round {
    Rates before;
    Rates during;
  };
  // Over all rounds of which there is any.
  [[nodiscard]] Median rate_of(Rates Round::*which) const {
    std::vector<double> rates;
    for (const Round& round : rounds_) {
      if (!(round.*which).all.empty()) rates.push_back((round.*which).median());
    }
    return rates.empty() ? Median{} : median_of(std::move(rates));
  }
  [[nodiscard]] std::vector<double> ratios() const {
    std::vector<double> ratios;
    for (const Round& round : rounds_) {
      if (!round.during.all.empty())
        ratios.push_back(round.during.median() / round.before.median());
    }
    return ratios;
  }

  void tell_rate(const Rates& rates, const char* phase) const {
    const double rate = rates.median();
    print(line_of({.at_s = attention_.seconds(),
                   .packets_per_second = rate,
                   .cycles = static_cast<double>(rte_get_tsc_hz()) / rate,
                   .io_cycles = median_of(io_).value,
                   .sessions = gateway().sessions().live(),
                   .what = std::string("full load, ") + phase}));
  }

  std::string tell() override {
    CaseReport report(options_, std::to_string(kPods) + " pods and " + std::to_string(kPolicies) +
                                    " policies are replaced beside " +
                                    std::to_string(options_.sessions) + " sessions" +
                                    unless_whole());
    tell_rates(report);
    if (quiet_.sent != 0) tell_losses(report);
    nlohmann::ordered_json& json = report.json();
    json["dropped"] = quiet_.losses.all + during_.losses.all;
    json["descriptors"] = options_.descriptors;
    json["changes_s"] = changes_s_;
    bool undisturbed = quiet_.latency.total() != 0 && during_.latency.total() != 0;
    json["samples"] = {{"before", nlohmann::ordered_json::array()},
                       {"during", nlohmann::ordered_json::array()}};
    for (const Round& round : rounds_) {
      undisturbed = undisturbed && !round.during.undisturbed.empty();
      for (const double rate : round.before.all) json["samples"]["before"].push_back(rate);
      for (const double rate : round.during.all) json["samples"]["during"].push_back(rate);
    }
    json["disturbed"] = !undisturbed;
    json["timeline"] = timeline_json({{"before", &quiet_}, {"during", &during_}});
    return finish(report);
  }

  void tell_rates(CaseReport& report) const {
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    const double before = rate_of(&Round::before).value;
    const double during = rate_of(&Round::during).value;
    report.add("rate_before", "full load, before", before, "packets a second");
    if (during > 0) {
      report.add("rate_during", "full load, during", during, "packets a second");
      report.add("rate_during_to_before", "rate during / before", ratios(), "");
    }
    if (!changes_s_.empty()) report.add("change_seconds", "a change took", changes_s_, "s");
    const double io = median_of(io_).value;
    const double rate = during > 0 ? during : before;
    nlohmann::ordered_json& json = report.json();
    report.add("net_cycles_per_packet", "net cycles a packet", hz / rate - io, "");
    report.add("cycles_per_packet", "cycles a packet", hz / rate, "");
    report.add("io_cycles_per_packet", "io cycles a packet", io, "");
    json["cycles_per_packet_before"] = two_decimals(hz / before);
    json["packets_per_second"] = std::round(rate);
  }

  void tell_losses(CaseReport& report) const {
    report.add("offered_per_second", "80 % load", per_second_, "packets a second");
    for (const auto& [phase, stretch] : {std::pair{"before", &quiet_}, {"during", &during_}}) {
      if (stretch->sent == 0) continue;
      report.add("offered_" + std::string(phase), std::string("offered, ") + phase,
                 static_cast<double>(stretch->offered), "packets");
      add_losses(report, phase, *stretch);
      report.add("latency_" + std::string(phase), std::string("latency at 80 % load, ") + phase,
                 stretch->likely_latency());
    }
    const ChangeLosses found =
        losses_by_change(quiet_rounds_, quiet_.steps, during_rounds_, during_.steps);
    report.say("lost by the change",
               printed("%10" PRIu64 "   packets: of its own doing the worker lost so much more in "
                       "%zu rounds with a change than in %zu without (chance %.2f)",
                       found.packets, during_rounds_.losses.size(), quiet_rounds_.losses.size(),
                       found.chance));
    report.json()["lost_by_the_change"] = found.packets;
    report.json()["chance_of_what_was_lost"] = rounded_to(found.chance, 4);
    report.json()["own_shares_before"] = quiet_rounds_.own_shares(quiet_.steps);
    report.json()["own_shares_during"] = during_rounds_.own_shares(during_.steps);
  }

  static constexpr int kIoGroups = 32;

  const std::array<std::string, 2> texts_;
  const Frames frames_;
  std::unique_ptr<LiveTables> live_;
  std::optional<WorkerChores> chores_;
  std::vector<FrameRecord> packets_;
  Burst burst_;
  TimedWindow window_;
  uint64_t generation_ = 0;  // in use
  uint32_t version_ = 0;
  uint64_t patience_ = 0;
  std::vector<double> changes_s_;
  std::vector<double> io_;
  std::vector<Round> rounds_;
  uint64_t carried_ = 0;
  double per_second_ = 0;
  Stretch quiet_;
  Rounds quiet_rounds_;
  Stretch during_;
  Rounds during_rounds_;
};

}  // namespace

std::string run_reload(const CaseParts& parts) { return ReloadRun(parts).carry_out(); }

}  // namespace postern::bench
