#include "bench/run/ports_full_run.h"

#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cmath>
#include <random>
#include <vector>

#include "bench/nat_traffic.h"
#include "bench/printed.h"
#include "bench/run/case_report.h"
#include "bench/run/console.h"
#include "bench/statistics.h"

namespace postern::bench {
namespace {

constexpr uint32_t kPorts = 64'512;  // 1024 to 65535
constexpr uint32_t kIoBatches = 1000;
constexpr std::array kLevels = {10u, 50u, 90u, 95u, 99u, 100u};
// Sessions that begin at once, below 100 %: the same at all levels, for each burst has its own
// costs; and few, so that the use stays.
constexpr uint32_t kBatch = 32;
// Outside of the remotes of the others.
constexpr Ipv4Address kRemote{0xcb007101};  // 203.0.113.1

struct Level {
  uint32_t percent = 0;
  std::vector<double> cycles = {};  // of a session, by batches
  uint64_t sessions = 0;            // asked for while a port was free
  uint64_t refused_while_free = 0;
  // At 100 %: with no port free.
  std::vector<double> refusal_cycles = {};
  uint64_t granted_without_port = 0;
};

Scenario scenario_for(const Options& options) {
  Scenario scenario = scenario_of(options);
  scenario.more_sessions = kPorts + kBurst;
  scenario.port_hold_s = 0;
  return scenario;
}

class PortsFullRun : public SoloCase {
 public:
  explicit PortsFullRun(const CaseParts& parts)
      : SoloCase(parts, scenario_for(parts.options)),
        frames_(scenario_, Direction::kOutbound, options_.frame_bytes),
        random_(options_.seed) {}

 private:
  std::string measure() override {
    attention_.begin();
    measure_io();
    std::string failure;
    for (const uint32_t percent : kLevels) {
      if (!failure.empty() || (attention_.is_called_off() && !levels_.empty())) break;
      levels_.push_back({.percent = percent});
      failure = measure_level(levels_.back());
    }
    return failure;
  }

  // What making a frame and freeing it costs, which is no part of a level's figures.
  void measure_io() {
    std::vector<double> making;
    std::vector<double> freeing;
    for (uint32_t i = 0; i < kIoBatches && make_burst(kBatch); ++i) {
      const uint64_t made = rte_rdtsc_precise();
      rte_pktmbuf_free_bulk(burst_.frame.data(), kBatch);
      freeing.push_back(static_cast<double>(rte_rdtsc_precise() - made) / kBatch);
      making.push_back(making_cycles_ / kBatch);
    }
    if (making.empty()) return;
    making_ = median_of(std::move(making)).value;
    freeing_ = median_of(std::move(freeing)).value;
  }

  std::string measure_level(Level& level) {
    const bool all = level.percent == 100;
    const uint32_t batch = all ? 1 : kBatch;
    const auto used = static_cast<uint32_t>(uint64_t{kPorts} * level.percent / 100);
    while (crowd_.size() < used) {
      const auto wanted = static_cast<uint32_t>(std::min<size_t>(kBurst, used - crowd_.size()));
      if (open(wanted) != wanted)
        return "of the ports " + std::to_string(crowd_.size()) + " were found, and more are free";
    }
    // In use for a while: ports are not those of a fresh fill.
    for (uint32_t churned = 0; churned < used; churned += batch) {
      end_some(batch);
      level.refused_while_free += batch - open(batch);
      level.sessions += batch;
    }
    const uint64_t hz = rte_get_tsc_hz();
    const uint64_t begin = rte_rdtsc();
    const uint64_t end = begin + options_.duration_ms * (hz / 1000) / kLevels.size();
    do {
      end_some(batch);
      const uint32_t opened = open(batch);
      level.refused_while_free += batch - opened;
      level.sessions += batch;
      if (opened == batch) level.cycles.push_back(cycles_ / batch);
      if (attention_.line_is_due()) tell_second(level);
      if (!all) continue;
      level.granted_without_port += open(1);
      level.refusal_cycles.push_back(cycles_);
    } while (rte_rdtsc() < end && !attention_.is_called_off());
    return "";
  }

  // A session of one of the namespace's pods towards the remote, never the same twice.
  Conversation next_conversation() {
    const uint32_t pods = scenario_.pods / scenario_.namespaces;  // of the first namespace
    const uint32_t number = next_number_++ % (pods * kPorts);
    const uint32_t pod = number % pods * scenario_.namespaces;
    return {.node = Scenario::node_of(pod),
            .pod = Scenario::pod(pod),
            .source_port =
                static_cast<uint16_t>(Conversation::kFirstSourcePort + number / pods % kPorts),
            .remote = kRemote};
  }

  // First packets of `count` sessions. Their cycles are in making_cycles_. False when no buffer is
  // free.
  bool make_burst(uint32_t count) {
    const uint64_t begun = rte_rdtsc_precise();
    if (rte_pktmbuf_alloc_bulk(pool_, burst_.frame.data(), count) != 0) return false;
    burst_.size = count;
    for (uint32_t i = 0; i < count; ++i) {
      const Conversation conversation = next_conversation();
      keys_[i] = conversation.key();
      burst_.frame[i]->data_len = frames_.bytes();
      burst_.frame[i]->pkt_len = frames_.bytes();
      frames_.write(frames_.outbound_record(conversation), burst_.bytes(i));
    }
    making_cycles_ = static_cast<double>(rte_rdtsc_precise() - begun);
    return true;
  }

  // Has `count` sessions begin, in one burst; how many did. Their cycles are in cycles_.
  uint32_t open(uint32_t count) {
    if (!make_burst(count)) return 0;
    const uint64_t begun = rte_rdtsc_precise();
    gateway().carry(burst_, Scenario::kClusterPort);
    const uint64_t cycles = rte_rdtsc_precise() - begun;
    cycles_ = static_cast<double>(cycles);
    latency_.add(cycles);
    uint32_t opened = 0;
    for (uint32_t i = 0; i < count; ++i) {
      const SessionHandle handle = gateway().sessions().find_outbound_one(keys_[i]);
      if (handle == kNoSession) continue;
      crowd_.push_back(handle);
      ++opened;
    }
    return opened;
  }

  void end_some(uint32_t count) {
    for (uint32_t i = 0; i < count && !crowd_.empty(); ++i) {
      const size_t victim = random_() % crowd_.size();
      gateway().end_session(crowd_[victim]);
      crowd_[victim] = crowd_.back();
      crowd_.pop_back();
    }
  }

  // With what a session costs at this level, as far as it is known.
  void tell_second(const Level& level) {
    if (level.cycles.empty()) return;
    const double cycles = median_of(level.cycles).value + making_;
    print(line_of({.at_s = attention_.seconds(),
                   .packets_per_second = static_cast<double>(rte_get_tsc_hz()) / cycles,
                   .lost = level.refused_while_free,
                   .cycles = cycles,
                   .io_cycles = making_ + freeing_,
                   .sessions = gateway().sessions().live(),
                   .latency = latency_.summary(rte_get_tsc_hz()),
                   .packets = " new sessions/s",
                   .what = printed("%u %% of %u ports in use", level.percent, kPorts)}));
    latency_.clear();
  }

  std::string tell() override {
    CaseReport report(options_, "one egress address, one remote, " + std::to_string(kPorts) +
                                    " ports, " + std::to_string(options_.sessions) +
                                    " other sessions" + unless_whole());
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    uint64_t wrong = 0;
    double at_10 = 0;
    double at_99 = 0;
    double at_last = 0;  // of the levels below 100 %
    for (const Level& level : levels_) {
      wrong += level.refused_while_free + level.granted_without_port;
      const double cycles = level.cycles.empty() ? 0 : median_of(level.cycles).value;
      if (level.percent == 10) at_10 = cycles;
      if (level.percent <= 99 && cycles > 0) at_last = cycles;
      if (level.percent == 99) at_99 = cycles;
      nlohmann::ordered_json row = {{"use_percent", level.percent},
                                    {"cycles", two_decimals(cycles)},
                                    {"batches", level.cycles.size()},
                                    {"sessions", level.sessions},
                                    {"refused_while_free", level.refused_while_free}};
      if (!level.refusal_cycles.empty()) {
        row["granted_without_port"] = level.granted_without_port;
        row["refusal_cycles"] = two_decimals(median_of(level.refusal_cycles).value);
      }
      rows.push_back(row);
      report.say(std::to_string(level.percent) + " % in use", describe(level, cycles));
    }
    report.add("refused_while_free", "refused while a port was free", static_cast<double>(wrong),
               "");
    if (at_10 > 0 && at_99 > 0) {
      report.add("cycles_99_to_10", "cycles at 99 % / at 10 %", at_99 / at_10, "");
    }
    const double total = at_last + making_;
    report.add("net_cycles_per_packet", "net cycles of a new session", at_last - freeing_,
               at_99 > 0 ? "at 99 %" : "");
    report.add("cycles_per_packet", "cycles with io", total, "");
    report.add("io_cycles_per_packet", "io cycles", making_ + freeing_, "");
    report.json()["packets_per_second"] = std::round(static_cast<double>(rte_get_tsc_hz()) / total);
    report.json()["dropped"] = wrong;
    report.json()["levels"] = rows;
    report.json()["samples"] = samples();
    return finish(report);
  }

  static std::string describe(const Level& level, double cycles) {
    return printed("%10.1f   cycles a new session, %" PRIu64 " of %" PRIu64 " refused", cycles,
                   level.refused_while_free, level.sessions);
  }

  // Every batch, by level.
  [[nodiscard]] nlohmann::ordered_json samples() const {
    nlohmann::ordered_json all;
    for (const Level& level : levels_) {
      nlohmann::ordered_json& row = all[std::to_string(level.percent)];
      row = nlohmann::ordered_json::array();
      for (const double cycles : level.cycles) row.push_back(two_decimals(cycles));
    }
    return all;
  }

  const Frames frames_;
  std::mt19937_64 random_;
  std::vector<SessionHandle> crowd_;
  uint32_t next_number_ = 0;
  Burst burst_;
  std::array<OutboundKey, kBurst> keys_;  // of its packets
  double making_cycles_ = 0;              // of the last burst
  double cycles_ = 0;                     // of walking it
  double making_ = 0;                     // of a frame
  double freeing_ = 0;                    // likewise
  LatencyHistogram latency_;
  std::vector<Level> levels_;
};

}  // namespace

std::string run_ports_full(const CaseParts& parts) { return PortsFullRun(parts).carry_out(); }

}  // namespace postern::bench
