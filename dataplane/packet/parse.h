// What an IPv4 packet is, checked once. After parse_ipv4() said anything but kBad, every offset in
// Ipv4Parts is a fact: the bytes are there, and no later stage checks a length again.
//
// Free of DPDK, so that it can be fuzzed over plain buffers. Any thread; no state.
#ifndef POSTERN_DATAPLANE_PACKET_PARSE_H_
#define POSTERN_DATAPLANE_PACKET_PARSE_H_

#include <cstdint>

#include "dataplane/packet/reason.h"
#include "dataplane/wire/headers.h"

namespace postern {

enum class Form : uint8_t {
  kFlow,       // TCP, UDP, or ICMP echo: has ports (echo: the identifier is the querier's port)
  kIcmpError,  // quotes a packet
  kOther,      // of another protocol: has ports where it keeps them (other_protocols.h)
  kFragment,   // of any of these but an error; the first has ports as its whole packet would
  kBad,        // not to be carried: `reason` says why
};

// Offsets are bytes from the start of the IP header.
struct Ipv4Parts {
  Form form = Form::kBad;
  Reason reason = Reason::kParseShort;  // of kBad
  uint8_t protocol = 0;
  uint8_t transport_offset = 0;
  uint16_t total_bytes = 0;  // of the IP packet; bytes behind it are padding
  Be32 source{};             // filled, as is the next, where there are 20 bytes
  Be32 destination{};
  Be16 source_port{};       // echo request: identifier; echo reply: 0; a later fragment: 0
  Be16 destination_port{};  // echo request: 0; echo reply: identifier; a later fragment: 0
};

// What is known of the header's checksum before it is parsed.
enum class HeaderSum : uint8_t { kUnknown, kRight };

// Parses the packet that starts at `ip` with `available` bytes: version, header and total length,
// header checksum (RFC 791; not where it is known), no source routing (RFC 7126), then the
// transport header in full (TCP with options) and, for ICMP errors, a quoted IPv4 header with 8
// bytes behind it (RFC 792). Of fragments: at least one byte, whole units of eight where more
// follow, an end within 65,535 bytes, and in the first the whole transport header (nat.md F3, RFC
// 1858). Of other protocols the header as far as it is known here. `available` may exceed the
// packet (Ethernet padding).
Ipv4Parts parse_ipv4(const uint8_t* ip, uint32_t available, HeaderSum sum = HeaderSum::kUnknown);

// The packet that an ICMP error quotes. Only what RFC 792 promises is there: the header and 8
// bytes of transport, so ports and, for TCP, the sequence number; of protocols without ports the
// header alone. Offsets from the quoted header.
struct QuotedPacket {
  bool usable = false;  // of a kind that is translated, not a later fragment, header sane
  uint8_t protocol = 0;
  uint8_t transport_offset = 0;
  uint16_t available_bytes = 0;  // quoted bytes that are there, header included
  Be32 source{};
  Be32 destination{};
  Be16 source_port{};  // echo: as in Ipv4Parts
  Be16 destination_port{};
  uint32_t tcp_sequence = 0;
};

// `parts` must be of form kIcmpError. The quoted header's own checksum is not judged: routers on
// the way may have changed its TTL.
QuotedPacket parse_quoted(const uint8_t* ip, const Ipv4Parts& parts);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_PARSE_H_
