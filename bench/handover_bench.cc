// What it costs that a packet arrives at another worker than its own. Two workers of one gateway on
// two CPUs: all packets arrive at one of them and belong to the other. Established sessions, a
// random one a packet, outbound.
//
//   alone     cycles a packet where it arrives at its own worker
//   give      where it does not: at the worker at which it arrives
//   take      and at its own
//   handover  give + take - alone
//
// Each is the median over bursts, so that bursts in which a thread lost its CPU do not count. The
// workers' CPUs must be theirs: on a busy machine run it under a real-time priority.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/nat_traffic.h"
#include "bench/packet_bench.h"
#include "bench/receive_ring.h"
#include "dataplane/run/handover_mesh.h"

namespace postern::bench {
namespace {

constexpr uint32_t kGiver = 0;
constexpr uint32_t kTaker = 1;
// Packets that may be on their way: fewer than a ring holds, and than there are buffers for.
constexpr uint64_t kInFlight = 512;

double median(std::vector<uint64_t>& cycles_of_bursts) {
  if (cycles_of_bursts.empty()) return 0;
  const auto middle =
      cycles_of_bursts.begin() + static_cast<ptrdiff_t>(cycles_of_bursts.size() / 2);
  std::nth_element(cycles_of_bursts.begin(), middle, cycles_of_bursts.end());
  return static_cast<double>(*middle) / kBurst;
}

// Two gateways that share their tables and sessions, and packets of the second one's sessions.
class Pair {
 public:
  Pair(rte_mempool* pool, uint32_t sessions) : pool_(pool), scenario_(nat_scenario(2 * sessions)) {}

  // "" or what went wrong.
  std::string prepare(bool huge_pages, uint32_t sessions) {
    if (!packets_.empty()) return "";
    auto tables = CompiledTables::make(scenario_.configuration());
    if (!tables.ok()) return std::string(tables.status().message());
    tables_ = std::move(*tables);
    for (uint32_t i = 0; i < 2; ++i) {
      const PortlessGateway::Others others{sessions_, mesh_.ends(i)};
      auto gateway = PortlessGateway::make(*tables_, pool_, huge_pages, &others);
      if (!gateway) return gateway.complaint().text();
      gateway_[i] = std::move(gateway).value();
    }
    frames_ = std::make_unique<Frames>(scenario_, Direction::kOutbound, 64);
    for (uint32_t i = 0; packets_.size() < sessions / kBurst * kBurst; ++i) {
      const Conversation conversation = Conversation::at(scenario_, i);
      if (sessions_.owners().outbound(conversation.key()) != kTaker) continue;
      packets_.push_back(frames_->outbound_record(conversation));
    }
    ReceiveRing ring(pool_, *frames_, packets_);
    Burst burst;
    for (size_t opened = 0; opened < packets_.size(); opened += kBurst) {
      if (!ring.take(burst)) return "no packet buffer is free";
      gateway_[kTaker]->carry(burst, Scenario::kClusterPort);
    }
    std::shuffle(packets_.begin(), packets_.end(), std::mt19937_64(1));
    return gateway_[kTaker]->sessions().live() == packets_.size() ? "" : "not all sessions opened";
  }

  // Median cycles a packet when it arrives where it belongs.
  double alone(uint32_t bursts) {
    ReceiveRing ring(pool_, *frames_, packets_);
    std::vector<uint64_t> cycles;
    Burst burst;
    for (uint32_t i = 0; i < bursts && ring.take(burst); ++i) {
      const uint64_t begun = rte_rdtsc_precise();
      gateway_[kTaker]->carry(burst, Scenario::kClusterPort);
      cycles.push_back(rte_rdtsc_precise() - begun);
    }
    return median(cycles);
  }

  // One burst arrives at the giver.
  bool give(ReceiveRing& ring) {
    while (gateway_[kGiver]->handed_over() - taken_.load(std::memory_order_acquire) > kInFlight) {
      rte_pause();
    }
    if (!ring.take(burst_)) return false;
    const uint64_t begun = rte_rdtsc_precise();
    gateway_[kGiver]->carry(burst_, Scenario::kClusterPort);
    given_cycles_.push_back(rte_rdtsc_precise() - begun);
    return true;
  }
  // On the taker's thread, until all that was given is taken after stop().
  void take_all() {
    Burst burst;
    HandoverRing& ring = *mesh_.ends(kTaker).from[kGiver];
    while (true) {
      const bool last = stop_.load(std::memory_order_acquire);
      const uint64_t begun = rte_rdtsc_precise();
      const uint32_t count = gateway_[kTaker]->carry_handed(ring, burst);
      const uint64_t cycles = rte_rdtsc_precise() - begun;
      if (count == kBurst) taken_cycles_.push_back(cycles);
      taken_.fetch_add(count, std::memory_order_release);
      if (count == 0 && last) return;
    }
  }
  void begin() {
    given_cycles_.clear();
    taken_cycles_.clear();
    stop_.store(false);
  }
  void stop() { stop_.store(true, std::memory_order_release); }

  [[nodiscard]] ReceiveRing ring() const { return {pool_, *frames_, packets_}; }
  [[nodiscard]] uint64_t forwarded() const { return gateway_[kTaker]->forwarded(); }
  double give_cycles() { return median(given_cycles_); }
  double take_cycles() { return median(taken_cycles_); }

 private:
  rte_mempool* pool_;
  Scenario scenario_;
  SharedSessions sessions_{{.owners = {.workers = 2, .key = {3, 4}}, .namespaces = kMaxNamespaces}};
  HandoverMesh mesh_{sessions_.owners()};
  std::unique_ptr<CompiledTables> tables_;
  std::unique_ptr<PortlessGateway> gateway_[2];
  std::unique_ptr<Frames> frames_;
  std::vector<FrameRecord> packets_;
  Burst burst_;
  std::vector<uint64_t> given_cycles_;
  std::vector<uint64_t> taken_cycles_;  // written by the taker until its thread is waited for
  std::atomic<uint64_t> taken_{0};
  std::atomic<bool> stop_{false};
};

void run(benchmark::State& state, Eal& eal, Pair& pair, bool huge_pages, uint32_t sessions) {
  const std::string failure = pair.prepare(huge_pages, sessions);
  if (!failure.empty()) return state.SkipWithError(failure.c_str());
  const double alone = pair.alone(1000);
  const uint64_t before = pair.forwarded();
  pair.begin();
  const auto take_all = [](void* argument) {
    static_cast<Pair*>(argument)->take_all();
    return 0;
  };
  if (!eal.launch(0, take_all, &pair)) return state.SkipWithError("the taker does not run");
  bool given = true;
  {
    ReceiveRing ring = pair.ring();
    for (auto _ : state) given = pair.give(ring) && given;
  }
  pair.stop();
  eal.wait(0);
  const auto packets = static_cast<uint64_t>(state.iterations()) * kBurst;
  if (!given || pair.forwarded() - before != packets)
    return state.SkipWithError("packets were lost");
  state.SetItemsProcessed(static_cast<int64_t>(packets));
  state.counters["alone"] = alone;
  state.counters["give"] = pair.give_cycles();
  state.counters["take"] = pair.take_cycles();
  state.counters["handover"] = pair.give_cycles() + pair.take_cycles() - alone;
}

void add_all(const PacketBench& bench) {
  Eal& eal = bench.eal;
  const bool huge_pages = bench.huge_pages;
  for (const uint32_t sessions : {1000U, 65'536U, 1'048'576U}) {
    auto pair = std::make_shared<Pair>(bench.pool, sessions);
    benchmark::RegisterBenchmark(
        ("handover/" + std::to_string(sessions)).c_str(),
        [=, &eal](benchmark::State& state) { run(state, eal, *pair, huge_pages, sessions); });
  }
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  return postern::bench::run_packet_benchmarks(argc, argv, "handover_bench",
                                               postern::bench::add_all);
}
