// Ends sessions in workers that go on working: those of a reading that are wanted are noted, and
// the worker ends what still is what was noted. Control thread.
#ifndef POSTERN_CONTROL_METHODS_SESSION_REMOVAL_H_
#define POSTERN_CONTROL_METHODS_SESSION_REMOVAL_H_

#include <cstdint>
#include <functional>

#include "control/methods/context.h"
#include "dataplane/run/channel.h"

namespace postern {

using SessionChoice = std::function<bool(const SessionCopy& copy)>;

// Ends every session that began before now and for which `is_chosen`; then calls `done`, later,
// with how many have ended. The workers of the context must go on until then, or have stopped.
void remove_sessions(const MethodContext& context, SessionChoice is_chosen,
                     std::function<void(uint64_t removed)> done);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_SESSION_REMOVAL_H_
