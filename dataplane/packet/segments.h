// Frames that come in several segments: drivers chain buffers where a frame is longer than one
// (net_tap, net_memif, net_pcap), or as their hardware likes it.
//
// Every stage reads and writes one piece of memory, so such a frame is copied into one buffer
// before anything of it is looked at. That is the exception: buffers have room for a frame of the
// largest `mtu`, so a chain is longer than that, or a driver's whim. Called by the worker that owns
// the frame.
#ifndef POSTERN_DATAPLANE_PACKET_SEGMENTS_H_
#define POSTERN_DATAPLANE_PACKET_SEGMENTS_H_

#include <cstdint>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/doors.h"

namespace postern {

// Puts a frame of one segment in the place of packet `i`'s, with the same bytes and what the device
// said of them. False where that cannot be: the packet is dropped.
[[gnu::cold]] bool join_segments(Burst& burst, uint32_t i, Doors& doors);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_SEGMENTS_H_
