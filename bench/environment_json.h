// Where a figure was measured, for a result file. Any thread.
#ifndef POSTERN_BENCH_ENVIRONMENT_JSON_H_
#define POSTERN_BENCH_ENVIRONMENT_JSON_H_

#include <nlohmann/json_fwd.hpp>

#include "bench/environment.h"

namespace postern::bench {

// With the keys of run's result files.
[[nodiscard]] nlohmann::ordered_json environment_json(const Environment& environment);

// One decimal, two, or so: what follows says nothing.
[[nodiscard]] double rounded_to(double value, int decimals);

// Writes a result file. Returns "" or what went wrong.
[[nodiscard]] std::string write_result(const std::string& path,
                                       const nlohmann::ordered_json& result);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_ENVIRONMENT_JSON_H_
