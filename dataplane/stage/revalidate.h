// Revalidate: may a session that has begun under earlier tables begin under these, too?
//
// Established packets do not ask the policy again (classify.h); where the operator wants a change
// to hold for sessions as well, each is judged once as if its first packet came now, by the same
// classification. Reads only. Called by the worker that owns the session, off the packets' way.
#ifndef POSTERN_DATAPLANE_STAGE_REVALIDATE_H_
#define POSTERN_DATAPLANE_STAGE_REVALIDATE_H_

#include "dataplane/table/session_entry.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Whether a first packet with the addresses and ports of this live session would be let out, and
// the address that the session bears is one that it could get. A drained address counts: drained
// is for new sessions.
bool is_still_allowed(const Snapshot& snapshot, const SessionEntry& entry, const ColdSession& cold);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_REVALIDATE_H_
