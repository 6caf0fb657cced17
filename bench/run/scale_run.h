// The case scale: what several workers carry, by what one carries.
//
// Windows in turns: one worker alone; all of them with queues that steer right; all of them with
// queues that do not, so that packets are handed over; and back. Both directions. Each rate is the
// median over windows, and so are the ratios, each of one round. Windows in which a worker waited
// for its CPU count only where there are no others.
#ifndef POSTERN_BENCH_RUN_SCALE_RUN_H_
#define POSTERN_BENCH_RUN_SCALE_RUN_H_

#include <string>

#include "bench/run/solo_case.h"

namespace postern::bench {

// Measures and reports. Returns "" or what went wrong. Main thread.
std::string run_scale(const CaseParts& parts);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_SCALE_RUN_H_
