#include "dataplane/packet/parse.h"

#include <algorithm>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

constexpr uint32_t kMinimumHeaderBytes = sizeof(Ipv4Header);
constexpr uint32_t kQuotedTransportBytes = 8;  // RFC 792

// Bytes of transport that a quoted packet must have. One without ports may have been shorter.
uint32_t quoted_transport_bytes(uint8_t protocol) {
  const bool has_more = !is_other_protocol(protocol) || keeps_ports(protocol);
  return has_more ? kQuotedTransportBytes : 0;
}
constexpr uint16_t kRightSum = 0xffff;  // of a header with its checksum (RFC 1071)

// The source routing options, loose and strict (RFC 791), dropped as RFC 7126 4.3 and 4.4 advise.
constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNop = 1;
constexpr uint8_t kOptionLooseSourceRoute = 131;
constexpr uint8_t kOptionStrictSourceRoute = 137;

// True when the options are well-formed and route nothing.
bool options_are_fine(const uint8_t* option, const uint8_t* end) {
  while (option < end && *option != kOptionEnd) {
    if (*option == kOptionNop) {
      ++option;
      continue;
    }
    if (*option == kOptionLooseSourceRoute || *option == kOptionStrictSourceRoute) return false;
    if (end - option < 2 || option[1] < 2 || option[1] > end - option) return false;
    option += option[1];
  }
  return true;
}

// Checksum and options of a header that has options; the reason is filled when they are not right.
[[gnu::cold, gnu::noinline]] bool long_header_is_fine(const uint8_t* ip, uint32_t bytes,
                                                      Reason& reason) {
  reason = Reason::kParseBadChecksum;
  if (fold_sum(add_to_sum(0, ip, bytes)) != kRightSum) return false;
  reason = Reason::kParseBadHeader;
  return options_are_fine(ip + kMinimumHeaderBytes, ip + bytes);
}

bool is_echo(uint8_t type) {
  return type == IcmpHeader::kEchoRequest || type == IcmpHeader::kEchoReply;
}

// Errors that quote a packet and are translated. Source quench is obsolete (RFC 6633), redirects
// must not cross a router (RFC 1812 5.2.7.2).
bool is_error(uint8_t type) {
  return type == IcmpHeader::kUnreachable || type == IcmpHeader::kTimeExceeded ||
         type == IcmpHeader::kParameterProblem;
}

void take_echo_identifier(const IcmpHeader& icmp, Be16& source_port, Be16& destination_port) {
  const bool request = icmp.type == IcmpHeader::kEchoRequest;
  source_port = request ? icmp.identifier : Be16(0);
  destination_port = request ? Be16(0) : icmp.identifier;
}

void parse_tcp(const uint8_t* at, uint32_t bytes, Ipv4Parts& parts) {
  if (bytes < sizeof(TcpHeader)) return;
  const auto& tcp = view<TcpHeader>(at);
  if (tcp.header_bytes() < sizeof(TcpHeader) || tcp.header_bytes() > bytes) {
    parts.reason = Reason::kParseBadHeader;
    return;
  }
  parts.source_port = tcp.source_port;
  parts.destination_port = tcp.destination_port;
  parts.form = Form::kFlow;
}

void parse_udp(const uint8_t* at, uint32_t bytes, Ipv4Parts& parts) {
  if (bytes < sizeof(UdpHeader)) return;
  const auto& udp = view<UdpHeader>(at);
  if (udp.bytes.host() < sizeof(UdpHeader) || udp.bytes.host() > bytes) {
    parts.reason = Reason::kParseBadHeader;
    return;
  }
  parts.source_port = udp.source_port;
  parts.destination_port = udp.destination_port;
  parts.form = Form::kFlow;
}

void parse_icmp(const uint8_t* at, uint32_t bytes, Ipv4Parts& parts) {
  if (bytes < sizeof(IcmpHeader)) return;
  const auto& icmp = view<IcmpHeader>(at);
  if (is_echo(icmp.type)) {
    take_echo_identifier(icmp, parts.source_port, parts.destination_port);
    parts.form = Form::kFlow;
    return;
  }
  if (!is_error(icmp.type)) {
    parts.reason = Reason::kUnsupportedProtocol;
    return;
  }
  if (bytes < sizeof(IcmpHeader) + kMinimumHeaderBytes) return;
  const uint8_t quoted = view<Ipv4Header>(at + sizeof(IcmpHeader)).protocol;
  if (bytes < sizeof(IcmpHeader) + kMinimumHeaderBytes + quoted_transport_bytes(quoted)) return;
  parts.form = Form::kIcmpError;
}

void take_ports(const uint8_t* at, Ipv4Parts& parts) {
  parts.source_port = load<Be16>(at);
  parts.destination_port = load<Be16>(at + 2);
}

// What AH protects covers the addresses: nobody else can mend it.
void parse_other(const uint8_t* at, uint32_t bytes, Ipv4Parts& parts) {
  if (parts.protocol == kProtocolAh) {
    parts.reason = Reason::kUnsupportedProtocol;
    return;
  }
  if (bytes < other_header_bytes(parts.protocol)) return;
  if (keeps_ports(parts.protocol)) take_ports(at, parts);
  parts.form = Form::kOther;
}

void parse_transport(const uint8_t* at, uint32_t bytes, Ipv4Parts& parts) {
  parts.reason = Reason::kParseShort;
  switch (parts.protocol) {
    case kProtocolTcp:
      return parse_tcp(at, bytes, parts);
    case kProtocolUdp:
      return parse_udp(at, bytes, parts);
    case kProtocolIcmp:
      return parse_icmp(at, bytes, parts);
    default:
      return parse_other(at, bytes, parts);
  }
}

uint32_t first_header_bytes(const uint8_t* at, uint32_t bytes, uint8_t protocol) {
  if (is_other_protocol(protocol)) return other_header_bytes(protocol);
  if (protocol != kProtocolTcp) return sizeof(UdpHeader);
  if (bytes < sizeof(TcpHeader)) return sizeof(TcpHeader);
  return std::max<uint32_t>(sizeof(TcpHeader), view<TcpHeader>(at).header_bytes());
}

// The first fragment must have the whole header: it is judged and rewritten there, and a smaller
// one only serves to hide it (RFC 1858 3). Length fields speak of the whole datagram.
void parse_first(const uint8_t* at, uint32_t bytes, Ipv4Parts& parts) {
  if (bytes < first_header_bytes(at, bytes, parts.protocol)) return;
  if (parts.protocol == kProtocolTcp && view<TcpHeader>(at).header_bytes() < sizeof(TcpHeader)) {
    parts.reason = Reason::kParseBadHeader;  // as of a whole segment: what follows counts on it
    return;
  }
  parts.form = Form::kFragment;
  if (parts.protocol != kProtocolIcmp) {
    if (has_ports(parts.protocol)) take_ports(at, parts);
    return;
  }
  const auto& icmp = view<IcmpHeader>(at);
  take_echo_identifier(icmp, parts.source_port, parts.destination_port);
  if (is_echo(icmp.type)) return;
  parts.form = Form::kBad;
  parts.reason = Reason::kUnsupportedProtocol;
}

[[gnu::cold, gnu::noinline]] void parse_fragment(const uint8_t* ip, Ipv4Parts& parts) {
  if (parts.protocol == kProtocolAh) return;
  parts.reason = Reason::kFragmentBad;
  const auto& header = view<Ipv4Header>(ip);
  const uint32_t bytes = parts.total_bytes - uint32_t{parts.transport_offset};
  if (bytes == 0 || (header.more_fragments() && bytes % 8 != 0)) return;
  if (parts.transport_offset + header.fragment_offset_bytes() + bytes > UINT16_MAX) return;
  if (header.fragment_offset_bytes() == 0) {
    return parse_first(ip + parts.transport_offset, bytes, parts);
  }
  parts.form = Form::kFragment;
}

}  // namespace

// One result object for every return, so that it is built where the caller wants it: a copy of it
// would wait for its own narrow stores.
Ipv4Parts parse_ipv4(const uint8_t* ip, uint32_t available, HeaderSum sum) {
  Ipv4Parts parts;
  if (available < kMinimumHeaderBytes) return parts;
  const auto& header = view<Ipv4Header>(ip);
  parts.source = header.source;
  parts.destination = header.destination;
  const uint32_t header_bytes = header.header_bytes();
  const uint32_t total_bytes = header.total_bytes.host();
  parts.reason = Reason::kParseBadHeader;
  if (header.version() != 4 || header_bytes < kMinimumHeaderBytes || total_bytes < header_bytes) {
    return parts;
  }
  parts.reason = Reason::kParseShort;
  if (total_bytes > available) return parts;
  if (header_bytes == kMinimumHeaderBytes) [[likely]] {
    parts.reason = Reason::kParseBadChecksum;
    if (sum == HeaderSum::kUnknown && fold_sum(ipv4_header_sum(ip)) != kRightSum) return parts;
  } else if (!long_header_is_fine(ip, header_bytes, parts.reason)) {
    return parts;
  }
  parts.reason = Reason::kUnsupportedProtocol;
  parts.protocol = header.protocol;
  parts.transport_offset = static_cast<uint8_t>(header_bytes);
  parts.total_bytes = static_cast<uint16_t>(total_bytes);
  if (header.is_fragment()) {
    parse_fragment(ip, parts);
    return parts;
  }
  parse_transport(ip + header_bytes, total_bytes - header_bytes, parts);
  return parts;
}

QuotedPacket parse_quoted(const uint8_t* ip, const Ipv4Parts& parts) {
  QuotedPacket quoted;
  const uint32_t offset = parts.transport_offset + static_cast<uint32_t>(sizeof(IcmpHeader));
  const uint8_t* at = ip + offset;
  const uint32_t available = parts.total_bytes - offset;
  const auto& header = view<Ipv4Header>(at);
  const uint32_t header_bytes = header.header_bytes();
  if (header.version() != 4 || header_bytes < kMinimumHeaderBytes ||
      header_bytes + quoted_transport_bytes(header.protocol) > available ||
      (header.fragment.host() & Ipv4Header::kFragmentOffsetMask) != 0) {
    return quoted;
  }
  quoted.protocol = header.protocol;
  quoted.transport_offset = static_cast<uint8_t>(header_bytes);
  quoted.available_bytes = static_cast<uint16_t>(available);
  quoted.source = header.source;
  quoted.destination = header.destination;
  const uint8_t* transport = at + header_bytes;
  if (header.protocol == kProtocolTcp || header.protocol == kProtocolUdp) {
    quoted.source_port = load<Be16>(transport);
    quoted.destination_port = load<Be16>(transport + 2);
    if (header.protocol == kProtocolTcp) quoted.tcp_sequence = load<Be32>(transport + 4).host();
    quoted.usable = true;
  } else if (header.protocol == kProtocolIcmp) {
    const auto& icmp = view<IcmpHeader>(transport);
    take_echo_identifier(icmp, quoted.source_port, quoted.destination_port);
    quoted.usable = is_echo(icmp.type);
  } else {
    if (keeps_ports(header.protocol)) {
      quoted.source_port = load<Be16>(transport);
      quoted.destination_port = load<Be16>(transport + 2);
    }
    quoted.usable = header.protocol != kProtocolAh;
  }
  return quoted;
}

}  // namespace postern
