// What `postern-bench ndr` does on the worker's thread: the searches, and the latencies at shares
// of the rate that was found.
#ifndef POSTERN_BENCH_NDR_SEARCH_H_
#define POSTERN_BENCH_NDR_SEARCH_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/ndr_command.h"

namespace postern::bench {

struct LatencyAtLoad {
  double share = 0;  // of the rate without loss
  double load = 0;   // packets a second
  LoadTrial trial;
  LatencyHistogram histogram;
};

struct NdrResult {
  SearchRange range;
  double flooded = 0;                    // packets a second forwarded when twice of it came
  std::vector<Throughput> rfc2544 = {};  // one a loss ratio, or none
  MlrResult mlrsearch = {};              // likewise
  std::vector<LatencyAtLoad> latencies = {};
  uint32_t trials = 0;     // all that were made
  uint32_t repeated = 0;   // of them, in place of disturbed ones
  uint32_t disturbed = 0;  // taken although they lost packets while others were at work
};

// Prints a line a trial. Returns "" or what went wrong. On the worker's lcore.
std::string search_ndr(const NdrOptions& options, LoadedGateway& gateway, NdrResult& result);

// For the terminal, and for --json.
[[nodiscard]] std::string ndr_text(const NdrOptions& options, const NdrResult& result,
                                   uint64_t tsc_hz);
void write_ndr(const NdrOptions& options, const NdrResult& result, uint64_t tsc_hz,
               nlohmann::ordered_json& json);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_NDR_SEARCH_H_
