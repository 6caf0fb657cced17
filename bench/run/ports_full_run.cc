#include "bench/run/ports_full_run.h"

#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <random>
#include <vector>

#include "bench/nat_traffic.h"
#include "bench/run/case_report.h"
#include "bench/run/console.h"
#include "bench/run/worker_thread.h"
#include "bench/statistics.h"

namespace postern::bench {
namespace {

constexpr uint32_t kPorts = 64'512;  // 1024 to 65535
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
  Scenario scenario = nat_scenario(options.sessions);
  scenario.more_sessions = kPorts + kBurst;
  scenario.port_hold_s = 0;
  return scenario;
}

class PortsFullRun {
 public:
  PortsFullRun(const Options& options, BenchEal& started, rte_mempool* pool)
      : options_(options),
        started_(started),
        pool_(pool),
        scenario_(scenario_for(options)),
        frames_(scenario_, Direction::kOutbound, options.frame_bytes),
        random_(options.seed) {}

  std::string carry_out() {
    auto tables = CompiledTables::make(scenario_.configuration());
    if (!tables.ok()) return std::string(tables.status().message());
    tables_ = std::move(*tables);
    const bool huge = started_.eal.memory_mode() != MemoryMode::kNoHuge;
    auto gateway = PortlessGateway::make(*tables_, pool_, huge);
    if (!gateway) return gateway.complaint().text();
    gateway_ = std::move(gateway).value();
    const std::string failure = on_worker(started_.eal, 0, [&] { return measure(); });
    return failure.empty() ? tell() : failure;
  }

 private:
  std::string measure() {
    std::string failure = open_sessions(scenario_, pool_, *gateway_);
    const StolenTime before = StolenTime::now();
    for (const uint32_t percent : kLevels) {
      if (!failure.empty() || was_interrupted()) break;
      levels_.push_back({.percent = percent});
      failure = measure_level(levels_.back());
    }
    stolen_percent_ = StolenTime::now().percent_since(before);
    return failure;
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
      if (!all) continue;
      level.granted_without_port += open(1);
      level.refusal_cycles.push_back(cycles_);
    } while (rte_rdtsc() < end && !was_interrupted());
    tell_level(level);
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

  // Has `count` sessions begin, in one burst; how many did. Their cycles are in cycles_.
  uint32_t open(uint32_t count) {
    std::array<OutboundKey, kBurst> keys;
    if (rte_pktmbuf_alloc_bulk(pool_, burst_.frame.data(), count) != 0) return 0;
    burst_.size = count;
    for (uint32_t i = 0; i < count; ++i) {
      const Conversation conversation = next_conversation();
      keys[i] = conversation.key();
      burst_.frame[i]->data_len = frames_.bytes();
      burst_.frame[i]->pkt_len = frames_.bytes();
      frames_.write(frames_.outbound_record(conversation), burst_.bytes(i));
    }
    const uint64_t begun = rte_rdtsc_precise();
    gateway_->carry(burst_, Scenario::kClusterPort);
    cycles_ = static_cast<double>(rte_rdtsc_precise() - begun);
    uint32_t opened = 0;
    for (uint32_t i = 0; i < count; ++i) {
      const SessionHandle handle = gateway_->sessions().find_outbound_one(keys[i]);
      if (handle == kNoSession) continue;
      crowd_.push_back(handle);
      ++opened;
    }
    return opened;
  }

  void end_some(uint32_t count) {
    for (uint32_t i = 0; i < count && !crowd_.empty(); ++i) {
      const size_t victim = random_() % crowd_.size();
      gateway_->end_session(crowd_[victim]);
      crowd_[victim] = crowd_.back();
      crowd_.pop_back();
    }
  }

  void tell_level(const Level& level) const {
    const double cycles = level.cycles.empty() ? 0 : median_of(level.cycles).value;
    char text[256];
    snprintf(text, sizeof text,
             "%3u %% of %u ports  cycles a new session: %.1f  refused while a port was free: %llu "
             "of %llu  sessions %u\n",
             level.percent, kPorts, cycles,
             static_cast<unsigned long long>(level.refused_while_free),
             static_cast<unsigned long long>(level.sessions), gateway_->sessions().live());
    print(text);
  }

  std::string tell() const {
    CaseReport report(options_, "one egress address, one remote, " + std::to_string(kPorts) +
                                    " ports, " + std::to_string(options_.sessions) +
                                    " other sessions");
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    uint64_t wrong = 0;
    double at_10 = 0;
    double at_99 = 0;
    for (const Level& level : levels_) {
      wrong += level.refused_while_free + level.granted_without_port;
      const double cycles = level.cycles.empty() ? 0 : median_of(level.cycles).value;
      if (level.percent == 10) at_10 = cycles;
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
      report.json()["net_cycles_per_packet"] = two_decimals(at_99);
      report.json()["cycles_per_packet"] = two_decimals(at_99);
      report.json()["io_cycles_per_packet"] = 0;
      report.json()["packets_per_second"] =
          std::round(static_cast<double>(rte_get_tsc_hz()) / at_99);
    }
    report.json()["levels"] = rows;
    report.json()["samples"] = samples();
    return report.finish(setting_of(scenario_, started_, *gateway_), stolen_percent_);
  }

  static std::string describe(const Level& level, double cycles) {
    char text[160];
    snprintf(text, sizeof text, "%10.1f   cycles a new session, %llu of %llu refused", cycles,
             static_cast<unsigned long long>(level.refused_while_free),
             static_cast<unsigned long long>(level.sessions));
    return text;
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

  const Options& options_;
  BenchEal& started_;
  rte_mempool* pool_;
  const Scenario scenario_;
  const Frames frames_;
  std::mt19937_64 random_;
  std::unique_ptr<CompiledTables> tables_;
  std::unique_ptr<PortlessGateway> gateway_;
  std::vector<SessionHandle> crowd_;
  uint32_t next_number_ = 0;
  Burst burst_;
  double cycles_ = 0;  // of the last burst
  std::vector<Level> levels_;
  double stolen_percent_ = 0;
};

}  // namespace

std::string run_ports_full(const Options& options, BenchEal& started, rte_mempool* pool) {
  return PortsFullRun(options, started, pool).carry_out();
}

}  // namespace postern::bench
