// The gateway's clock: milliseconds since it was made, from the time stamp counter (constant and
// synchronous on every machine that runs DPDK). Immutable after construction; any thread.
#ifndef POSTERN_DATAPLANE_RUN_CLOCK_H_
#define POSTERN_DATAPLANE_RUN_CLOCK_H_

#include <rte_cycles.h>

#include <cstdint>

#include "dataplane/packet/now.h"

namespace postern {

class Clock {
 public:
  // After EAL has started (it measures the counter's frequency).
  Clock() : start_(rte_rdtsc()), cycles_per_ms_(rte_get_tsc_hz() / 1000) {}

  // The time at counter value `tsc`. Never zero.
  [[nodiscard]] Now at(uint64_t tsc) const { return {1 + (tsc - start_) / cycles_per_ms_}; }
  [[nodiscard]] Now now() const { return at(rte_rdtsc()); }
  [[nodiscard]] uint64_t cycles_per_ms() const { return cycles_per_ms_; }

 private:
  uint64_t start_;
  uint64_t cycles_per_ms_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_CLOCK_H_
