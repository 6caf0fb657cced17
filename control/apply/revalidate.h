// Has every worker judge its sessions by the tables in force, and waits until all are through.
// Control thread.
#ifndef POSTERN_CONTROL_APPLY_REVALIDATE_H_
#define POSTERN_CONTROL_APPLY_REVALIDATE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "control/apply/loop.h"
#include "dataplane/run/channel.h"

namespace postern {

// Ends the sessions that the policy in force would not let begin (dataplane/stage/revalidate.h);
// then calls `done`, later, with how many have ended. The workers must go on until then, or have
// stopped.
void revalidate_sessions(Loop* loop, const std::vector<WorkerChannel*>& workers,
                         std::function<void(uint64_t ended)> done);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_REVALIDATE_H_
