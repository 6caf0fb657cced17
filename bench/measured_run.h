// One run of postern-bench, from options to results: EAL, buffers, tables, sessions, traffic, and
// the measurement on a worker's thread.
#ifndef POSTERN_BENCH_MEASURED_RUN_H_
#define POSTERN_BENCH_MEASURED_RUN_H_

#include <string>

#include "bench/options.h"

namespace postern::bench {

// Runs and prints to standard output; SIGINT and SIGTERM, which the caller has blocked in every
// thread, end it early. Returns "" or what went wrong. Main thread, once a process.
std::string run_measurement(const Options& options);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_MEASURED_RUN_H_
