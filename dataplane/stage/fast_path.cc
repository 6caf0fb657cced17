#include "dataplane/stage/fast_path.h"

#include "dataplane/stage/admit.h"
#include "dataplane/stage/encapsulate.h"
#include "dataplane/stage/rewrite.h"
#include "dataplane/stage/route.h"

namespace postern {
namespace {

constexpr uint32_t kEthernetBytes = sizeof(EthernetHeader);
constexpr uint32_t kEncapsulationBytes = sizeof(TunnelEncapsulation);

// What became of a packet.
enum class Fate : uint8_t {
  kCarried,
  kRefused,
  kLeft,     // to the stages
  kAllLeft,  // likewise, and so are those behind it, which must not overtake it
};

class FastPath {
 public:
  FastPath(const Snapshot& snapshot, Sessions& sessions, Burst& burst, Now now, Refusals& refusals,
           Doors& doors)
      : snapshot_(snapshot),
        shared_(*snapshot.shared),
        sessions_(sessions),
        burst_(burst),
        now_(now),
        refusals_(refusals),
        doors_(doors) {}

  Fate carry_outbound(uint32_t i);
  Fate carry_inbound(uint32_t i);

 private:
  bool is_plain(uint32_t i) const;
  NodeIndex node_of(const SessionEntry& session) const;
  bool admit(uint32_t i, Direction direction);
  void send(uint32_t i, uint8_t* at, uint32_t bytes, uint64_t neighbour);

  const Snapshot& snapshot_;
  const SharedTables& shared_;
  Sessions& sessions_;
  Burst& burst_;
  const Now now_;
  Refusals& refusals_;
  Doors& doors_;
};

// Whether packet `i` has a session and both are of the plain kind.
[[gnu::always_inline]] inline bool FastPath::is_plain(uint32_t i) const {
  constexpr uint16_t kKinds = kSessionLive | kSessionRouter | kSessionMarked;
  const PacketMeta& meta = burst_.meta[i];
  if (meta.session == kNoSession) return false;
  const SessionEntry& session = sessions_.entry(meta.session);
  if ((session.flags & kKinds) != kSessionLive || time_to_live(burst_, i) <= 1) return false;
  if (meta.protocol == kProtocolUdp) return true;
  if (meta.protocol != kProtocolTcp) return false;
  return (view<TcpHeader>(burst_.bytes(i, meta.transport_offset)).flags & TcpHeader::kSyn) == 0;
}

// The node of a session that still stands, or kNoNode.
[[gnu::always_inline]] inline NodeIndex FastPath::node_of(const SessionEntry& session) const {
  if (snapshot_.policy.addresses[session.address_slot].epoch != session.address_epoch) {
    return kNoNode;
  }
  const SourceRecord record = shared_.source_records.load(session.source_slot_epoch & 0xffffff);
  return record.epoch == session.source_slot_epoch >> 24 ? record.node : kNoNode;
}

// The session moves on by the packet; or the packet is refused.
[[gnu::always_inline]] inline bool FastPath::admit(uint32_t i, Direction direction) {
  Reason reason = Reason::kBadTcpState;
  const SessionHandle handle = burst_.meta[i].session;
  if (admit_packet<false>(snapshot_, sessions_, burst_, i, handle, direction, now_, reason) ==
      Admission::kPass) [[likely]] {
    return true;
  }
  refusals_.push(i, reason);
  return false;
}

// The frame is what begins at `at`, complete but for its destination MAC address.
[[gnu::always_inline]] inline void FastPath::send(uint32_t i, uint8_t* at, uint32_t bytes,
                                                  uint64_t neighbour) {
  rte_mbuf* const frame = burst_.frame[i];
  frame->data_off = static_cast<uint16_t>(at - static_cast<uint8_t*>(frame->buf_addr));
  frame->data_len = static_cast<uint16_t>(bytes);
  frame->pkt_len = bytes;
  store(at, MacAddress::from_packed(neighbour));
  doors_.forward(frame, burst_.meta[i].out_port);
}

[[gnu::always_inline]] inline Fate FastPath::carry_outbound(uint32_t i) {
  if (!is_plain(i)) return Fate::kLeft;
  PacketMeta& meta = burst_.meta[i];
  const SessionEntry& session = sessions_.entry(meta.session);
  const NodeIndex index = node_of(session);
  if (index == kNoNode) return Fate::kLeft;
  const NodeEntry& node = snapshot_.nodes[index];
  if (node.vtep != meta.vtep || node.tunnel != meta.tunnel) return Fate::kLeft;
  const auto remote = Ipv4Address::from(session.remote_ip);
  const Route* route = snapshot_.external_routes.find(remote, Ipv4Address::from(session.egress_ip));
  if (route == nullptr) return Fate::kLeft;
  const PortEntry& port = snapshot_.ports[route->port];
  if (meta.total_bytes > port.mtu_bytes) return Fate::kAllLeft;
  const NeighbourSlot next_hop = next_hop_of(snapshot_, *route, remote);
  if (next_hop == kNoNeighbour) return Fate::kLeft;
  const uint64_t neighbour = shared_.neighbours.word(next_hop);
  if (!NeighbourTable::is_reachable(neighbour)) return Fate::kLeft;
  meta.node = index;
  meta.out_port = route->port;
  meta.next_hop = next_hop;
  if (!admit(i, Direction::kOutbound)) return Fate::kRefused;

  uint8_t* const ip = burst_.bytes(i, meta.ip_offset);
  uint8_t* const ethernet = ip - kEthernetBytes;
  snapshot_.shared->node_macs.learn(index, view<EthernetHeader>(ethernet).source);
  rewrite<Direction::kOutbound>(ip, burst_.bytes(i, meta.transport_offset), meta.protocol,
                                {session.egress_ip, session.egress_port});
  store(ethernet + offsetof(EthernetHeader, source), port.mac);
  send(i, ethernet, kEthernetBytes + meta.total_bytes, neighbour);
  return Fate::kCarried;
}

[[gnu::always_inline]] inline Fate FastPath::carry_inbound(uint32_t i) {
  if (!is_plain(i)) return Fate::kLeft;
  PacketMeta& meta = burst_.meta[i];
  const SessionEntry& session = sessions_.entry(meta.session);
  const NodeIndex index = node_of(session);
  if (index == kNoNode) return Fate::kLeft;
  const NodeEntry& node = snapshot_.nodes[index];
  if (node.next_hop == kNoNeighbour || node.is_special) return Fate::kLeft;
  if (meta.total_bytes > inner_mtu_bytes(snapshot_, node)) return Fate::kAllLeft;
  const uint64_t neighbour = shared_.neighbours.word(node.next_hop);
  if (!NeighbourTable::is_reachable(neighbour)) return Fate::kLeft;
  const rte_mbuf& frame = *burst_.frame[i];
  if (uint32_t{frame.data_off} + meta.ip_offset < kEncapsulationBytes) return Fate::kLeft;
  meta.node = index;
  meta.vni = session.vni();
  meta.out_port = node.port;
  meta.next_hop = node.next_hop;
  if (!admit(i, Direction::kInbound)) return Fate::kRefused;

  uint8_t* const ip = burst_.bytes(i, meta.ip_offset);
  rewrite<Direction::kInbound>(ip, burst_.bytes(i, meta.transport_offset), meta.protocol,
                               {session.source_ip, session.source_port});
  uint8_t* const outer = ip - kEncapsulationBytes;
  write_encapsulation(snapshot_, node, meta, view<Ipv4Header>(ip).tos, meta.total_bytes, outer);
  send(i, outer, kEncapsulationBytes + meta.total_bytes, neighbour);
  return Fate::kCarried;
}

template <Direction direction>
void carry(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in, Now now,
           IndexList& rest, Refusals& refusals, Doors& doors) {
  FastPath path(snapshot, sessions, burst, now, refusals, doors);
  bool all_left = snapshot.limits.any_bandwidth;  // every packet must be measured
  for (const uint8_t i : in) {
    Fate fate = Fate::kLeft;
    if (!all_left) {
      fate = direction == Direction::kOutbound ? path.carry_outbound(i) : path.carry_inbound(i);
    }
    if (fate <= Fate::kRefused) [[likely]]
      continue;
    all_left |= fate == Fate::kAllLeft;
    rest.push(i);
  }
}

}  // namespace

void carry_outbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                    Now now, IndexList& rest, Refusals& refusals, Doors& doors) {
  carry<Direction::kOutbound>(snapshot, sessions, burst, in, now, rest, refusals, doors);
}

void carry_inbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                   Now now, IndexList& rest, Refusals& refusals, Doors& doors) {
  carry<Direction::kInbound>(snapshot, sessions, burst, in, now, rest, refusals, doors);
}

}  // namespace postern
