#include "test/packet/packet.h"

#include <array>
#include <cstring>
#include <stdexcept>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/other_protocols.h"

namespace postern::test {
namespace {

Be32 address(std::string_view text) {
  const auto parsed = Ipv4Address::parse(text);
  if (!parsed) throw std::invalid_argument("not an address: " + std::string(text));
  return parsed->wire();
}

template <typename T>
Bytes as_bytes(const T& header) {
  const auto* at = reinterpret_cast<const uint8_t*>(&header);
  return {at, at + sizeof header};
}

void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

// Fills the checksum of the transport packet `bytes` that an IPv4 header is put in front of.
void finish_transport(Bytes& bytes, const Ipv4Header& ip, bool wanted) {
  size_t at = 0;
  uint64_t sum = pseudo_header_sum(ip.source, ip.destination, ip.protocol,
                                   static_cast<uint16_t>(bytes.size()));
  if (ip.protocol == kProtocolUdp) {
    at = offsetof(UdpHeader, checksum);
  } else if (ip.protocol == kProtocolTcp) {
    at = offsetof(TcpHeader, checksum);
  } else if (ip.protocol == kProtocolIcmp) {
    at = offsetof(IcmpHeader, checksum);
    sum = 0;
  } else if (covers_addresses(ip.protocol)) {
    at = kCoveringChecksumOffset;
  } else {
    return;
  }
  if (!wanted || bytes.size() < at + 2 || (ip.fragment.host() & 0x1fff) != 0) return;
  Be16 checksum = checksum_of(bytes.data(), bytes.size(), sum);
  if (ip.protocol != kProtocolTcp && ip.protocol != kProtocolIcmp && checksum.raw() == 0) {
    checksum = Be16(0xffff);
  }
  store(&bytes[at], checksum);
}

}  // namespace

Packet& Packet::ethernet(MacAddress source, MacAddress destination) {
  layers_.push_back(
      {Layer::Kind::kEthernet, as_bytes(EthernetHeader{destination, source, Be16(0)})});
  return *this;
}

Packet& Packet::ethernet_type(MacAddress source, MacAddress destination, uint16_t type) {
  layers_.push_back({Layer::Kind::kRaw, as_bytes(EthernetHeader{destination, source, Be16(type)})});
  return *this;
}

// What is behind the type that says there is a tag: its control word, and the type to follow.
Packet& Packet::vlan(uint16_t id, uint8_t priority) {
  const Be16 control(static_cast<uint16_t>(priority << 13 | id));
  layers_.push_back({Layer::Kind::kVlan, as_bytes(std::array{control, Be16(0)})});
  return *this;
}

Packet& Packet::ipv4(std::string_view source, std::string_view destination, Ipv4Options options) {
  Ipv4Header ip{};
  ip.version_ihl = static_cast<uint8_t>(0x45 + options.options.size() / 4);
  ip.tos = options.tos;
  ip.ttl = options.ttl;
  ip.protocol = options.protocol;
  ip.fragment = Be16(static_cast<uint16_t>(
      (options.dont_fragment ? Ipv4Header::kDontFragment : 0) |
      (options.more_fragments ? Ipv4Header::kMoreFragments : 0) | options.fragment_offset));
  ip.source = address(source);
  ip.destination = address(destination);
  layers_.push_back({Layer::Kind::kIpv4, as_bytes(ip)});
  append(layers_.back().header, options.options);
  return *this;
}

Packet& Packet::udp(uint16_t source_port, uint16_t destination_port, bool checksum) {
  UdpHeader udp{};
  udp.source_port = Be16(source_port);
  udp.destination_port = Be16(destination_port);
  layers_.push_back({Layer::Kind::kUdp, as_bytes(udp), checksum});
  return *this;
}

Packet& Packet::tcp(uint16_t source_port, uint16_t destination_port, TcpOptions options) {
  TcpHeader tcp{};
  tcp.source_port = Be16(source_port);
  tcp.destination_port = Be16(destination_port);
  tcp.sequence = Be32(options.sequence);
  tcp.acknowledgement = Be32(options.acknowledgement);
  tcp.offset = static_cast<uint8_t>((5 + options.options.size() / 4) << 4);
  tcp.flags = options.flags;
  tcp.window = Be16(options.window);
  layers_.push_back({Layer::Kind::kTcp, as_bytes(tcp)});
  append(layers_.back().header, options.options);
  return *this;
}

Packet& Packet::icmp(uint8_t type, uint8_t code, uint16_t identifier, uint16_t sequence) {
  IcmpHeader icmp{};
  icmp.type = type;
  icmp.code = code;
  icmp.identifier = Be16(identifier);
  icmp.sequence = Be16(sequence);
  layers_.push_back({Layer::Kind::kIcmp, as_bytes(icmp)});
  return *this;
}

Packet& Packet::echo_request(uint16_t identifier, uint16_t sequence) {
  return icmp(IcmpHeader::kEchoRequest, 0, identifier, sequence);
}

Packet& Packet::echo_reply(uint16_t identifier, uint16_t sequence) {
  return icmp(IcmpHeader::kEchoReply, 0, identifier, sequence);
}

Packet& Packet::icmp_error(uint8_t type, uint8_t code, const Packet& quoted, uint16_t mtu,
                           size_t limit) {
  icmp(type, code, 0, mtu);
  Bytes quote = quoted.bytes();
  quote.resize(std::min(quote.size(), limit));
  return raw(std::move(quote));
}

Packet& Packet::arp_request(MacAddress sender, std::string_view sender_ip,
                            std::string_view target_ip) {
  return arp_reply(sender, sender_ip, {}, target_ip).layers_.back().header[7] = 1, *this;
}

Packet& Packet::arp_reply(MacAddress sender, std::string_view sender_ip, MacAddress target,
                          std::string_view target_ip) {
  const ArpHeader arp{
      Be16(1), Be16(kEtherTypeIpv4), 6, 4, Be16(ArpHeader::kReply), sender, address(sender_ip),
      target,  address(target_ip)};
  layers_.push_back({Layer::Kind::kArp, as_bytes(arp)});
  return *this;
}

Packet& Packet::vxlan(uint32_t vni, uint8_t flags) {
  VxlanHeader vxlan{};
  vxlan.flags = flags;
  vxlan.set_vni(vni);
  layers_.push_back({Layer::Kind::kTunnel, as_bytes(vxlan)});
  return *this;
}

Packet& Packet::geneve(uint32_t vni, const GeneveFields& fields) {
  GeneveHeader geneve{};
  geneve.version_length = static_cast<uint8_t>(fields.version << 6 | fields.options.size() / 4);
  geneve.flags = fields.flags;
  geneve.protocol = Be16(fields.protocol);
  geneve.vni = Be32(vni << 8 | fields.reserved);
  layers_.push_back({Layer::Kind::kTunnel, as_bytes(geneve)});
  append(layers_.back().header, fields.options);
  return *this;
}

Packet& Packet::payload(std::string_view text) { return raw(Bytes(text.begin(), text.end())); }

Packet& Packet::payload(size_t bytes) {
  Bytes data(bytes);
  for (size_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>(i * 7 + (i >> 8));
  return raw(std::move(data));
}

Packet& Packet::raw(Bytes bytes) {
  layers_.push_back({Layer::Kind::kRaw, std::move(bytes)});
  return *this;
}

Bytes Packet::bytes() const {
  Bytes built;
  bool inner_checksum = true;
  Layer::Kind inner = Layer::Kind::kRaw;
  for (size_t n = layers_.size(); n-- > 0;) {
    const Layer& layer = layers_[n];
    Bytes header = layer.header;
    if (layer.kind == Layer::Kind::kEthernet || layer.kind == Layer::Kind::kVlan) {
      const uint16_t type = inner == Layer::Kind::kArp    ? kEtherTypeArp
                            : inner == Layer::Kind::kVlan ? kEtherTypeVlan
                                                          : kEtherTypeIpv4;
      if (inner != Layer::Kind::kRaw) store(&header[header.size() - 2], Be16(type));
    } else if (layer.kind == Layer::Kind::kUdp) {
      store(&header[offsetof(UdpHeader, bytes)],
            Be16(static_cast<uint16_t>(header.size() + built.size())));
    } else if (layer.kind == Layer::Kind::kIpv4) {
      auto ip = load<Ipv4Header>(header.data());
      ip.protocol = inner == Layer::Kind::kUdp    ? kProtocolUdp
                    : inner == Layer::Kind::kTcp  ? kProtocolTcp
                    : inner == Layer::Kind::kIcmp ? kProtocolIcmp
                                                  : ip.protocol;
      ip.total_bytes = Be16(static_cast<uint16_t>(header.size() + built.size()));
      finish_transport(built, ip, inner_checksum);
      store(header.data(), ip);
      store(&header[offsetof(Ipv4Header, checksum)], checksum_of(header.data(), header.size()));
    }
    inner = layer.kind;
    inner_checksum = layer.checksum;
    append(header, built);
    built = std::move(header);
  }
  return built;
}

}  // namespace postern::test
