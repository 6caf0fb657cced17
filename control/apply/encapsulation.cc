#include "control/apply/encapsulation.h"

#include "dataplane/wire/checksum.h"

namespace postern {
namespace {

constexpr uint8_t kTtl = 64;

bool have_critical(const std::vector<uint8_t>& options) {
  for (size_t at = 0; at < options.size();) {
    const auto option = load<GeneveOption>(&options[at]);
    if (option.is_critical()) return true;
    at += option.bytes();
  }
  return false;
}

// Reserved bits are zero. Some critical option is announced (RFC 8926 3.5).
GeneveHeader geneve_header(const std::vector<uint8_t>& options) {
  GeneveHeader header{};
  header.version_length = static_cast<uint8_t>(options.size() / 4);
  header.flags = have_critical(options) ? GeneveHeader::kCritical : 0;
  header.protocol = Be16(GeneveHeader::kEthernet);
  return header;
}

VxlanHeader vxlan_header() {
  VxlanHeader header{};
  header.flags = VxlanHeader::kVniValid;
  return header;
}

}  // namespace

// Lengths, TOS, the IP checksum, the source port and destination MACs come with each packet. Don't
// Fragment is set: a reply that does not fit the underlay has been refused or cut before (nat.md
// F5), and an atomic datagram needs no identification (RFC 6864).
void put_encapsulation(const config::Node& node, const TunnelEntry& tunnel, const MacAddress& mac,
                       NodeEntry& entry, std::vector<uint8_t>& options) {
  TunnelEncapsulation outer{};
  outer.outer_ethernet.source = mac;
  outer.outer_ethernet.type = Be16(kEtherTypeIpv4);
  outer.outer_ip.version_ihl = 0x45;
  outer.outer_ip.fragment = Be16(Ipv4Header::kDontFragment);
  outer.outer_ip.ttl = kTtl;
  outer.outer_ip.protocol = kProtocolUdp;
  outer.outer_ip.source = tunnel.local.wire();
  outer.outer_ip.destination = entry.vtep.wire();
  outer.udp.destination_port = Be16(tunnel.udp_port);
  entry.takes_any_vni = !is_fixed(tunnel.network);
  if (tunnel.type == TunnelType::kGeneve) {
    outer.geneve = geneve_header(node.geneve_options.value);
    outer.geneve.set_vni(tunnel.vni);
    entry.option_bytes = static_cast<uint8_t>(node.geneve_options.value.size());
    entry.options_at = static_cast<uint32_t>(options.size());
    options.insert(options.end(), node.geneve_options.value.begin(),
                   node.geneve_options.value.end());
  } else {
    outer.vxlan = vxlan_header();
    outer.vxlan.set_vni(tunnel.vni);
  }
  entry.is_special = entry.takes_any_vni || entry.option_bytes != 0;
  outer.inner_ethernet.source = tunnel.inner_mac;
  outer.inner_ethernet.type = Be16(kEtherTypeIpv4);
  entry.encapsulation = outer;
  entry.outer_ip_sum = fold_sum(ipv4_header_sum(&outer.outer_ip));
}

}  // namespace postern
