#include "dataplane/stage/translate.h"

#include "dataplane/stage/rewrite.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

// Of UDP-Lite and DCCP. Only UDP-Lite knows no checksum of 0 (RFC 3828 3.1).
void rewrite_covering_checksum(uint8_t* transport, uint8_t protocol, const ChecksumDelta& delta) {
  static_assert(offsetof(UdpHeader, checksum) == kCoveringChecksumOffset);
  if (protocol == kProtocolUdpLite) return rewrite_udp_checksum(transport, delta);
  uint8_t* at = transport + kCoveringChecksumOffset;
  store(at, delta.apply(load<Be16>(at)));
}

// One address of the IP header; returns what changed for transports with a pseudo header.
ChecksumDelta rewrite_address(uint8_t* ip, Direction end_of, Be32 address) {
  uint8_t* const address_at = ip + address_offset(end_of);
  uint8_t* const checksum_at = ip + offsetof(Ipv4Header, checksum);
  ChecksumDelta delta;
  delta.replace(load<Be32>(address_at), address);
  store(address_at, address);
  store(checksum_at, delta.apply(load<Be16>(checksum_at)));
  return delta;
}

// The remote's end of a packet through an egress router, behind rewrite(): that saw to the pod's
// end, the TTL and the identifier of an echo, which has no second one.
[[gnu::noinline]] void rewrite_remote(uint8_t* ip, uint8_t* transport, uint8_t protocol,
                                      Direction direction, NewEnd end) {
  const Direction end_of = reverse(direction);
  const ChecksumDelta delta = rewrite_address(ip, end_of, end.address);
  if (protocol != kProtocolIcmp) rewrite_transport(transport, protocol, end_of, end.port, delta);
}

// RFC 2474 3: the DSCP is the six high bits of the TOS byte; ECN keeps the other two.
void write_dscp(uint8_t* ip, DscpMark mark) {
  uint8_t* const checksum_at = ip + offsetof(Ipv4Header, checksum);
  const auto before = load<Be16>(ip);  // version and header length, TOS
  const Be16 after(static_cast<uint16_t>((before.host() & 0xff03) | (mark & 0xfc)));
  ChecksumDelta delta;
  delta.replace(before, after);
  store(ip, after);
  store(checksum_at, delta.apply(load<Be16>(checksum_at)));
}

// Outbound packets of sessions through an egress router, and of those with a DSCP of their own.
[[gnu::noinline]] void rewrite_more(uint8_t* ip, uint8_t* transport, uint8_t protocol,
                                    const SessionEntry& session) {
  if ((session.flags & kSessionRouter) != 0) {
    rewrite_remote(ip, transport, protocol, Direction::kOutbound,
                   {session.remote_ip, session.remote_port});
  }
  if ((session.flags & kSessionMarked) != 0) write_dscp(ip, session.mark);
}

void clamp_syn(const NodeEntry& node, uint8_t* transport) {
  const auto& tcp = view<TcpHeader>(transport);
  if ((tcp.flags & TcpHeader::kSyn) != 0 && node.mss_bytes != 0) [[unlikely]] {
    clamp_mss(transport, tcp.header_bytes(), node.mss_bytes);
  }
}

// Where the packet ends whose checksum covers addresses; null where there is none: of later
// fragments it is in the first one.
uint8_t* covering_header(const Burst& burst, uint32_t i) {
  const PacketMeta& meta = burst.meta[i];
  if (!covers_addresses(meta.protocol)) return nullptr;
  const bool later = view<Ipv4Header>(burst.bytes(i, meta.ip_offset)).fragment_offset_bytes() != 0;
  return later ? nullptr : burst.bytes(i, meta.transport_offset);
}

// Later fragments, and packets of other protocols: of these nothing else changes (nat.md O1).
void translate_addresses(Sessions& sessions, const Burst& burst, uint32_t i, Direction direction) {
  const PacketMeta& meta = burst.meta[i];
  const SessionEntry& session = sessions.entry(meta.session);
  const bool outbound = direction == Direction::kOutbound;
  uint8_t* const ip = burst.bytes(i, meta.ip_offset);
  uint8_t* const covering = covering_header(burst, i);
  const auto mend = [&](const ChecksumDelta& delta) {
    if (covering != nullptr) rewrite_covering_checksum(covering, meta.protocol, delta);
  };
  mend(outbound ? rewrite_ip<Direction::kOutbound>(ip, session.egress_ip)
                : rewrite_ip<Direction::kInbound>(ip, session.source_ip));
  if ((session.flags & kSessionRouter) != 0) {
    const Be32 other =
        outbound ? session.remote_ip : sessions.table().cold(meta.session).original_ip;
    mend(rewrite_address(ip, reverse(direction), other));
  }
  if (outbound && (session.flags & kSessionMarked) != 0) write_dscp(ip, session.mark);
}

// An echo or TCP's like learn on their own way (translate_outbound).
void learn_node_mac(const Snapshot& snapshot, const Burst& burst, uint32_t i) {
  const PacketMeta& meta = burst.meta[i];
  const auto& ethernet =
      view<EthernetHeader>(burst.bytes(i, meta.ip_offset - uint32_t{sizeof(EthernetHeader)}));
  snapshot.shared->node_macs.learn(meta.node, ethernet.source);
}

}  // namespace

void translate_outbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                        const IndexList& in) {
  for (const uint8_t i : in) {
    const PacketMeta& meta = burst.meta[i];
    const SessionEntry& session = sessions.entry(meta.session);
    uint8_t* const frame = burst.bytes(i);
    uint8_t* const ip = frame + meta.ip_offset;
    uint8_t* const transport = frame + meta.transport_offset;
    const auto& ethernet = view<EthernetHeader>(ip - sizeof(EthernetHeader));
    snapshot.shared->node_macs.learn(meta.node, ethernet.source);
    rewrite<Direction::kOutbound>(ip, transport, meta.protocol,
                                  {session.egress_ip, session.egress_port});
    if ((session.flags & (kSessionRouter | kSessionMarked)) != 0) [[unlikely]] {
      rewrite_more(ip, transport, meta.protocol, session);
    }
    if (meta.protocol == kProtocolTcp) clamp_syn(snapshot.nodes[meta.node], transport);
  }
}

void translate_inbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                       const IndexList& in) {
  for (const uint8_t i : in) {
    const PacketMeta& meta = burst.meta[i];
    const SessionEntry& session = sessions.entry(meta.session);
    uint8_t* const frame = burst.bytes(i);
    uint8_t* const ip = frame + meta.ip_offset;
    uint8_t* const transport = frame + meta.transport_offset;
    rewrite<Direction::kInbound>(ip, transport, meta.protocol,
                                 {session.source_ip, session.source_port});
    if ((session.flags & kSessionRouter) != 0) [[unlikely]] {
      const ColdSession& cold = sessions.table().cold(meta.session);
      rewrite_remote(ip, transport, meta.protocol, Direction::kInbound,
                     {cold.original_ip, cold.original_port});
    }
    if (meta.protocol == kProtocolTcp) clamp_syn(snapshot.nodes[meta.node], transport);
  }
}

void translate_apart(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                     const IndexList& in, Direction direction) {
  const bool outbound = direction == Direction::kOutbound;
  IndexList firsts;
  for (const uint8_t i : in) {
    const PacketMeta& meta = burst.meta[i];
    const bool other = is_other_protocol(meta.protocol);
    const auto& ip = view<Ipv4Header>(burst.bytes(i, meta.ip_offset));
    if (!other && ip.fragment_offset_bytes() == 0) {
      firsts.push(i);
      continue;
    }
    if (other && outbound) learn_node_mac(snapshot, burst, i);
    translate_addresses(sessions, burst, i, direction);
  }
  (outbound ? translate_outbound : translate_inbound)(snapshot, sessions, burst, firsts);
}

void clamp_mss(uint8_t* tcp, uint32_t header_bytes, uint16_t mss_bytes) {
  constexpr uint8_t kEnd = 0;
  constexpr uint8_t kNop = 1;
  constexpr uint8_t kMss = 2;
  constexpr uint8_t kMssBytes = 4;
  for (uint32_t at = sizeof(TcpHeader); at < header_bytes && tcp[at] != kEnd;) {
    if (tcp[at] == kNop) {
      ++at;
      continue;
    }
    if (at + 2 > header_bytes || tcp[at + 1] < 2 || at + tcp[at + 1] > header_bytes) return;
    if (tcp[at] == kMss && tcp[at + 1] == kMssBytes) {
      const auto offered = load<Be16>(tcp + at + 2);
      if (offered.host() <= mss_bytes) return;
      store(tcp + at + 2, Be16(mss_bytes));
      // An option at an odd offset changes the low byte of one checksum word and the high byte of
      // the next: swapping both bytes of old and new value gives the same sum (RFC 1071, 2B).
      const bool odd = (at & 1) != 0;
      const auto turned = [odd](Be16 value) {
        return odd ? Be16::from_raw(__builtin_bswap16(value.raw())) : value;
      };
      ChecksumDelta delta;
      delta.replace(turned(offered), turned(Be16(mss_bytes)));
      uint8_t* checksum = tcp + offsetof(TcpHeader, checksum);
      store(checksum, delta.apply(load<Be16>(checksum)));
      return;
    }
    at += tcp[at + 1];
  }
}

}  // namespace postern
