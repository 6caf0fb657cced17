// What a session costs: looked up from either side, made, ended, swept.
//
//   session_table_bench --benchmark_filter=find --benchmark_repetitions=9 ...
// Arguments are numbers of live sessions; the table is at its design load with them, after churn.
// `cycles` is TSC cycles for one key, session or position.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "bench/cycle_samples.h"
#include "bench/table_in_huge_pages.h"

namespace postern {
namespace {

constexpr size_t kBurst = SessionTable::kMaxBurst;

// One table for all benchmarks of a size: they follow one another, and filling takes its time.
SessionTable& table_of(uint32_t live) {
  static std::unique_ptr<BenchTable> table;
  static uint32_t size = 0;
  if (size != live) {
    table.reset();
    table = std::make_unique<BenchTable>(bench_config(live));
    fill_and_churn(table->table, live);
    size = live;
  }
  return table->table;
}

// Keys of live sessions, drawn at random: enough of them that none is met in a cache again.
template <typename Key, typename KeyOf>
std::vector<Key> random_keys(const SessionTable& table, KeyOf key_of) {
  std::vector<Key> keys(std::clamp<size_t>(table.live(), 1 << 16, 1 << 20));
  std::mt19937_64 random(7);
  for (Key& key : keys) {
    key = key_of(table.entry(static_cast<SessionHandle>(random() % table.live())));
  }
  return keys;
}

template <typename Key, typename Find>
void look_up(benchmark::State& state, const std::vector<Key>& keys, Find find) {
  std::array<SessionHandle, kBurst> found;
  size_t at = 0;
  CycleSamples cycles;
  for (auto _ : state) {
    cycles.time(kBurst, [&] { find(std::span<const Key>(&keys[at], kBurst), found.data()); });
    if (std::count(found.begin(), found.end(), kNoSession) != 0) state.SkipWithError("lost");
    at = (at + kBurst) % keys.size();
  }
  state.counters["cycles"] = cycles.median();
}

std::vector<OutboundKey> outbound_keys(const SessionTable& table) {
  return random_keys<OutboundKey>(
      table, [](const SessionEntry& entry) { return load<OutboundKey>(&entry); });
}

void find_outbound(benchmark::State& state) {
  SessionTable& table = table_of(static_cast<uint32_t>(state.range(0)));
  look_up(state, outbound_keys(table),
          [&](auto keys, SessionHandle* out) { table.find_outbound(keys, out); });
}

void find_inbound(benchmark::State& state) {
  SessionTable& table = table_of(static_cast<uint32_t>(state.range(0)));
  look_up(state, random_keys<InboundKey>(table, inbound_key_of),
          [&](auto keys, SessionHandle* out) { table.find_inbound(keys, out); });
}

// The same table packet by packet: what the burst is worth.
void find_outbound_one_by_one(benchmark::State& state) {
  SessionTable& table = table_of(static_cast<uint32_t>(state.range(0)));
  look_up(state, outbound_keys(table), [&](auto keys, SessionHandle* out) {
    for (size_t i = 0; i < keys.size(); ++i) out[i] = table.find_outbound_one(keys[i]);
  });
}

// Nobody's keys: what a stranger's packet costs.
void find_inbound_strangers(benchmark::State& state) {
  SessionTable& table = table_of(static_cast<uint32_t>(state.range(0)));
  auto keys = random_keys<InboundKey>(table, inbound_key_of);
  for (InboundKey& key : keys) key.remote_ip = Be32(~key.remote_ip.host());
  std::array<SessionHandle, kBurst> found;
  CycleSamples cycles;
  size_t at = 0;
  for (auto _ : state) {
    cycles.time(kBurst, [&] { table.find_inbound({&keys[at], kBurst}, found.data()); });
    at = (at + kBurst) % keys.size();
  }
  state.counters["cycles"] = cycles.median();
}

// Bursts of first packets: looked up in vain, then made; with the table 5 % below its maximum.
// `ended` is the cost of ending as many, at random, besides.
void churn(benchmark::State& state) {
  const auto max_sessions = static_cast<uint32_t>(state.range(0));
  BenchTable bench(bench_config(max_sessions));
  SessionTable& table = bench.table;
  const auto live = static_cast<uint32_t>(max_sessions * 0.95);
  fill_and_churn(table, live);
  std::mt19937_64 random(3);
  uint64_t number = uint64_t{1} << 40;
  CycleSamples make_cycles;
  CycleSamples end_cycles;
  std::array<NewSession, kBurst> sessions;
  std::array<OutboundKey, kBurst> keys;
  std::array<SessionHandle, kBurst> handles;
  for (auto _ : state) {
    for (SessionHandle& victim : handles) {
      do {
        victim = static_cast<SessionHandle>(random() % live);
      } while (!table.is_live(victim));
      end_cycles.time(1, [&] { table.end(victim, kBenchNow); });
    }
    for (size_t i = 0; i < kBurst; ++i) {
      sessions[i] = random_session(number++);
      keys[i] = sessions[i].key;
    }
    make_cycles.time(kBurst, [&] {
      table.find_outbound(keys, handles.data());
      table.prefetch_create(sessions);
      for (const NewSession& session : sessions) {
        if (table.create(session, kBenchNow).status != CreateStatus::kCreated) {
          state.SkipWithError("refused");
        }
      }
    });
  }
  state.counters["cycles"] = make_cycles.median();
  state.counters["ended"] = end_cycles.median();
}

// Sessions with random remotes put into an empty table, until it is full.
void insert(benchmark::State& state) {
  const auto sessions = static_cast<uint32_t>(state.range(0));
  CycleSamples cycles;
  for (auto _ : state) {
    BenchTable bench(bench_config(sessions));
    std::array<NewSession, kBurst> burst;
    for (uint32_t at = 0; at + kBurst <= sessions; at += kBurst) {
      for (uint32_t i = 0; i < kBurst; ++i) burst[i] = random_session(at + i);
      cycles.time(kBurst, [&] {
        bench.table.prefetch_create(burst);
        for (const NewSession& session : burst) bench.table.create(session, kBenchNow);
      });
    }
  }
  state.counters["cycles"] = cycles.median();
}

// The sweep when nothing is due; a position costs what `cycles` says.
void sweep_quiet(benchmark::State& state) {
  SessionTable& table = table_of(static_cast<uint32_t>(state.range(0)));
  constexpr uint32_t kBudget = 1024;
  CycleSamples cycles;
  const auto nobody = [](SessionHandle, bool) { return SweepVerdict::kKeep; };
  for (auto _ : state) {
    cycles.time(std::min(kBudget, table.capacity()),
                [&] { table.sweep(kBenchNow, kBudget, nobody); });
  }
  state.counters["cycles"] = cycles.median();
}

// All sessions expire at once; `cycles` for each, from the look at it to its entry being free.
void sweep_expiry(benchmark::State& state) {
  const auto live = static_cast<uint32_t>(state.range(0));
  CycleSamples cycles;
  for (auto _ : state) {
    BenchTable bench(bench_config(live));
    fill_and_churn(bench.table, live);
    const Now later{kBenchNow.ms + 1000 * 1000};
    const auto all = [](SessionHandle, bool) { return SweepVerdict::kEnd; };
    while (bench.table.live() >= kBurst) {
      cycles.time(kBurst, [&] { bench.table.sweep(later, kBurst, all); });
    }
  }
  state.counters["cycles"] = cycles.median();
}

// Everything that a session needs, at design load: target 116, must 128 bytes.
void bytes_per_session(benchmark::State& state) {
  const SessionTableConfig config = bench_config(static_cast<uint32_t>(state.range(0)));
  size_t bytes = 0;
  for (auto _ : state) benchmark::DoNotOptimize(bytes = SessionTable::memory_bytes(config));
  state.counters["bytes"] = static_cast<double>(bytes) / config.max_sessions;
}

void every_size(benchmark::internal::Benchmark* bench) {
  for (const int64_t size : {1'008, 64'512, 1'032'192, 4'128'768, 16'515'072}) bench->Arg(size);
}

// For each size its lookups, so that the table is filled once.
void register_lookups() {
  for (const int64_t size : {1'008, 64'512, 1'032'192, 4'128'768, 16'515'072}) {
    benchmark::RegisterBenchmark("find_outbound", find_outbound)->Arg(size);
    benchmark::RegisterBenchmark("find_inbound", find_inbound)->Arg(size);
    benchmark::RegisterBenchmark("find_outbound_one_by_one", find_outbound_one_by_one)->Arg(size);
    benchmark::RegisterBenchmark("find_inbound_strangers", find_inbound_strangers)->Arg(size);
    benchmark::RegisterBenchmark("sweep_quiet", sweep_quiet)->Arg(size);
  }
  benchmark::RegisterBenchmark("insert", insert)->Apply(every_size)->Iterations(1);
  benchmark::RegisterBenchmark("churn", churn)->Apply(every_size)->Iterations(4000);
  benchmark::RegisterBenchmark("sweep_expiry", sweep_expiry)->Apply(every_size)->Iterations(1);
  benchmark::RegisterBenchmark("bytes_per_session", bytes_per_session)->Apply(every_size);
}

}  // namespace
}  // namespace postern

int main(int argc, char** argv) {
  postern::register_lookups();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
