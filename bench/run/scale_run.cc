#include "bench/run/scale_run.h"

#include <rte_cycles.h>

#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "bench/printed.h"
#include "bench/run/attention.h"
#include "bench/run/case_report.h"
#include "bench/run/console.h"
#include "bench/run/spin_barrier.h"
#include "bench/run/timed_window.h"
#include "bench/run/worker_team.h"
#include "bench/run/worker_thread.h"
#include "bench/statistics.h"

namespace postern::bench {
namespace {

constexpr uint64_t kWindow_us = 4000;
constexpr uint64_t kSettle_us = 500;

enum class Mode : uint8_t { kUnseen, kAlone, kSteered, kHandedOver };
constexpr size_t kModes = 4;
constexpr std::array kRound = {Mode::kUnseen,     Mode::kAlone,   Mode::kSteered, Mode::kHandedOver,
                               Mode::kHandedOver, Mode::kSteered, Mode::kAlone,   Mode::kUnseen};

// Packets a second of one round, by mode.
struct Round {
  std::array<double, kModes> rate{};
  bool disturbed = false;
  [[nodiscard]] double of(Mode mode) const { return rate[static_cast<size_t>(mode)]; }
  [[nodiscard]] double ratio(Mode mode) const { return of(mode) / of(Mode::kAlone); }
};

template <typename Figure>
std::vector<double> each(const std::vector<Round>& rounds, Figure&& figure) {
  std::vector<double> values;
  for (const Round& round : rounds) values.push_back(figure(round));
  return values;
}

class ScaleRun {
 public:
  explicit ScaleRun(const CaseParts& parts)
      : options_(parts.options),
        started_(parts.started),
        pool_(parts.pool),
        scenario_(scenario_of(options_)),
        barrier_(options_.workers),
        rates_(options_.workers) {}

  std::string carry_out() {
    auto tables = CompiledTables::make(scenario_.configuration());
    if (!tables.ok()) return std::string(tables.status().message());
    tables_ = std::move(*tables);
    Eal& eal = started_.eal;
    std::string failure = on_worker(eal, 0, [&] { return prepare(); });
    if (!failure.empty()) return failure;
    const StolenTime before = StolenTime::now();
    failure = on_workers(eal, 0, options_.workers - 1,
                         [&](size_t worker) { return measure(static_cast<uint32_t>(worker)); });
    stolen_percent_ = StolenTime::now().percent_since(before);
    if (failure.empty()) failure = look_for_losses();
    return failure.empty() ? tell() : failure;
  }

 private:
  std::string prepare() {
    const bool huge = started_.eal.memory_mode() != MemoryMode::kNoHuge;
    one_ = std::make_unique<WorkerTeam>(1, scenario_, *tables_, pool_);
    all_ = std::make_unique<WorkerTeam>(options_.workers, scenario_, *tables_, pool_);
    std::string failure = one_->prepare(huge, options_.frame_bytes, options_.seed);
    if (failure.empty()) failure = all_->prepare(huge, options_.frame_bytes, options_.seed);
    return failure;
  }

  // On every worker's thread. Worker 0 keeps the books.
  std::string measure(uint32_t worker) {
    const uint64_t hz = rte_get_tsc_hz();
    const uint64_t end = rte_rdtsc() + options_.duration_ms * (hz / 1000);
    if (worker == 0) attention_.begin();
    TimedWindow window;
    while (true) {
      Round round;
      for (const Mode mode : kRound) run_window(worker, mode, window, round);
      if (worker == 0) {
        rounds_.push_back(round);
        if (attention_.line_is_due()) tell_second();
        over_ = rte_rdtsc() >= end || attention_.is_called_off() || failed_.load();
      }
      barrier_.arrive_and_wait();
      if (over_) return failed_.load() ? "no packet buffer is free" : "";
    }
  }

  void run_window(uint32_t worker, Mode mode, TimedWindow& window, Round& round) {
    barrier_.arrive_and_wait();
    const bool idle = worker != 0 && (mode == Mode::kAlone || mode == Mode::kUnseen);
    rates_[worker] = {};
    if (!idle) {
      turn_for(worker, mode, kSettle_us);
      window.begin();
      const uint64_t packets = turn_for(worker, mode, kWindow_us);
      const double cycles = window.end();
      rates_[worker].per_second =
          static_cast<double>(packets) * static_cast<double>(rte_get_tsc_hz()) / cycles;
      rates_[worker].disturbed = window.was_disturbed();
    }
    barrier_.arrive_and_wait();
    if (mode == Mode::kHandedOver) all_->drain(worker);
    barrier_.arrive_and_wait();
    if (worker != 0) return;
    for (const Rate& rate : rates_) {
      round.rate[static_cast<size_t>(mode)] += rate.per_second / 2;  // of two windows
      round.disturbed = round.disturbed || rate.disturbed;
    }
  }

  // Returns the packets that left, or were freed unseen.
  uint64_t turn_for(uint32_t worker, Mode mode, uint64_t microseconds) {
    WorkerTeam& team = mode == Mode::kAlone || mode == Mode::kUnseen ? *one_ : *all_;
    const auto count = [&] {
      return mode == Mode::kUnseen ? team.received(worker) : team.forwarded(worker);
    };
    const uint64_t before = count();
    const uint64_t end = rte_rdtsc() + microseconds * (rte_get_tsc_hz() / 1'000'000);
    while (rte_rdtsc() < end) {
      const Arrival arrival = mode == Mode::kHandedOver ? Arrival::kAnybodys : Arrival::kOwn;
      const bool good =
          mode == Mode::kUnseen ? team.turn_unseen(worker) : team.turn(worker, arrival);
      if (good) continue;
      failed_.store(true);
      break;
    }
    return count() - before;
  }

  std::string look_for_losses() const {
    for (const WorkerTeam* team : {one_.get(), all_.get()}) {
      const std::string lost = team->lost();
      if (lost != "none") return "packets were lost: " + lost;
    }
    return "";
  }

  // Undisturbed rounds, or all where there are none.
  [[nodiscard]] std::vector<Round> counted() const {
    std::vector<Round> good;
    for (const Round& round : rounds_) {
      if (!round.disturbed) good.push_back(round);
    }
    return good.empty() ? rounds_ : good;
  }

  void tell_second() const {
    const std::vector<Round> good = counted();
    const auto rate = [&](Mode mode) {
      return median_of(each(good, [&](const Round& round) { return round.of(mode); })).value;
    };
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    print(line_of({.at_s = attention_.seconds(),
                   .packets_per_second = rate(Mode::kSteered),
                   .cycles = hz / rate(Mode::kAlone),
                   .io_cycles = hz / rate(Mode::kUnseen),
                   .sessions = one_->gateway(0).sessions().live(),
                   .what = printed("Mpps: %.2f one worker, %.2f handed over; rounds %zu, %zu "
                                   "disturbed",
                                   rate(Mode::kAlone) / 1e6, rate(Mode::kHandedOver) / 1e6,
                                   rounds_.size(), rounds_.size() - good.size())}));
  }

  std::string tell() const {
    const std::vector<Round> good = counted();
    const std::string workers = std::to_string(options_.workers) + " workers";
    CaseReport report(options_, workers + ", " + std::to_string(options_.sessions) +
                                    " sessions, both directions" +
                                    (attention_.interrupted() ? ", interrupted" : ""));
    const auto millions = [&](Mode mode) {
      return each(good, [&](const Round& round) { return round.of(mode) / 1e6; });
    };
    const auto ratios = [&](Mode mode) {
      return each(good, [&](const Round& round) { return round.ratio(mode); });
    };
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    report.add("one_worker_mpps", "one worker", millions(Mode::kAlone), "million a second");
    report.add("steered_mpps", workers + ", steered", millions(Mode::kSteered), "million a second");
    report.add("handover_mpps", workers + ", handed over", millions(Mode::kHandedOver),
               "million a second");
    report.add("steered_to_one", "steered / one", ratios(Mode::kSteered), "");
    report.add("handover_to_one", "handed over / one", ratios(Mode::kHandedOver), "");
    const auto cycles = each(good, [&](const Round& r) { return hz / r.of(Mode::kAlone); });
    const auto io = each(good, [&](const Round& r) { return hz / r.of(Mode::kUnseen); });
    report.add("cycles_per_packet", "cycles a packet, one worker", cycles, "");
    report.add("io_cycles_per_packet", "io cycles a packet", io, "");
    report.json()["net_cycles_per_packet"] =
        two_decimals(median_of(cycles).value - median_of(io).value);
    report.json()["packets_per_second"] =
        std::round(median_of(millions(Mode::kSteered)).value * 1e6);
    report.say("rounds", std::to_string(good.size()) + " of " + std::to_string(rounds_.size()) +
                             (good.front().disturbed ? ", all disturbed: each worker needs a CPU "
                                                       "of its own"
                                                     : " count, the others were disturbed"));
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const Round& round : rounds_) {
      rows.push_back({{"io", std::round(round.of(Mode::kUnseen))},
                      {"one_worker", std::round(round.of(Mode::kAlone))},
                      {"steered", std::round(round.of(Mode::kSteered))},
                      {"handover", std::round(round.of(Mode::kHandedOver))},
                      {"disturbed", round.disturbed}});
    }
    report.json()["dropped"] = 0;
    report.json()["interrupted"] = attention_.interrupted();
    report.json()["handed_over"] = all_->handed_over();
    report.json()["disturbed"] = good.front().disturbed;
    report.json()["samples"] = rows;
    return report.finish(setting_of(scenario_, started_, one_->gateway(0)), stolen_percent_);
  }

  // Written by its worker, read by worker 0 behind a barrier.
  struct alignas(64) Rate {
    double per_second = 0;
    bool disturbed = false;
  };

  const Options& options_;
  BenchEal& started_;
  rte_mempool* pool_;
  const Scenario scenario_;
  std::unique_ptr<CompiledTables> tables_;
  std::unique_ptr<WorkerTeam> one_;
  std::unique_ptr<WorkerTeam> all_;
  SpinBarrier barrier_;
  std::vector<Rate> rates_;
  std::vector<Round> rounds_;
  Attention attention_;  // worker 0's
  bool over_ = false;    // written by worker 0 before the barrier, read behind it
  std::atomic<bool> failed_{false};
  double stolen_percent_ = 0;
};

}  // namespace

std::string run_scale(const CaseParts& parts) { return ScaleRun(parts).carry_out(); }

}  // namespace postern::bench
