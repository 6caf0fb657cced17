// Result files of `postern-bench run`, read back: what was measured, where, and every sample.
// Values; any thread.
#ifndef POSTERN_BENCH_RESULT_FILE_H_
#define POSTERN_BENCH_RESULT_FILE_H_

#include <string>
#include <string_view>
#include <vector>

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
  // The figure that was asked for.
  double value = 0;
  double low = 0;
  double high = 0;
  std::vector<double> samples;
  bool disturbed = false;    // most samples met others at work
  bool interrupted = false;  // ended before its time
};

// The figures that samples are of.
enum class Figure : uint8_t { kNet, kTotal, kIo };
[[nodiscard]] std::string_view key_of(Figure figure);    // "net_cycles_per_packet"
[[nodiscard]] std::string_view words_of(Figure figure);  // "net cycles a packet"

// Complains where the file cannot be read, is no JSON, or is no result of `run`, and says which.
[[nodiscard]] Outcome<ResultFile> read_result_file(const std::string& path, Figure figure);
// The same from the file's text.
[[nodiscard]] Outcome<ResultFile> parse_result_file(const std::string& path,
                                                    const std::string& text, Figure figure);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RESULT_FILE_H_
