#include "dataplane/stage/forward.h"

#include <cstring>

#include "dataplane/stage/encapsulate.h"
#include "dataplane/stage/route.h"
#include "dataplane/stage/split.h"

namespace postern {
namespace {

constexpr uint32_t kEthernetBytes = sizeof(EthernetHeader);
constexpr uint32_t kEncapsulationBytes = sizeof(TunnelEncapsulation);

// Cuts a frame to the Ethernet header and the IP packet at `ip_offset` (the tunnel's headers in
// front and padding behind go).
void cut_to_packet(rte_mbuf* frame, uint32_t ip_offset, uint32_t total_bytes) {
  rte_pktmbuf_adj(frame, static_cast<uint16_t>(ip_offset - kEthernetBytes));
  const auto bytes = static_cast<uint16_t>(kEthernetBytes + total_bytes);
  frame->data_len = bytes;
  frame->pkt_len = bytes;
}

// The frame is complete but for its destination MAC. Inlined: handing over the arguments would cost
// more than the common case.
[[gnu::always_inline]] inline void deliver(const Snapshot& snapshot, rte_mbuf* frame,
                                           const PacketMeta& meta, NeighbourKey key, Now now,
                                           HoldQueue& holds, Doors& doors) {
  const uint64_t word =
      meta.next_hop == kNoNeighbour ? 0 : snapshot.shared->neighbours.word(meta.next_hop);
  if (NeighbourTable::is_reachable(word)) [[likely]] {
    store(rte_pktmbuf_mtod(frame, uint8_t*), MacAddress::from_packed(word));
    return doors.forward(frame, meta.out_port);
  }
  if (NeighbourTable::is_failed(word)) return doors.drop(frame, Reason::kNeighbourFailed, &meta);
  holds.hold(frame, key, meta.next_hop, meta, now, doors);
}

// Where `bytes` more in front of the frame begin. Many options need more room than drivers leave:
// the frame then moves to a buffer of its own. Null when there is none.
[[gnu::cold, gnu::noinline]] uint8_t* move_and_prepend(rte_mbuf*& frame, uint32_t bytes) {
  const uint32_t room = rte_pktmbuf_data_room_size(frame->pool);
  if (bytes + frame->data_len > room) return nullptr;
  rte_mbuf* const moved = rte_pktmbuf_alloc(frame->pool);
  if (moved == nullptr) return nullptr;
  moved->data_off = 0;
  auto* const at = reinterpret_cast<uint8_t*>(
      rte_pktmbuf_append(moved, static_cast<uint16_t>(bytes + frame->data_len)));
  std::memcpy(at + bytes, rte_pktmbuf_mtod(frame, const uint8_t*), frame->data_len);
  rte_pktmbuf_free(frame);
  frame = moved;
  return at;
}

// What the template at `at` lacks: options in front of the inner Ethernet header, the VNI.
[[gnu::noinline]] void write_special(const Snapshot& snapshot, const NodeEntry& node,
                                     const PacketMeta& meta, uint8_t* at) {
  constexpr uint32_t kOptions = offsetof(TunnelEncapsulation, inner_ethernet);
  if (node.takes_any_vni) {
    VxlanHeader vni;  // lies in the same place in both kinds
    vni.set_vni(meta.vni);
    store(at + offsetof(TunnelEncapsulation, vxlan) + offsetof(VxlanHeader, vni), vni.vni);
  }
  if (node.option_bytes == 0) return;
  store(at + kOptions + node.option_bytes, load<EthernetHeader>(at + kOptions));
  std::memcpy(at + kOptions, &snapshot.geneve_options[node.options_at], node.option_bytes);
}

[[gnu::always_inline]] inline bool put_in_front(const Snapshot& snapshot, rte_mbuf*& frame,
                                                const PacketMeta& meta, uint8_t tos) {
  const NodeEntry& node = snapshot.nodes[meta.node];
  const uint32_t ip_bytes = frame->data_len - kEthernetBytes;
  const uint32_t more_bytes = kEncapsulationBytes - kEthernetBytes + node.option_bytes;
  auto* at =
      reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(frame, static_cast<uint16_t>(more_bytes)));
  if (at == nullptr) [[unlikely]] {
    at = move_and_prepend(frame, more_bytes);
    if (at == nullptr) return false;
  }
  write_encapsulation(snapshot, node, meta, tos, ip_bytes, at);
  if (node.is_special) write_special(snapshot, node, meta, at);
  return true;
}

}  // namespace

bool encapsulate(const Snapshot& snapshot, rte_mbuf*& frame, const PacketMeta& meta, uint8_t tos) {
  return put_in_front(snapshot, frame, meta, tos);
}

void send_to_link(const Snapshot& snapshot, rte_mbuf* frame, const PacketMeta& meta, Now now,
                  HoldQueue& holds, Doors& doors) {
  uint8_t* const at = rte_pktmbuf_mtod(frame, uint8_t*);
  store(at + offsetof(EthernetHeader, source), snapshot.ports[meta.out_port].mac);
  store(at + offsetof(EthernetHeader, type), Be16(kEtherTypeIpv4));
  // The packet is translated: `meta` has the destination that was dialled.
  const auto destination = load<Be32>(at + kEthernetBytes + offsetof(Ipv4Header, destination));
  deliver(snapshot, frame, meta, {meta.out_port, Ipv4Address::from(destination)}, now, holds,
          doors);
}

void send_to_node(const Snapshot& snapshot, rte_mbuf* frame, const PacketMeta& meta, Now now,
                  HoldQueue& holds, Doors& doors) {
  // DSCP and ECN from the inner header (RFC 2983, RFC 6040 4.1).
  const uint8_t tos =
      view<Ipv4Header>(rte_pktmbuf_mtod_offset(frame, const uint8_t*, kEthernetBytes)).tos;
  if (!put_in_front(snapshot, frame, meta, tos)) {
    return doors.drop(frame, Reason::kNoBuffer, &meta);
  }
  deliver(snapshot, frame, meta, {meta.out_port, snapshot.nodes[meta.node].vtep}, now, holds,
          doors);
}

void forward_outbound(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                      HoldQueue& holds, Doors& doors) {
  for (const uint8_t i : in) {
    const PacketMeta& meta = burst.meta[i];
    cut_to_packet(burst.frame[i], meta.ip_offset, meta.total_bytes);
    send_to_link(snapshot, burst.frame[i], meta, now, holds, doors);
  }
}

void forward_inbound(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                     HoldQueue& holds, Doors& doors) {
  for (const uint8_t i : in) {
    const PacketMeta& meta = burst.meta[i];
    cut_to_packet(burst.frame[i], meta.ip_offset, meta.total_bytes);
    send_to_node(snapshot, burst.frame[i], meta, now, holds, doors);
  }
}

namespace {

using Send = void (*)(const Snapshot&, rte_mbuf*, const PacketMeta&, Now, HoldQueue&, Doors&);

// Packet `i`, which may be too large, leaves by `send`, in pieces where it must.
void send_cut(const Snapshot& snapshot, Burst& burst, uint32_t i, uint32_t mtu_bytes, Now now,
              rte_mempool* pool, HoldQueue& holds, Doors& doors, Send send) {
  const PacketMeta& meta = burst.meta[i];
  rte_mbuf* frame = burst.frame[i];
  cut_to_packet(frame, meta.ip_offset, meta.total_bytes);
  if (meta.total_bytes <= mtu_bytes) return send(snapshot, frame, meta, now, holds, doors);
  Pieces pieces;
  if (!split_ipv4(frame, mtu_bytes, pool, pieces)) {
    return doors.drop(frame, Reason::kNoBuffer, &meta);
  }
  for (uint32_t k = 0; k < pieces.size; ++k) {
    if (k != 0) doors.made();
    send(snapshot, pieces.frame[k], meta, now, holds, doors);
  }
}

}  // namespace

void forward_outbound_cut(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                          rte_mempool* pool, HoldQueue& holds, Doors& doors) {
  for (const uint8_t i : in) {
    const uint32_t mtu_bytes = snapshot.ports[burst.meta[i].out_port].mtu_bytes;
    send_cut(snapshot, burst, i, mtu_bytes, now, pool, holds, doors, send_to_link);
  }
}

void forward_inbound_cut(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                         rte_mempool* pool, HoldQueue& holds, Doors& doors) {
  for (const uint8_t i : in) {
    const uint32_t mtu_bytes = inner_mtu_bytes(snapshot, snapshot.nodes[burst.meta[i].node]);
    send_cut(snapshot, burst, i, mtu_bytes, now, pool, holds, doors, send_to_node);
  }
}

}  // namespace postern
