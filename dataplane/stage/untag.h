// Untag: frames of a port that has a VLAN, as the other stages know them.
//
// Such a port hears its VLAN and nothing else: frames of others, and untagged ones, are dropped as
// wrong-vlan before anything of them is looked at; the rest goes on without its tag. What leaves by
// the port is tagged last of all, when the worker flushes it (Doors::tag()). A port without a VLAN
// needs none of this. Called by the worker that owns the burst.
#ifndef POSTERN_DATAPLANE_STAGE_UNTAG_H_
#define POSTERN_DATAPLANE_STAGE_UNTAG_H_

#include <cstdint>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/doors.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Leaves in the burst, which came on `port` (index into snapshot.ports), the frames of the port's
// VLAN.
void untag(const Snapshot& snapshot, uint16_t port, Burst& burst, Doors& doors);

// Drops packet `i`, of which meta.port alone is known, for its VLAN.
void drop_wrong_vlan(Burst& burst, uint32_t i, Doors& doors);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_UNTAG_H_
