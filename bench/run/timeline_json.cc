#include "bench/run/timeline_json.h"

#include <rte_cycles.h>

#include <cmath>
#include <string>

namespace postern::bench {

nlohmann::ordered_json timeline_json(
    std::initializer_list<std::pair<std::string_view, const Stretch*>> stretches) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& [phase, stretch] : stretches) {
    for (const Slice& slice : stretch->slices) {
      rows.push_back({{"at_ms", std::round(slice.at_ms * 10) / 10},
                      {"phase", phase},
                      {"offered", slice.offered},
                      {"sent", slice.sent},
                      {"lost", slice.lost},
                      {"waited_us", std::round(slice.waited_us)}});
    }
  }
  return rows;
}

void add_losses(CaseReport& report, const std::string& phase, const Stretch& stretch) {
  const std::string key = "lost_" + phase;
  report.add(key, "lost, " + phase, static_cast<double>(stretch.lost), "packets");
  report.add(key + "_waiting", "of them while the CPU was others'",
             static_cast<double>(stretch.lost_waiting), "packets");
}

nlohmann::ordered_json steps_json(const LatencyHistogram& latency) {
  const double ns_per_cycle = 1e9 / static_cast<double>(rte_get_tsc_hz());
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const LatencyHistogram::Step& step : latency.steps()) {
    rows.push_back({std::round(static_cast<double>(step.up_to) * ns_per_cycle), step.share});
  }
  return rows;
}

}  // namespace postern::bench
