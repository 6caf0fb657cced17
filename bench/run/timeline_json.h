// Stretches of time as JSON: their slices one after the other, and the steps of a latency's
// distribution. For plots.
#ifndef POSTERN_BENCH_RUN_TIMELINE_JSON_H_
#define POSTERN_BENCH_RUN_TIMELINE_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "bench/run/case_report.h"
#include "bench/run/stretch.h"

namespace postern::bench {

// A row a slice: at_ms, lasted_ms, phase, offered, sent, lost, lost_own (without any stall),
// waited_us.
using Phases = std::vector<std::pair<std::string, const Stretch*>>;
[[nodiscard]] nlohmann::ordered_json timeline_json(const Phases& phases);
// "lost_PHASE": all that was lost; of it "..._stalled" while the machine stood still, "..._waiting"
// while the thread waited for its CPU because others ran there, "..._own" while it ran: by its own
// doing (loss_blame.h). "stalls_PHASE": what is known of the machine's. "turns_PHASE": how long the
// worker took from one look at the queue to the next.
void add_losses(CaseReport& report, const std::string& phase, const Stretch& stretch);
// Pairs of nanoseconds and the share of packets that took at most as long.
[[nodiscard]] nlohmann::ordered_json steps_json(const LatencyHistogram& latency);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_TIMELINE_JSON_H_
