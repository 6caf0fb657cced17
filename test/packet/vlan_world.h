// The world of world.h behind VLANs: the underlay is VLAN 7, the uplink VLAN 12.
#ifndef POSTERN_TEST_PACKET_VLAN_WORLD_H_
#define POSTERN_TEST_PACKET_VLAN_WORLD_H_

#include <cstring>
#include <string>
#include <string_view>

#include "dataplane/packet/vlan.h"
#include "test/packet/world.h"

namespace postern::test {

inline constexpr uint16_t kUnderlayVlan = 7;
inline constexpr uint16_t kUplinkVlan = 12;

// `text` with `more` behind the only place where `mark` stands.
inline std::string with_more(std::string text, std::string_view mark, std::string_view more) {
  return text.insert(text.find(mark) + mark.size(), more);
}

inline std::string vlan_world() {
  return with_more(with_more(world(), "\"10.0.0.254/24\" ];", " vlan = 7;"), "\"192.0.2.10/24\" ];",
                   " vlan = 12;");
}

// What a link carries: the frames of world.h with a tag behind their Ethernet header.
inline Bytes tagged(const Packet& packet, uint16_t vlan, uint8_t priority = 0) {
  Bytes bytes = packet.bytes();
  const VlanTag tag{Be16(kEtherTypeVlan), Be16(static_cast<uint16_t>(priority << 13 | vlan))};
  const auto* at = reinterpret_cast<const uint8_t*>(&tag);
  bytes.insert(bytes.begin() + VlanTag::kOffset, at, at + sizeof tag);
  return bytes;
}
inline Packet on_vlan(const Packet& packet, uint16_t vlan, uint8_t priority = 0) {
  return Packet().raw(tagged(packet, vlan, priority));
}

// A frame as a device hands it over that takes tags off.
inline rte_mbuf* stripped_frame(rte_mempool* pool, const Bytes& bytes) {
  Bytes untagged = bytes;
  const auto tag = load<VlanTag>(&untagged[VlanTag::kOffset]);
  if (tag.type.host() != kEtherTypeVlan) return exact_frame(pool, bytes);
  untagged.erase(untagged.begin() + VlanTag::kOffset,
                 untagged.begin() + VlanTag::kOffset + sizeof(VlanTag));
  rte_mbuf* frame = exact_frame(pool, untagged);
  frame->vlan_tci = tag.control.host();
  frame->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  return frame;
}

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_VLAN_WORLD_H_
