// What the UDP payload of a tunnel packet starts with: VXLAN's or Geneve's header, checked once.
// After that the inner frame is there, as long as the UDP length says.
//
// Free of DPDK, so that it can be fuzzed over plain buffers. Any thread; no state.
#ifndef POSTERN_DATAPLANE_PACKET_PARSE_TUNNEL_H_
#define POSTERN_DATAPLANE_PACKET_PARSE_TUNNEL_H_

#include <cstdint>

#include "dataplane/wire/headers.h"

namespace postern {

struct TunnelParts {
  bool valid = false;
  uint32_t vni = 0;
  uint32_t header_bytes = 0;  // from the UDP header to the inner frame
};

// Checks the VXLAN header at `udp` + 8 and the UDP length against `udp_available` bytes
// (RFC 7348: I flag needed, reserved bits ignored).
inline TunnelParts parse_vxlan(const uint8_t* udp, uint32_t udp_available) {
  constexpr uint32_t kHeaders = sizeof(UdpHeader) + sizeof(VxlanHeader);
  TunnelParts parts;
  if (udp_available < kHeaders) return parts;
  const uint32_t udp_bytes = view<UdpHeader>(udp).bytes.host();
  if (udp_bytes < kHeaders || udp_bytes > udp_available) return parts;
  const auto& vxlan = view<VxlanHeader>(udp + sizeof(UdpHeader));
  if ((vxlan.flags & VxlanHeader::kVniValid) == 0) return parts;
  parts.valid = true;
  parts.vni = vxlan.vni_host();
  parts.header_bytes = kHeaders;
  return parts;
}

// Whether the options fill their `bytes` exactly and none asks for what nobody here knows: a
// critical one of a class other than OVN's, whose options say what OVN's own tables need (RFC 8926
// 3.5).
inline bool geneve_options_pass(const uint8_t* at, uint32_t bytes) {
  for (uint32_t done = 0; done < bytes;) {
    const auto& option = view<GeneveOption>(at + done);  // lengths are multiples of four
    done += option.bytes();
    if (done > bytes) return false;
    if (option.is_critical() && option.option_class.host() != GeneveOption::kClassOvn) return false;
  }
  return true;
}

// The same for Geneve (RFC 8926 3.4: version 0, an Ethernet frame inside, no control packet;
// reserved bits ignored). Options are looked at also where the C bit does not announce a critical
// one.
inline TunnelParts parse_geneve(const uint8_t* udp, uint32_t udp_available) {
  constexpr uint32_t kHeaders = sizeof(UdpHeader) + sizeof(GeneveHeader);
  TunnelParts parts;
  if (udp_available < kHeaders) return parts;
  const uint32_t udp_bytes = view<UdpHeader>(udp).bytes.host();
  if (udp_bytes < kHeaders || udp_bytes > udp_available) return parts;
  const auto& geneve = view<GeneveHeader>(udp + sizeof(UdpHeader));
  const uint32_t option_bytes = geneve.option_bytes();
  if (geneve.version() != 0 || option_bytes > udp_bytes - kHeaders) return parts;
  if ((geneve.flags & GeneveHeader::kControl) != 0) return parts;
  if (geneve.protocol.host() != GeneveHeader::kEthernet) return parts;
  if (!geneve_options_pass(udp + kHeaders, option_bytes)) return parts;
  parts.valid = true;
  parts.vni = geneve.vni_host();
  parts.header_bytes = kHeaders + option_bytes;
  return parts;
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_PARSE_TUNNEL_H_
