// Arrive: what is this frame to us?
//
// Parses every frame of a burst, ends the tunnel where there is one, and sorts the packets by the
// way they go on:
//
//   outbound         inner flow of a known node: TCP, UDP or echo, on its way to an uplink
//   outbound_errors  inner ICMP error of a known node
//   inbound          a flow that arrived on an external port for an egress address
//   inbound_errors   an ICMP error likewise
//   ..._fragments    fragments of flows and of other protocols, both ways
//   ..._apart        what is walked by its addresses and the ports that it has: packets of other
//                    protocols (nat.md O1), and fragments that have the ports of their datagram
//                    already, from another worker (hand_over.h)
//   local            for the gateway itself: ARP, echo to its own addresses
//   inner_arp        ARP inside a tunnel
//
// Nearly all frames are of the form that the tables expect of their port (table/port_forms.h):
// these are told by a few vector compares and need not be parsed field by field. What is then still
// to be found out of them, the sender's node and whether the destination is an address of ours, the
// session knows as well; where there is none, settle() looks it up.
//
// Everything else is dropped with its reason. A tunnel packet is taken only on a port of its
// tunnel, for our VTEP, its UDP port and VNI, from the VTEP of a configured node (security: hosts
// that end tunnels from anyone, VU#199397); there is one decapsulation and no second.
// Called by the worker that owns the burst.
#ifndef POSTERN_DATAPLANE_STAGE_ARRIVE_H_
#define POSTERN_DATAPLANE_STAGE_ARRIVE_H_

#include <cstdint>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/direction.h"
#include "dataplane/packet/doors.h"
#include "dataplane/table/snapshot.h"

namespace postern {

struct Arrivals {
  IndexList outbound;
  IndexList outbound_errors;
  IndexList inbound;
  IndexList inbound_errors;
  IndexList outbound_fragments;
  IndexList inbound_fragments;
  IndexList outbound_apart;
  IndexList inbound_apart;
  IndexList local;
  IndexList inner_arp;

  [[nodiscard]] bool any_outbound() const {
    return (outbound.size() | outbound_errors.size() | outbound_fragments.size() |
            outbound_apart.size()) != 0;
  }
  [[nodiscard]] bool any_inbound() const {
    return (inbound.size() | inbound_errors.size() | inbound_fragments.size() |
            inbound_apart.size()) != 0;
  }
};

// Sorts burst.frame[0..size), all received on `port` (index into snapshot.ports).
void arrive(const Snapshot& snapshot, uint16_t port, Burst& burst, Arrivals& arrivals,
            Doors& doors);

// Finds out what arrive() has left open of packets `in` (of arrivals.outbound or .inbound), and
// drops those of nobody's node and for nobody's address; the others are left.
void settle(const Snapshot& snapshot, Burst& burst, IndexList& in, Direction direction,
            Doors& doors);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_ARRIVE_H_
