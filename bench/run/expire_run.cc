#include "bench/run/expire_run.h"

#include <rte_cycles.h>

#include <cmath>
#include <vector>

#include "bench/alternation.h"
#include "bench/nat_traffic.h"
#include "bench/run/case_report.h"
#include "bench/run/memory_port.h"
#include "bench/run/paced_loop.h"
#include "bench/run/stretch_lines.h"
#include "bench/run/timeline_json.h"
#include "bench/run/worker_chores.h"

namespace postern::bench {
namespace {

constexpr uint32_t kSilent = 1'000'000 / kBurst * kBurst;
constexpr double kLoad = 0.5;
constexpr uint32_t kLongTimeout_s = 8 * 3600;
constexpr uint32_t kSilentTimeout_s = 600;
constexpr int kCapacityGroups = 32;
// However long the sweep takes.
constexpr uint64_t kPatience_s = 20;

Scenario scenario_for(const Options& options) {
  Scenario scenario = scenario_of(options);
  scenario.more_sessions = kSilent;
  return scenario;
}

class ExpireRun : public SoloCase {
 public:
  explicit ExpireRun(const CaseParts& parts)
      : SoloCase(parts, scenario_for(parts.options)),
        frames_(scenario_, Direction::kOutbound, options_.frame_bytes) {}

 private:
  std::string prepare() override {
    compiled().set_udp_timeout_s(kLongTimeout_s);
    std::string failure = SoloCase::prepare();
    if (!failure.empty()) return failure;
    packets_ = draw_packets(scenario_, frames_, Direction::kOutbound, options_.seed, gateway());
    failure = measure_capacity();
    return failure.empty() ? open_silent() : failure;
  }

  // Packets a second that the worker carries when it need not wait for any.
  std::string measure_capacity() {
    MemoryPort port(pool_, frames_, packets_);
    const Lane lane{&port, Scenario::kClusterPort};
    Alternation alternation(std::span(&lane, 1), gateway(), Treatment::kWalk);
    for (int i = 0; i < kCapacityGroups; ++i) {
      const std::optional<Sample> sample = alternation.measure();
      if (!sample) return alternation.failure();
      samples_.push_back(*sample);
    }
    return "";
  }

  // Sessions that will all expire within the same second: from the beginning of one on.
  std::string open_silent() {
    compiled().set_udp_timeout_s(kSilentTimeout_s);
    std::vector<FrameRecord> firsts(kSilent);
    for (uint32_t i = 0; i < kSilent; ++i) {
      firsts[i] = frames_.outbound_record(Conversation::at(scenario_, scenario_.sessions + i));
    }
    gateway().skip_ms(1000 - gateway().now().ms % 1000);
    opened_s_ = gateway().now().seconds();
    ReceiveRing ring(pool_, frames_, firsts);
    for (uint32_t sent = 0; sent < kSilent; sent += kBurst) {
      if (!ring.take(burst_)) return "no packet buffer is free";
      gateway().carry(burst_, Scenario::kClusterPort);
    }
    took_s_ = gateway().now().seconds() - opened_s_ + 1;
    compiled().set_udp_timeout_s(kLongTimeout_s);
    if (gateway().sessions().live() == scenario_.sessions + kSilent) return "";
    return "not all of the silent sessions began; lost: " + gateway().lost();
  }

  std::string measure() override {
    attention_.begin();
    PacedRing ring(pool_, frames_, packets_, options_.descriptors);
    PacedLoop loop(ring, gateway(), Scenario::kClusterPort);
    const Figures figures = figures_of(samples_, rte_get_tsc_hz());
    per_second_ = kLoad * loop.capacity(2 * figures.packets_per_second);
    if (per_second_ == 0) return "no packet buffer is free";
    const uint64_t quiet = options_.duration_ms * (rte_get_tsc_hz() / 1000) / 3;
    const auto for_a_third = [&] {
      return [end = rte_rdtsc() + quiet] { return rte_rdtsc() < end; };
    };
    std::string failure = carry(loop, Carriage::kMacSwap, "macswap", macswap_, for_a_third());
    if (failure.empty()) failure = carry(loop, Carriage::kWalk, "quiet", quiet_, for_a_third());
    if (!failure.empty() || attention_.interrupted()) return failure;
    skip_to(opened_s_ + kSilentTimeout_s);
    const uint64_t patience = rte_rdtsc() + kPatience_s * rte_get_tsc_hz();
    failure = carry(loop, Carriage::kWalk, "expiring", expiring_, [&] {
      return gateway().sessions().live() > scenario_.sessions && rte_rdtsc() < patience;
    });
    if (!failure.empty() || attention_.interrupted()) return failure;
    return measure_holds(loop);
  }

  // Their ports are held for a while; all of these holds end within a second as well.
  std::string measure_holds(PacedLoop& loop) {
    held_ = gateway().sessions().held();
    skip_to(gateway().now().seconds() + scenario_.port_hold_s);
    const uint64_t patience = rte_rdtsc() + kPatience_s * rte_get_tsc_hz();
    return carry(loop, Carriage::kWalk, "holds end", holds_end_,
                 [&] { return gateway().sessions().held() > 0 && rte_rdtsc() < patience; });
  }

  // To the beginning of that second.
  void skip_to(uint32_t second) {
    const uint64_t ms = uint64_t{second} * 1000;
    if (gateway().now().ms < ms) gateway().skip_ms(ms - gateway().now().ms);
  }

  // While `more()`, with the worker's chores after every turn.
  template <typename More>
  std::string carry(PacedLoop& loop, Carriage carriage, const char* phase, Stretch& stretch,
                    More&& more) {
    if (attention_.is_called_off()) return "";
    // Time was skipped: the sweep owes nothing for that.
    WorkerChores chores(gateway(), nullptr);
    StretchLines lines(attention_, stretch, phase, per_second_);
    std::string failure = loop.run(per_second_, carriage, stretch, [&] {
      const bool worked = chores.turn();
      lines.look(gateway().sessions().live());
      return AfterTurn{.goes_on = more() && !attention_.is_called_off(), .worked = worked};
    });
    lines.tell(gateway().sessions().live());
    return failure;
  }

  std::string tell() override {
    const Figures figures = figures_of(samples_, rte_get_tsc_hz());
    CaseReport report(options_, std::to_string(kSilent) + " sessions expire within " +
                                    std::to_string(took_s_) + " s beside " +
                                    std::to_string(options_.sessions) + " with traffic at 50 %" +
                                    unless_whole());
    report.add("offered_per_second", "offered", per_second_, "packets a second");
    const double macswap = add_latency(report, "macswap", macswap_);
    const double quiet = add_latency(report, "quiet", quiet_);
    const double expiring = add_latency(report, "expiring", expiring_);
    const double holds_end = add_latency(report, "holds_end", holds_end_);
    const auto ratio = [&](const char* key, const char* label, double one, double other) {
      if (one > 0 && other > 0) report.add(key, label, one / other, "");
    };
    ratio("quiet_to_macswap", "p99.9, quiet / macswap", quiet, macswap);
    ratio("expiring_to_quiet", "p99.9, expiring / quiet", expiring, quiet);
    ratio("holds_end_to_quiet", "p99.9, holds end / quiet", holds_end, quiet);
    for (const auto& [phase, stretch] : phases()) {
      if (stretch->sent == 0 || stretch == &macswap_) continue;
      report.add("cycles_" + phase, "cycles a packet, " + phase, stretch->cycles_per_packet(), "");
      add_losses(report, phase, *stretch);
    }
    if (const uint32_t left = gateway().sessions().live() - scenario_.sessions; left < kSilent) {
      report.add("sweep_cycles_per_session", "sweep, cycles a session that ends",
                 chore_cycles(expiring_) / (kSilent - left), "");
    }
    if (const uint32_t left = gateway().sessions().held(); left < held_) {
      report.add("sweep_cycles_per_hold", "sweep, cycles a hold that ends",
                 chore_cycles(holds_end_) / (held_ - left), "");
    }
    report.add("held_ports", "ports held by those that ended", held_, "");
    report.add("left_of_holds", "held ports that are left", gateway().sessions().held(), "");
    report.add("left_of_silent", "silent sessions that are left",
               static_cast<double>(gateway().sessions().live() - scenario_.sessions), "");
    nlohmann::ordered_json& json = report.json();
    json["net_cycles_per_packet"] = two_decimals(figures.net.value);
    json["cycles_per_packet"] = two_decimals(figures.total.value);
    json["io_cycles_per_packet"] = two_decimals(figures.io.value);
    json["packets_per_second"] = std::round(per_second_);
    json["dropped"] = quiet_.losses.all + expiring_.losses.all + holds_end_.losses.all;
    json["disturbed"] = quiet_.latency.total() == 0 || expiring_.latency.total() == 0;
    json["timeline"] = timeline_json(phases());
    for (const auto& [phase, stretch] : phases()) {
      json["latency_steps"][phase] = steps_json(stretch->likely_latency());
    }
    return finish(report);
  }

  // Of the sweep, but for stalls.
  static double chore_cycles(const Stretch& stretch) {
    return static_cast<double>(stretch.steps[Step::kChores].cycles);
  }

  // Its p99.9.
  static double add_latency(CaseReport& report, const std::string& phase, const Stretch& stretch) {
    if (stretch.sent == 0) return 0;
    report.add("latency_" + phase, "latency, " + phase, stretch.likely_latency());
    return stretch.likely_latency().summary(rte_get_tsc_hz()).p999_ns;
  }

  [[nodiscard]] Phases phases() const {
    return {{"macswap", &macswap_},
            {"quiet", &quiet_},
            {"expiring", &expiring_},
            {"holds_end", &holds_end_}};
  }

  const Frames frames_;
  std::vector<FrameRecord> packets_;
  std::vector<Sample> samples_;
  Burst burst_;
  double per_second_ = 0;
  uint32_t opened_s_ = 0;  // the second in which the silent ones began
  uint32_t took_s_ = 0;    // seconds until the last of them had
  uint32_t held_ = 0;      // ports, after they had expired
  Stretch macswap_;
  Stretch quiet_;
  Stretch expiring_;
  Stretch holds_end_;
};

}  // namespace

std::string run_expire(const CaseParts& parts) { return ExpireRun(parts).carry_out(); }

}  // namespace postern::bench
