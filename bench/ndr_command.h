// postern-bench ndr: the highest rates without loss (NDR) and with a little (PDR), and latencies
// below them. Main thread.
#ifndef POSTERN_BENCH_NDR_COMMAND_H_
#define POSTERN_BENCH_NDR_COMMAND_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/command_line.h"
#include "bench/loaded_gateway.h"
#include "bench/measuring_options.h"
#include "bench/mlr_search.h"

namespace postern::bench {

struct NdrOptions {
  MeasuringOptions measuring;
  LoadCase which = LoadCase::kNatOut;
  std::vector<double> loss_ratios = {0, 0.005};
  bool rfc2544 = true;
  bool mlrsearch = true;
  uint32_t trial_ms = 1000;        // final trial duration
  uint32_t initial_ms = 100;       // MLRsearch: first trial duration
  uint32_t sum_ms = 5000;          // MLRsearch: goal duration sum
  double exceed_ratio = 0.5;       // MLRsearch
  double width = 0.005;            // relative
  std::optional<double> max_rate;  // otherwise twice what the gateway forwards when flooded
  uint32_t retries = 1;            // of trials that lost packets while others were at work
};

// The options of a command line; `grammar` refers to `options`.
[[nodiscard]] Grammar ndr_grammar(NdrOptions& options);
// Puts the case among the options. Empty, or what is wrong.
[[nodiscard]] std::string take_case(std::string_view word, NdrOptions& options);

// "0,0.5%": one to eight shares. Nothing where it is no such list.
[[nodiscard]] std::optional<std::vector<double>> shares_of(std::string_view text);

// `arguments` begin with "ndr". Exit status: 0 measured, 1 could not be measured, 2 usage.
int ndr_command(std::span<const char* const> arguments);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_NDR_COMMAND_H_
