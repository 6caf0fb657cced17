// What of a configuration cannot change while the gateway runs. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_RESTART_H_
#define POSTERN_CONTROL_APPLY_RESTART_H_

#include <string>
#include <vector>

#include "config/model.h"

namespace postern {

// The settings in which `wanted` differs from `running` and that need a restart, as paths like
// "eal.memory_mb" or "ports.uplink": eal, workers, ports, sessions.max, sessions.port_range, and
// gateway but its log keys.
std::vector<std::string> needs_restart(const config::Model& running, const config::Model& wanted);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_RESTART_H_
