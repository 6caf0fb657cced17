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
  kLeft,     // to the stages, as are all others of its session
  kAllLeft,  // to the stages, and so are all behind it: others of its session must not overtake it
};

class FastPath {
 public:
  FastPath(const Snapshot& snapshot, Sessions& sessions, Burst& burst, Now now, Refusals& refusals,
           Doors& doors)
      : snapshot_(snapshot),
        shared_(*snapshot.shared),
        addresses_(snapshot.policy.addresses.data()),
        nodes_(snapshot.nodes.data()),
        ports_(snapshot.ports.data()),
        sessions_(sessions),
        burst_(burst),
        now_(now),
        refusals_(refusals),
        doors_(doors) {}

  Fate carry_outbound(uint32_t i);
  Fate carry_inbound(uint32_t i);

 private:
  Fate plain_session(uint32_t i, const uint8_t* frame, SessionEntry*& session,
                     NodeIndex& node) const;
  NodeIndex node_of(const SessionEntry& session) const;
  bool admit(uint32_t i, SessionEntry& session, Direction direction);
  void send(uint32_t i, uint16_t port, uint8_t* at, int32_t moved, uint32_t bytes,
            uint64_t neighbour);

  const Snapshot& snapshot_;
  SharedTables& shared_;
  const EgressAddress* const addresses_;
  const NodeEntry* const nodes_;
  const PortEntry* const ports_;
  Sessions& sessions_;
  Burst& burst_;
  const Now now_;
  Refusals& refusals_;
  Doors& doors_;
};

// The node of a session that still stands, or kNoNode.
[[gnu::always_inline]] inline NodeIndex FastPath::node_of(const SessionEntry& session) const {
  if (addresses_[session.address_slot].epoch != session.address_epoch) return kNoNode;
  const SourceRecord record = shared_.source_records.load(session.source_slot_epoch & 0xffffff);
  return record.epoch == session.source_slot_epoch >> 24 ? record.node : kNoNode;
}

// Fills `session` and `node` where packet `i` has a session that stands, and both are of the plain
// kind (kCarried, so far).
[[gnu::always_inline]] inline Fate FastPath::plain_session(uint32_t i, const uint8_t* frame,
                                                           SessionEntry*& session,
                                                           NodeIndex& node) const {
  constexpr uint16_t kKinds = kSessionLive | kSessionRouter | kSessionMarked;
  const PacketMeta& meta = burst_.meta[i];
  if (meta.session == kNoSession) return Fate::kLeft;
  session = &sessions_.entry(meta.session);
  if ((session->flags & kKinds) != kSessionLive) return Fate::kLeft;
  if (view<Ipv4Header>(frame + meta.ip_offset).ttl <= 1) return Fate::kLeft;
  node = node_of(*session);
  if (node == kNoNode) return Fate::kLeft;
  if (meta.protocol == kProtocolUdp) return Fate::kCarried;
  if (meta.protocol != kProtocolTcp) return Fate::kLeft;
  const bool syn = (view<TcpHeader>(frame + meta.transport_offset).flags & TcpHeader::kSyn) != 0;
  return syn ? Fate::kAllLeft : Fate::kCarried;
}

// The session moves on by the packet; or the packet is refused.
[[gnu::always_inline]] inline bool FastPath::admit(uint32_t i, SessionEntry& session,
                                                   Direction direction) {
  const PacketMeta& meta = burst_.meta[i];
  if (meta.protocol == kProtocolUdp) [[likely]] {
    SessionTable::touch(session, now_, snapshot_.timeouts.udp_s);
    sessions_.count(meta.session, direction, meta.total_bytes);
    return true;
  }
  Reason reason = Reason::kBadTcpState;
  if (admit_packet<false>(snapshot_, sessions_, burst_, i, meta.session, direction, now_, reason) ==
      Admission::kPass) {
    return true;
  }
  refusals_.push(i, reason);
  return false;
}

// The frame, complete but for its destination MAC address, begins at `at`, `moved` bytes behind
// where it began.
[[gnu::always_inline]] inline void FastPath::send(uint32_t i, uint16_t port, uint8_t* at,
                                                  int32_t moved, uint32_t bytes,
                                                  uint64_t neighbour) {
  rte_mbuf* const frame = burst_.frame[i];
  frame->data_off = static_cast<uint16_t>(frame->data_off + moved);
  frame->data_len = static_cast<uint16_t>(bytes);
  frame->pkt_len = bytes;
  store(at, MacAddress::from_packed(neighbour));
  doors_.forward(frame, port);
}

[[gnu::always_inline]] inline Fate FastPath::carry_outbound(uint32_t i) {
  PacketMeta& meta = burst_.meta[i];
  uint8_t* const frame = burst_.bytes(i);
  SessionEntry* session = nullptr;
  NodeIndex index = kNoNode;
  const Fate fate = plain_session(i, frame, session, index);
  if (fate != Fate::kCarried) [[unlikely]]
    return fate;
  const NodeEntry& node = nodes_[index];
  if (node.vtep != meta.vtep || node.tunnel != meta.tunnel) return Fate::kLeft;
  const auto remote = Ipv4Address::from(session->remote_ip);
  const Route* route =
      snapshot_.external_routes.find(remote, Ipv4Address::from(session->egress_ip));
  if (route == nullptr) return Fate::kLeft;
  const uint16_t port = route->port;
  const uint32_t total_bytes = meta.total_bytes;
  if (total_bytes > ports_[port].mtu_bytes) return Fate::kAllLeft;
  const NeighbourSlot next_hop = next_hop_of(snapshot_, *route, remote);
  if (next_hop == kNoNeighbour) return Fate::kLeft;
  const uint64_t neighbour = shared_.neighbours.word(next_hop);
  if (!NeighbourTable::is_reachable(neighbour)) return Fate::kLeft;
  meta.node = index;
  meta.out_port = port;
  meta.next_hop = next_hop;
  if (!admit(i, *session, Direction::kOutbound)) return Fate::kRefused;

  const uint32_t ip_offset = meta.ip_offset;
  uint8_t* const ethernet = frame + ip_offset - kEthernetBytes;
  shared_.node_macs.learn(index, view<EthernetHeader>(ethernet).source);
  rewrite<Direction::kOutbound>(frame + ip_offset, frame + meta.transport_offset, meta.protocol,
                                {session->egress_ip, session->egress_port});
  store(ethernet + offsetof(EthernetHeader, source), ports_[port].mac);
  send(i, port, ethernet, static_cast<int32_t>(ip_offset - kEthernetBytes),
       kEthernetBytes + total_bytes, neighbour);
  return Fate::kCarried;
}

[[gnu::always_inline]] inline Fate FastPath::carry_inbound(uint32_t i) {
  PacketMeta& meta = burst_.meta[i];
  uint8_t* const frame = burst_.bytes(i);
  SessionEntry* session = nullptr;
  NodeIndex index = kNoNode;
  const Fate fate = plain_session(i, frame, session, index);
  if (fate != Fate::kCarried) [[unlikely]]
    return fate;
  const NodeEntry& node = nodes_[index];
  if (node.next_hop == kNoNeighbour || node.is_special) return Fate::kLeft;
  const uint32_t ip_offset = meta.ip_offset;
  const uint32_t total_bytes = meta.total_bytes;
  const bool has_room = burst_.frame[i]->data_off + ip_offset >= kEncapsulationBytes;
  const bool too_large = total_bytes > ports_[node.port].mtu_bytes - node.overhead_bytes();
  if (too_large || !has_room) return Fate::kAllLeft;
  const uint64_t neighbour = shared_.neighbours.word(node.next_hop);
  if (!NeighbourTable::is_reachable(neighbour)) return Fate::kLeft;
  meta.node = index;
  meta.vni = session->vni();
  meta.out_port = node.port;
  meta.next_hop = node.next_hop;
  if (!admit(i, *session, Direction::kInbound)) return Fate::kRefused;

  uint8_t* const ip = frame + ip_offset;
  rewrite<Direction::kInbound>(ip, frame + meta.transport_offset, meta.protocol,
                               {session->source_ip, session->source_port});
  uint8_t* const outer = ip - kEncapsulationBytes;
  write_encapsulation(snapshot_, node, meta, view<Ipv4Header>(ip).tos, total_bytes, outer);
  send(i, node.port, outer, static_cast<int32_t>(ip_offset - kEncapsulationBytes),
       kEncapsulationBytes + total_bytes, neighbour);
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
