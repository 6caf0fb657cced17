// ARP frames that the gateway sends of its own accord (RFC 826, RFC 5227): requests for next hops
// and announcements of its addresses. Answers to others' requests are the workers' business.
// Pure; any thread.
#ifndef POSTERN_CONTROL_SERVE_ARP_H_
#define POSTERN_CONTROL_SERVE_ARP_H_

#include <array>
#include <cstddef>

#include "dataplane/wire/address.h"
#include "dataplane/wire/headers.h"

namespace postern {

// A whole frame without its checksum, padded to the smallest that Ethernet carries.
inline constexpr size_t kArpFrameBytes = 60;
using ArpFrame = std::array<std::byte, kArpFrameBytes>;

// "Who has `target`? Tell `sender`." To everybody, or to `destination` alone where it is known and
// is only asked whether it is still there (RFC 1122 2.3.2.1).
ArpFrame arp_request(MacAddress sender_mac, Ipv4Address sender, Ipv4Address target,
                     MacAddress destination = MacAddress::broadcast());

// "`address` is at `mac`": an announcement as of RFC 5227 2.3.
ArpFrame arp_announcement(MacAddress mac, Ipv4Address address);

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_ARP_H_
