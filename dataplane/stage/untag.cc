#include "dataplane/stage/untag.h"

#include "dataplane/packet/segments.h"
#include "dataplane/packet/vlan.h"
#include "dataplane/wire/drop_facts.h"

namespace postern {

void untag(const Snapshot& snapshot, uint16_t port, Burst& burst, Doors& doors) {
  const uint16_t vlan = snapshot.ports[port].vlan;
  for (uint32_t i = 0; i < burst.size; ++i) __builtin_prefetch(burst.bytes(i));
  uint32_t kept = 0;
  for (uint32_t i = 0; i < burst.size; ++i) {
    PacketMeta& meta = burst.meta[i];
    meta.has_addresses = 0;
    meta.protocol = 0;
    meta.port = port;
    if (burst.frame[i]->nb_segs != 1 && !join_segments(burst, i, doors)) continue;
    rte_mbuf* const frame = burst.frame[i];
    if (vlan_of(*frame) == vlan) [[likely]] {
      take_tag_off(*frame);
      burst.frame[kept++] = frame;
      continue;
    }
    drop_wrong_vlan(burst, i, doors);
  }
  burst.size = kept;
}

[[gnu::cold]] void drop_wrong_vlan(Burst& burst, uint32_t i, Doors& doors) {
  rte_mbuf& frame = *burst.frame[i];
  if (frame.data_len < sizeof(EthernetHeader)) return doors.drop(burst, i, Reason::kParseShort);
  PacketMeta& meta = burst.meta[i];
  meta.has_addresses = kKnowsEtherType;
  if (const uint16_t vlan = vlan_of(frame); vlan != 0) {
    meta.has_addresses |= kKnowsVlan;
    meta.destination_port = Be16(vlan);
    take_tag_off(frame);
  }
  meta.source_port = ether_type_of(frame);
  doors.drop(burst, i, Reason::kWrongVlan);
}

}  // namespace postern
