// Answer: what is addressed to the gateway itself.
//
// ARP for its own addresses (VTEPs and port addresses on their port, egress addresses on external
// ports, a tunnel's inner addresses inside the tunnel) and echo to VTEP and port addresses, each
// turned into its own reply. By the worker, so that a blocked control thread disturbs nothing and
// a dead process is silent at once. The same question of the same asker is answered so many times
// a second and no more. What ARP tells about neighbours is noted for the control thread. Called by
// the worker that owns the burst.
#ifndef POSTERN_DATAPLANE_STAGE_ANSWER_H_
#define POSTERN_DATAPLANE_STAGE_ANSWER_H_

#include <array>
#include <cstdint>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/doors.h"
#include "dataplane/packet/now.h"
#include "dataplane/packet/rate_limit.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Neighbours that spoke in this burst, at most one a packet.
struct HeardNeighbours {
  struct Heard {
    NeighbourKey neighbour;
    MacAddress mac;
  };
  std::array<Heard, kBurst> heard;
  uint32_t size = 0;
};

// Packets `in` are ARP or echo requests that arrived in no tunnel.
void answer_local(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                  RateLimiter& arp_answers, HeardNeighbours& heard, Doors& doors);
// Packets `in` are ARP inside a tunnel: meta.ip_offset is the ARP header, meta.node who sent it.
void answer_inner_arp(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                      RateLimiter& arp_answers, Doors& doors);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_ANSWER_H_
