#include "bench/run/stretch_lines.h"

#include "bench/report.h"
#include "bench/run/console.h"

namespace postern::bench {

void StretchLines::tell(uint32_t sessions) {
  const uint64_t sent = stretch_.sent - sent_;
  if (sent == 0) return;
  const auto busy = static_cast<double>(stretch_.busy_cycles - busy_cycles_);
  const auto cycles = static_cast<double>(stretch_.cycles - cycles_);
  print(line_of({.at_s = attention_.seconds(),
                 .packets_per_second = per_second_,
                 .lost = stretch_.losses.all - lost_,
                 .cycles = busy / static_cast<double>(sent),
                 .busy = cycles == 0 ? 0 : busy / cycles,
                 .sessions = sessions,
                 .latency = stretch_.recent.summary(rte_get_tsc_hz()),
                 .what = phase_}));
  note();
}

void StretchLines::note() {
  sent_ = stretch_.sent;
  lost_ = stretch_.losses.all;
  busy_cycles_ = stretch_.busy_cycles;
  cycles_ = stretch_.cycles;
  stretch_.recent.clear();
}

}  // namespace postern::bench
