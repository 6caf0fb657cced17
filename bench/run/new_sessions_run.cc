#include "bench/run/new_sessions_run.h"

#include <rte_cycles.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "bench/alternation.h"
#include "bench/nat_traffic.h"
#include "bench/printed.h"
#include "bench/run/case_report.h"
#include "bench/run/console.h"
#include "bench/run/memory_port.h"
#include "bench/run/timed_window.h"
#include "bench/statistics.h"

namespace postern::bench {
namespace {

constexpr uint32_t kWindow = 1u << 19;
constexpr uint32_t kIoPackets = kWindow / 16;
// What is timed at once, so that what disturbs one part of a window leaves the others alone.
constexpr uint32_t kPart = 128 * kBurst;
static_assert(kWindow % kPart == 0 && kIoPackets % kPart == 0);
// The others are silent for the whole run; those of a window have gone with the next one.
constexpr uint32_t kLongTimeout_s = 8 * 3600;
constexpr uint32_t kShortTimeout_s = 1;
constexpr uint64_t kSkip_ms = 3000;
// Beyond a share of the sweep that would just do.
constexpr uint32_t kMorePositions = 16;

// Cycles a session.
struct WindowSample {
  double total = 0;
  double io = 0;
  double ending = 0;
  bool disturbed = false;
  [[nodiscard]] double net() const { return total - io; }
  [[nodiscard]] double first_packet() const { return total - io - ending; }
};

// Over the parts of a window: of those that nobody disturbed, where there are any.
class Mean {
 public:
  void add(double value, bool disturbed) {
    (disturbed ? disturbed_sum_ : sum_) += value;
    ++(disturbed ? disturbed_ : undisturbed_);
  }
  [[nodiscard]] double mean() const {
    return undisturbed_ != 0 ? sum_ / undisturbed_ : disturbed_sum_ / disturbed_;
  }
  [[nodiscard]] bool mostly_disturbed() const { return disturbed_ > undisturbed_; }

 private:
  double sum_ = 0;
  double disturbed_sum_ = 0;
  uint32_t undisturbed_ = 0;
  uint32_t disturbed_ = 0;
};
struct Parts {
  Mean total;
  Mean ending;
};

template <typename Figure>
std::vector<double> each(const std::vector<WindowSample>& samples, Figure&& figure) {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const WindowSample& sample : samples) values.push_back(figure(sample));
  return values;
}

Scenario scenario_for(const Options& options) {
  Scenario scenario = scenario_of(options);
  scenario.more_sessions = 2 * kWindow;
  scenario.port_hold_s = 0;
  return scenario;
}

class NewSessionsRun : public SoloCase {
 public:
  explicit NewSessionsRun(const CaseParts& parts)
      : SoloCase(parts, scenario_for(parts.options)),
        frames_(scenario_, Direction::kOutbound, options_.frame_bytes),
        next_number_(options_.sessions) {}

 private:
  std::string prepare() override {
    compiled().set_udp_timeout_s(kLongTimeout_s);
    return SoloCase::prepare();
  }

  std::string measure() override {
    attention_.begin();
    std::string failure = measure_established();
    compiled().set_udp_timeout_s(kShortTimeout_s);
    return failure.empty() ? measure_windows() : failure;
  }

  // What a packet of one of the others costs: for a fifth of the time.
  std::string measure_established() {
    const std::vector<FrameRecord> packets =
        draw_packets(scenario_, frames_, Direction::kOutbound, options_.seed, gateway());
    MemoryPort port(pool_, frames_, packets);
    const Lane lane{&port, Scenario::kClusterPort};
    Alternation alternation(std::span(&lane, 1), gateway(), Treatment::kWalk);
    std::vector<double> undisturbed;
    const uint64_t end = rte_rdtsc() + options_.duration_ms / 5 * (rte_get_tsc_hz() / 1000);
    std::vector<Sample> recent;
    do {
      const std::optional<Sample> sample = alternation.measure();
      if (!sample) return alternation.failure();
      (sample->disturbed ? established_ : undisturbed).push_back(sample->net());
      recent.push_back(*sample);
      if (!attention_.line_is_due()) continue;
      Second second = second_of(recent, rte_get_tsc_hz());
      second.at_s = attention_.seconds();
      second.sessions = gateway().sessions().live();
      second.latency = alternation.latency().summary(rte_get_tsc_hz());
      second.what = "established ones";
      print(line_of(second));
      recent.clear();
    } while (rte_rdtsc() < end && !attention_.is_called_off());
    if (!undisturbed.empty()) established_ = undisturbed;
    return "";
  }

  // The first window ends nothing and does not count.
  std::string measure_windows() {
    const uint64_t end = rte_rdtsc() + options_.duration_ms * (rte_get_tsc_hz() / 1000);
    size_t told = 0;
    for (uint32_t number = 0; number < 2 || rte_rdtsc() < end; ++number) {
      if (attention_.is_called_off() && !samples_.empty()) break;
      const std::string failure = measure_window(number != 0);
      if (!failure.empty()) return failure;
      if (samples_.size() == told || !attention_.line_is_due()) continue;
      tell_second(told);
      told = samples_.size();
    }
    return "";
  }

  // Flows that were used long ago come again: those of the window before have gone.
  void draw_window() {
    packets_.resize(kWindow);
    const uint64_t flows = uint64_t{scenario_.pods} * Conversation::kSourcePorts;
    if (next_number_ + kWindow > flows) next_number_ = scenario_.sessions;
    for (FrameRecord& packet : packets_) {
      packet = frames_.outbound_record(Conversation::at(scenario_, next_number_++));
    }
    std::shuffle(packets_.begin(), packets_.end(), std::mt19937_64(options_.seed + next_number_));
  }

  std::string measure_window(bool counts) {
    draw_window();
    const uint64_t created_before = gateway().counters().session_created.read();
    ReceiveRing ring(pool_, frames_, packets_);
    const uint32_t positions =
        (scenario_.sessions + scenario_.more_sessions) / (kWindow / kBurst) + kMorePositions;
    latency_.clear();
    Parts parts;
    for (uint32_t sent = 0; sent < kWindow; sent += kPart) {
      if (!begin_part(ring, positions, parts)) return "no packet buffer is free";
    }
    const WindowSample sample{.total = parts.total.mean(),
                              .io = measure_io(ring),
                              .ending = parts.ending.mean(),
                              .disturbed = parts.total.mostly_disturbed()};
    const uint64_t created = gateway().counters().session_created.read() - created_before;
    const uint32_t live = gateway().sessions().live();
    gateway().skip_ms(kSkip_ms);
    if (created != kWindow || live != scenario_.sessions + kWindow) {
      return "of " + std::to_string(kWindow) + " sessions " + std::to_string(created) +
             " began, and " + std::to_string(live) + " live; lost: " + gateway().lost();
    }
    if (!counts) return "";
    samples_.push_back(sample);
    all_latency_.merge(latency_);
    return "";
  }

  // A part of a window's sessions begins, and a share of those before ends.
  bool begin_part(ReceiveRing& ring, uint32_t positions, Parts& parts) {
    uint64_t ending = 0;
    window_.begin();
    for (uint32_t sent = 0; sent < kPart; sent += kBurst) {
      if (!ring.take(burst_)) return false;
      const uint64_t begun = rte_rdtsc();
      gateway().carry(burst_, Scenario::kClusterPort);
      const uint64_t carried = rte_rdtsc();
      gateway().sweep(positions);
      ending += rte_rdtsc() - carried;
      for (uint32_t i = 0; i < kBurst; ++i) latency_.add(carried - begun);
    }
    const double cycles = window_.end();
    parts.total.add(cycles / kPart, window_.was_disturbed());
    parts.ending.add(static_cast<double>(ending) / kPart, window_.was_disturbed());
    return true;
  }

  // Cycles a packet of receiving and freeing.
  double measure_io(ReceiveRing& ring) {
    Mean io;
    for (uint32_t sent = 0; sent < kIoPackets; sent += kPart) {
      window_.begin();
      for (uint32_t i = 0; i < kPart && ring.take(burst_); i += kBurst) {
        rte_pktmbuf_free_bulk(burst_.frame.data(), burst_.size);
      }
      const double cycles = window_.end();
      io.add(cycles / kPart, window_.was_disturbed());
    }
    return io.mean();
  }

  void tell_second(size_t told) const {
    const std::vector<WindowSample> last(samples_.begin() + static_cast<ptrdiff_t>(told),
                                         samples_.end());
    const auto middle = [&](double (*figure)(const WindowSample&)) {
      return median_of(each(last, figure)).value;
    };
    const double total = middle([](const WindowSample& s) { return s.total; });
    print(line_of(
        {.at_s = attention_.seconds(),
         .packets_per_second = static_cast<double>(rte_get_tsc_hz()) / total,
         .cycles = total,
         .io_cycles = middle([](const WindowSample& s) { return s.io; }),
         .sessions = gateway().sessions().live(),
         .latency = latency_.summary(rte_get_tsc_hz()),
         .packets = " new sessions/s",
         .what = printed("first packets %.1f net, ending %.1f; windows %zu",
                         middle([](const WindowSample& s) { return s.first_packet(); }),
                         middle([](const WindowSample& s) { return s.ending; }), last.size())}));
  }

  // Undisturbed windows, or all where there are none.
  [[nodiscard]] std::vector<WindowSample> counted() const {
    std::vector<WindowSample> good;
    for (const WindowSample& sample : samples_) {
      if (!sample.disturbed) good.push_back(sample);
    }
    return good.empty() ? samples_ : good;
  }

  std::string tell() override {
    const std::vector<WindowSample> good = counted();
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    CaseReport report(options_,
                      "windows of " + std::to_string(kWindow) + " new sessions, random remotes, " +
                          std::to_string(options_.sessions) + " others live" + unless_whole());
    const auto rates = each(good, [&](const WindowSample& s) { return hz / s.total; });
    const auto millions = each(good, [&](const WindowSample& s) { return hz / s.total / 1e6; });
    report.add("new_sessions_millions", "new sessions a second", millions, "million");
    const Median rate = median_of(rates);
    report.json()["new_sessions_per_second"] = std::round(rate.value);
    report.json()["packets_per_second"] = std::round(rate.value);
    report.add("net_cycles_per_packet", "net cycles, begin and end",
               each(good, [](const WindowSample& s) { return s.net(); }), "cycles");
    report.add("cycles_per_packet", "cycles with io",
               each(good, [](const WindowSample& s) { return s.total; }), "cycles");
    report.add("io_cycles_per_packet", "io cycles",
               each(good, [](const WindowSample& s) { return s.io; }), "cycles");
    const auto firsts = each(good, [](const WindowSample& s) { return s.first_packet(); });
    report.add("first_packet_net_cycles", "net cycles of a first packet", firsts, "cycles");
    report.add("ending_cycles", "cycles of ending a session",
               each(good, [](const WindowSample& s) { return s.ending; }), "cycles");
    report.add("established_net_cycles", "net cycles of an established packet", established_,
               "cycles");
    report.add("first_to_established", "first packet / established packet",
               median_of(firsts).value / median_of(established_).value, "");
    report.add("latency", "received to sent, a burst", all_latency_);
    const bool on_disturbed = good.front().disturbed;
    report.say("windows", on_disturbed ? std::to_string(good.size()) +
                                             ", all disturbed: give the worker a CPU of its own"
                                       : std::to_string(good.size()) + " of " +
                                             std::to_string(samples_.size()) +
                                             " count, the others were disturbed");
    report.json()["disturbed"] = on_disturbed;
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const WindowSample& sample : samples_) {
      rows.push_back({{"total", two_decimals(sample.total)},
                      {"io", two_decimals(sample.io)},
                      {"ending", two_decimals(sample.ending)},
                      {"disturbed", sample.disturbed}});
    }
    report.json()["dropped"] = 0;
    report.json()["samples"] = rows;
    return finish(report);
  }

  const Frames frames_;
  uint32_t next_number_;  // of conversations
  std::vector<FrameRecord> packets_;
  Burst burst_;
  TimedWindow window_;
  std::vector<WindowSample> samples_;
  std::vector<double> established_;
  LatencyHistogram latency_;      // of the last window
  LatencyHistogram all_latency_;  // of those that count
};

}  // namespace

std::string run_new_sessions(const CaseParts& parts) { return NewSessionsRun(parts).carry_out(); }

}  // namespace postern::bench
