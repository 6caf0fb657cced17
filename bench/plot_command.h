// postern-bench plot: pictures of result files, by gnuplot. Main thread.
#ifndef POSTERN_BENCH_PLOT_COMMAND_H_
#define POSTERN_BENCH_PLOT_COMMAND_H_

#include <span>

namespace postern::bench {

// `arguments` begin with "plot". Exit status: 0 every file was drawn, 1 something was not, 2 usage.
int plot_command(std::span<const char* const> arguments);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_PLOT_COMMAND_H_
