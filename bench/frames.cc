#include "bench/frames.h"

#include "dataplane/wire/checksum.h"

namespace postern::bench {
namespace {

constexpr uint32_t kEthernetBytes = sizeof(EthernetHeader);
constexpr uint32_t kTunnelBytes = sizeof(TunnelEncapsulation);  // with the inner Ethernet header
constexpr uint16_t kVxlanUdpPort = 4789;
constexpr uint16_t kGeneveUdpPort = 6081;
constexpr uint16_t kFirstEntropyPort = 49152;
constexpr uint8_t kTtl = 64;
constexpr MacAddress kPodSideMac{{2, 0, 0, 0, 1, 1}};

MacAddress node_mac(uint32_t node) {
  return {{2, 1, 0, 0, static_cast<uint8_t>(node >> 8), static_cast<uint8_t>(node)}};
}

Ipv4Header ipv4(Ipv4Address source, Ipv4Address destination, uint32_t bytes) {
  Ipv4Header header{};
  header.version_ihl = 0x45;
  header.total_bytes = Be16(static_cast<uint16_t>(bytes));
  header.ttl = kTtl;
  header.protocol = kProtocolUdp;
  header.source = source.wire();
  header.destination = destination.wire();
  return header;
}

EthernetHeader ethernet_header(MacAddress source, MacAddress destination) {
  return {.destination = destination, .source = source, .type = Be16(kEtherTypeIpv4)};
}

}  // namespace

Frames::Frames(const Scenario& scenario, Direction direction, std::span<const uint32_t> sizes)
    : direction_(direction),
      ip_offset_(direction == Direction::kInbound
                     ? kEthernetBytes
                     : kTunnelBytes + static_cast<uint32_t>(scenario.tunnel_options().size())),
      port_offset_(direction == Direction::kOutbound ? offsetof(UdpHeader, source_port)
                                                     : offsetof(UdpHeader, destination_port)),
      templates_a_size_(direction == Direction::kOutbound ? scenario.nodes() : 1) {
  for (const uint32_t size : sizes) {
    const uint32_t ip_bytes = size - kEthernetBytes - kEthernetChecksumBytes;
    for (uint32_t i = 0; i < templates_a_size_; ++i) {
      frame_bytes_.push_back(static_cast<uint16_t>(ip_offset_ + ip_bytes));
      if (direction == Direction::kOutbound) {
        templates_.push_back(outbound_template(scenario, i, ip_bytes));
        continue;
      }
      write_packet(templates_.emplace_back().byte.data(), Scenario::kNextHopMac,
                   Scenario::kUplinkMac, ip_bytes);
    }
  }
}

// The frame of the packet that is translated, with the server's port.
void Frames::write_packet(uint8_t* ethernet, MacAddress source, MacAddress destination,
                          uint32_t ip_bytes) const {
  store(ethernet, ethernet_header(source, destination));
  uint8_t* const ip = ethernet + kEthernetBytes;
  store(ip, ipv4({}, {}, ip_bytes));
  UdpHeader udp{};
  udp.bytes = Be16(static_cast<uint16_t>(ip_bytes - sizeof(Ipv4Header)));
  (direction_ == Direction::kOutbound ? udp.destination_port : udp.source_port) =
      Be16(Conversation::kRemotePort);
  store(ip + sizeof(Ipv4Header), udp);
}

Frames::Template Frames::outbound_template(const Scenario& scenario, uint32_t node,
                                           uint32_t ip_bytes) const {
  const std::span<const uint8_t> options = scenario.tunnel_options();
  const bool vxlan = scenario.overlay == Overlay::kVxlan;
  Template result;
  uint8_t* const at = result.byte.data();
  const uint32_t inside = kEthernetBytes + ip_bytes;
  const auto udp_bytes =
      static_cast<uint32_t>(sizeof(UdpHeader) + sizeof(VxlanHeader) + options.size() + inside);
  TunnelEncapsulation headers{};
  headers.outer_ethernet = ethernet_header(node_mac(node), Scenario::kClusterMac);
  headers.outer_ip =
      ipv4(Scenario::node_vtep(node), Scenario::kVtep, sizeof(Ipv4Header) + udp_bytes);
  headers.outer_ip.checksum = checksum_of(&headers.outer_ip, sizeof headers.outer_ip);
  headers.udp.source_port = Be16(static_cast<uint16_t>(kFirstEntropyPort + node));
  headers.udp.destination_port = Be16(vxlan ? kVxlanUdpPort : kGeneveUdpPort);
  headers.udp.bytes = Be16(static_cast<uint16_t>(udp_bytes));
  if (vxlan) {
    headers.vxlan.flags = VxlanHeader::kVniValid;
    headers.vxlan.set_vni(Scenario::kVni);
  } else {
    headers.geneve.version_length = static_cast<uint8_t>(options.size() / 4);
    headers.geneve.flags = options.empty() ? 0 : GeneveHeader::kCritical;
    headers.geneve.protocol = Be16(GeneveHeader::kEthernet);
    headers.geneve.set_vni(Scenario::kVni);
  }
  store(at, headers);
  std::memcpy(at + kTunnelBytes - kEthernetBytes, options.data(), options.size());
  write_packet(at + ip_offset_ - kEthernetBytes, node_mac(node), kPodSideMac, ip_bytes);
  return result;
}

FrameRecord Frames::record(const Conversation& conversation, Ipv4Address inside,
                           uint16_t inside_port, size_t size) const {
  const bool outbound = direction_ == Direction::kOutbound;
  FrameRecord record{};
  record.source = (outbound ? inside : conversation.remote).wire();
  record.destination = (outbound ? conversation.remote : inside).wire();
  record.port = Be16(inside_port);
  record.template_index =
      static_cast<uint16_t>(size * templates_a_size_ + (outbound ? conversation.node : 0));

  Template whole;
  uint8_t* const at = whole.byte.data();
  write(record, at);
  const uint8_t* const ip = at + ip_offset_;
  const auto udp_bytes = static_cast<uint16_t>(bytes(record) - ip_offset_ - sizeof(Ipv4Header));
  const uint64_t pseudo =
      pseudo_header_sum(record.source, record.destination, kProtocolUdp, udp_bytes);
  record.ip_checksum = checksum_of(ip, sizeof(Ipv4Header));
  // The payload adds nothing: it is zero.
  record.udp_checksum = checksum_of(ip + sizeof(Ipv4Header), sizeof(UdpHeader), pseudo);
  if (record.udp_checksum.raw() == 0) record.udp_checksum = Be16(0xffff);
  return record;
}

}  // namespace postern::bench
