// What a stretch of time under an offered load brought (paced_loop.h). Values; any thread.
#ifndef POSTERN_BENCH_RUN_STRETCH_H_
#define POSTERN_BENCH_RUN_STRETCH_H_

#include <cstdint>
#include <vector>

#include "bench/latency_histogram.h"
#include "bench/run/loss_blame.h"

namespace postern::bench {

// A hundredth of a second of a stretch.
struct Slice {
  double at_ms = 0;  // since the loop was made
  double lasted_ms = 0;
  uint64_t offered = 0;
  uint64_t sent = 0;
  uint64_t lost = 0;
  uint64_t lost_own = 0;  // of them, without any stall
  double waited_us = 0;
};

// Packets lost, by whose fault.
struct LossCauses {
  uint64_t stalled = 0;  // the machine's: the thread stood still
  uint64_t waiting = 0;  // others': in slices in which the thread waited for its CPU
  uint64_t own = 0;      // the worker's
};

struct Losses {
  uint64_t all = 0;          // by a full queue, or by the gateway
  uint64_t by_full = 0;      // of them, by the queue
  BlamedLosses blamed{};     // by the queues of loss_blame.h
  uint64_t own_waiting = 0;  // without any stall, in slices in which the thread waited

  // They add up to `all`. `steps`: of the time in which it was, or of a longer one with it.
  [[nodiscard]] LossCauses causes(const StepTimes& steps) const;
  // What came since `before`.
  [[nodiscard]] Losses since(const Losses& before) const;
};

struct Stretch {
  std::vector<Slice> slices = {};
  LatencyHistogram latency = {};    // of slices in which the thread did not wait; where there are
  LatencyHistogram disturbed = {};  // none, likely_latency() is of the others
  LatencyHistogram recent = {};     // of all; the caller may clear it
  LatencyHistogram turns = {};      // lengths of turns with packets, those with waits left out
  StepTimes steps = {};
  uint64_t offered = 0;
  uint64_t sent = 0;
  Losses losses = {};
  uint64_t busy_cycles = 0;  // of turns with packets
  uint64_t cycles = 0;       // of all turns
  double waited_ms = 0;

  [[nodiscard]] double cycles_per_packet() const {
    return sent == 0 ? 0 : static_cast<double>(busy_cycles) / static_cast<double>(sent);
  }
  [[nodiscard]] const LatencyHistogram& likely_latency() const {
    return latency.total() != 0 ? latency : disturbed;
  }
  [[nodiscard]] double busy() const {
    return cycles == 0 ? 0 : static_cast<double>(busy_cycles) / static_cast<double>(cycles);
  }
  [[nodiscard]] LossCauses causes() const { return losses.causes(steps); }
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_STRETCH_H_
