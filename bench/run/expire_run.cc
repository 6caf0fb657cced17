#include "bench/run/expire_run.h"

#include <rte_cycles.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "bench/alternation.h"
#include "bench/nat_traffic.h"
#include "bench/run/case_report.h"
#include "bench/run/console.h"
#include "bench/run/memory_port.h"
#include "bench/run/paced_loop.h"
#include "bench/run/timeline_json.h"
#include "bench/run/worker_chores.h"
#include "bench/run/worker_thread.h"
#include "bench/statistics.h"

namespace postern::bench {
namespace {

constexpr uint32_t kSilent = 1'000'000 / kBurst * kBurst;
constexpr double kLoad = 0.5;
constexpr uint32_t kLongTimeout_s = 8 * 3600;
constexpr uint32_t kSilentTimeout_s = 600;
constexpr int kCapacityGroups = 32;

Scenario scenario_for(const Options& options) {
  Scenario scenario = nat_scenario(options.sessions);
  scenario.more_sessions = kSilent;
  return scenario;
}

class ExpireRun {
 public:
  ExpireRun(const Options& options, BenchEal& started, rte_mempool* pool)
      : options_(options),
        started_(started),
        pool_(pool),
        scenario_(scenario_for(options)),
        frames_(scenario_, Direction::kOutbound, options.frame_bytes) {}

  std::string carry_out() {
    auto tables = CompiledTables::make(scenario_.configuration());
    if (!tables.ok()) return std::string(tables.status().message());
    tables_ = std::move(*tables);
    const bool huge = started_.eal.memory_mode() != MemoryMode::kNoHuge;
    auto gateway = PortlessGateway::make(*tables_, pool_, huge);
    if (!gateway) return gateway.complaint().text();
    gateway_ = std::move(gateway).value();
    std::string failure = on_worker(started_.eal, 0, [&] { return measure(); });
    return failure.empty() ? tell() : failure;
  }

 private:
  std::string measure() {
    tables_->set_udp_timeout_s(kLongTimeout_s);
    std::string failure = open_sessions(scenario_, pool_, *gateway_);
    if (!failure.empty()) return failure;
    packets_ = draw_packets(scenario_, frames_, Direction::kOutbound, options_.seed, *gateway_);
    failure = measure_capacity();
    if (failure.empty()) failure = open_silent();
    const StolenTime before = StolenTime::now();
    if (failure.empty()) failure = measure_stretches();
    stolen_percent_ = StolenTime::now().percent_since(before);
    return failure;
  }

  // Packets a second that the worker carries when it need not wait for any.
  std::string measure_capacity() {
    MemoryPort port(pool_, frames_, packets_);
    const Lane lane{&port, Scenario::kClusterPort};
    Alternation alternation(std::span(&lane, 1), *gateway_, Treatment::kWalk);
    for (int i = 0; i < kCapacityGroups; ++i) {
      const std::optional<Sample> sample = alternation.measure();
      if (!sample) return alternation.failure();
      samples_.push_back(*sample);
    }
    return "";
  }

  // Sessions that will all expire within the same second: from the beginning of one on.
  std::string open_silent() {
    tables_->set_udp_timeout_s(kSilentTimeout_s);
    std::vector<FrameRecord> firsts(kSilent);
    for (uint32_t i = 0; i < kSilent; ++i) {
      firsts[i] = frames_.outbound_record(Conversation::at(scenario_, scenario_.sessions + i));
    }
    gateway_->skip_ms(1000 - gateway_->now().ms % 1000);
    opened_s_ = gateway_->now().seconds();
    ReceiveRing ring(pool_, frames_, firsts);
    for (uint32_t sent = 0; sent < kSilent; sent += kBurst) {
      if (!ring.take(burst_)) return "no packet buffer is free";
      gateway_->carry(burst_, Scenario::kClusterPort);
    }
    took_s_ = gateway_->now().seconds() - opened_s_ + 1;
    tables_->set_udp_timeout_s(kLongTimeout_s);
    if (gateway_->sessions().live() == scenario_.sessions + kSilent) return "";
    return "not all of the silent sessions began; lost: " + gateway_->lost();
  }

  std::string measure_stretches() {
    PacedRing ring(pool_, frames_, packets_);
    PacedLoop loop(ring, *gateway_, Scenario::kClusterPort);
    WorkerChores chores(*gateway_, nullptr);
    const uint64_t hz = rte_get_tsc_hz();
    const uint64_t quiet = options_.duration_ms * (hz / 1000) / 3;
    uint64_t end = rte_rdtsc() + quiet;
    const auto until_end = [&] {
      chores.turn();
      return rte_rdtsc() < end && !interrupted_at(hz);
    };
    const Figures figures = figures_of(samples_, hz);
    per_second_ = kLoad * loop.capacity(2 * figures.packets_per_second);
    if (per_second_ == 0) return "no packet buffer is free";
    end = rte_rdtsc() + quiet;
    std::string failure = loop.run(per_second_, Carriage::kMacSwap, macswap_, until_end);
    tell_stretch("macswap", macswap_);
    end = rte_rdtsc() + quiet;
    if (failure.empty()) failure = loop.run(per_second_, Carriage::kWalk, quiet_, until_end);
    tell_stretch("quiet", quiet_);
    if (!failure.empty() || interrupted_) return failure;
    // To the second before the first of them expires.
    const uint64_t expires_ms = uint64_t{opened_s_ + kSilentTimeout_s} * 1000;
    if (gateway_->now().ms < expires_ms) gateway_->skip_ms(expires_ms - gateway_->now().ms);
    const uint64_t patience = rte_rdtsc() + 20 * hz;
    failure = loop.run(per_second_, Carriage::kWalk, expiring_, [&] {
      chores.turn();
      return gateway_->sessions().live() > scenario_.sessions && rte_rdtsc() < patience &&
             !interrupted_at(hz);
    });
    tell_stretch("expiring", expiring_);
    return failure;
  }

  // Looks at signals now and then.
  bool interrupted_at(uint64_t hz) {
    const uint64_t now = rte_rdtsc();
    if (now < next_look_) return interrupted_;
    next_look_ = now + hz / 10;
    interrupted_ = was_interrupted();
    return interrupted_;
  }

  void tell_stretch(const char* name, const Stretch& stretch) const {
    const LatencySummary latency = stretch.likely_latency().summary(rte_get_tsc_hz());
    char text[320];
    snprintf(text, sizeof text,
             "%-9s %6.2f Mpps  drops %llu  cycles a packet: %.1f  busy %.0f %%  sessions %u  "
             "latency us: %.2f p50, %.2f p99, %.2f p99.9\n",
             name, per_second_ / 1e6, static_cast<unsigned long long>(stretch.lost),
             stretch.cycles_per_packet(), 100 * stretch.busy(), gateway_->sessions().live(),
             latency.p50_ns / 1e3, latency.p99_ns / 1e3, latency.p999_ns / 1e3);
    print(text);
  }

  static double p999(const Stretch& stretch) {
    return stretch.likely_latency().summary(rte_get_tsc_hz()).p999_ns;
  }

  std::string tell() {
    const Figures figures = figures_of(samples_, rte_get_tsc_hz());
    CaseReport report(options_, std::to_string(kSilent) + " sessions expire within " +
                                    std::to_string(took_s_) + " s beside " +
                                    std::to_string(options_.sessions) + " with traffic at 50 %");
    report.add("offered_per_second", "offered", per_second_, "packets a second");
    report.add("latency_macswap", "latency, macswap", macswap_.likely_latency());
    report.add("latency_quiet", "latency, quiet", quiet_.likely_latency());
    report.add("latency_expiring", "latency, expiring", expiring_.likely_latency());
    report.add("quiet_to_macswap", "p99.9, quiet / macswap", p999(quiet_) / p999(macswap_), "");
    report.add("expiring_to_quiet", "p99.9, expiring / quiet", p999(expiring_) / p999(quiet_), "");
    report.add("cycles_quiet", "cycles a packet, quiet", quiet_.cycles_per_packet(), "");
    report.add("cycles_expiring", "cycles a packet, expiring", expiring_.cycles_per_packet(), "");
    add_losses(report, "quiet", quiet_);
    add_losses(report, "expiring", expiring_);
    report.add("left_of_silent", "silent sessions that are left",
               static_cast<double>(gateway_->sessions().live() - scenario_.sessions), "");
    nlohmann::ordered_json& json = report.json();
    json["net_cycles_per_packet"] = two_decimals(figures.net.value);
    json["cycles_per_packet"] = two_decimals(figures.total.value);
    json["io_cycles_per_packet"] = two_decimals(figures.io.value);
    json["packets_per_second"] = std::round(per_second_);
    json["dropped"] = quiet_.lost + expiring_.lost;
    json["disturbed"] = quiet_.latency.total() == 0 || expiring_.latency.total() == 0;
    json["interrupted"] = interrupted_;
    json["timeline"] =
        timeline_json({{"macswap", &macswap_}, {"quiet", &quiet_}, {"expiring", &expiring_}});
    json["latency_steps"] = {{"macswap", steps_json(macswap_.likely_latency())},
                             {"quiet", steps_json(quiet_.likely_latency())},
                             {"expiring", steps_json(expiring_.likely_latency())}};
    return report.finish(setting_of(scenario_, started_, *gateway_), stolen_percent_);
  }

  const Options& options_;
  BenchEal& started_;
  rte_mempool* pool_;
  const Scenario scenario_;
  const Frames frames_;
  std::unique_ptr<CompiledTables> tables_;
  std::unique_ptr<PortlessGateway> gateway_;
  std::vector<FrameRecord> packets_;
  std::vector<Sample> samples_;
  Burst burst_;
  double per_second_ = 0;
  uint32_t opened_s_ = 0;  // the second in which the silent ones began
  uint32_t took_s_ = 0;    // seconds until the last of them had
  Stretch macswap_;
  Stretch quiet_;
  Stretch expiring_;
  uint64_t next_look_ = 0;
  bool interrupted_ = false;
  double stolen_percent_ = 0;
};

}  // namespace

std::string run_expire(const Options& options, BenchEal& started, rte_mempool* pool) {
  return ExpireRun(options, started, pool).carry_out();
}

}  // namespace postern::bench
