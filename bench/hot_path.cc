// What the hot path must not do, and how many instructions it takes: counts, not times.
//
//   hot_path check           every case of hot_traffic.h is walked, and what two workers hand to
//                            each other: no system call and no allocation in 100,000 packets, no
//                            locked instruction of ours in those that are walked step by step
//   hot_path walk CASE       walks kCountedBursts bursts in counted_walk(), for callgrind
//                            (bench/instructions.py), and prints the number of packets
//
// Exit status: 0 as it should be, 1 not, 2 usage, 77 the kernel cannot count system calls.
#include <dlfcn.h>

#include <cstdio>
#include <string>

#include "bench/allocation_count.h"
#include "bench/bench_eal.h"
#include "bench/hot_traffic.h"
#include "bench/run/worker_team.h"
#include "bench/single_steps.h"
#include "bench/system_call_count.h"

namespace postern::bench {
namespace {

constexpr uint32_t kBuffers = 12'288;  // for the receive rings of two workers
constexpr uint32_t kWarmUpBursts = 32;
constexpr uint32_t kCheckedBursts = 1568;  // 100,352 packets
constexpr uint32_t kCountedBursts = 256;
constexpr int kSkipped = 77;

// Bursts that are walked step by step: one each way.
uint32_t stepped_bursts(HotCase which) {
  return which == HotCase::kMix || which == HotCase::kTcp ? 2 : 1;
}

// The name that callgrind is told.
[[gnu::noinline]] void counted_walk(PortlessGateway& gateway, Burst& burst, uint16_t port) {
  gateway.walk_burst(burst, port);
}

// Calls carry(burst, port) for so many bursts. "" or what went wrong.
template <typename Carry>
std::string for_bursts(HotTraffic& traffic, uint32_t bursts, Carry&& carry) {
  const uint64_t before = traffic.gateway().forwarded();
  Burst burst;
  for (uint32_t i = 0; i < bursts; ++i) {
    if (!traffic.next(burst)) return "no packet buffer is free";
    carry(burst, traffic.port());
  }
  if (traffic.gateway().forwarded() - before == uint64_t{bursts} * kBurst) return "";
  return "packets were lost: " + traffic.gateway().lost();
}

// Locked instructions of this program, and of the libraries it calls.
struct LockedCounts {
  uint64_t ours = 0;
  uint64_t of_libraries = 0;
};

LockedCounts count_locked(const SingleSteps& steps, std::string& complaint) {
  Dl_info self{};
  dladdr(reinterpret_cast<const void*>(&hot_case_of), &self);
  LockedCounts counts;
  for (const SingleSteps::Locked& locked : steps.locked()) {
    Dl_info where{};
    const bool known = dladdr(reinterpret_cast<const void*>(locked.address), &where) != 0;
    if (known && where.dli_fbase != self.dli_fbase) {
      counts.of_libraries += locked.times;
      continue;
    }
    counts.ours += locked.times;
    char text[256];
    std::snprintf(text, sizeof text, "\n  a locked instruction at %#zx (near %s), %zu times",
                  static_cast<size_t>(locked.address - reinterpret_cast<uintptr_t>(self.dli_fbase)),
                  where.dli_sname != nullptr ? where.dli_sname : "nothing known",
                  static_cast<size_t>(locked.times));
    complaint += text;
  }
  return counts;
}

// What a case did on its way; `complaint` is empty where that was right.
struct Checked {
  uint64_t system_calls = 0;  // bursts with one
  uint64_t allocations = 0;
  LockedCounts locked = {};
  double instructions = 0;  // a packet
  std::string complaint;
};

// `run(rounds, measure)` carries so many rounds, each as measure(work), and says what went wrong;
// a round is so many packets.
template <typename Run>
Checked check(Run&& run, uint32_t checked_rounds, uint32_t stepped_rounds, uint32_t round_packets,
              SystemCallCount& system_calls) {
  Checked checked;
  checked.complaint = run(kWarmUpBursts, [](auto&& work) { work(); });
  if (!checked.complaint.empty()) return checked;

  AllocationCount allocations;
  const uint64_t before = system_calls.runs_with_one();
  checked.complaint =
      run(checked_rounds, [&](auto&& work) { allocations.run([&] { system_calls.run(work); }); });
  checked.system_calls = system_calls.runs_with_one() - before;
  checked.allocations = allocations.count();
  if (checked.system_calls != 0) {
    checked.complaint += "\n  system call number " + std::to_string(system_calls.last_number());
  }
  SingleSteps steps;
  checked.complaint += run(stepped_rounds, [&](auto&& work) { steps.run(work); });
  checked.instructions =
      static_cast<double>(steps.instructions()) / (stepped_rounds * round_packets);
  checked.locked = count_locked(steps, checked.complaint);
  if (checked.allocations != 0) checked.complaint += "\n  allocations, see the lint named calls";
  return checked;
}

Checked check_case(rte_mempool* pool, HotCase which, SystemCallCount& system_calls) {
  const uint32_t stepped = stepped_bursts(which);
  HotTraffic traffic(pool, which, kWarmUpBursts + kCheckedBursts + stepped);
  Checked unprepared{.complaint = traffic.prepare()};
  if (!unprepared.complaint.empty()) return unprepared;
  const auto run = [&](uint32_t bursts, auto&& measure) {
    return for_bursts(traffic, bursts, [&](Burst& burst, uint16_t port) {
      measure([&] { traffic.gateway().carry(burst, port); });
    });
  };
  return check(run, kCheckedBursts, stepped, kBurst, system_calls);
}

// Two workers in turns on one thread, half of whose packets belong to the other one: each receives
// a burst each way, hands over, and takes what was handed over.
Checked check_handover(rte_mempool* pool, SystemCallCount& system_calls) {
  constexpr uint32_t kWorkers = 2;
  constexpr uint32_t kTurnPackets = 2 * kBurst;
  const Scenario scenario = nat_scenario(2048);
  auto tables = CompiledTables::make(scenario.configuration());
  if (!tables.ok()) return {.complaint = std::string(tables.status().message())};
  WorkerTeam team(kWorkers, scenario, **tables, pool);
  Checked unprepared{.complaint = team.prepare(/*huge_pages=*/false, 64, 1)};
  if (!unprepared.complaint.empty()) return unprepared;
  uint32_t turns = 0;
  bool has_buffers = true;
  const auto run = [&](uint32_t rounds, auto&& measure) -> std::string {
    for (uint32_t i = 0; i < rounds; ++i, ++turns) {
      measure(
          [&] { has_buffers = team.turn(turns % kWorkers, Arrival::kAnybodys) && has_buffers; });
    }
    if (!has_buffers) return "no packet buffer is free";
    return team.lost() == "none" ? "" : "packets were lost: " + team.lost();
  };
  Checked checked = check(run, kCheckedBursts / 2, kWorkers, kTurnPackets, system_calls);
  if (team.handed_over() == 0) checked.complaint += "\n  nothing was handed over";
  return checked;
}

void print(std::string_view name, const Checked& checked) {
  std::printf("%-8s %12zu %12zu %7zu %20zu %20.1f%s%s\n", name.data(),
              static_cast<size_t>(checked.system_calls), static_cast<size_t>(checked.allocations),
              static_cast<size_t>(checked.locked.ours),
              static_cast<size_t>(checked.locked.of_libraries), checked.instructions,
              checked.complaint.empty() ? "" : "  WRONG: ", checked.complaint.c_str());
}

int check_all(rte_mempool* pool) {
  SystemCallCount system_calls;
  if (!system_calls.works()) {
    std::printf("this kernel cannot hand system calls back (Linux 5.11 can)\n");
    return kSkipped;
  }
  std::printf("of %u packets of a case, and step by step of a burst each way:\n",
              kCheckedBursts * kBurst);
  std::printf("%-8s %12s %12s %7s %20s %20s\n", "case", "system calls", "allocations", "locked",
              "locked in libraries", "instructions/packet");
  bool right = true;
  const auto report = [&](std::string_view name, const Checked& checked) {
    print(name, checked);
    right = right && checked.complaint.empty();
  };
  for (const HotCase which : kHotCases)
    report(name_of(which), check_case(pool, which, system_calls));
  report("handed", check_handover(pool, system_calls));
  return right ? 0 : 1;
}

int walk_counted(rte_mempool* pool, HotCase which) {
  HotTraffic traffic(pool, which, kWarmUpBursts + kCountedBursts);
  std::string failure = traffic.prepare();
  const auto carry = [&](Burst& burst, uint16_t port) { traffic.gateway().carry(burst, port); };
  if (failure.empty()) failure = for_bursts(traffic, kWarmUpBursts, carry);
  if (failure.empty()) {
    failure = for_bursts(traffic, kCountedBursts, [&](Burst& burst, uint16_t port) {
      counted_walk(traffic.gateway(), burst, port);
      traffic.gateway().send_all();
    });
  }
  if (!failure.empty()) {
    std::fprintf(stderr, "hot_path: %s\n", failure.c_str());
    return 1;
  }
  std::printf("packets: %u\n", kCountedBursts * kBurst);
  return 0;
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  using namespace postern;
  const std::string command = argc > 1 ? argv[1] : "";
  const auto which = bench::hot_case_of(argc > 2 ? argv[2] : "");
  const bool is_check = argc == 2 && command == "check";
  if (!is_check && !(argc == 3 && command == "walk" && which)) {
    std::fprintf(stderr, "usage: hot_path check | walk nat-out|nat-in|mix|tcp|first\n");
    return 2;
  }
  auto eal = bench::start_bench_eal(MemoryMode::kNoHuge, std::nullopt);
  auto pool =
      eal.ok() ? bench::make_bench_pool(bench::kBuffers) : Outcome<MbufPool>(eal.complaint());
  if (!pool) {
    std::fprintf(stderr, "hot_path: %s\n", pool.complaint().text().c_str());
    return 1;
  }
  if (is_check) return bench::check_all(pool.value().get());
  return bench::walk_counted(pool.value().get(), *which);
}
