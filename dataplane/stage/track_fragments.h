// Track, for fragments: which session do they belong to?
//
// The first fragment of a datagram is tracked as any packet: it has the transport header, may begin
// a session and moves TCP's state. The others find its session by the ports that gather gave them,
// and only move the session's expiry and counters on; they never begin one. Packets of other
// protocols (nat.md O1) walk in the same list and are tracked as any packet. Called by the worker
// that owns the sessions.
#ifndef POSTERN_DATAPLANE_STAGE_TRACK_FRAGMENTS_H_
#define POSTERN_DATAPLANE_STAGE_TRACK_FRAGMENTS_H_

#include "dataplane/packet/burst.h"
#include "dataplane/packet/direction.h"
#include "dataplane/packet/now.h"
#include "dataplane/stage/track.h"
#include "dataplane/table/sessions.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Whether the packet is a fragment without a transport header.
inline bool is_later_fragment(const Burst& burst, uint32_t i) {
  return view<Ipv4Header>(burst.bytes(i, burst.meta[i].ip_offset)).fragment_offset_bytes() != 0;
}

// As track_outbound and track_inbound; fragments among `in` have their ports. Those that are pushed
// to `pass` keep their order.
void track_fragments(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                     const IndexList& in, Direction direction, Now now, IndexList& pass,
                     Refusals& refusals);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_TRACK_FRAGMENTS_H_
