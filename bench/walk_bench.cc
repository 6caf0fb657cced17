// The whole walk by the size of its bursts: what staging over a burst is worth, and the measurement
// behind kBurst. Established sessions, a random one a packet; making frames is a part of it, so
// compare sizes with each other (postern-bench tells what the walk alone costs).
//
//   walk_bench --benchmark_filter=/1048576/
//
// A burst beyond kBurst is walked as a worker walks what it received at once: kBurst packets, and
// the next. Larger bursts in one walk need another kBurst:
//
//   bench/vary.py dataplane/packet/burst.h kBurst 64,128,256 walk_bench
//                 --with dataplane/table/session_table.h:kMaxBurst --filter 'nat-out.*burst:256'
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bench/cycle_samples.h"
#include "bench/established_traffic.h"
#include "bench/packet_bench.h"
#include "bench/receive_ring.h"
#include "bench/table_bench.h"

namespace postern::bench {
namespace {

// Established sessions and packets for them, one way.
class Traffic {
 public:
  Traffic(rte_mempool* pool, Direction direction, uint32_t sessions)
      : established_(pool, direction, sessions) {}

  // "" or what went wrong.
  std::string prepare(bool huge_pages) { return established_.prepare(huge_pages, 64); }

  // After prepare(). Holds buffers: one at a time.
  [[nodiscard]] ReceiveRing ring() const {
    return {established_.pool(), established_.frames(), established_.packets()};
  }

  // Walks kBurst packets of the ring, at most `most` at a time.
  bool carry(ReceiveRing& ring, uint32_t most) {
    if (!ring.take(whole_)) return false;
    const uint32_t size = std::min(most, kBurst);
    const uint16_t port = established_.port();
    for (uint32_t first = 0; first < kBurst; first += size) {
      std::copy_n(&whole_.frame[first], size, part_.frame.begin());
      part_.size = size;
      established_.gateway().carry(part_, port);
    }
    return true;
  }
  [[nodiscard]] uint64_t forwarded() const { return established_.gateway().forwarded(); }

 private:
  EstablishedTraffic established_;
  Burst whole_;
  Burst part_;
};

void run(benchmark::State& state, Traffic& traffic, bool huge_pages, uint32_t size) {
  const std::string failure = traffic.prepare(huge_pages);
  if (!failure.empty()) return state.SkipWithError(failure.c_str());
  ReceiveRing ring = traffic.ring();
  const uint64_t before = traffic.forwarded();
  bool carried = true;
  const uint32_t in_a_row = std::max(1u, size / kBurst);
  CycleSamples cycles;
  for (auto _ : state) {
    cycles.time(in_a_row * kBurst, [&] {
      for (uint32_t i = 0; i < in_a_row; ++i) carried = traffic.carry(ring, size) && carried;
    });
  }
  const auto packets = static_cast<uint64_t>(state.iterations()) * in_a_row * kBurst;
  if (!carried || traffic.forwarded() - before != packets) {
    return state.SkipWithError("packets were lost");
  }
  state.SetItemsProcessed(static_cast<int64_t>(packets));
  state.counters["cycles"] = cycles.median();
  state.counters["per_packet"] = benchmark::Counter(
      static_cast<double>(packets), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void add_all(const PacketBench& bench) {
  for (const Direction direction : {Direction::kOutbound, Direction::kInbound}) {
    for (const uint32_t sessions : session_ladder()) {
      auto traffic = std::make_shared<Traffic>(bench.pool, direction, sessions);
      for (const uint32_t size : {1u, 4u, 8u, 16u, 32u, 64u, 128u, 256u}) {
        const std::string name =
            std::string(direction == Direction::kOutbound ? "nat-out/" : "nat-in/") +
            std::to_string(sessions) + "/burst:" + std::to_string(size);
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          run(state, *traffic, bench.huge_pages, size);
        });
      }
    }
  }
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  return postern::bench::run_packet_benchmarks(argc, argv, "walk_bench", postern::bench::add_all);
}
