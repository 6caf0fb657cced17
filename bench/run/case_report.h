// What a case with figures of its own says at its end: a block of lines, and the JSON file with the
// same figures, their samples and the environment. Main thread.
#ifndef POSTERN_BENCH_RUN_CASE_REPORT_H_
#define POSTERN_BENCH_RUN_CASE_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bench/bench_eal.h"
#include "bench/latency_histogram.h"
#include "bench/portless_gateway.h"
#include "bench/report.h"

namespace postern::bench {

class CaseReport {
 public:
  // `sentence`: what was done, behind the name of the case.
  CaseReport(const Options& options, const std::string& sentence);

  // A figure: its key in the JSON, its line in the block.
  void add(const std::string& key, std::string_view label, double value, std::string_view unit);
  // The median of samples, with its interval ("KEY_interval").
  void add(const std::string& key, std::string_view label, const std::vector<double>& samples,
           std::string_view unit);
  // How long packets took.
  void add(const std::string& key, std::string_view label, const LatencyHistogram& latency);
  // What stands in the JSON only.
  nlohmann::ordered_json& json() { return json_; }
  // A line of the block only.
  void say(std::string_view label, const std::string& text);

  // Prints the block and writes the file, where one is wanted. "" or what went wrong.
  std::string finish(const RunSetting& setting, double stolen_percent);

 private:
  const Options& options_;
  std::string block_;
  nlohmann::ordered_json json_;
};

[[nodiscard]] RunSetting setting_of(const Scenario& scenario, const BenchEal& started,
                                    const PortlessGateway& gateway);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_CASE_REPORT_H_
