// The rewriting of addresses, ports, TTL and checksums in place, to be inlined into the loops that
// translate: translate.cc and fast_path.cc. Checksums are updated incrementally (RFC 1624). Any
// thread; only the packet is written.
#ifndef POSTERN_DATAPLANE_STAGE_REWRITE_H_
#define POSTERN_DATAPLANE_STAGE_REWRITE_H_

#include <cstddef>
#include <cstdint>

#include "dataplane/packet/direction.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/echo.h"
#include "dataplane/wire/headers.h"

namespace postern {

// One end of the flow as it is to be from now on.
struct NewEnd {
  Be32 address;
  Be16 port;
};

// Which end: outbound the source changes, inbound the destination.
constexpr uint32_t address_offset(Direction direction) {
  return direction == Direction::kOutbound ? offsetof(Ipv4Header, source)
                                           : offsetof(Ipv4Header, destination);
}
constexpr uint32_t port_offset(Direction direction) {
  return direction == Direction::kOutbound ? 0 : 2;
}
constexpr Direction reverse(Direction direction) {
  return direction == Direction::kOutbound ? Direction::kInbound : Direction::kOutbound;
}

// Address and TTL of the IP header; returns what changed for transports with a pseudo header.
template <Direction direction>
[[gnu::always_inline]] inline ChecksumDelta rewrite_ip(uint8_t* ip, Be32 address) {
  uint8_t* const address_at = ip + address_offset(direction);
  uint8_t* const checksum_at = ip + offsetof(Ipv4Header, checksum);
  ChecksumDelta addresses;
  addresses.replace(load<Be32>(address_at), address);
  store(address_at, address);
  --ip[offsetof(Ipv4Header, ttl)];
  ChecksumDelta all = addresses;
  all.lower_high_byte();
  store(checksum_at, all.apply(load<Be16>(checksum_at)));
  return addresses;
}

inline void rewrite_udp_checksum(uint8_t* transport, const ChecksumDelta& delta) {
  uint8_t* at = transport + offsetof(UdpHeader, checksum);
  const auto checksum = load<Be16>(at);
  if (checksum.raw() == 0) return;  // not computed by the sender, stays so (nat.md U2)
  Be16 updated = delta.apply(checksum);
  if (updated.raw() == 0) updated = Be16(0xffff);
  store(at, updated);
}

// Port and checksum of TCP and UDP; `delta` has what changed in the pseudo header.
[[gnu::always_inline]] inline void rewrite_transport(uint8_t* transport, uint8_t protocol,
                                                     Direction direction, Be16 port,
                                                     ChecksumDelta delta) {
  uint8_t* port_at = transport + port_offset(direction);
  delta.replace(load<Be16>(port_at), port);
  store(port_at, port);
  if (protocol == kProtocolUdp) return rewrite_udp_checksum(transport, delta);
  uint8_t* at = transport + offsetof(TcpHeader, checksum);
  store(at, delta.apply(load<Be16>(at)));
}

template <Direction direction>
[[gnu::always_inline]] inline void rewrite(uint8_t* ip, uint8_t* transport, uint8_t protocol,
                                           NewEnd end) {
  const ChecksumDelta delta = rewrite_ip<direction>(ip, end.address);
  if (protocol == kProtocolIcmp) return rewrite_echo(transport, end.port);
  rewrite_transport(transport, protocol, direction, end.port, delta);
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_REWRITE_H_
