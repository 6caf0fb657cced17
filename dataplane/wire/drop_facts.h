// What is known of a packet when it is dropped: the bits of PacketMeta::has_addresses and
// DropSample::has_addresses. Written by the worker on the way to the door, read by whoever shows
// the sample. Values only; any thread.
#ifndef POSTERN_DATAPLANE_WIRE_DROP_FACTS_H_
#define POSTERN_DATAPLANE_WIRE_DROP_FACTS_H_

#include <cstdint>

namespace postern {

// Source and destination, and ports and protocol unless the next one is set.
inline constexpr uint8_t kKnowsAddresses = 1;
// A frame that is no IP packet: `source_port` holds its EtherType, there is no protocol.
inline constexpr uint8_t kKnowsEtherType = 2;
// With that one: the frame bore a VLAN tag, `destination_port` holds the VLAN's id.
inline constexpr uint8_t kKnowsVlan = 4;

}  // namespace postern

#endif  // POSTERN_DATAPLANE_WIRE_DROP_FACTS_H_
