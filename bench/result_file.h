// Result files of `postern-bench run`, read back: what was measured, where, and every sample.
// Values; any thread.
#ifndef POSTERN_BENCH_RESULT_FILE_H_
#define POSTERN_BENCH_RESULT_FILE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/result_samples.h"
#include "dataplane/run/complaint.h"

namespace postern::bench {

// One thing that a file says of its run.
struct Fact {
  std::string_view name;  // "frame size"
  std::string value;      // as text; empty: the file does not say
  bool operator==(const Fact&) const = default;
};

struct ResultFile {
  std::string path;
  // What must be the same in two files that are to be compared: the case and its sizes, the port
  // kind, the machine. And what may well differ, because it is compared: commit, compiler, kernel.
  std::vector<Fact> fixed;
  std::vector<Fact> free;
  // The figure: the median of its samples, with its 95 % interval.
  Figure figure = Figure::kNet;
  double value = 0;
  double low = 0;
  double high = 0;
  std::vector<double> samples;
  bool disturbed = false;    // most samples met others at work
  bool interrupted = false;  // ended before its time
};

// `figure`: none is what the file's case is about. Complains where the file cannot be read, is no
// JSON, is no result of `run`, or says something else than its own samples, and says which.
[[nodiscard]] Outcome<ResultFile> read_result_file(const std::string& path,
                                                   std::optional<Figure> figure);
// The same from the file's text.
[[nodiscard]] Outcome<ResultFile> parse_result_file(const std::string& path,
                                                    const std::string& text,
                                                    std::optional<Figure> figure);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RESULT_FILE_H_
