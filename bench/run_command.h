// postern-bench run: one case, measured and reported. Main thread.
#ifndef POSTERN_BENCH_RUN_COMMAND_H_
#define POSTERN_BENCH_RUN_COMMAND_H_

#include <span>

namespace postern::bench {

// `arguments` begin with "run". Exit status: 0 measured, 1 could not be measured, 2 usage.
int run_command(std::span<const char* const> arguments);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_COMMAND_H_
