// What the benchmarks of single stages share: established traffic, one kind at a time, and how a
// stage's cycles are reported.
#ifndef POSTERN_BENCH_STAGE_BENCH_H_
#define POSTERN_BENCH_STAGE_BENCH_H_

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "bench/cycle_samples.h"
#include "bench/established_traffic.h"
#include "bench/packet_bench.h"
#include "bench/receive_ring.h"
#include "bench/staged_row.h"
#include "bench/table_bench.h"
#include "dataplane/packet/rate_limit.h"

namespace postern::bench {

// So many answers that no benchmark is refused one.
inline constexpr Rate kUnlimited{.per_second = 1'000'000, .burst = 1'000'000'000};

// The established traffic of the benchmark that runs: made when it is first asked for, and gone
// when another is, so that the largest has the memory to itself.
class Established {
 public:
  explicit Established(const PacketBench& bench) : bench_(bench) {}

  // Null, and the benchmark is told why, where it cannot be made.
  EstablishedTraffic* get(benchmark::State& state, Direction direction, uint32_t sessions) {
    if (traffic_ == nullptr || direction_ != direction || sessions_ != sessions) {
      traffic_.reset();
      traffic_ = std::make_unique<EstablishedTraffic>(bench_.pool, direction, sessions);
      direction_ = direction;
      sessions_ = sessions;
    }
    const std::string failure = traffic_->prepare(bench_.huge_pages, 64);
    if (failure.empty()) return traffic_.get();
    traffic_.reset();
    state.SkipWithError(failure.c_str());
    return nullptr;
  }

 private:
  PacketBench bench_;
  std::unique_ptr<EstablishedTraffic> traffic_;
  Direction direction_ = Direction::kOutbound;
  uint32_t sessions_ = 0;
};

// Cycles of the pieces of one benchmark.
class StageCycles {
 public:
  // Runs `work` on so many packets and notes its cycles.
  template <typename Work>
  void time(uint32_t packets, Work&& work) {
    packets_ = packets;
    samples_.time(packets, work);
  }
  // TSC cycles a packet, as the counter `name`.
  void report(benchmark::State& state, const char* name = "cycles") {
    state.counters[name] = samples_.median() - CycleSamples::of_nothing() / packets_;
  }

 private:
  CycleSamples samples_;
  uint32_t packets_ = 1;
};

inline std::string stage_name(const char* stage, Direction direction, uint32_t sessions,
                              uint32_t burst) {
  return std::string(stage) + (direction == Direction::kOutbound ? "/outbound/" : "/inbound/") +
         std::to_string(sessions) + "/burst:" + std::to_string(burst);
}

// Each registers the benchmarks of its file.
void add_established_stages(const PacketBench& bench);
void add_opening_stages(const PacketBench& bench);
void add_refusing_stages(const PacketBench& bench);
void add_tag_stages(const PacketBench& bench);
void add_error_stages(const PacketBench& bench);
void add_fragment_stages(const PacketBench& bench);
void add_local_stages(const PacketBench& bench);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_STAGE_BENCH_H_
