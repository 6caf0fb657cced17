#include "bench/run/case_report.h"

#include <rte_cycles.h>

#include <algorithm>
#include <cstdio>

#include "bench/environment_json.h"
#include "bench/run/console.h"
#include "bench/statistics.h"
#include "dataplane/run/environment.h"

namespace postern::bench {

CaseReport::CaseReport(const Options& options, const std::string& sentence) : options_(options) {
  block_ = "\n" + std::string(name_of(options.which)) + ": " + sentence + "\n";
  json_ = {{"case", name_of(options.which)},
           {"sessions", options.sessions},
           {"size", options.frame_bytes},
           {"workers", options.workers},
           {"port", text_of(options.port)},
           {"tunnel", name_of(options.overlay)},
           {"seed", options.seed}};
}

void CaseReport::say(std::string_view label, const std::string& text) {
  std::string left = "  " + std::string(label);
  left.resize(std::max<size_t>(left.size() + 1, 36), ' ');
  block_ += left + text + '\n';
}

void CaseReport::add(const std::string& key, std::string_view label, double value,
                     std::string_view unit) {
  char text[64];
  snprintf(text, sizeof text, "%10.2f   ", value);
  say(label, text + std::string(unit));
  json_[key] = two_decimals(value);
}

void CaseReport::add(const std::string& key, std::string_view label,
                     const std::vector<double>& samples, std::string_view unit) {
  const Median median = median_of(samples);
  char text[160];
  snprintf(text, sizeof text, "%10.2f   %s (95 %%: %.2f to %.2f)", median.value,
           std::string(unit).c_str(), median.low, median.high);
  say(label, text);
  json_[key] = two_decimals(median.value);
  json_[key + "_interval"] = {two_decimals(median.low), two_decimals(median.high)};
}

void CaseReport::add(const std::string& key, std::string_view label,
                     const LatencyHistogram& latency) {
  const LatencySummary summary = latency.summary(rte_get_tsc_hz());
  char text[160];
  snprintf(text, sizeof text, "%10.2f   us p50, %.2f p99, %.2f p99.9, %.2f at most",
           summary.p50_ns / 1e3, summary.p99_ns / 1e3, summary.p999_ns / 1e3, summary.max_ns / 1e3);
  say(label, text);
  json_[key] = latency_json(summary);
}

std::string CaseReport::finish(const RunSetting& setting, double stolen_percent) {
  const Environment environment = read_environment();
  char text[64];
  snprintf(text, sizeof text, "%10.2f   %% while measuring", stolen_percent);
  say("stolen by others", text);
  print(block_ + "  " + environment.cpu + ", CPU " + std::to_string(setting.cpu) + ", buffers " +
        setting.memory + ", " + environment.dpdk + ", " + environment.commit + "\n");
  json_["environment"] = environment_json(environment, setting, stolen_percent);
  return write_result(options_.json, json_);
}

RunSetting setting_of(const Scenario& scenario, const BenchEal& started,
                      const PortlessGateway& gateway) {
  return {.pods = scenario.pods,
          .nodes = scenario.nodes(),
          .cpu = started.worker_cpu,
          .memory = std::string(name_of(started.eal.memory_mode())),
          .session_pages = std::string(name_of(gateway.session_pages())),
          .session_table_bytes = gateway.session_table_bytes()};
}

}  // namespace postern::bench
