// The fast path: what nearly all packets are, carried from their session to the door in one loop.
//
// A TCP or UDP packet of an established session that is of no special kind, on a known way to a
// neighbour that is resolved, needs little of what track, route, translate and forward can do, and
// loops of their own cost it as much again as the work. Here it is judged, counted, rewritten and
// handed on at once. Before anything of it is changed, every question is asked; where one is
// answered otherwise, the packet is left, as it was, for those stages, which do the same in
// general. docs/decisions/0010 has the figures. Called by the worker that owns the sessions.
#ifndef POSTERN_DATAPLANE_STAGE_FAST_PATH_H_
#define POSTERN_DATAPLANE_STAGE_FAST_PATH_H_

#include "dataplane/packet/burst.h"
#include "dataplane/packet/doors.h"
#include "dataplane/packet/now.h"
#include "dataplane/stage/track.h"
#include "dataplane/table/sessions.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Packets `in` have arrived and their sessions were looked up. Those that are not carried, nor
// refused, are pushed to `rest` in their order.
void carry_outbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                    Now now, IndexList& rest, Refusals& refusals, Doors& doors);
void carry_inbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                   Now now, IndexList& rest, Refusals& refusals, Doors& doors);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_FAST_PATH_H_
