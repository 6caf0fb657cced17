// A line a second, and one at the end, of what a stretch has brought since the line before. Used by
// the thread that measures.
#ifndef POSTERN_BENCH_RUN_STRETCH_LINES_H_
#define POSTERN_BENCH_RUN_STRETCH_LINES_H_

#include <cstdint>
#include <string>

#include "bench/run/attention.h"
#include "bench/run/stretch.h"

namespace postern::bench {

class StretchLines {
 public:
  // `phase`: what the stretch is. All references outlive it.
  StretchLines(Attention& attention, Stretch& stretch, std::string phase, double per_second)
      : attention_(attention),
        stretch_(stretch),
        phase_(std::move(phase)),
        per_second_(per_second) {
    note();
  }

  // Prints the line when it is due. `sessions` live ones.
  void look(uint32_t sessions) {
    if (attention_.line_is_due()) [[unlikely]]
      tell(sessions);
  }
  // Prints the rest.
  void tell(uint32_t sessions);

 private:
  void note();

  Attention& attention_;
  Stretch& stretch_;
  const std::string phase_;
  const double per_second_;
  // When the last line was told.
  uint64_t sent_ = 0;
  uint64_t lost_ = 0;
  uint64_t busy_cycles_ = 0;
  uint64_t cycles_ = 0;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_STRETCH_LINES_H_
