// What a session costs: looked up from either side, made, ended, swept.
//
//   session_table_bench --benchmark_filter=find --benchmark_repetitions=9 ...
// The first argument is the number of live sessions; the table is at its design load with them,
// after churn. 16515072 runs where the filter names it. `burst:` keys are looked up in one call;
// the table takes 64 at most, so 128 and 256 are calls of 64 in a row. `prefetch:0` makes sessions
// without prefetch_create(). `cycles` is TSC cycles for one key, session or position.
// session_table_bench_no_prefetch is the same with every prefetch in the table compiled out.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

#include "bench/cycle_samples.h"
#include "bench/table_bench.h"
#include "bench/table_in_huge_pages.h"

namespace postern {
namespace {

constexpr size_t kBurst = SessionTable::kMaxBurst;
constexpr size_t kMaxKeys = 256;

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
  const auto burst = static_cast<size_t>(state.range(1));
  const size_t call = std::min(burst, kBurst);
  std::array<SessionHandle, kMaxKeys> found;
  size_t at = 0;
  CycleSamples cycles;
  for (auto _ : state) {
    cycles.time(burst, [&] {
      for (size_t i = 0; i < burst; i += call) {
        find(std::span<const Key>(&keys[at + i], call), &found[i]);
      }
    });
    benchmark::DoNotOptimize(found);
    at = (at + burst) % keys.size();
  }
  state.counters["cycles"] =
      cycles.median() - CycleSamples::of_nothing() / static_cast<double>(burst);
}

// Whether each key is somebody's; asked before anything is timed.
template <typename Key>
bool all_found(const SessionTable& table, const std::vector<Key>& keys) {
  return std::all_of(keys.begin(), keys.end(), [&](const Key& key) {
    if constexpr (std::is_same_v<Key, OutboundKey>) {
      return table.find_outbound_one(key) != kNoSession;
    } else {
      return table.find_inbound_one(key) != kNoSession;
    }
  });
}

std::vector<OutboundKey> outbound_keys(const SessionTable& table) {
  return random_keys<OutboundKey>(
      table, [](const SessionEntry& entry) { return load<OutboundKey>(&entry); });
}

void find_outbound(benchmark::State& state) {
  SessionTable& table = table_of(static_cast<uint32_t>(state.range(0)));
  const auto keys = outbound_keys(table);
  if (!all_found(table, keys)) return state.SkipWithError("lost");
  look_up(state, keys, [&](auto some, SessionHandle* out) { table.find_outbound(some, out); });
}

void find_inbound(benchmark::State& state) {
  SessionTable& table = table_of(static_cast<uint32_t>(state.range(0)));
  const auto keys = random_keys<InboundKey>(table, inbound_key_of);
  if (!all_found(table, keys)) return state.SkipWithError("lost");
  look_up(state, keys, [&](auto some, SessionHandle* out) { table.find_inbound(some, out); });
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
  look_up(state, keys, [&](auto some, SessionHandle* out) { table.find_inbound(some, out); });
}

// Bursts of first packets: looked up in vain, then made, with or without prefetch_create(); with
// the table 5 % below its maximum. `ended` is the cost of ending as many, at random, besides.
void churn(benchmark::State& state) {
  const auto max_sessions = static_cast<uint32_t>(state.range(0));
  const bool prefetch = state.range(1) != 0;
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
      if (prefetch) prefetch_create(table, sessions);
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
  const bool prefetch = state.range(1) != 0;
  CycleSamples cycles;
  for (auto _ : state) {
    BenchTable bench(bench_config(sessions));
    std::array<NewSession, kBurst> burst;
    for (uint32_t at = 0; at + kBurst <= sessions; at += kBurst) {
      for (uint32_t i = 0; i < kBurst; ++i) burst[i] = random_session(at + i);
      cycles.time(kBurst, [&] {
        if (prefetch) prefetch_create(bench.table, burst);
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
    constexpr uint32_t kBudget = 1008;  // all sizes are multiples of it
    while (bench.table.live() >= kBudget) {
      cycles.time(kBudget, [&] { bench.table.sweep(later, kBudget, all); });
    }
  }
  state.counters["cycles"] = cycles.median();
}

// Everything that a session needs (hot, cold, indexes, sweep, maps), at design load after churn:
// target 116, must 128 bytes. The table is filled to its last entry, churned, and every
// session is then looked up from both sides; `fit` is the share of max_sessions that was there.
void bytes_per_session(benchmark::State& state) {
  const auto max_sessions = static_cast<uint32_t>(state.range(0));
  const SessionTableConfig config = bench_config(max_sessions);
  uint32_t there = 0;
  for (auto _ : state) {
    BenchTable bench(config);
    fill_and_churn(bench.table, max_sessions);
    there = 0;
    for (SessionHandle handle = 0; handle < max_sessions; ++handle) {
      const SessionEntry& entry = bench.table.entry(handle);
      there += bench.table.find_outbound_one(load<OutboundKey>(&entry)) == handle &&
               bench.table.find_inbound_one(inbound_key_of(entry)) == handle;
    }
  }
  if (there != max_sessions) state.SkipWithError("a session is lost");
  state.counters["bytes"] = static_cast<double>(SessionTable::memory_bytes(config)) / max_sessions;
  state.counters["fit"] = static_cast<double>(there) / max_sessions;
}

// For each size its lookups, so that the table is filled once.
void register_all() {
  std::vector<int64_t> sizes{1'008, 64'512, 1'032'192, 4'128'768};
  if (bench::is_named(16'515'072)) sizes.push_back(16'515'072);
  const std::vector<int64_t> bursts{8, 16, 32, 64, 128, 256};
  for (const int64_t size : sizes) {
    const auto add = [&](const char* name, void (*run)(benchmark::State&)) {
      return benchmark::RegisterBenchmark(name, run);
    };
    const auto each_burst = [&](const char* name, void (*run)(benchmark::State&)) {
      add(name, run)->ArgNames({"", "burst"})->ArgsProduct({{size}, bursts});
    };
    each_burst("find_outbound", find_outbound);
    each_burst("find_inbound", find_inbound);
    add("find_outbound_one_by_one", find_outbound_one_by_one)
        ->ArgNames({"", "burst"})
        ->Args({size, 64});
    each_burst("find_inbound_strangers", find_inbound_strangers);
    add("sweep_quiet", sweep_quiet)->Arg(size);
  }
  for (const int64_t size : sizes) {
    for (const int64_t prefetch : {1, 0}) {
      benchmark::RegisterBenchmark("insert", insert)
          ->ArgNames({"", "prefetch"})
          ->Args({size, prefetch})
          ->Iterations(1);
      benchmark::RegisterBenchmark("churn", churn)
          ->ArgNames({"", "prefetch"})
          ->Args({size, prefetch})
          ->Iterations(4000);
    }
    benchmark::RegisterBenchmark("sweep_expiry", sweep_expiry)->Arg(size)->Iterations(1);
    benchmark::RegisterBenchmark("bytes_per_session", bytes_per_session)->Arg(size)->Iterations(1);
  }
}

}  // namespace
}  // namespace postern

int main(int argc, char** argv) {
  return postern::bench::run_benchmarks(argc, argv, postern::register_all);
}
