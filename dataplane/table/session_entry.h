// One tracked connection, both directions, in one cache line; and its cold half.
//
// Both lookup keys overlap in the first 22 bytes, so that each direction is one 16-byte compare:
// the outbound key is bytes 0..15, the inbound key bytes 7..21 without the source port (14, 15).
// Everything an established packet needs is here; what it does not need is in ColdSession, found
// by the same handle. Written by the worker that owns the table; nobody else reads it while the
// worker runs (the control thread asks the worker for copies).
// docs/decisions/0001 has the alternatives and the measurements.
#ifndef POSTERN_DATAPLANE_TABLE_SESSION_ENTRY_H_
#define POSTERN_DATAPLANE_TABLE_SESSION_ENTRY_H_

#include <cstddef>
#include <cstdint>

#include "dataplane/wire/bytes.h"

namespace postern {

// The outbound key as it comes from the packet: who in the overlay talks to whom.
// For ICMP echo source_port is the identifier and remote_port 0; protocols without ports have 0
// in both.
struct alignas(16) OutboundKey {
  Be32 source_ip;
  uint32_t vni_protocol;  // VNI in the low 24 bits, IP protocol in the high 8
  Be32 remote_ip;
  Be16 remote_port;
  Be16 source_port;

  static constexpr uint32_t pack(uint32_t vni, uint8_t protocol) {
    return vni | uint32_t{protocol} << 24;
  }
  [[nodiscard]] uint8_t protocol() const { return static_cast<uint8_t>(vni_protocol >> 24); }
  friend bool operator==(const OutboundKey&, const OutboundKey&) = default;
};
static_assert(sizeof(OutboundKey) == 16);

// The inbound key as bytes 7..22 of the entry show it: compare with the source port and the last
// byte masked. `protocol` leads because it is byte 7 of the entry.
struct InboundKey {
  uint8_t protocol;
  Be32 remote_ip;
  Be16 remote_port;
  Be16 ignored;  // the entry's source port; zero here
  Be32 egress_ip;
  Be16 egress_port;
  uint8_t padding;  // zero

  friend bool operator==(const InboundKey&, const InboundKey&) = default;
};
static_assert(sizeof(InboundKey) == 16 && alignof(InboundKey) == 1);

// Bits of SessionEntry::flags. The low ten belong to tcp_state.h (state and FIN bookkeeping).
inline constexpr uint16_t kSessionTcpMask = 0x03ff;
inline constexpr uint16_t kSessionHalfOpen = 0x0400;  // TCP whose handshake was never completed;
                                                      // written by tcp_state.h, read when room is
                                                      // short
inline constexpr uint16_t kSessionForeignShard = 0x0800;  // its port, given out here, is of
                                                          // another shard
inline constexpr uint16_t kSessionRouter = 0x1000;        // original destination in the cold half
inline constexpr uint16_t kSessionMarked = 0x2000;        // outbound packets bear `mark`
inline constexpr uint16_t kSessionHeld = 0x4000;          // ended; only its external port is kept
inline constexpr uint16_t kSessionLive = 0x8000;          // serves packets

// What a session writes into the TOS byte of its outbound packets: the DSCP in the six high bits
// and a one behind it; 0 leaves the packets' own.
using DscpMark = uint8_t;
inline constexpr DscpMark kNoMark = 0;
constexpr DscpMark dscp_mark(uint8_t dscp) { return static_cast<DscpMark>(dscp << 2 | 1); }
// The TOS byte with the mark: ECN keeps its two bits (RFC 2474 3).
constexpr uint8_t marked_tos(uint8_t tos, DscpMark mark) {
  return static_cast<uint8_t>((tos & 0x03) | (mark & 0xfc));
}

struct alignas(64) SessionEntry {
  Be32 source_ip;  // the pod
  uint32_t vni_protocol;
  Be32 remote_ip;  // as translated: for egress routers the configured destination
  Be16 remote_port;
  Be16 source_port;
  Be32 egress_ip;
  Be16 egress_port;
  uint16_t expires_s;  // low 16 bits of the second at which it expires (timeouts are up to 8 h)

  uint32_t source_slot_epoch;  // SourceTable slot in the low 24 bits, its epoch in the high 8
  uint16_t address_slot;       // EgressAddress slot
  uint16_t flags;

  // TCP: highest sequence number that each side may have sent (end of data), and the highest
  // acknowledgement that each side has sent, host order. Otherwise zero.
  uint32_t outbound_sequence_end;
  uint32_t inbound_sequence_end;
  uint32_t outbound_acknowledged;  // the last acknowledgement sent by the pod
  uint32_t inbound_acknowledged;   // the last acknowledgement sent by the remote

  // Since the last spill into the cold half. The packets run over first: 65,535 packets of
  // 65,535 bytes still fit into 32 bits, so one check a packet is enough.
  uint32_t outbound_bytes;
  uint32_t inbound_bytes;
  uint16_t outbound_packets;
  uint16_t inbound_packets;
  uint8_t address_epoch;
  uint8_t window_scales;  // outbound in the low nibble, inbound in the high; 15 = not offered
  DscpMark mark;          // decided at the first packet; kSessionMarked says whether there is one
  uint8_t next_hop;       // reserved for a cached way out; zero

  [[nodiscard]] uint8_t protocol() const { return static_cast<uint8_t>(vni_protocol >> 24); }
  [[nodiscard]] uint32_t vni() const { return vni_protocol & 0x00ffffff; }
  // Serves packets: neither free nor merely holding its port.
  [[nodiscard]] bool live() const { return (flags & kSessionLive) != 0; }
};
static_assert(sizeof(SessionEntry) == 64);
static_assert(offsetof(SessionEntry, vni_protocol) == 4 &&
              offsetof(SessionEntry, egress_ip) == 16 &&
              offsetof(SessionEntry, egress_port) == 20 && offsetof(SessionEntry, expires_s) == 22);
static_assert(offsetof(SessionEntry, outbound_bytes) == 48 &&
              offsetof(SessionEntry, outbound_packets) == 56);

inline void set_mark(SessionEntry& entry, DscpMark mark) {
  entry.mark = mark;
  entry.flags = static_cast<uint16_t>(mark == kNoMark ? entry.flags & ~kSessionMarked
                                                      : entry.flags | kSessionMarked);
}

// The key that finds this entry from outside.
[[nodiscard]] inline InboundKey inbound_key_of(const SessionEntry& entry) {
  return {.protocol = entry.protocol(),
          .remote_ip = entry.remote_ip,
          .remote_port = entry.remote_port,
          .ignored = Be16(0),
          .egress_ip = entry.egress_ip,
          .egress_port = entry.egress_port,
          .padding = 0};
}

// The inbound key in two registers: what the table computes with. A key that was just written field
// by field cannot be loaded as sixteen bytes: the load waits until the stores have left the core.
struct InboundWords {
  uint64_t low;
  uint64_t high;

  static InboundWords of(uint8_t protocol, Be32 remote_ip, Be16 remote_port, Be32 egress_ip) {
    return {.low = protocol | uint64_t{remote_ip.raw()} << 8 | uint64_t{remote_port.raw()} << 40,
            .high = uint64_t{egress_ip.raw()} << 8};
  }
  // The key that finds this entry.
  static InboundWords of(const SessionEntry& entry) {
    const auto* protocol = reinterpret_cast<const std::byte*>(&entry) + 7;
    return {.low = load<uint64_t>(protocol) & 0x00ff'ffff'ffff'ffff,
            .high = load<uint64_t>(protocol + 8) & 0x00ff'ffff'ffff'ff00};
  }
  [[nodiscard]] InboundWords with_port(uint16_t port) const {
    return {low, (high & 0xff00'00ff'ffff'ffff) | uint64_t{Be16(port).raw()} << kPortShift};
  }
  // The remote that the key belongs to: without the egress port.
  [[nodiscard]] InboundWords remote() const { return {low, high & 0xff00'00ff'ffff'ffff}; }
  [[nodiscard]] uint16_t port() const {
    return Be16::from_raw(static_cast<uint16_t>(high >> kPortShift)).host();
  }
  friend bool operator==(const InboundWords&, const InboundWords&) = default;

  static constexpr unsigned kPortShift = 40;  // where egress_port lies in `high`
};

// What an established packet does not need. Written when a session begins and when its narrow
// counters are spilled, read by lists and logs, and by lookups of egress router sessions.
struct ColdSession {
  uint32_t created_ticks;  // of 64 ms since the clock base: 8.7 years
  Be32 original_ip;        // egress router sessions: the destination as the pod sent it
  Be16 original_port;
  uint16_t outbound_bytes_high;
  uint32_t outbound_bytes_low;
  uint32_t inbound_bytes_low;
  uint16_t inbound_bytes_high;
  uint8_t outbound_packets_high;
  uint8_t inbound_packets_high;
  uint32_t outbound_packets_low;
  uint32_t inbound_packets_low;

  static constexpr unsigned kTickShift = 6;  // a tick is 64 ms
  [[nodiscard]] uint64_t created_ms() const { return uint64_t{created_ticks} << kTickShift; }
  [[nodiscard]] uint32_t created_s() const { return static_cast<uint32_t>(created_ms() / 1000); }
};
static_assert(sizeof(ColdSession) == 32);

// The key that finds this entry from the overlay: for egress router sessions with the destination
// as the pod sent it.
[[nodiscard]] inline OutboundKey outbound_key_of(const SessionEntry& entry,
                                                 const ColdSession& cold) {
  auto key = load<OutboundKey>(&entry);
  if ((entry.flags & kSessionRouter) != 0) [[unlikely]] {
    key.remote_ip = cold.original_ip;
    key.remote_port = cold.original_port;
  }
  return key;
}

// Totals since the session began, each direction: 48 bits of bytes, 40 of packets.
struct SessionTotals {
  uint64_t outbound_bytes = 0;
  uint64_t inbound_bytes = 0;
  uint64_t outbound_packets = 0;
  uint64_t inbound_packets = 0;
};

// Both halves together.
[[nodiscard]] inline SessionTotals totals(const SessionEntry& entry, const ColdSession& cold) {
  return {
      .outbound_bytes = (uint64_t{cold.outbound_bytes_high} << 32 | cold.outbound_bytes_low) +
                        entry.outbound_bytes,
      .inbound_bytes =
          (uint64_t{cold.inbound_bytes_high} << 32 | cold.inbound_bytes_low) + entry.inbound_bytes,
      .outbound_packets = (uint64_t{cold.outbound_packets_high} << 32 | cold.outbound_packets_low) +
                          entry.outbound_packets,
      .inbound_packets = (uint64_t{cold.inbound_packets_high} << 32 | cold.inbound_packets_low) +
                         entry.inbound_packets,
  };
}

// Moves the narrow counters into the cold half.
[[gnu::cold, gnu::noinline]] inline void spill_counters(SessionEntry& entry, ColdSession& cold) {
  const SessionTotals sum = totals(entry, cold);
  cold.outbound_bytes_low = static_cast<uint32_t>(sum.outbound_bytes);
  cold.outbound_bytes_high = static_cast<uint16_t>(sum.outbound_bytes >> 32);
  cold.inbound_bytes_low = static_cast<uint32_t>(sum.inbound_bytes);
  cold.inbound_bytes_high = static_cast<uint16_t>(sum.inbound_bytes >> 32);
  cold.outbound_packets_low = static_cast<uint32_t>(sum.outbound_packets);
  cold.outbound_packets_high = static_cast<uint8_t>(sum.outbound_packets >> 32);
  cold.inbound_packets_low = static_cast<uint32_t>(sum.inbound_packets);
  cold.inbound_packets_high = static_cast<uint8_t>(sum.inbound_packets >> 32);
  entry.outbound_bytes = entry.inbound_bytes = 0;
  entry.outbound_packets = entry.inbound_packets = 0;
}

// Counts one packet of `bytes` (at most 65,535, the IP packet). True when the caller must now call
// spill_counters(), before the next packet of this session.
[[nodiscard]] inline bool count_outbound(SessionEntry& entry, uint32_t bytes) {
  entry.outbound_bytes += bytes;
  return ++entry.outbound_packets == 0xffff;
}
[[nodiscard]] inline bool count_inbound(SessionEntry& entry, uint32_t bytes) {
  entry.inbound_bytes += bytes;
  return ++entry.inbound_packets == 0xffff;
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_SESSION_ENTRY_H_
