// postern-bench sweep: one case of `run` over a ladder of sessions, for uniformly random packets
// and for Zipf's law, as one result file. Main thread.
#ifndef POSTERN_BENCH_SWEEP_COMMAND_H_
#define POSTERN_BENCH_SWEEP_COMMAND_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "bench/command_line.h"
#include "bench/session_draw.h"

namespace postern::bench {

struct SweepOptions {
  std::string which;  // the case, as `run` has it
  std::vector<uint32_t> sessions;
  std::vector<Draw> draws = {Draw::kUniform, Draw::kZipf};
  std::string json;
  bool json_at_once = true;            // after every point, not only at the end
  std::vector<std::string> passed_on;  // options and values for every run
};

// The options of a command line; `grammar` refers to `options`.
[[nodiscard]] Grammar sweep_grammar(SweepOptions& options);
// The words of one point's run.
[[nodiscard]] std::vector<std::string> words_of_point(const SweepOptions& options, Draw draw,
                                                      uint32_t sessions, const std::string& file);
// What a sweep keeps of a run's result: everything but its samples, of which it keeps the number.
[[nodiscard]] nlohmann::ordered_json point_of(nlohmann::ordered_json result);
// One line a point.
[[nodiscard]] std::string table_of(const nlohmann::ordered_json& sweep);

// `arguments` begin with "sweep". Exit status: 0 measured what fits into memory, 1 a point could
// not be measured, 2 usage.
int sweep_command(std::span<const char* const> arguments);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_SWEEP_COMMAND_H_
