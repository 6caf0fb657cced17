// A tunnel that ends on an egress address, on a port of role both, as Antrea's nodes send to their
// Egress addresses (nat.md V8): tunnel packets of nodes and replies of sessions come to one
// address.
#include <gtest/gtest.h>

#include <set>

#include "test/packet/fragments.h"
#include "test/packet/only_frame.h"
#include "test/packet/overlay.h"

namespace postern::test {
namespace {

constexpr std::string_view kNode = "192.0.2.101";
constexpr std::string_view kEgress = "192.0.2.50";  // the tunnel's end, and what pods look like
constexpr MacAddress kAntreaMac{{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}};  // of every Antrea gateway

constexpr std::string_view kOneArmed = R"(
version = 1;
gateway : { name = "gw-test"; };
ports = (
  { name = "lan"; device = "net_ring0"; role = "both"; addresses = [ "192.0.2.10/24" ];
    gateway = "192.0.2.1"; mtu = 1600; },
  { name = "second"; device = "net_ring1"; role = "external"; addresses = [ "198.51.100.10/24" ];
    gateway = "198.51.100.1"; } );
tunnels = ( { name = "antrea"; type = "$TYPE"; local = "192.0.2.50"; vni = 0; } );
nodes = ( { name = "node-1"; tunnel = "antrea"; vtep = "192.0.2.101";
            pod_cidrs = [ "10.128.0.0/24" ]; $NODE } );
namespaces = ( { name = "payments"; pods = [ "10.128.0.11", "10.128.0.12" ]; } );
egress_ips = ( { name = "out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; } );
firewall : { default = "allow"; };
cluster : { no_snat = [ "10.128.0.0/14" ]; };
$MORE
)";

std::string one_armed(Overlay overlay, std::string_view more = "", std::string_view node = "") {
  std::string text =
      replaced(std::string(kOneArmed), "$TYPE", overlay == Overlay::kGeneve ? "geneve" : "vxlan");
  return replaced(replaced(text, "$NODE", node), "$MORE", more);
}

// Up to the IP header, both ways: the port and its neighbours.
Packet to_lan() { return Packet().ethernet(kNode1Mac, Gateway::kClusterMac); }
Packet from_lan() { return Packet().ethernet(Gateway::kClusterMac, Gateway::kNextHopMac); }

Packet tunnelled(Overlay overlay, std::string_view source, uint32_t vni = 0) {
  return in_overlay(to_lan().ipv4(source, kEgress), overlay, 50000, {.vni = vni})
      .ethernet(kNode1InnerMac, kAntreaMac);
}
Packet question(Overlay overlay, uint16_t port = 7777) {
  return tunnelled(overlay, kNode).ipv4(kPod, kServer).udp(port, 53).payload("question");
}
Packet answer(uint16_t to, std::string_view text = "answer") {
  return to_lan().ipv4(kServer, kEgress).udp(53, to).payload(text);
}

class EgressTunnel : public ::testing::TestWithParam<Overlay> {
 protected:
  // What reaches the pod from that frame, which must be a tunnel packet to its node.
  static void expect_at_pod(Overlay overlay, const Bytes& frame, uint16_t port,
                            MacAddress inner = kNode1InnerMac) {
    Packet outer = in_overlay(from_lan().ipv4(kEgress, kNode, {.dont_fragment = true}), overlay,
                              entropy_of(frame), {.vni = 0});
    const MacAddress source = load<EthernetHeader>(&frame[50]).source;  // derived from a name
    EXPECT_EQ(decode(frame), decode(outer.ethernet(source, inner)
                                        .ipv4(kServer, kPod, {.ttl = 63})
                                        .udp(53, port)
                                        .payload("answer")
                                        .bytes()));
  }
};

TEST_P(EgressTunnel, V8_APodLeavesByTheAddressThatItsTunnelEndsOn) {
  Gateway gateway(one_armed(GetParam()));
  const Bytes out = only_frame(gateway.receive("lan", question(GetParam())), "lan");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(decode(out), decode(from_lan()
                                    .ipv4(kEgress, kServer, {.ttl = 63})
                                    .udp(port, 53)
                                    .payload("question")
                                    .bytes()));
  expect_at_pod(GetParam(), only_frame(gateway.receive("lan", answer(port)), "lan"), 7777);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST_P(EgressTunnel, V8_RepliesBearTheInnerMacThatTheNodeLooksFor) {
  Gateway gateway(one_armed(GetParam(), "", "mac = \"aa:bb:cc:dd:ee:ff\";"));
  only_frame(gateway.receive("lan", question(GetParam())), "lan");
  const Bytes back =
      only_frame(gateway.receive("lan", answer(gateway.only_session().egress_port.host())), "lan");
  expect_at_pod(GetParam(), back, 7777, kAntreaMac);
}

TEST_P(EgressTunnel, V8_TheAddressAnswersArpAndNoEcho) {
  Gateway gateway(one_armed(GetParam()));
  const Bytes arp =
      only_frame(gateway.receive("lan", Packet()
                                            .ethernet(kNode1Mac, MacAddress::broadcast())
                                            .arp_request(kNode1Mac, kNode, kEgress)),
                 "lan");
  EXPECT_EQ(decode(arp), decode(Packet()
                                    .ethernet(Gateway::kClusterMac, kNode1Mac)
                                    .arp_reply(Gateway::kClusterMac, kEgress, kNode1Mac, kNode)
                                    .bytes()));
  EXPECT_TRUE(gateway.receive("lan", to_lan().ipv4(kNode, kEgress).echo_request(1)).empty());
  EXPECT_TRUE(gateway.receive("lan", to_lan().ipv4(kServer, kEgress).echo_request(1)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 2u);
  only_frame(gateway.receive("lan", to_lan().ipv4(kNode, "192.0.2.10").echo_request(1)), "lan");
  EXPECT_EQ(gateway.counters().answered.read(), 2u);
}

// Sessions may have the tunnel's UDP port at its address: nodes are never remotes of sessions.
TEST_P(EgressTunnel, V8_SessionsUseEveryPortAlsoTheTunnels) {
  const bool geneve = GetParam() == Overlay::kGeneve;
  const uint16_t tunnel_port = geneve ? 6081 : 4789;
  const std::string range = geneve ? "6080-6143" : "4784-4847";
  Gateway gateway(one_armed(GetParam(), "sessions : { port_range = \"" + range + "\"; };"));
  std::set<uint16_t> ports;
  for (uint16_t port = 1000; port < 1064; ++port) {
    const Bytes out = only_frame(gateway.receive("lan", question(GetParam(), port)), "lan");
    const uint16_t external = load<Be16>(&out[34]).host();
    EXPECT_TRUE(ports.insert(external).second);
    expect_at_pod(GetParam(), only_frame(gateway.receive("lan", answer(external)), "lan"), port);
  }
  ASSERT_EQ(ports.count(tunnel_port), 1u);
  // A reply that looks like a tunnel packet of somebody is a reply, in fragments, too.
  const Packet trap = in_overlay(to_lan().ipv4(kServer, kEgress), GetParam(), 53, {.vni = 0})
                          .ethernet(kNode1InnerMac, kAntreaMac)
                          .ipv4(kPod, "203.0.113.99")
                          .udp(1, 2)
                          .payload(600);
  const Bytes within = trap.bytes();
  const Bytes back = only_frame(gateway.receive("lan", trap), "lan");
  EXPECT_NE(decode(back).find("203.0.113.5 > 10.128.0.11 ttl 63"), std::string::npos);
  const Bytes ip(within.begin() + sizeof(EthernetHeader), within.end());
  std::vector<Sent> sent;
  for (size_t at : {size_t{496}, size_t{0}}) {
    const Packet piece = Packet()
                             .ethernet_type(kNode1Mac, Gateway::kClusterMac, kEtherTypeIpv4)
                             .raw(piece_of(ip, at, at + 496));
    for (Sent& one : gateway.receive("lan", piece)) sent.push_back(one);
  }
  EXPECT_EQ(sent.size(), 2u);
  only_frame(gateway.receive("lan", question(GetParam(), 1000)), "lan");
  EXPECT_EQ(gateway.table().live(), 64u) << "the node's packets are still the tunnel's";
  EXPECT_EQ(gateway.counters().dropped.read(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST_P(EgressTunnel, V8_WhatIsNoTunnelPacketOfANodeIsRefusedByName) {
  Gateway gateway(one_armed(GetParam()));
  const auto inner = [](Packet outer) { return outer.ipv4(kPod, kServer).udp(1, 2).payload("x"); };
  EXPECT_TRUE(gateway.receive("lan", inner(tunnelled(GetParam(), "203.0.113.66"))).empty());
  EXPECT_TRUE(gateway.receive("lan", inner(tunnelled(GetParam(), "192.0.2.102"))).empty());
  EXPECT_TRUE(gateway.receive("lan", inner(tunnelled(GetParam(), "203.0.113.66", 7))).empty());
  const uint16_t udp_port = GetParam() == Overlay::kGeneve ? 6081 : 4789;
  const auto plain = [&](std::string_view source) {
    return to_lan().ipv4(source, kEgress).udp(5000, udp_port).payload("x");
  };
  EXPECT_TRUE(gateway.receive("lan", plain("203.0.113.66")).empty());
  EXPECT_EQ(gateway.dropped(Reason::kTunnelUnknownNode), 4u);
  EXPECT_TRUE(gateway.receive("lan", inner(tunnelled(GetParam(), kNode, 7))).empty());
  EXPECT_EQ(gateway.dropped(Reason::kTunnelUnknownVni), 1u);
  EXPECT_TRUE(gateway.receive("lan", plain(kNode)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kTunnelBadHeader), 1u);
  EXPECT_TRUE(gateway.receive("lan", plain("192.0.2.10")).empty()) << "an address of ours";
  EXPECT_EQ(gateway.dropped(Reason::kTunnelBadHeader), 2u);
  EXPECT_EQ(gateway.table().live(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST_P(EgressTunnel, V8_TheTunnelIsTakenOnThePortOfItsAddressAlone) {
  Gateway gateway(one_armed(GetParam()));
  const auto on_second = [](std::string_view source) {
    return Packet().ethernet(kRouterMac, Gateway::kUplinkMac).ipv4(source, kEgress);
  };
  const auto inner = [&](std::string_view source) {
    return in_overlay(on_second(source), GetParam(), 50000, {.vni = 0})
        .ethernet(kNode1InnerMac, kAntreaMac)
        .ipv4(kPod, kServer)
        .udp(1, 2);
  };
  EXPECT_TRUE(gateway.receive("second", inner(kNode)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kTunnelWrongPort), 1u);
  EXPECT_TRUE(gateway.receive("second", inner("203.0.113.66")).empty());
  EXPECT_EQ(gateway.dropped(Reason::kTunnelUnknownNode), 1u);
}

TEST_P(EgressTunnel, V8_ErrorsAboutTheTunnelsOwnPacketsReachNobody) {
  Gateway gateway(one_armed(GetParam()));
  only_frame(gateway.receive("lan", question(GetParam())), "lan");
  const Bytes back =
      only_frame(gateway.receive("lan", answer(gateway.only_session().egress_port.host())), "lan");
  const Packet quoted = Packet().raw(Bytes(back.begin() + sizeof(EthernetHeader), back.end()));
  EXPECT_TRUE(gateway
                  .receive("lan", to_lan()
                                      .ipv4("192.0.2.1", kEgress)
                                      .icmp_error(IcmpHeader::kUnreachable, 4, quoted, 1400))
                  .empty());
  EXPECT_EQ(gateway.dropped(Reason::kBadIcmpError), 1u);
}

TEST_P(EgressTunnel, V8_APodReachesNeitherTheAddressNorThroughItTheCluster) {
  Gateway gateway(one_armed(GetParam()));
  for (const std::string_view destination : {kEgress, kNode, std::string_view("10.128.0.12")}) {
    EXPECT_TRUE(gateway
                    .receive("lan", tunnelled(GetParam(), kNode)
                                        .ipv4(kPod, destination)
                                        .udp(1, GetParam() == Overlay::kGeneve ? 6081 : 4789)
                                        .payload("x"))
                    .empty());
  }
  EXPECT_EQ(gateway.dropped(Reason::kClusterDestination), 3u);
}

TEST_P(EgressTunnel, V8_TheGatewaysOwnErrorsComeFromTheAddressThroughTheTunnel) {
  Gateway gateway(one_armed(GetParam()));
  const Bytes told =
      only_frame(gateway.receive(
                     "lan", tunnelled(GetParam(), kNode).ipv4(kPod, kServer, {.ttl = 1}).udp(1, 2)),
                 "lan");
  const uint16_t port = GetParam() == Overlay::kGeneve ? 6081 : 4789;
  const std::string text = decode(told, port);
  EXPECT_NE(text.find("192.0.2.50 > 192.0.2.101"), std::string::npos) << text;
  EXPECT_NE(text.find("192.0.2.50 > 10.128.0.11"), std::string::npos) << text;
  EXPECT_NE(text.find("icmp type 11 code 0"), std::string::npos) << text;
}

TEST_P(EgressTunnel, V8_ADrainEndsNoTunnel) {
  Gateway gateway(one_armed(GetParam()));
  only_frame(gateway.receive("lan", question(GetParam())), "lan");
  gateway.drain(kEgress, true);
  only_frame(gateway.receive("lan", question(GetParam())), "lan");
  EXPECT_TRUE(gateway.receive("lan", question(GetParam(), 7778)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoEgressAddress), 1u);
}

INSTANTIATE_TEST_SUITE_P(Overlays, EgressTunnel,
                         ::testing::Values(Overlay::kVxlan, Overlay::kGeneve),
                         [](const auto& test) { return overlay_name(test.param); });

// Egress addresses of one cluster, each with a tunnel of its own on it: the address that a node
// sends to decides by which one its pods leave.
TEST(EgressTunnels, V8_SeveralAddressesOfOneCluster) {
  Gateway gateway(R"(
version = 1;
gateway : { name = "gw-test"; };
ports = ( { name = "lan"; device = "net_ring0"; role = "both"; addresses = [ "192.0.2.10/24" ];
            gateway = "192.0.2.1"; mtu = 1600; } );
tunnels = (
  { name = "first"; type = "geneve"; local = "192.0.2.50"; vni = "any"; },
  { name = "second"; type = "geneve"; local = "192.0.2.51"; vni = "any"; } );
nodes = (
  { name = "node-1"; tunnel = "first"; vtep = "192.0.2.101"; pod_cidrs = [ "10.128.0.0/24" ]; },
  { name = "node-1-second"; tunnel = "second"; vtep = "192.0.2.101";
    pod_cidrs = [ "10.128.0.0/24" ]; } );
namespaces = (
  { name = "payments"; tunnel = "first"; pods = [ "10.128.0.11" ]; },
  { name = "web"; tunnel = "second"; pods = [ "10.128.0.12" ]; } );
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; },
  { name = "web-out"; namespaces = [ "web" ]; addresses = [ "192.0.2.51" ]; } );
firewall : { default = "allow"; };
)");
  uint16_t port = 7777;
  const auto leaves_as = [&](std::string_view pod, std::string_view egress) {
    const Packet packet =
        in_overlay(to_lan().ipv4(kNode, egress), Overlay::kGeneve, 50000, {.vni = 0})
            .ethernet(kNode1InnerMac, kAntreaMac)
            .ipv4(pod, kServer)
            .udp(port++, 53);
    const std::vector<Sent> sent = gateway.receive("lan", packet);
    if (sent.empty()) return std::string("nothing");
    return Ipv4Address::from(load<Ipv4Header>(&sent[0].frame[14]).source).text();
  };
  EXPECT_EQ(leaves_as(kPod, "192.0.2.50"), "192.0.2.50");
  EXPECT_EQ(leaves_as("10.128.0.12", "192.0.2.51"), "192.0.2.51");
  EXPECT_EQ(leaves_as("10.128.0.12", "192.0.2.50"), "nothing") << "it is no pod there";
  EXPECT_EQ(gateway.dropped(Reason::kSourceUnknown), 1u);
}

}  // namespace
}  // namespace postern::test
