#include "dataplane/packet/segments.h"

#include <cstring>

#include "dataplane/packet/known_sums.h"

namespace postern {

bool join_segments(Burst& burst, uint32_t i, Doors& doors) {
  rte_mbuf*& frame = burst.frame[i];
  uint64_t bytes = 0;
  for (const rte_mbuf* segment = frame; segment != nullptr; segment = segment->next) {
    bytes += segment->data_len;
  }
  const uint32_t room = rte_pktmbuf_data_room_size(frame->pool);
  if (bytes + RTE_PKTMBUF_HEADROOM > room) {
    doors.drop(burst, i, Reason::kFrameTooLong);
    return false;
  }
  rte_mbuf* const joined = rte_pktmbuf_alloc(frame->pool);
  if (joined == nullptr) {
    doors.drop(burst, i, Reason::kNoBuffer);
    return false;
  }
  for (const rte_mbuf* segment = frame; segment != nullptr; segment = segment->next) {
    char* const to = rte_pktmbuf_append(joined, segment->data_len);
    std::memcpy(to, rte_pktmbuf_mtod(segment, const char*), segment->data_len);
  }
  constexpr uint64_t kTag = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  joined->ol_flags |= frame->ol_flags & (kTag | kSumFlags);
  joined->vlan_tci = frame->vlan_tci;
  joined->packet_type = frame->packet_type;
  rte_pktmbuf_free(frame);
  frame = joined;
  return true;
}

}  // namespace postern
