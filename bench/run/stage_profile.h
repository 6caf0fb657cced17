// What each stage costs, in a phase of its own behind the measurement: the counter is read between
// stages, which no figure of the run contains. Medians over bursts of TSC cycles a packet.
//
// Half of the bursts walk as packets of established sessions do (arrive, look_up, carry), half by
// the general stages, which take over what the fast path leaves (settle, track, route, translate,
// forward).
// Called on the worker's lcore.
#ifndef POSTERN_BENCH_RUN_STAGE_PROFILE_H_
#define POSTERN_BENCH_RUN_STAGE_PROFILE_H_

#include <array>
#include <optional>
#include <string_view>

#include "bench/portless_gateway.h"
#include "bench/run/traffic_port.h"
#include "dataplane/packet/direction.h"

namespace postern::bench {

inline constexpr std::array<std::string_view, 8> kStageNames = {
    "arrive", "look_up", "carry", "settle", "track", "route", "translate", "forward"};
using StageCycles = std::array<double, kStageNames.size()>;

// Nothing where the port has no frames.
[[nodiscard]] std::optional<StageCycles> profile_stages(TrafficPort& port, PortlessGateway& gateway,
                                                        Direction direction);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_STAGE_PROFILE_H_
