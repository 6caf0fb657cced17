#include "bench/run/timeline_json.h"

#include <rte_cycles.h>

#include <cinttypes>
#include <cmath>
#include <string>

#include "bench/environment_json.h"
#include "bench/printed.h"

namespace postern::bench {

nlohmann::ordered_json timeline_json(const Phases& phases) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& [phase, stretch] : phases) {
    for (const Slice& slice : stretch->slices) {
      rows.push_back({{"at_ms", std::round(slice.at_ms * 10) / 10},
                      {"lasted_ms", std::round(slice.lasted_ms * 100) / 100},
                      {"phase", phase},
                      {"offered", slice.offered},
                      {"sent", slice.sent},
                      {"lost", slice.lost},
                      {"lost_own", slice.lost_own},
                      {"waited_us", std::round(slice.waited_us)}});
    }
  }
  return rows;
}

void add_losses(CaseReport& report, const std::string& phase, const Stretch& stretch) {
  const std::string key = "lost_" + phase;
  const LossCauses causes = stretch.causes();
  const auto add = [&](const std::string& name, const char* label, uint64_t packets) {
    report.json()[name] = packets;
    report.say(label, printed("%10" PRIu64 "   packets", packets));
  };
  add(key, ("lost, " + phase).c_str(), stretch.losses.all);
  add(key + "_stalled", "  while the machine stood still", causes.stalled);
  add(key + "_waiting", "  while the CPU was others'", causes.waiting);
  add(key + "_own", "  while it ran: too slow", causes.own);
  const double us = 1e6 / static_cast<double>(rte_get_tsc_hz());
  const StepTimes& steps = stretch.steps;
  const auto walk = steps[Step::kWalk].long_stalls;
  const auto chores = steps[Step::kChores].long_stalls;
  report.say("stalls, " + phase,
             printed("%10u   in the walk %u (chance %.2f), in chores %u (%.2f); %.0f us at most",
                     steps.long_stalls(), walk, steps.chance(Step::kWalk), chores,
                     steps.chance(Step::kChores), static_cast<double>(steps.longest_stall) * us));
  report.json()["stalls_" + phase] = {
      {"number", steps.long_stalls()},
      {"in_the_walk", walk},
      {"in_chores", chores},
      {"chance_of_so_many_in_the_walk", rounded_to(steps.chance(Step::kWalk), 4)},
      {"chance_of_so_many_in_chores", rounded_to(steps.chance(Step::kChores), 4)},
      {"longest_us", rounded_to(static_cast<double>(steps.longest_stall) * us, 1)},
      {"total_ms", rounded_to(static_cast<double>(steps.stalled_cycles()) * us / 1e3, 2)}};
  report.add("turns_" + phase, "turns of the worker, " + phase, stretch.turns);
  report.json()["longest_turn_us_" + phase] =
      rounded_to(static_cast<double>(stretch.turns.max()) * us, 1);
  report.json()["waited_ms_" + phase] = rounded_to(stretch.waited_ms, 2);
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
