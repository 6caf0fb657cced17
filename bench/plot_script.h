// What gnuplot is told to draw. Pure; any thread.
#ifndef POSTERN_BENCH_PLOT_SCRIPT_H_
#define POSTERN_BENCH_PLOT_SCRIPT_H_

#include <string>
#include <vector>

#include "bench/plot_series.h"

namespace postern::bench {

// A whole script, data included, that writes `directory`/NAME.png and .svg. `series` are of `kind`,
// at least one. A path may hold any character but a quotation mark.
[[nodiscard]] std::string plot_script(PlotKind kind, const std::vector<Series>& series,
                                      const std::string& directory);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_PLOT_SCRIPT_H_
