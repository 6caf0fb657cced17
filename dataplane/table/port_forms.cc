#include "dataplane/table/port_forms.h"

#include <cstddef>

#include "dataplane/table/snapshot.h"

namespace postern {
namespace {

constexpr uint8_t kNoOptions = 0x45;  // version 4, header of 20 bytes
constexpr Be16 kAll16 = Be16::from_raw(0xffff);
constexpr Be32 kAll32 = Be32::from_raw(0xffffffff);

// An IPv4 packet behind an Ethernet header at `at`: no options, no fragment.
void expect_whole_ipv4(FrameForm& form, uint32_t at) {
  const uint32_t ip = at + uint32_t{sizeof(EthernetHeader)};
  const Be16 of_fragments(Ipv4Header::kMoreFragments | Ipv4Header::kFragmentOffsetMask);
  form.expect(at + uint32_t{offsetof(EthernetHeader, type)}, Be16(kEtherTypeIpv4), kAll16);
  form.expect(ip, kNoOptions, uint8_t{0xff});
  form.expect(ip + uint32_t{offsetof(Ipv4Header, fragment)}, Be16(0), of_fragments);
}

void expect_for_us(FrameForm& form, const PortEntry& port) {
  form.expect(0, port.mac, MacAddress::broadcast());
}

// What lies behind the UDP header, up to the inner frame.
void expect_tunnel_header(FrameForm& form, const TunnelEntry& tunnel) {
  constexpr uint32_t kAt = offsetof(TunnelEncapsulation, vxlan);
  if (tunnel.type == TunnelType::kGeneve) {
    form.expect(kAt, uint8_t{0}, uint8_t{0xff});  // version 0, no options
    form.expect(kAt + uint32_t{offsetof(GeneveHeader, flags)}, uint8_t{0}, GeneveHeader::kControl);
    form.expect(kAt + uint32_t{offsetof(GeneveHeader, protocol)}, Be16(GeneveHeader::kEthernet),
                kAll16);
  } else {
    form.expect(kAt, VxlanHeader::kVniValid, VxlanHeader::kVniValid);
  }
  if (!is_fixed(tunnel.network)) return;
  form.expect(kAt + uint32_t{offsetof(VxlanHeader, vni)}, Be32(tunnel.vni << 8), Be32(0xffffff00));
}

FrameForm tunnel_form(const PortEntry& port, const TunnelEntry& tunnel) {
  constexpr uint32_t kIp = offsetof(TunnelEncapsulation, outer_ip);
  constexpr uint32_t kUdp = offsetof(TunnelEncapsulation, udp);
  constexpr uint32_t kInner = offsetof(TunnelEncapsulation, inner_ethernet);
  FrameForm form;
  expect_for_us(form, port);
  expect_whole_ipv4(form, 0);
  // ECT(1) and congestion go over to the inner header (RFC 6040): not here.
  form.expect(kIp + uint32_t{offsetof(Ipv4Header, tos)}, uint8_t{0}, uint8_t{1});
  form.expect(kIp + uint32_t{offsetof(Ipv4Header, protocol)}, kProtocolUdp, uint8_t{0xff});
  form.expect(kIp + uint32_t{offsetof(Ipv4Header, destination)}, tunnel.local.wire(), kAll32);
  form.expect(kUdp + uint32_t{offsetof(UdpHeader, destination_port)}, Be16(tunnel.udp_port),
              kAll16);
  form.expect(kUdp + uint32_t{offsetof(UdpHeader, checksum)}, Be16(0), kAll16);
  expect_tunnel_header(form, tunnel);
  form.expect(kInner, uint8_t{0}, uint8_t{1});  // no multicast
  expect_whole_ipv4(form, kInner);
  return form;
}

// Whether a tunnel's packets can be told by its own fields: no other tunnel takes a part of them,
// and nothing else is at its address.
bool stands_alone(const Snapshot& snapshot, const TunnelEntry& tunnel) {
  const LocalAddress* local = snapshot.local(tunnel.local);
  if (local == nullptr || (local->kinds & LocalAddress::kEgress) != 0) return false;
  if (is_fixed(tunnel.network)) return true;
  for (const TunnelEntry& other : snapshot.tunnels) {
    const bool same = other.local == tunnel.local && other.udp_port == tunnel.udp_port;
    if (same && &other != &tunnel) return false;
  }
  return true;
}

PortForms forms_of(const Snapshot& snapshot, uint32_t port) {
  const PortEntry& entry = snapshot.ports[port];
  PortForms forms;
  if (entry.takes_replies()) {
    expect_for_us(forms.plain, entry);
    expect_whole_ipv4(forms.plain, 0);
  }
  for (uint32_t i = 0; i < snapshot.tunnels.size(); ++i) {
    const TunnelEntry& tunnel = snapshot.tunnels[i];
    forms.tunnel_ports |= uint64_t{1} << (tunnel.udp_port & 63);
    const bool here = (tunnel.ports >> port & 1) != 0;
    if (!here || !forms.tunnel.is_empty() || !stands_alone(snapshot, tunnel)) continue;
    forms.tunnel = tunnel_form(entry, tunnel);
    forms.tunnel_index = i;
  }
  return forms;
}

}  // namespace

std::vector<PortForms> make_port_forms(const Snapshot& snapshot) {
  std::vector<PortForms> forms;
  for (uint32_t port = 0; port < snapshot.ports.size(); ++port) {
    forms.push_back(forms_of(snapshot, port));
  }
  return forms;
}

}  // namespace postern
