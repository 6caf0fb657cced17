#include "bench/run/reload_run.h"

#include <rte_cycles.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "bench/nat_traffic.h"
#include "bench/run/case_report.h"
#include "bench/run/console.h"
#include "bench/run/live_tables.h"
#include "bench/run/memory_port.h"
#include "bench/run/paced_loop.h"
#include "bench/run/timed_window.h"
#include "bench/run/timeline_json.h"
#include "bench/run/worker_chores.h"
#include "bench/run/worker_thread.h"
#include "bench/statistics.h"

namespace postern::bench {
namespace {

constexpr uint32_t kPods = 100'000;
constexpr uint32_t kPolicies = 1000;
constexpr double kLoad = 0.8;
// What is timed at once of the loop that takes all it can.
constexpr uint32_t kWindowBursts = 512;
// However short the run: a change takes its time.
constexpr uint32_t kPatience_s = 60;

Scenario scenario_for(const Options& options, uint32_t version) {
  Scenario scenario = nat_scenario(options.sessions);
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
};

class ReloadRun {
 public:
  ReloadRun(const Options& options, BenchEal& started, rte_mempool* pool)
      : options_(options),
        started_(started),
        pool_(pool),
        scenario_(scenario_for(options, 0)),
        texts_{scenario_.configuration(), scenario_for(options, 1).configuration()},
        frames_(scenario_, Direction::kOutbound, options.frame_bytes) {}

  std::string carry_out() {
    auto tables = LiveTables::make(texts_[0]);
    if (!tables.ok()) return std::string(tables.status().message());
    tables_ = std::move(*tables);
    const bool huge = started_.eal.memory_mode() != MemoryMode::kNoHuge;
    auto gateway = PortlessGateway::make(
        {*tables_->published().current(), tables_->shared(), tables_->model()}, pool_, huge,
        nullptr);
    if (!gateway) return gateway.complaint().text();
    gateway_ = std::move(gateway).value();
    std::string failure = on_worker(started_.eal, 0, [&] { return measure(); });
    return failure.empty() ? tell() : failure;
  }

 private:
  std::string measure() {
    seen();
    std::string failure = open_sessions(scenario_, pool_, *gateway_);
    if (!failure.empty()) return failure;
    packets_ = draw_packets(scenario_, frames_, Direction::kOutbound, options_.seed, *gateway_);
    chores_ = std::make_unique<WorkerChores>(*gateway_, &tables_->channel());
    forwarded_before_ = gateway_->forwarded();
    const StolenTime before = StolenTime::now();
    failure = measure_rates();
    if (failure.empty() && !interrupted_) failure = measure_losses();
    stolen_percent_ = StolenTime::now().percent_since(before);
    if (failure.empty() && gateway_->sessions().live() != scenario_.sessions) {
      failure = "sessions of pods that stay have ended";
    }
    return failure;
  }

  // What the worker does between bursts: it takes the tables in force, and does its chores.
  void seen() {
    const uint64_t generation = tables_->published().generation();
    if (generation == generation_) return;
    generation_ = generation;
    gateway_->use(*tables_->published().current());
    tables_->channel().seen_generation.store(generation, std::memory_order_release);
  }
  void between() {
    seen();
    chores_->turn();
  }

  void begin_change() { tables_->begin_change(texts_[++version_ % 2]); }
  [[nodiscard]] bool is_over(uint64_t end) {
    if (rte_rdtsc() >= end) return true;
    interrupted_ = was_interrupted();
    return interrupted_;
  }
  [[nodiscard]] static uint64_t in_ms(uint64_t ms) {
    return rte_rdtsc() + ms * (rte_get_tsc_hz() / 1000);
  }

  // With as many packets as the worker takes.
  std::string measure_rates() {
    MemoryPort port(pool_, frames_, packets_);
    const uint64_t end = in_ms(options_.duration_ms / 4);
    do {
      if (!measure_window(port, rates_before_)) return port.failure();
    } while (!is_over(end));
    const uint64_t begun = rte_rdtsc();
    const uint64_t patience = in_ms(uint64_t{kPatience_s} * 1000);
    begin_change();
    do {
      if (!measure_window(port, rates_during_)) return port.failure();
    } while (!tables_->changed() && !is_over(patience));
    change_s_ = seconds_since(begun);
    tell_rates();
    if (gateway_->forwarded() - forwarded_before_ != carried_) {
      return "packets were lost: " + gateway_->lost();
    }
    return how_it_went();
  }

  bool measure_window(MemoryPort& port, Rates& rates) {
    window_.begin();
    for (uint32_t i = 0; i < kWindowBursts; ++i) {
      if (!port.receive(burst_)) return false;
      gateway_->carry(burst_, Scenario::kClusterPort);
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
    PacedRing ring(pool_, frames_, packets_);
    PacedLoop loop(ring, *gateway_, Scenario::kClusterPort);
    per_second_ = kLoad * loop.capacity(2 * median_of(rates_before_.counted()).value);
    if (per_second_ == 0) return "no packet buffer is free";
    const uint64_t end = in_ms(options_.duration_ms / 4);
    std::string failure = loop.run(per_second_, Carriage::kWalk, quiet_, [&] {
      between();
      return rte_rdtsc() < end;
    });
    tell_stretch("before", quiet_);
    if (!failure.empty()) return failure;
    const uint64_t patience = in_ms(uint64_t{kPatience_s} * 1000);
    begin_change();
    failure = loop.run(per_second_, Carriage::kWalk, during_, [&] {
      between();
      return !tables_->changed() && rte_rdtsc() < patience;
    });
    tell_stretch("during", during_);
    return failure.empty() ? how_it_went() : failure;
  }

  std::string how_it_went() const {
    if (interrupted_) return "";
    if (!tables_->changed()) return "the configuration was not replaced in time";
    if (!tables_->refusal().empty()) return "the configuration was refused: " + tables_->refusal();
    return "";
  }

  static double seconds_since(uint64_t begun) {
    return static_cast<double>(rte_rdtsc() - begun) / static_cast<double>(rte_get_tsc_hz());
  }

  void tell_rates() const {
    char text[200];
    snprintf(text, sizeof text,
             "full load  %6.2f Mpps before, %6.2f Mpps during the change, which took %.2f s  drops "
             "0  sessions %u\n",
             median_of(rates_before_.counted()).value / 1e6,
             median_of(rates_during_.counted()).value / 1e6, change_s_,
             gateway_->sessions().live());
    print(text);
  }

  void tell_stretch(const char* name, const Stretch& stretch) const {
    const LatencySummary latency = stretch.likely_latency().summary(rte_get_tsc_hz());
    char text[320];
    snprintf(text, sizeof text,
             "80 %% load, %-7s %6.2f Mpps  drops %llu  cycles a packet: %.1f  busy %.0f %%  "
             "sessions %u  latency us: %.2f p50, %.2f p99, %.2f p99.9\n",
             name, per_second_ / 1e6, static_cast<unsigned long long>(stretch.lost),
             stretch.cycles_per_packet(), 100 * stretch.busy(), gateway_->sessions().live(),
             latency.p50_ns / 1e3, latency.p99_ns / 1e3, latency.p999_ns / 1e3);
    print(text);
  }

  std::string tell() {
    CaseReport report(options_, std::to_string(kPods) + " pods and " + std::to_string(kPolicies) +
                                    " policies are replaced beside " +
                                    std::to_string(options_.sessions) + " sessions" +
                                    (interrupted_ ? ", interrupted" : ""));
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    const double before = median_of(rates_before_.counted()).value;
    const double during = median_of(rates_during_.counted()).value;
    add_losses(report, "before", quiet_);
    add_losses(report, "during", during_);
    report.add("offered_per_second", "80 % load", per_second_, "packets a second");
    report.add("rate_before", "full load, before", before, "packets a second");
    report.add("rate_during", "full load, during", during, "packets a second");
    report.add("rate_during_to_before", "rate during / before", during / before, "");
    report.add("change_seconds", "the change took", change_s_, "s at full load");
    report.add("latency_before", "latency at 80 % load, before", quiet_.likely_latency());
    report.add("latency_during", "latency at 80 % load, during", during_.likely_latency());
    nlohmann::ordered_json& json = report.json();
    json["packets_per_second"] = std::round(during);
    json["cycles_per_packet"] = two_decimals(hz / during);
    json["cycles_per_packet_before"] = two_decimals(hz / before);
    json["dropped"] = quiet_.lost + during_.lost;
    json["disturbed"] = rates_during_.undisturbed.empty() || during_.latency.total() == 0;
    json["interrupted"] = interrupted_;
    json["samples"] = {{"before", rates_before_.all}, {"during", rates_during_.all}};
    json["timeline"] = timeline_json({{"before", &quiet_}, {"during", &during_}});
    return report.finish(setting_of(scenario_, started_, *gateway_), stolen_percent_);
  }

  const Options& options_;
  BenchEal& started_;
  rte_mempool* pool_;
  const Scenario scenario_;
  const std::array<std::string, 2> texts_;
  const Frames frames_;
  std::unique_ptr<LiveTables> tables_;
  std::unique_ptr<PortlessGateway> gateway_;
  std::unique_ptr<WorkerChores> chores_;
  std::vector<FrameRecord> packets_;
  Burst burst_;
  TimedWindow window_;
  uint64_t generation_ = 0;  // in use
  uint32_t version_ = 0;
  Rates rates_before_;
  Rates rates_during_;
  uint64_t carried_ = 0;
  uint64_t forwarded_before_ = 0;
  double change_s_ = 0;
  double per_second_ = 0;
  Stretch quiet_;
  Stretch during_;
  bool interrupted_ = false;
  double stolen_percent_ = 0;
};

}  // namespace

std::string run_reload(const Options& options, BenchEal& started, rte_mempool* pool) {
  return ReloadRun(options, started, pool).carry_out();
}

}  // namespace postern::bench
