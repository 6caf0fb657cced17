// What opening a session costs in all: the walk of first packets through every stage, by firewall
// rules and egress entries of one namespace. Each round opens all sessions of a fresh gateway and
// times the walk alone, not the making of frames.
//
//   new_session_bench --benchmark_filter=rules:8000/
#include <benchmark/benchmark.h>
#include <rte_cycles.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bench/nat_traffic.h"
#include "bench/packet_bench.h"
#include "bench/receive_ring.h"

namespace postern::bench {
namespace {

constexpr uint32_t kSessions = 1u << 15;
static_assert(kSessions % kBurst == 0);

// Tables, and the first packets of all sessions.
class Newcomers {
 public:
  Newcomers(rte_mempool* pool, const Scenario& scenario) : pool_(pool), scenario_(scenario) {}

  // "" or what went wrong.
  std::string prepare() {
    if (tables_ != nullptr) return "";
    auto tables = CompiledTables::make(scenario_.configuration());
    if (!tables.ok()) return std::string(tables.status().message());
    tables_ = std::move(*tables);
    frames_ = std::make_unique<Frames>(scenario_, Direction::kOutbound, 64);
    for (uint32_t i = 0; i < kSessions; ++i) {
      packets_.push_back(frames_->outbound_record(Conversation::at(scenario_, i)));
    }
    return "";
  }

  // Opens every session in a gateway of its own; 0 when not all were. In TSC cycles.
  uint64_t open_all(bool huge_pages) {
    auto gateway = PortlessGateway::make(*tables_, pool_, huge_pages);
    if (!gateway) return 0;
    ReceiveRing ring(pool_, *frames_, packets_);
    Burst burst;
    uint64_t cycles = 0;
    for (uint32_t sent = 0; sent < kSessions; sent += kBurst) {
      if (!ring.take(burst)) return 0;
      const uint64_t begun = rte_rdtsc();
      gateway.value()->carry(burst, Scenario::kClusterPort);
      cycles += rte_rdtsc() - begun;
    }
    return gateway.value()->sessions().live() == kSessions ? cycles : 0;
  }

 private:
  rte_mempool* pool_;
  Scenario scenario_;
  std::unique_ptr<CompiledTables> tables_;
  std::unique_ptr<Frames> frames_;
  std::vector<FrameRecord> packets_;
};

void run(benchmark::State& state, Newcomers& newcomers, bool huge_pages) {
  const std::string failure = newcomers.prepare();
  if (!failure.empty()) return state.SkipWithError(failure.c_str());
  uint64_t least = ~uint64_t{0};
  for (auto _ : state) {
    const uint64_t cycles = newcomers.open_all(huge_pages);
    if (cycles == 0) return state.SkipWithError("not every session was opened");
    least = std::min(least, cycles);
    state.SetIterationTime(static_cast<double>(cycles) / static_cast<double>(rte_get_tsc_hz()));
  }
  state.counters["cycles_per_session"] = static_cast<double>(least) / kSessions;
}

void add_all(const PacketBench& bench) {
  const auto add = [&](uint32_t rules, bool nested, uint32_t entries) {
    Scenario scenario;
    scenario.sessions = kSessions;
    scenario.namespaces = 1;
    scenario.egress_entries = entries;
    scenario.firewall_rules = rules;
    scenario.nested_rules = nested;
    scenario.rules_of_one_namespace = true;
    const std::string name = std::string("new-session/") + (nested ? "nested:" : "rules:") +
                             std::to_string(rules) + "/entries:" + std::to_string(entries) + "/";
    const bool huge = bench.huge_pages;
    auto newcomers = std::make_shared<Newcomers>(bench.pool, scenario);
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
      run(state, *newcomers, huge);
    })->UseManualTime();
  };
  for (const uint32_t rules : {1u, 10u, 100u, 8000u}) add(rules, false, 1);
  for (const uint32_t rules : {10u, 100u, 8000u}) add(rules, true, 1);
  for (const uint32_t entries : {10u, 100u, 1000u}) add(1, false, entries);
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  return postern::bench::run_packet_benchmarks(argc, argv, "new_session_bench",
                                               postern::bench::add_all);
}
