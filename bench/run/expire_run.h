// The case expire: what traffic meets while a million sessions expire within one second.
//
// --sessions established ones have traffic, outbound, at half of what the worker can carry. Beside
// them a million others began within a second and are silent, so they expire together, and the
// sweep ends them while the packets go on. Time is skipped to two seconds before. Latency from
// falling due to having left, in three stretches at the same rate: macswap instead of the walk, the
// walk in quiet, the walk while the others end.
#ifndef POSTERN_BENCH_RUN_EXPIRE_RUN_H_
#define POSTERN_BENCH_RUN_EXPIRE_RUN_H_

#include <string>

#include "bench/bench_eal.h"
#include "bench/options.h"

namespace postern::bench {

// Measures and reports. Returns "" or what went wrong. Main thread.
std::string run_expire(const Options& options, BenchEal& started, rte_mempool* pool);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_EXPIRE_RUN_H_
