// A session as `sessions.list` shows it. Pure; any thread.
#ifndef POSTERN_CONTROL_METHODS_SESSION_ROWS_H_
#define POSTERN_CONTROL_METHODS_SESSION_ROWS_H_

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "control/apply/gateway.h"
#include "control/methods/context.h"
#include "control/methods/session_filter.h"
#include "dataplane/run/channel.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// "tcp", "udp", "icmp", "icmp6", else the number.
std::string protocol_name(uint8_t protocol);

// Whether what the session rests on is still there. A session whose pod, namespace, node or address
// is gone serves nothing any more, even while the sweep has not come to it.
bool session_serves(const Snapshot& snapshot, const SessionEntry& entry);

// Shows every session that serves to `visit`, with the snapshot in force at that moment; then calls
// `done`. As read_sessions().
void read_serving(const MethodContext& context,
                  std::function<void(const Snapshot& snapshot, const SessionCopy& copy)> visit,
                  std::function<void()> done);

// What a filter looks at. Its texts are those of `names`.
SessionFacts session_facts(const Snapshot& snapshot, const Names& names, const SessionCopy& copy);

// The row; `worker` is the number of the worker that owns it.
nlohmann::json session_row(const Snapshot& snapshot, const Names& names, const SessionCopy& copy,
                           size_t worker);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_SESSION_ROWS_H_
