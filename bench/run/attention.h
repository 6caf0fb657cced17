// What a run looks at while it lasts, so cheaply that it can be asked every turn: whether Ctrl-C
// came, and whether a second is over since the last line that it printed. By the time stamp
// counter. Used by one thread at a time.
#ifndef POSTERN_BENCH_RUN_ATTENTION_H_
#define POSTERN_BENCH_RUN_ATTENTION_H_

#include <rte_cycles.h>

#include <cstdint>

#include "bench/run/console.h"

namespace postern::bench {

class Attention {
 public:
  // From now on a line is due every second.
  void begin() {
    begun_ = rte_rdtsc();
    next_line_ = begun_ + rte_get_tsc_hz();
    next_look_ = 0;
  }

  // Whether Ctrl-C came, as of the last twentieth of a second: a system call at most so often.
  bool is_called_off() {
    const uint64_t now = rte_rdtsc();
    if (now < next_look_) return interrupted_;
    next_look_ = now + rte_get_tsc_hz() / 20;
    interrupted_ = was_interrupted();
    return interrupted_;
  }
  // As it was found.
  [[nodiscard]] bool interrupted() const { return interrupted_; }

  // Whether the next line is due; then that of the next second will be.
  bool line_is_due() {
    const uint64_t now = rte_rdtsc();
    if (now < next_line_) [[likely]]
      return false;
    while (next_line_ <= now) next_line_ += rte_get_tsc_hz();
    return true;
  }
  // Since begin().
  [[nodiscard]] double seconds() const {
    return static_cast<double>(rte_rdtsc() - begun_) / static_cast<double>(rte_get_tsc_hz());
  }

 private:
  uint64_t begun_ = 0;
  uint64_t next_line_ = 0;
  uint64_t next_look_ = 0;
  bool interrupted_ = false;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_ATTENTION_H_
