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
// For ICMP echo source_port is the identifier and remote_port 0.
struct alignas(16) OutboundKey {
  Be32 source_ip;
  uint32_t vni_protocol;  // VNI in the low 24 bits, IP protocol in the high 8
  Be32 remote_ip;
  Be16 remote_port;
  Be16 source_port;

  static constexpr uint32_t pack(uint32_t vni, uint8_t protocol) {
    return vni | uint32_t{protocol} << 24;
  }
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
inline constexpr uint16_t kSessionRouter = 0x1000;  // original destination in the cold half
inline constexpr uint16_t kSessionHeld = 0x4000;    // ended; only its external port is kept
inline constexpr uint16_t kSessionLive = 0x8000;    // serves packets

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

  // Since the last spill into the cold half.
  uint16_t outbound_packets;
  uint16_t inbound_packets;
  uint8_t outbound_bytes[3];
  uint8_t inbound_bytes[3];
  uint16_t next_hop;  // reserved for a cached way out; not used yet
  uint8_t address_epoch;
  uint8_t window_scales;  // outbound in the low nibble, inbound in the high; 15 = not offered
  uint8_t dscp;           // set at the first packet when a qos rule matches
  uint8_t spare;
};
static_assert(sizeof(SessionEntry) == 64);
static_assert(offsetof(SessionEntry, vni_protocol) == 4 &&
              offsetof(SessionEntry, egress_ip) == 16 &&
              offsetof(SessionEntry, egress_port) == 20 && offsetof(SessionEntry, expires_s) == 22);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_SESSION_ENTRY_H_
