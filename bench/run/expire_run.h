// The case expire: what traffic meets while a million sessions expire within one second.
//
// --sessions established ones have traffic, outbound, at half of what the worker can carry. Beside
// them a million others began within a second and are silent, so they expire together, and the
// sweep ends them while the packets go on, and later the holds of their ports. Time is skipped to
// the second in which they do. Latency from falling due to having left, in four stretches at the
// same rate: macswap instead of the walk, the walk in quiet, the walk while the others end, the
// walk while the holds end.
#ifndef POSTERN_BENCH_RUN_EXPIRE_RUN_H_
#define POSTERN_BENCH_RUN_EXPIRE_RUN_H_

#include <string>

#include "bench/run/solo_case.h"

namespace postern::bench {

// Measures and reports. Returns "" or what went wrong. Main thread.
std::string run_expire(const CaseParts& parts);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_EXPIRE_RUN_H_
