// Stretches of time as JSON: their slices one after the other, and the steps of a latency's
// distribution. For plots.
#ifndef POSTERN_BENCH_RUN_TIMELINE_JSON_H_
#define POSTERN_BENCH_RUN_TIMELINE_JSON_H_

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "bench/run/case_report.h"
#include "bench/run/paced_loop.h"

namespace postern::bench {

// A row a slice: at_ms, phase, offered, sent, lost, waited_us.
[[nodiscard]] nlohmann::ordered_json timeline_json(
    std::initializer_list<std::pair<std::string_view, const Stretch*>> stretches);
// "lost_PHASE", "lost_PHASE_waiting": all that was lost, and what of it while the thread waited for
// its CPU because others ran there.
void add_losses(CaseReport& report, const std::string& phase, const Stretch& stretch);
// Pairs of nanoseconds and the share of packets that took at most as long.
[[nodiscard]] nlohmann::ordered_json steps_json(const LatencyHistogram& latency);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_TIMELINE_JSON_H_
