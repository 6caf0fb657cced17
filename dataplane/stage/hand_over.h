// Hand over: whose packet is this?
//
// With several workers, a packet that arrived here may belong to a session of another one. Its
// owner follows from the packet alone (table/owner_map.h), so nothing is looked up: what belongs to
// others is put on their rings, in the order in which it arrived, and walks the same stages there.
// What a full ring does not take is dropped. Packets for the gateway itself (ARP, echo to its own
// addresses) belong to whoever received them.
//
// A packet that was sorted by tables which are not the taker's any more, or not yet, is sorted
// anew: a change that was answered holds for what waited in a ring, too.
//
// With one worker there is no such stage. Called by the worker that owns the burst.
#ifndef POSTERN_DATAPLANE_STAGE_HAND_OVER_H_
#define POSTERN_DATAPLANE_STAGE_HAND_OVER_H_

#include <cstdint>
#include <vector>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/counters.h"
#include "dataplane/packet/direction.h"
#include "dataplane/packet/doors.h"
#include "dataplane/packet/handover_ring.h"
#include "dataplane/stage/arrive.h"
#include "dataplane/table/owner_map.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// A worker's ends of the rings between all workers.
struct HandoverEnds {
  const OwnerMap* owners = nullptr;
  WorkerIndex self = 0;
  std::vector<HandoverRing*> to;    // by worker; null at `self`
  std::vector<HandoverRing*> from;  // likewise
};

// Of a burst that came by one port. Leaves in `arrivals` what belongs to this worker; the rest is
// with its owners, or dropped.
void hand_over(const Snapshot& snapshot, const HandoverEnds& ends, Burst& burst, Arrivals& arrivals,
               Counters& counters, Doors& doors);

// Likewise fragments `ready` of one burst whose ports are known by now.
void hand_over_fragments(const Snapshot& snapshot, const HandoverEnds& ends, Burst& burst,
                         IndexList& ready, Direction direction, Counters& counters, Doors& doors);

// Takes the next packets that another worker handed over, at most a burst, as if they had just been
// sorted here.
void take_handed(const Snapshot& snapshot, HandoverRing& from, Burst& burst, Arrivals& arrivals,
                 Doors& doors);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_HAND_OVER_H_
