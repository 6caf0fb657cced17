// A stretch of time that counts: its length in TSC cycles, without what the thread waited for its
// CPU, and whether it waited so much that its caches are not its own (alternation.h). Used by one
// thread.
#ifndef POSTERN_BENCH_RUN_TIMED_WINDOW_H_
#define POSTERN_BENCH_RUN_TIMED_WINDOW_H_

#include <rte_cycles.h>

#include <cstdint>

#include "bench/alternation.h"
#include "bench/run_delay.h"

namespace postern::bench {

class TimedWindow {
 public:
  void begin() {
    delay_before_ns_ = delay_.read_ns();
    begun_ = rte_rdtsc_precise();
  }
  // Cycles since begin().
  double end() {
    const auto length = static_cast<double>(rte_rdtsc_precise() - begun_);
    const auto delay_ns = static_cast<double>(delay_.read_ns() - delay_before_ns_);
    const double waited = delay_ns * static_cast<double>(rte_get_tsc_hz()) / 1e9;
    disturbed_ = waited > Alternation::kDelayAllowed * length;
    return length - waited;
  }
  // Of the last one.
  [[nodiscard]] bool was_disturbed() const { return disturbed_; }

 private:
  RunDelay delay_;
  uint64_t delay_before_ns_ = 0;
  uint64_t begun_ = 0;
  bool disturbed_ = false;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_TIMED_WINDOW_H_
