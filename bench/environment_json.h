// Result files, and what all of them say of where their figures were measured. Any thread.
#ifndef POSTERN_BENCH_ENVIRONMENT_JSON_H_
#define POSTERN_BENCH_ENVIRONMENT_JSON_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "bench/environment.h"

namespace postern::bench {

// With the keys of run's result files.
[[nodiscard]] nlohmann::ordered_json environment_json(const Environment& environment);

// One decimal, two, or so: what follows says nothing.
[[nodiscard]] double rounded_to(double value, int decimals);

// Before anything is measured: "" or why `path` (--json) cannot be written; a file that is there
// stays as it is. "-" is standard output: it becomes another path, and what is printed from then on
// goes to standard error. Empty: there is to be no file.
[[nodiscard]] std::string claim_result(std::string& path);
// Writes a result file, unless `path` is empty. Returns "" or what went wrong.
[[nodiscard]] std::string write_result(const std::string& path,
                                       const nlohmann::ordered_json& result);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_ENVIRONMENT_JSON_H_
