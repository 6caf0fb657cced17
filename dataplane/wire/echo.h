// The identifier of an ICMP echo changed in place, with the checksum over it (RFC 792, RFC 1624):
// of the packet itself, and of one that an ICMP error quotes. Any thread.
#ifndef POSTERN_DATAPLANE_WIRE_ECHO_H_
#define POSTERN_DATAPLANE_WIRE_ECHO_H_

#include "dataplane/wire/bytes.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/headers.h"

namespace postern {

// `transport`: an echo request or reply, at least its header.
inline void rewrite_echo(uint8_t* transport, Be16 identifier) {
  auto icmp = load<IcmpHeader>(transport);
  ChecksumDelta delta;
  delta.replace(icmp.identifier, identifier);
  icmp.identifier = identifier;
  icmp.checksum = delta.apply(icmp.checksum);
  store(transport, icmp);
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_WIRE_ECHO_H_
