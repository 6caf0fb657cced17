#include "dataplane/packet/parse.h"

#include "dataplane/wire/checksum.h"

namespace postern {
namespace {

constexpr uint32_t kMinimumHeaderBytes = sizeof(Ipv4Header);
constexpr uint32_t kQuotedTransportBytes = 8;  // RFC 792

// The source routing options, loose and strict (RFC 791), dropped as RFC 7126 4.3 and 4.4 advise.
constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNop = 1;
constexpr uint8_t kOptionLooseSourceRoute = 131;
constexpr uint8_t kOptionStrictSourceRoute = 137;

Ipv4Parts bad(Reason reason) {
  Ipv4Parts parts;
  parts.reason = reason;
  return parts;
}

// True when the options are well-formed and route nothing.
[[gnu::cold]] bool options_are_fine(const uint8_t* option, const uint8_t* end) {
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
  const auto tcp = load<TcpHeader>(at);
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
  const auto udp = load<UdpHeader>(at);
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
  const auto icmp = load<IcmpHeader>(at);
  if (is_echo(icmp.type)) {
    take_echo_identifier(icmp, parts.source_port, parts.destination_port);
    parts.form = Form::kFlow;
    return;
  }
  if (!is_error(icmp.type)) {
    parts.reason = Reason::kUnsupportedProtocol;
    return;
  }
  if (bytes < sizeof(IcmpHeader) + kMinimumHeaderBytes + kQuotedTransportBytes) return;
  parts.form = Form::kIcmpError;
}

}  // namespace

Ipv4Parts parse_ipv4(const uint8_t* ip, uint32_t available) {
  if (available < kMinimumHeaderBytes) return bad(Reason::kParseShort);
  const auto header = load<Ipv4Header>(ip);
  const uint32_t header_bytes = header.header_bytes();
  const uint32_t total_bytes = header.total_bytes.host();
  if (header.version() != 4 || header_bytes < kMinimumHeaderBytes || total_bytes < header_bytes) {
    return bad(Reason::kParseBadHeader);
  }
  if (total_bytes > available) return bad(Reason::kParseShort);
  if (checksum_of(ip, header_bytes).raw() != 0) return bad(Reason::kParseBadChecksum);
  if (header_bytes > kMinimumHeaderBytes &&
      !options_are_fine(ip + kMinimumHeaderBytes, ip + header_bytes)) {
    return bad(Reason::kParseBadHeader);
  }
  Ipv4Parts parts;
  parts.protocol = header.protocol;
  parts.transport_offset = static_cast<uint8_t>(header_bytes);
  parts.total_bytes = static_cast<uint16_t>(total_bytes);
  if (header.is_fragment()) {
    parts.reason = Reason::kUnsupportedProtocol;
    return parts;
  }
  const uint8_t* transport = ip + header_bytes;
  const uint32_t bytes = total_bytes - header_bytes;
  switch (header.protocol) {
    case kProtocolTcp:
      parse_tcp(transport, bytes, parts);
      break;
    case kProtocolUdp:
      parse_udp(transport, bytes, parts);
      break;
    case kProtocolIcmp:
      parse_icmp(transport, bytes, parts);
      break;
    default:
      parts.reason = Reason::kUnsupportedProtocol;
  }
  return parts;
}

QuotedPacket parse_quoted(const uint8_t* ip, const Ipv4Parts& parts) {
  QuotedPacket quoted;
  const uint32_t offset = parts.transport_offset + static_cast<uint32_t>(sizeof(IcmpHeader));
  const uint8_t* at = ip + offset;
  const uint32_t available = parts.total_bytes - offset;
  const auto header = load<Ipv4Header>(at);
  const uint32_t header_bytes = header.header_bytes();
  if (header.version() != 4 || header_bytes < kMinimumHeaderBytes ||
      header_bytes + kQuotedTransportBytes > available ||
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
    const auto icmp = load<IcmpHeader>(transport);
    take_echo_identifier(icmp, quoted.source_port, quoted.destination_port);
    quoted.usable = is_echo(icmp.type);
  }
  return quoted;
}

VxlanParts parse_vxlan(const uint8_t* udp, uint32_t udp_available) {
  VxlanParts parts;
  if (udp_available < sizeof(UdpHeader) + sizeof(VxlanHeader)) return parts;
  const uint32_t udp_bytes = load<UdpHeader>(udp).bytes.host();
  if (udp_bytes < sizeof(UdpHeader) + sizeof(VxlanHeader) || udp_bytes > udp_available) {
    return parts;
  }
  const auto vxlan = load<VxlanHeader>(udp + sizeof(UdpHeader));
  if ((vxlan.flags & VxlanHeader::kVniValid) == 0) return parts;
  parts.valid = true;
  parts.vni = vxlan.vni_host();
  return parts;
}

}  // namespace postern
