#include "dataplane/packet/vlan.h"

namespace postern {
namespace {

// Where a frame begins that has grown by a tag in front. Without room there it moves backwards.
uint8_t* grow(rte_mbuf& frame) {
  if (char* const at = rte_pktmbuf_prepend(&frame, sizeof(VlanTag))) {
    return reinterpret_cast<uint8_t*>(at);
  }
  const uint16_t bytes = frame.data_len;
  if (rte_pktmbuf_append(&frame, sizeof(VlanTag)) == nullptr) return nullptr;
  auto* const at = rte_pktmbuf_mtod(&frame, uint8_t*);
  std::memmove(at + sizeof(VlanTag), at, bytes);
  return at;
}

}  // namespace

bool put_tag_on(rte_mbuf& frame, uint16_t vlan, bool by_device) {
  // Devices of software write it into the frame themselves, and need the room in front.
  if (by_device && rte_pktmbuf_headroom(&frame) >= sizeof(VlanTag)) {
    frame.vlan_tci = vlan;
    frame.ol_flags |= RTE_MBUF_F_TX_VLAN;
    return true;
  }
  uint8_t* const at = grow(frame);
  if (at == nullptr) return false;
  std::memmove(at, at + sizeof(VlanTag), VlanTag::kOffset);
  store(at + VlanTag::kOffset, VlanTag{Be16(kEtherTypeVlan), Be16(vlan)});
  return true;
}

}  // namespace postern
