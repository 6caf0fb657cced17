// IP protocols besides TCP, UDP and ICMP: what a translation by address alone has to know of them
// (nat.md O1).
//
//   GRE, ESP, tunnels, whatever    nothing: no port is known, no checksum covers the addresses
//   SCTP, UDP-Lite, DCCP           their ports stay as they are, and tell sessions apart
//   UDP-Lite, DCCP                 their checksum covers the addresses
//   AH                             everything about it does: never translated (RFC 3715 2.1)
//
// Constants and pure functions; any thread.
#ifndef POSTERN_DATAPLANE_WIRE_OTHER_PROTOCOLS_H_
#define POSTERN_DATAPLANE_WIRE_OTHER_PROTOCOLS_H_

#include <cstdint>

#include "dataplane/wire/headers.h"

namespace postern {

// IP protocol numbers.
inline constexpr uint8_t kProtocolDccp = 33;      // RFC 4340
inline constexpr uint8_t kProtocolAh = 51;        // RFC 4302
inline constexpr uint8_t kProtocolSctp = 132;     // RFC 9260
inline constexpr uint8_t kProtocolUdpLite = 136;  // RFC 3828

// Where the checksum of UDP-Lite and DCCP stands (RFC 3828 3, RFC 4340 5.1).
inline constexpr uint32_t kCoveringChecksumOffset = 6;

// Whether sessions of the protocol keep what they have: all but those that get an external port, or
// an echo identifier, of ours.
constexpr bool is_other_protocol(uint8_t protocol) {
  return protocol != kProtocolTcp && protocol != kProtocolUdp && protocol != kProtocolIcmp;
}
// Whether its header begins with a source and a destination port, which are kept.
constexpr bool keeps_ports(uint8_t protocol) {
  return protocol == kProtocolSctp || protocol == kProtocolUdpLite || protocol == kProtocolDccp;
}
// Whether its packets begin with ports, ours or kept ones.
constexpr bool has_ports(uint8_t protocol) {
  return protocol == kProtocolTcp || protocol == kProtocolUdp || keeps_ports(protocol);
}
// Whether its checksum covers the addresses, by a pseudo header as that of UDP.
constexpr bool covers_addresses(uint8_t protocol) {
  return protocol == kProtocolUdpLite || protocol == kProtocolDccp;
}
// Bytes of its header that must be there: what is read or written of it.
constexpr uint32_t other_header_bytes(uint8_t protocol) {
  if (covers_addresses(protocol)) return kCoveringChecksumOffset + 2;
  return keeps_ports(protocol) ? 4 : 0;
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_WIRE_OTHER_PROTOCOLS_H_
