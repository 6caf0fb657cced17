// The walk: what happens to a burst, on one screen. docs/walk.md follows a packet through it.
// Called by the worker that owns everything in WalkContext.
#ifndef POSTERN_DATAPLANE_RUN_WALK_H_
#define POSTERN_DATAPLANE_RUN_WALK_H_

#include <cstdint>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/doors.h"
#include "dataplane/packet/now.h"
#include "dataplane/stage/answer.h"
#include "dataplane/stage/gather.h"
#include "dataplane/stage/hand_over.h"
#include "dataplane/stage/refuse.h"
#include "dataplane/table/sessions.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// A worker's own things, as the stages need them.
struct WalkContext {
  Sessions& sessions;
  Doors& doors;
  AnswerTools tools;
  FragmentGatherer& fragments;
  RateLimiter& arp_answers;                // by who asks and for what
  HeardNeighbours heard;                   // out: for the control thread
  const HandoverEnds* handover = nullptr;  // null: it is the only worker
};

// Walks a burst that was received on `port` (index into snapshot.ports) through all stages. Every
// packet leaves by a door; frames for ports wait in context.doors until they are flushed.
void walk(const Snapshot& snapshot, uint16_t port, Burst& burst, Now now, WalkContext& context);

// Takes the next packets that another worker handed over into `burst`, and walks them from there
// on. Returns their number.
uint32_t walk_handed(const Snapshot& snapshot, HandoverRing& from, Burst& burst, Now now,
                     WalkContext& context);

// Walks fragments that waited for the first of their datagram and may go on now: at most a burst of
// each direction, for which `burst` gives room. Ask context.fragments.has_woken() before.
void walk_woken(const Snapshot& snapshot, Burst& burst, Now now, WalkContext& context);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_WALK_H_
