// The small world that most golden tests live in, in the file's own syntax.
//
//   node-1 10.0.0.1: 10.128.0.0/23   node-2 10.0.0.2: 10.128.2.0/23        VNI 100, VTEP 10.0.0.254
//   payments  10.128.0.11, 10.128.1.0/26    leaves as 192.0.2.50
//   web       10.128.2.0/24                 leaves as 192.0.2.60 and 192.0.2.61
//   lab       10.128.0.77                   has no way out; what else there is, is in no namespace
//   uplink    192.0.2.10/24, gateway 192.0.2.1
#ifndef POSTERN_TEST_PACKET_WORLD_H_
#define POSTERN_TEST_PACKET_WORLD_H_

#include <string>
#include <string_view>

#include "test/packet/gateway.h"
#include "test/packet/packet.h"

namespace postern::test {

inline constexpr std::string_view kWorldBase = R"(
version = 1;
gateway : { name = "gw-test"; };
ports = (
  { name = "underlay"; device = "net_ring0"; role = "cluster"; addresses = [ "10.0.0.254/24" ];
    mtu = 1600; },
  { name = "uplink"; device = "net_ring1"; role = "external"; addresses = [ "192.0.2.10/24" ];
    gateway = "192.0.2.1"; } );
tunnels = ( { name = "overlay"; type = "vxlan"; local = "10.0.0.254"; vni = 100;
              inner_mac = "02:00:00:00:00:30"; inner_addresses = [ "10.128.0.1" ]; } );
nodes = (
  { name = "node-1"; tunnel = "overlay"; vtep = "10.0.0.1"; pod_cidrs = [ "10.128.0.0/23" ];
    addresses = [ "10.0.0.1" ]; },
  { name = "node-2"; tunnel = "overlay"; vtep = "10.0.0.2"; pod_cidrs = [ "10.128.2.0/23" ]; } );
cluster : { no_snat = [ "10.128.0.0/14", "172.30.0.0/16" ]; };
)";

inline constexpr std::string_view kWorldPolicy = R"(
namespaces = (
  { name = "payments"; pods = [ "10.128.0.11", "10.128.1.0/26" ]; },
  { name = "web"; pods = [ "10.128.2.0/24" ]; },
  { name = "lab"; pods = [ "10.128.0.77" ]; } );
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; },
  { name = "web-out"; namespaces = [ "web" ]; addresses = [ "192.0.2.60", "192.0.2.61" ]; } );
firewall : { default = "allow"; };
)";

// The world with other or further settings in place of its policy.
inline std::string world(std::string_view policy = kWorldPolicy) {
  return std::string(kWorldBase) + std::string(policy);
}

inline constexpr MacAddress kNode1Mac{{2, 0, 0, 0, 1, 1}};  // underlay
inline constexpr MacAddress kNode2Mac{{2, 0, 0, 0, 1, 2}};
inline constexpr MacAddress kNode1InnerMac{{2, 0, 0, 0, 2, 1}};  // inside the tunnel
inline constexpr MacAddress kNode2InnerMac{{2, 0, 0, 0, 2, 2}};
inline constexpr MacAddress kInnerMac{{2, 0, 0, 0, 0, 0x30}};  // the gateway's, inside
inline constexpr MacAddress kRouterMac{{2, 0, 0, 0, 3, 1}};    // outside

inline constexpr std::string_view kPod = "10.128.0.11";
inline constexpr std::string_view kPodAddress = "192.0.2.50";  // what it looks like outside
inline constexpr std::string_view kServer = "203.0.113.5";

// A frame of node-1 up to the inner IP header; chain ipv4() behind it.
inline Packet from_node1(uint32_t vni = 100) {
  return Packet()
      .ethernet(kNode1Mac, Gateway::kClusterMac)
      .ipv4("10.0.0.1", "10.0.0.254")
      .udp(50000, 4789, false)
      .vxlan(vni)
      .ethernet(kNode1InnerMac, kInnerMac);
}
inline Packet from_node2() {
  return Packet()
      .ethernet(kNode2Mac, Gateway::kClusterMac)
      .ipv4("10.0.0.2", "10.0.0.254")
      .udp(50000, 4789, false)
      .vxlan(100)
      .ethernet(kNode2InnerMac, kInnerMac);
}
// A frame that arrives on the uplink, up to its IP header.
inline Packet from_outside() { return Packet().ethernet(kRouterMac, Gateway::kUplinkMac); }
// What the gateway puts on the uplink, up to the IP header.
inline Packet on_uplink() { return Packet().ethernet(Gateway::kUplinkMac, Gateway::kNextHopMac); }
// What the gateway sends to node-1, up to the inner IP header; `entropy` is the outer source port.
inline Packet to_node1(uint16_t entropy, uint8_t tos = 0) {
  return Packet()
      .ethernet(Gateway::kClusterMac, Gateway::kNextHopMac)
      .ipv4("10.0.0.254", "10.0.0.1", {.tos = tos, .dont_fragment = true})
      .udp(entropy, 4789, false)
      .vxlan(100)
      .ethernet(kInnerMac, kNode1InnerMac);
}
// The outer UDP source port of a tunnel frame.
inline uint16_t entropy_of(const Bytes& frame) { return load<Be16>(&frame[34]).host(); }

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_WORLD_H_
