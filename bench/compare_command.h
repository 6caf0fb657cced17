// postern-bench compare: whether two results of `run` differ by more than they spread. Main thread.
#ifndef POSTERN_BENCH_COMPARE_COMMAND_H_
#define POSTERN_BENCH_COMPARE_COMMAND_H_

#include <optional>
#include <span>
#include <string>

#include "bench/ratio.h"
#include "bench/result_file.h"

namespace postern::bench {

struct CompareOptions {
  std::optional<Figure> figure = {};  // of the result files; none: what their case is about
  bool anyway = false;                // compare what differs in more than the program
  double at_least = 0;                // a smaller difference is none
};

// What comes of a comparison.
struct Comparison {
  std::string text;  // for the terminal
  bool concluded = false;
};

// Fewer samples than this have no spread to speak of.
inline constexpr size_t kFewestSamples = 10;

// `b` against `a`; both have samples, read for options.figure.
[[nodiscard]] Comparison compare(const ResultFile& a, const ResultFile& b,
                                 const CompareOptions& options);

// `arguments` begin with "compare". Exit status: 0 they differ, 1 no conclusion or no comparison, 2
// usage.
int compare_command(std::span<const char* const> arguments);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_COMPARE_COMMAND_H_
