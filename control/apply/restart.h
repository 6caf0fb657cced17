// What of a configuration cannot change while the gateway runs: the one list. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_RESTART_H_
#define POSTERN_CONTROL_APPLY_RESTART_H_

#include <string_view>

namespace postern {

// Whether a difference at that path (diff.h) needs a restart: eal, workers, ports, sessions.max,
// sessions.port_range, and gateway but its log keys. (And sessions.fragments.max beyond the room
// that was made at start, which diff() sees.)
bool needs_restart(std::string_view path);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_RESTART_H_
