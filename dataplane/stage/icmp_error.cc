#include "dataplane/stage/icmp_error.h"

#include <algorithm>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/echo.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

// RFC 791: what every link carries with room for headers; less is an attack (RFC 5927 7.1).
constexpr uint16_t kMtuFloor = 576;

Ipv4Parts parts_of(const PacketMeta& meta) {
  Ipv4Parts parts;
  parts.form = Form::kIcmpError;
  parts.protocol = meta.protocol;
  parts.transport_offset = static_cast<uint8_t>(meta.transport_offset - meta.ip_offset);
  parts.total_bytes = meta.total_bytes;
  return parts;
}

// finish() computes the checksum anew, so a damaged error must not get that far.
bool checksum_is_right(const Burst& burst, uint32_t i) {
  const PacketMeta& meta = burst.meta[i];
  const uint32_t bytes = meta.total_bytes - uint32_t{meta.transport_offset} + meta.ip_offset;
  return checksum_of(burst.bytes(i, meta.transport_offset), bytes).raw() == 0;
}

// What both directions ask of the error itself: undamaged, and on its way to the host that sent the
// packet which it quotes. False when it is refused.
bool take_quoted(const Burst& burst, uint32_t i, QuotedPacket& quoted, Refusals& refusals) {
  if (!checksum_is_right(burst, i)) {
    refusals.push(i, Reason::kParseBadChecksum);
    return false;
  }
  quoted = quoted_by(burst, i);
  if (quoted.usable && quoted.source == burst.meta[i].destination) return true;
  refusals.push(i, Reason::kBadIcmpError);
  return false;
}

// What both directions ask of the session that the quoted packet leads to.
bool may_pass(const Snapshot& snapshot, Sessions& sessions, SessionHandle handle,
              const QuotedPacket& quoted, Direction quoted_direction) {
  if (handle == kNoSession) return false;
  SessionEntry& session = sessions.entry(handle);
  if (!session.live() || !session_stands(snapshot, session)) return false;
  return quoted.protocol != kProtocolTcp ||
         tcp_sequence_in_window(session, quoted_direction, quoted.tcp_sequence);
}

bool ttl_is_over(const Burst& burst, uint32_t i) {
  return load<Ipv4Header>(burst.bytes(i, burst.meta[i].ip_offset)).ttl <= 1;
}

// One address and port inside the quoted packet, and the checksums over them.
struct QuotedRewrite {
  uint8_t* ip;         // the quoted header
  uint8_t* transport;  // its transport header
  uint8_t protocol;
  uint32_t transport_bytes;  // as many as were quoted
};

// Ports of other protocols stay (nat.md O1); what may change is a checksum over the addresses.
// Their quotes have eight bytes of transport where they have one.
void mend_quoted_other(const QuotedRewrite& at, const ChecksumDelta& delta) {
  if (!covers_addresses(at.protocol)) return;
  uint8_t* const checksum_at = at.transport + kCoveringChecksumOffset;
  Be16 updated = delta.apply(load<Be16>(checksum_at));
  if (at.protocol == kProtocolUdpLite && updated.raw() == 0) updated = Be16(0xffff);
  store(checksum_at, updated);
}

// An echo's identifier is no part of the end that is rewritten: see rewrite_echo().
void rewrite_quoted(const QuotedRewrite& at, bool source, Be32 address, Be16 port) {
  auto header = load<Ipv4Header>(at.ip);
  Be32& field = source ? header.source : header.destination;
  ChecksumDelta delta;
  delta.replace(field, address);
  field = address;
  header.checksum = delta.apply(header.checksum);
  store(at.ip, header);
  if (at.protocol == kProtocolIcmp) return;
  if (is_other_protocol(at.protocol)) return mend_quoted_other(at, delta);
  uint8_t* port_at = at.transport + (source ? 0 : 2);
  delta.replace(load<Be16>(port_at), port);
  store(port_at, port);
  const uint32_t checksum_at =
      at.protocol == kProtocolTcp ? offsetof(TcpHeader, checksum) : offsetof(UdpHeader, checksum);
  if (checksum_at + sizeof(Be16) > at.transport_bytes) return;
  const auto checksum = load<Be16>(at.transport + checksum_at);
  if (at.protocol == kProtocolUdp && checksum.raw() == 0) return;
  Be16 updated = delta.apply(checksum);
  if (at.protocol == kProtocolUdp && updated.raw() == 0) updated = Be16(0xffff);
  store(at.transport + checksum_at, updated);
}

// The error's own headers: addresses, TTL, mark, ICMP checksum anew (the quoted bytes changed in
// several places, and errors are rare and short).
void finish(uint8_t* ip_at, const PacketMeta& meta, Be32 source, Be32 destination, DscpMark mark) {
  auto ip = load<Ipv4Header>(ip_at);
  ip.source = source;
  ip.destination = destination;
  if (mark != kNoMark) ip.tos = marked_tos(ip.tos, mark);
  --ip.ttl;
  ip.checksum = Be16(0);
  store(ip_at, ip);
  store(ip_at + offsetof(Ipv4Header, checksum), checksum_of(ip_at, ip.header_bytes()));
  uint8_t* icmp_at = ip_at + (meta.transport_offset - meta.ip_offset);
  auto icmp = load<IcmpHeader>(icmp_at);
  const bool tells_mtu =
      icmp.type == IcmpHeader::kUnreachable && icmp.code == IcmpHeader::kCodeFragmentationNeeded;
  if (tells_mtu && icmp.sequence.raw() != 0) {
    icmp.sequence = Be16(std::max(icmp.sequence.host(), kMtuFloor));
  }
  icmp.checksum = Be16(0);
  store(icmp_at, icmp);
  const uint32_t bytes = meta.total_bytes - uint32_t{meta.transport_offset} + meta.ip_offset;
  store(icmp_at + offsetof(IcmpHeader, checksum), checksum_of(icmp_at, bytes));
}

QuotedRewrite rewrite_at(const Burst& burst, uint32_t i, const QuotedPacket& quoted) {
  uint8_t* ip = burst.bytes(i, burst.meta[i].transport_offset + sizeof(IcmpHeader));
  return {ip, ip + quoted.transport_offset, quoted.protocol,
          uint32_t{quoted.available_bytes} - quoted.transport_offset};
}

}  // namespace

QuotedPacket quoted_by(const Burst& burst, uint32_t i) {
  return parse_quoted(burst.bytes(i, burst.meta[i].ip_offset), parts_of(burst.meta[i]));
}

void track_outbound_errors(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                           const IndexList& in, IndexList& pass, Refusals& refusals) {
  for (const uint8_t i : in) {
    PacketMeta& meta = burst.meta[i];
    QuotedPacket quoted;
    if (!take_quoted(burst, i, quoted, refusals)) continue;
    meta.session = sessions.table().find_outbound_one(key_of_quoted(meta.vni, quoted));
    if (!may_pass(snapshot, sessions, meta.session, quoted, Direction::kInbound)) {
      refusals.push(i, Reason::kBadIcmpError);
      continue;
    }
    const uint32_t slot = sessions.entry(meta.session).source_slot_epoch & 0xffffff;
    if (snapshot.shared->source_records.load(slot).node != meta.node) {
      refusals.push(i, Reason::kSourceNotOnNode);
    } else if (ttl_is_over(burst, i)) {
      refusals.push(i, Reason::kTtlExpired);
    } else {
      pass.push(i);
    }
  }
}

void track_inbound_errors(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                          const IndexList& in, IndexList& pass, Refusals& refusals) {
  for (const uint8_t i : in) {
    PacketMeta& meta = burst.meta[i];
    if (snapshot.is_bad_source(Ipv4Address::from(meta.source))) {
      refusals.push(i, Reason::kBadAddress);
      continue;
    }
    QuotedPacket quoted;
    if (!take_quoted(burst, i, quoted, refusals)) continue;
    meta.session = sessions.table().find_inbound_one({.protocol = quoted.protocol,
                                                      .remote_ip = quoted.destination,
                                                      .remote_port = quoted.destination_port,
                                                      .ignored = Be16(0),
                                                      .egress_ip = quoted.source,
                                                      .egress_port = quoted.source_port,
                                                      .padding = 0});
    if (!may_pass(snapshot, sessions, meta.session, quoted, Direction::kOutbound)) {
      refusals.push(i, Reason::kBadIcmpError);
    } else if (ttl_is_over(burst, i)) {
      refusals.push(i, Reason::kTtlExpired);
    } else {
      const SessionEntry& session = sessions.entry(meta.session);
      const uint32_t slot = session.source_slot_epoch & 0xffffff;
      meta.node = snapshot.shared->source_records.load(slot).node;
      meta.vni = session.vni();
      pass.push(i);
    }
  }
}

void translate_outbound_errors(Sessions& sessions, Burst& burst, const IndexList& in) {
  for (const uint8_t i : in) {
    const PacketMeta& meta = burst.meta[i];
    const SessionEntry& session = sessions.entry(meta.session);
    const QuotedRewrite at = rewrite_at(burst, i, quoted_by(burst, i));
    rewrite_quoted(at, /*source=*/false, session.egress_ip, session.egress_port);
    if (at.protocol == kProtocolIcmp) rewrite_echo(at.transport, session.egress_port);
    if ((session.flags & kSessionRouter) != 0) {
      rewrite_quoted(at, /*source=*/true, session.remote_ip, session.remote_port);
    }
    finish(burst.bytes(i, meta.ip_offset), meta, session.egress_ip, session.remote_ip,
           session.mark);
    sessions.counters().icmp_error_translated.add();
  }
}

void translate_inbound_errors(Sessions& sessions, Burst& burst, const IndexList& in) {
  for (const uint8_t i : in) {
    const PacketMeta& meta = burst.meta[i];
    const SessionEntry& session = sessions.entry(meta.session);
    const QuotedRewrite at = rewrite_at(burst, i, quoted_by(burst, i));
    rewrite_quoted(at, /*source=*/true, session.source_ip, session.source_port);
    if (at.protocol == kProtocolIcmp) rewrite_echo(at.transport, session.source_port);
    Be32 sender = meta.source;
    if ((session.flags & kSessionRouter) != 0) {
      const ColdSession& cold = sessions.table().cold(meta.session);
      rewrite_quoted(at, /*source=*/false, cold.original_ip, cold.original_port);
      if (sender == session.remote_ip) sender = cold.original_ip;
    }
    finish(burst.bytes(i, meta.ip_offset), meta, sender, session.source_ip, kNoMark);
    sessions.counters().icmp_error_translated.add();
  }
}

}  // namespace postern
