// Forward: the translated packet gets its link header and leaves.
//
// Outbound the tunnel's headers are cut off and an Ethernet header is put in front; inbound the
// node's encapsulation, one 64-byte template with a few patched fields, and Geneve's options where
// the node has some. Frames whose next hop is not resolved are held. Called by the worker that owns
// the burst.
#ifndef POSTERN_DATAPLANE_STAGE_FORWARD_H_
#define POSTERN_DATAPLANE_STAGE_FORWARD_H_

#include <cstdint>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/doors.h"
#include "dataplane/packet/now.h"
#include "dataplane/stage/hold.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Packets `in` are translated; meta.out_port and meta.next_hop are set.
void forward_outbound(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                      HoldQueue& holds, Doors& doors);
// Likewise, towards the node meta.node.
void forward_inbound(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                     HoldQueue& holds, Doors& doors);

// The same where some packets are too large for their way and may be cut: those leave in pieces
// with buffers of `pool` (split.h), in order with the others.
void forward_outbound_cut(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                          rte_mempool* pool, HoldQueue& holds, Doors& doors);
void forward_inbound_cut(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                         rte_mempool* pool, HoldQueue& holds, Doors& doors);

// The same for single frames that the gateway made: the frame starts with an empty Ethernet header
// and the IP packet; `meta` has out_port, next_hop, and for send_to_node the node and its VNI.
void send_to_link(const Snapshot& snapshot, rte_mbuf* frame, const PacketMeta& meta, Now now,
                  HoldQueue& holds, Doors& doors);
void send_to_node(const Snapshot& snapshot, rte_mbuf* frame, const PacketMeta& meta, Now now,
                  HoldQueue& holds, Doors& doors);

// Puts the encapsulation of meta.node in front of what lies behind the frame's first 14 bytes,
// which are overwritten; the outer header bears `tos`. The outer destination MAC is left to the
// caller. Where the buffer has too little room in front, `frame` becomes another one; false, and
// nothing happened, when there is none.
bool encapsulate(const Snapshot& snapshot, rte_mbuf*& frame, const PacketMeta& meta, uint8_t tos);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_FORWARD_H_
