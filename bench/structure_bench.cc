// The small structures that packets meet beside the session table: the maps and lists of tables/,
// the rings, doors and limits of packet/. TSC cycles for one look-up, packet or value, medians.
//
//   structure_bench --benchmark_filter=flat_map/
//
// structure_bench_no_prefetch is the same with every prefetch compiled out.
#include <rte_mbuf.h>

#include <array>
#include <memory>
#include <random>
#include <vector>

#include "bench/cycle_samples.h"
#include "bench/packet_bench.h"
#include "bench/table_bench.h"
#include "bench/table_in_huge_pages.h"
#include "dataplane/packet/doors.h"
#include "dataplane/packet/handover_ring.h"
#include "dataplane/packet/rate_limit.h"
#include "dataplane/packet/spsc_ring.h"
#include "dataplane/table/flat_map.h"
#include "dataplane/table/fragment_table.h"
#include "dataplane/table/half_open_map.h"
#include "dataplane/table/interval_trees.h"
#include "dataplane/table/limits.h"
#include "dataplane/table/neighbour.h"
#include "dataplane/table/prefix_set.h"
#include "dataplane/table/random_stream.h"
#include "dataplane/table/routes.h"
#include "dataplane/table/session_hash.h"
#include "dataplane/table/sessions.h"
#include "dataplane/table/shared_sessions.h"
#include "dataplane/table/source_table.h"
#include "dataplane/table/tcp_state.h"

namespace postern::bench {
namespace {

constexpr uint32_t kMostAtOnce = 256;
constexpr uint64_t kSeed = 0x9e3779b97f4a7c15;

// Times `work(i)` for i = 0..burst-1, over and over; work's answers are added up and kept.
template <typename Work>
void time_each(benchmark::State& state, uint32_t burst, Work&& work) {
  CycleSamples cycles;
  uint64_t sum = 0;
  for (auto _ : state) {
    cycles.time(burst, [&] {
      for (uint32_t i = 0; i < burst; ++i) sum += work(i);
      benchmark::DoNotOptimize(sum);
    });
  }
  state.counters["cycles"] = cycles.median() - CycleSamples::of_nothing() / burst;
}

// The same for numbers below `count`, drawn at random beforehand.
template <typename Work>
void time_random(benchmark::State& state, uint32_t count, uint32_t burst, Work&& work) {
  std::vector<uint32_t> numbers(size_t{1} << 18);
  std::mt19937 random(1);
  for (uint32_t& number : numbers) number = static_cast<uint32_t>(random()) % count;
  size_t next = 0;
  time_each(state, burst, [&](uint32_t) {
    const uint32_t number = numbers[next];
    next = (next + 1) % numbers.size();
    return static_cast<uint64_t>(work(number));
  });
}

void flat_map_find_bulk(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  const auto burst = static_cast<uint32_t>(state.range(1));
  FlatMap map(FlatMap::cells_for(count), kSeed);
  for (uint64_t key = 1; key <= count; ++key) {
    if (!map.insert(key, key)) return state.SkipWithError("the map is full");
  }
  std::vector<uint64_t> keys(size_t{1} << 18);
  std::mt19937 random(1);
  for (uint64_t& key : keys) key = 1 + random() % count;
  std::array<uint64_t, kMostAtOnce> values;
  CycleSamples cycles;
  size_t at = 0;
  for (auto _ : state) {
    cycles.time(burst, [&] { map.find_bulk({&keys[at], burst}, {values.data(), burst}); });
    benchmark::DoNotOptimize(values);
    at = (at + burst) % keys.size();
  }
  state.counters["cycles"] = cycles.median() - CycleSamples::of_nothing() / burst;
}

void source_map_find(benchmark::State& state) {
  const auto pods = static_cast<uint32_t>(state.range(0));
  SourceMap map(pods + pods / 100 + 1, kSeed);
  for (uint32_t pod = 0; pod < pods; ++pod) {
    map.assign(100, {{0x0a000000 + pod}, 32}, pod);
    if (pod % 100 == 0) map.assign(100, {{0x0a000000 + pod}, 24}, pod);
  }
  time_random(state, pods, 64, [&](uint32_t pod) { return map.find(100, {0x0a000000 + pod}); });
}

void neighbour_find(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  NeighbourTable table(kMaxOnLink, kSeed);
  for (uint32_t slot = 0; slot < count; ++slot) table.bind({1, {0xc0000200 + slot}}, slot);
  time_random(state, count, 64, [&](uint32_t number) {
    return table.find({1, {0xc0000200 + number}});
  });
}

// Routes of one length, and the one that always matches.
void route_find(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  std::vector<Route> routes(count);  // the last one: everywhere
  for (uint32_t i = 1; i < count; ++i) routes[i - 1].to = {{0x0b000000 + (i << 8)}, 24};
  RouteTable table;
  table.build(std::move(routes));
  time_random(state, 1u << 17, 64, [&](uint32_t number) {
    return table.find({0xc6120000 + number}, {0x64400001})->port;
  });
}

void prefix_set_contains(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  PrefixSet set(count, kSeed);
  for (uint32_t i = 0; i < count; ++i) {
    if (!set.insert({{0x0a000000 + (i << 8)}, static_cast<uint8_t>(i % 3 == 0 ? 16 : 24)})) {
      return state.SkipWithError("the set is full");
    }
  }
  time_random(state, 1u << 17, 64,
              [&](uint32_t number) { return set.contains({0xc6120000 + number}); });
}

void interval_trees_find(benchmark::State& state) {
  const auto stretches = static_cast<uint32_t>(state.range(0));
  const uint32_t width = 0xffffffff / stretches;
  std::vector<IntervalStep> steps;
  for (uint32_t i = 0; i < stretches; ++i) steps.push_back({(i + 1) * width, i});
  steps.back().last = 0xffffffff;
  IntervalTrees trees;
  const IntervalTree tree = trees.add(steps);
  time_random(state, 0xffffffff, 64, [&](uint32_t key) { return trees.find(tree, key); });
}

// Datagrams in two pieces each; so many others wait for their second one.
void fragment_table_take(benchmark::State& state) {
  const auto waiting = static_cast<uint32_t>(state.range(0));
  const FragmentTableConfig config{.datagrams = kLeastFragmentRoom};
  HugePages memory(FragmentTable::memory_bytes(config));
  FragmentTable table(config, memory.span());
  const auto fragment = [](uint32_t number, bool first) {
    return Fragment{.key = {.source = Be32(0x0a000000 + number / 64),
                            .vni_protocol = OutboundKey::pack(100, kProtocolUdp),
                            .destination = Be32(0xc6120000 + number),
                            .id = Be16(static_cast<uint16_t>(number)),
                            .direction = Direction::kOutbound},
                    .first_byte = static_cast<uint16_t>(first ? 0 : 64),
                    .end_byte = static_cast<uint16_t>(first ? 64 : 128),
                    .more = first,
                    .first = {}};
  };
  const FragmentLimits limits;
  for (uint32_t i = 0; i < waiting; ++i) table.take(fragment(i, true), limits, kBenchNow);
  uint32_t number = waiting;
  uint64_t refused = 0;
  time_each(state, 64, [&](uint32_t i) {
    const bool first = i % 2 == 0;
    if (first) number = number + 1 < waiting + (1u << 20) ? number + 1 : waiting;
    const FragmentAnswer answer = table.take(fragment(number, first), limits, kBenchNow);
    refused += answer.verdict != FragmentVerdict::kPass;
    return uint64_t{answer.slot};
  });
  if (refused != 0) state.SkipWithError("fragments were refused");
}

void random_stream_next(benchmark::State& state) {
  RandomStream stream(1, 2);
  time_each(state, 64, [&](uint32_t) { return stream.next(); });
}

[[gnu::target("aes")]] uint64_t hash_all(const SessionHash& hash,
                                         const std::array<OutboundKey, 1024>& keys) {
  uint64_t sum = 0;
  for (const OutboundKey& key : keys) sum += hash.outbound(key).low;
  return sum;
}

void session_hash(benchmark::State& state) {
  const SessionHash hash(1, 2);
  std::array<OutboundKey, 1024> keys{};
  for (uint32_t i = 0; i < keys.size(); ++i) keys[i].source_ip = Be32(i);
  CycleSamples cycles;
  for (auto _ : state) {
    benchmark::DoNotOptimize(keys);
    cycles.time(keys.size(), [&] { benchmark::DoNotOptimize(hash_all(hash, keys)); });
  }
  state.counters["cycles"] = cycles.median() - CycleSamples::of_nothing() / 1024;
}

// Acknowledgements of a steady connection.
void tcp_next_steady(benchmark::State& state) {
  SessionEntry entry{};
  entry.flags = kTcpSteady;
  const TcpSegment segment{.flags = TcpHeader::kAck};
  uint64_t passed = 0;
  time_each(state, 64, [&](uint32_t) {
    passed += tcp_next(entry, Direction::kOutbound, segment) == TcpVerdict::kPass;
    return passed;
  });
  if (passed == 0) state.SkipWithError("nothing passed");
}

// Packets of a namespace with a bandwidth that they stay below.
void namespace_bandwidth(benchmark::State& state) {
  NamespaceUsage usage;
  const NamespaceLimits limits{.bytes_per_second = 1'000'000'000'000};
  BandwidthLease lease{};
  Now now = kBenchNow;
  time_each(state, 64, [&](uint32_t i) {
    now.ms += i == 0;
    const bool may = usage.may_pass(limits, Direction::kOutbound, 46, 1, lease, now);
    NamespaceUsage::passed(limits, Direction::kOutbound, 46, lease);
    return uint64_t{may};
  });
}

void half_open_map_next(benchmark::State& state) {
  const auto positions = static_cast<uint32_t>(state.range(0));
  std::vector<uint64_t> words(HalfOpenMap::words_for(positions));
  const HalfOpenMap map(words);
  uint32_t from = 0;
  time_each(state, 64, [&](uint32_t) {
    from = map.next(from, positions);
    if (from >= positions) from = 0;
    return from;
  });
}

void rate_limit_admit(benchmark::State& state) {
  const auto askers = static_cast<uint32_t>(state.range(0));
  RateLimiter limit({.per_second = 1'000'000, .burst = 1'000'000'000},
                    {.per_second = 1'000'000, .burst = 1'000'000'000}, kSeed);
  time_random(state, askers, 64, [&](uint32_t asker) { return limit.admit(asker, kBenchNow); });
}

void spsc_ring(benchmark::State& state) {
  auto ring = std::make_unique<SpscRing<uint64_t, 1024>>();
  time_each(state, 64, [&](uint32_t i) {
    uint64_t value = i;
    ring->push(value);
    ring->pop(value);
    return value;
  });
}

// Put in, published and taken by one thread: without what the other CPU's cache costs, which
// handover_bench has.
void handover_ring(benchmark::State& state, rte_mempool* pool) {
  const auto burst = static_cast<uint32_t>(state.range(0));
  HandoverRing ring(static_cast<uint32_t>(state.range(1)));
  auto given = std::make_unique<Burst>();
  auto taken = std::make_unique<Burst>();
  std::array<HandoverRing::Ticket, kBurst> tickets;
  if (rte_pktmbuf_alloc_bulk(pool, given->frame.data(), kBurst) != 0) {
    return state.SkipWithError("no packet buffer is free");
  }
  CycleSamples cycles;
  for (auto _ : state) {
    cycles.time(burst, [&] {
      for (uint32_t i = 0; i < burst; ++i) {
        if (!ring.put({given->frame[i], 1, Lane::kOutbound}, given->meta[i], given->bytes(i))) {
          std::abort();
        }
      }
      ring.publish();
      ring.take(*taken, tickets);
    });
    if (taken->size != burst) state.SkipWithError("packets were lost");
  }
  rte_pktmbuf_free_bulk(given->frame.data(), kBurst);
  state.counters["cycles"] = cycles.median() - CycleSamples::of_nothing() / burst;
}

// Through the door and out of its queue, without the driver.
void doors_forward(benchmark::State& state, rte_mempool* pool) {
  const auto burst = static_cast<uint32_t>(state.range(0));
  auto counters = std::make_unique<Counters>();
  Doors doors(*counters, 2);
  std::array<rte_mbuf*, kBurst> frames;
  if (rte_pktmbuf_alloc_bulk(pool, frames.data(), kBurst) != 0) {
    return state.SkipWithError("no packet buffer is free");
  }
  CycleSamples cycles;
  for (auto _ : state) {
    cycles.time(burst, [&] {
      for (uint32_t i = 0; i < burst; ++i) doors.forward(frames[i], 1);
      doors.sent(1, burst);
    });
  }
  rte_pktmbuf_free_bulk(frames.data(), kBurst);
  state.counters["cycles"] = cycles.median() - CycleSamples::of_nothing() / burst;
}

// What a worker asks when it may not begin a session without looking at the others.
void shared_sessions_live(benchmark::State& state) {
  const auto workers = static_cast<uint32_t>(state.range(0));
  SharedSessions shared({.owners = {.workers = workers, .key = {3, 4}}, .namespaces = 16});
  std::vector<std::unique_ptr<SessionAccounts>> accounts;
  for (uint32_t worker = 0; worker < workers; ++worker) {
    accounts.push_back(std::make_unique<SessionAccounts>(16, 16));
    shared.join(static_cast<WorkerIndex>(worker), accounts.back().get());
  }
  time_each(state, 64, [&](uint32_t) { return shared.live(); });
}

// Buffers as a port that holds 1,024 of them takes and gives them back, with a cache of so many.
void mbuf_pool(benchmark::State& state) {
  constexpr uint32_t kHeld = 1024;
  const auto cache = static_cast<uint32_t>(state.range(0));
  rte_mempool* pool = rte_pktmbuf_pool_create("cache", 4 * kHeld, cache, 0, 2048, SOCKET_ID_ANY);
  std::array<rte_mbuf*, kHeld> held;
  if (pool == nullptr || rte_pktmbuf_alloc_bulk(pool, held.data(), kHeld) != 0) {
    return state.SkipWithError("no memory for the pool");
  }
  CycleSamples cycles;
  bool refused = false;
  for (auto _ : state) {
    cycles.time(kHeld, [&] {
      for (uint32_t oldest = 0; oldest < kHeld; oldest += kBurst) {
        rte_pktmbuf_free_bulk(&held[oldest], kBurst);
        refused = rte_pktmbuf_alloc_bulk(pool, &held[oldest], kBurst) != 0 || refused;
      }
    });
  }
  if (refused) std::abort();  // what is held is unknown
  state.counters["cycles"] = cycles.median();
  rte_pktmbuf_free_bulk(held.data(), kHeld);
  rte_mempool_free(pool);
}

void add_tables() {
  const auto add = [](const char* name, void (*run)(benchmark::State&)) {
    return benchmark::RegisterBenchmark(name, run);
  };
  for (const int64_t keys : session_ladder()) {
    add("flat_map/find_bulk", flat_map_find_bulk)
        ->ArgNames({"", "burst"})
        ->ArgsProduct({{keys}, {8, 16, 32, 64, 128, 256}});
    add("half_open_map/next", half_open_map_next)->Arg(keys);
  }
  add("source_map/find", source_map_find)->Arg(1000)->Arg(100'000);
  add("neighbour/find", neighbour_find)->Arg(1000)->Arg(kMaxOnLink);
  add("routes/find", route_find)->Arg(1)->Arg(10)->Arg(64);
  add("prefix_set/contains", prefix_set_contains)->Arg(10)->Arg(1000);
  add("interval_trees/find", interval_trees_find)->Arg(16)->Arg(1000)->Arg(100'000);
  add("fragment_table/take", fragment_table_take)->Arg(0)->Arg(1000)->Arg(30'000);
  add("random_stream/next", random_stream_next);
  add("session_hash/outbound", session_hash);
  add("tcp_state/steady", tcp_next_steady);
  add("limits/bandwidth", namespace_bandwidth);
}

void add_all(const PacketBench& bench) {
  add_tables();
  benchmark::RegisterBenchmark("rate_limit/admit", rate_limit_admit)->Arg(100)->Arg(1'000'000);
  benchmark::RegisterBenchmark("spsc_ring/push_pop", spsc_ring);
  rte_mempool* const pool = bench.pool;
  const auto each_burst = [&](const char* name, void (*run)(benchmark::State&, rte_mempool*)) {
    benchmark::RegisterBenchmark(name, [=](benchmark::State& state) { run(state, pool); })
        ->ArgName("burst")
        ->Arg(8)
        ->Arg(16)
        ->Arg(32)
        ->Arg(64);
  };
  each_burst("doors/forward", doors_forward);
  benchmark::RegisterBenchmark("handover_ring/put_take",
                               [=](benchmark::State& state) { handover_ring(state, pool); })
      ->ArgNames({"burst", "slots"})
      ->ArgsProduct({{8, 16, 32, 64}, {2048}})
      ->ArgsProduct({{64}, {256, 1024, 4096, 16384}});
  benchmark::RegisterBenchmark("shared_sessions/live", shared_sessions_live)->Arg(2)->Arg(32);
  benchmark::RegisterBenchmark("mbuf_pool", mbuf_pool)
      ->ArgName("cache")
      ->Arg(0)
      ->Arg(64)
      ->Arg(128)
      ->Arg(256)
      ->Arg(512);
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  return postern::bench::run_packet_benchmarks(argc, argv, "structure_bench",
                                               postern::bench::add_all);
}
