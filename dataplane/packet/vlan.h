// The VLAN tag of a frame (IEEE 802.1Q): read, taken off, put on.
//
// A tag lies in the frame, or a device has taken it off and says so beside the frame
// (RTE_MBUF_F_RX_VLAN_STRIPPED): both are read. Likewise a device that puts tags on is told which
// one (RTE_MBUF_F_TX_VLAN), else it is written into the frame. Priorities are read over, and 0 when
// we tag. Called by the worker that owns the frame.
#ifndef POSTERN_DATAPLANE_PACKET_VLAN_H_
#define POSTERN_DATAPLANE_PACKET_VLAN_H_

#include <rte_mbuf.h>

#include <cstdint>
#include <cstring>

#include "dataplane/wire/headers.h"

namespace postern {

// The type of a frame of at least an Ethernet header.
inline Be16 ether_type_of(const rte_mbuf& frame) {
  return view<EthernetHeader>(rte_pktmbuf_mtod(&frame, const uint8_t*)).type;
}

inline bool has_tag_inside(const rte_mbuf& frame) {
  return frame.data_len >= sizeof(EthernetHeader) + sizeof(VlanTag) &&
         ether_type_of(frame).host() == kEtherTypeVlan;
}

// The VLAN of a received frame; 0: none. A tag with id 0 gives a priority and no VLAN.
inline uint16_t vlan_of(const rte_mbuf& frame) {
  if ((frame.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) {
    return frame.vlan_tci & VlanTag::kIdMask;
  }
  if (!has_tag_inside(frame)) return 0;
  const auto* at = rte_pktmbuf_mtod_offset(&frame, const uint8_t*, VlanTag::kOffset);
  return view<VlanTag>(at).control.host() & VlanTag::kIdMask;
}

// Takes off the tag that vlan_of() has read, where there is one.
inline void take_tag_off(rte_mbuf& frame) {
  if ((frame.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) {
    frame.ol_flags &= ~(RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
    return;
  }
  if (!has_tag_inside(frame)) return;
  auto* const at = rte_pktmbuf_mtod(&frame, uint8_t*);
  std::memmove(at + sizeof(VlanTag), at, VlanTag::kOffset);
  rte_pktmbuf_adj(&frame, sizeof(VlanTag));
}

// Puts a tag on a finished frame, or tells its device to. False, and nothing changed, where the
// buffer has no room for it.
bool put_tag_on(rte_mbuf& frame, uint16_t vlan, bool by_device);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_VLAN_H_
