// What an operator should look at, each a sentence that says what to do: `attention` of `status`.
//
//   a port whose link is down              a node whose VTEP there is no route to
//   a next hop that does not answer,       a session table that is nearly full
//   or that two devices claim to be        an egress address whose ports to one
//   a host name that does not resolve      destination are nearly used up
//   a configuration that nobody confirmed  a state file that cannot be kept
//   an egress address that is drained
//
// The ports take a reading of all sessions; it is done only while an address has enough of them
// in use that it could be so. Control thread.
#ifndef POSTERN_CONTROL_METHODS_ATTENTION_H_
#define POSTERN_CONTROL_METHODS_ATTENTION_H_

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "control/methods/context.h"

namespace postern {

inline constexpr uint64_t kPortsWarning_percent = 80;
inline constexpr uint64_t kSessionsWarning_percent = 90;

// Calls `done` with the sentences, at once or later.
void find_attention(const MethodContext& context, std::function<void(nlohmann::json)> done);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_ATTENTION_H_
