// What a port costs where ports are scarce: sessions towards one remote endpoint, at a given use of
// its 64,512 ports, in a table that also holds a million others.
//
// Arguments: ports in use in hundredths of a percent; other sessions. `cycles` is for one session:
// the median over batches of up to 64, of the mean in a batch (a single search is luck).
// `refused` must be 0 (at 100 %: 1, for nothing is free).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <vector>

#include "bench/cycle_samples.h"
#include "bench/table_in_huge_pages.h"

namespace postern {
namespace {

constexpr uint32_t kPorts = 64'512;

void port_search(benchmark::State& state) {
  const auto used = static_cast<uint32_t>(kPorts * static_cast<uint64_t>(state.range(0)) / 10'000);
  const auto others = static_cast<uint32_t>(state.range(1));
  BenchTable bench(bench_config(others + kPorts));
  SessionTable& table = bench.table;
  fill_and_churn(table, others);
  std::vector<SessionHandle> crowd;
  uint32_t number = 0;
  while (crowd.size() < used) {
    crowd.push_back(table.create(crowded_session(number++), kBenchNow).handle);
  }
  // In use for a while: ports are not those of a fresh fill.
  std::mt19937_64 random(5);
  for (uint32_t i = 0; i < used; ++i) {
    SessionHandle& victim = crowd[random() % crowd.size()];
    table.end(victim, kBenchNow);
    victim = table.create(crowded_session(number++), kBenchNow).handle;
  }

  // A batch ends first, then as many are made, so that the use stays within the batch.
  const uint32_t free = kPorts - used;
  const uint32_t batch = std::clamp(free / 16, 1U, 64U);
  CycleSamples cycles;
  uint64_t searches = 0;
  uint64_t refused = 0;
  const uint64_t examined = table.statistics().blocks_examined;
  std::vector<NewSession> sessions(batch);
  std::vector<Created> made(batch);
  for (auto _ : state) {
    for (uint32_t i = 0; i < batch && free != 0; ++i) {
      const size_t victim = random() % crowd.size();
      table.end(crowd[victim], kBenchNow);
      crowd[victim] = crowd.back();
      crowd.pop_back();
    }
    for (NewSession& session : sessions) session = crowded_session(number++);
    cycles.time(batch, [&] {
      prefetch_create(table, sessions);
      for (uint32_t i = 0; i < batch; ++i) made[i] = table.create(sessions[i], kBenchNow);
    });
    for (const Created& one : made) {
      ++searches;
      if (one.status == CreateStatus::kCreated) {
        crowd.push_back(one.handle);
      } else {
        ++refused;
      }
    }
  }
  const auto per_search = [&](uint64_t count) {
    return static_cast<double>(count) / static_cast<double>(searches);
  };
  state.counters["cycles"] = cycles.median();
  state.counters["blocks"] = per_search(table.statistics().blocks_examined - examined);
  state.counters["refused"] = per_search(refused);
}
BENCHMARK(port_search)
    ->ArgsProduct({{1000, 5000, 9000, 9500, 9900, 9990, 9999, 10'000}, {0, 1'000'000}});

// The search that meets a full remote for the first time: every port looked at, every entry read.
void exact_walk(benchmark::State& state) {
  const auto others = static_cast<uint32_t>(state.range(0));
  CycleSamples cycles;
  for (auto _ : state) {
    BenchTable bench(bench_config(others + kPorts));
    SessionTable& table = bench.table;
    fill_and_churn(table, others);
    uint32_t number = 0;
    CycleSamples last;
    // The remote fills up until a walk was made: the session before it was the last by tags.
    while (table.statistics().full_walks == 0) {
      const NewSession session = crowded_session(number++);
      last = {};
      last.time(1, [&] { table.create(session, kBenchNow); });
    }
    cycles.add(last.median());
  }
  state.counters["cycles"] = cycles.median();
}
BENCHMARK(exact_walk)->Arg(0)->Arg(1'000'000)->Iterations(1);

}  // namespace
}  // namespace postern

BENCHMARK_MAIN();
