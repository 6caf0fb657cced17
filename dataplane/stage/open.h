// Open: the first packet of a session.
//
// Classifies the packets for which no session was found, chooses an egress address and a port, and
// makes the session. Everything a new session costs is here, off the established path. Called by
// the worker that owns the sessions.
#ifndef POSTERN_DATAPLANE_STAGE_OPEN_H_
#define POSTERN_DATAPLANE_STAGE_OPEN_H_

#include "dataplane/stage/track.h"

namespace postern {

// Packets `in` are outbound flows without a session, or (meta.session set) a new SYN on a closing
// one (nat.md T4). Those that may go on are pushed to `pass` with meta.session set.
void open_sessions(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                   Now now, IndexList& pass, Refusals& refusals);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_OPEN_H_
