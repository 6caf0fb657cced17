// Route: by which port and next hop does a packet leave, and does it fit?
//
// Decided before anything is rewritten, so that an ICMP error can quote the packet as its sender
// knows it. A session leaves by an external port only and a tunnel packet by a cluster port only:
// each direction has a route table of its own. Called by the worker that owns the burst.
#ifndef POSTERN_DATAPLANE_STAGE_ROUTE_H_
#define POSTERN_DATAPLANE_STAGE_ROUTE_H_

#include "dataplane/packet/burst.h"
#include "dataplane/stage/track.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Packets `in` have their session; fills meta.out_port and meta.next_hop of those that are pushed
// to `pass`. next_hop is kNoNeighbour for an on-link address that was never resolved. Answers
// whether some are too large and must be cut on their way (nat.md F5, F6): forward.h.
bool route_outbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                    IndexList& pass, Refusals& refusals);
// Likewise towards the node meta.node.
bool route_inbound(const Snapshot& snapshot, Burst& burst, const IndexList& in, IndexList& pass,
                   Refusals& refusals);

// The largest inner IP packet that reaches the node, in bytes.
inline uint32_t inner_mtu_bytes(const Snapshot& snapshot, const NodeEntry& node) {
  return snapshot.ports[node.port].mtu_bytes - node.overhead_bytes();
}

// The slot of the next hop of `route` for `destination`; kNoNeighbour when nobody asked for that
// on-link address yet.
inline NeighbourSlot next_hop_of(const Snapshot& snapshot, const Route& route,
                                 Ipv4Address destination) {
  if (route.via != kNoNeighbour) return route.via;
  return snapshot.shared->neighbours.find({route.port, destination});
}

// The broadcast address of a link is no neighbour, nor is the network's own, which was one once
// (RFC 1812 5.3.5.1; a /31 has neither, RFC 3021).
inline bool is_broadcast_of(const Route& route, Ipv4Address destination) {
  const uint32_t host = destination.value & ~route.to.mask();
  return route.via == kNoNeighbour && route.to.length < 31 &&
         (host == 0 || host == ~route.to.mask());
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_ROUTE_H_
