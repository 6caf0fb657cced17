// One port that is the cluster's side and the world's: what comes by it leaves by it.
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr std::string_view kNeighbour = "192.0.2.200";  // a server on the same link

std::string one_arm(std::string_view tunnel_local = "10.0.0.254", std::string_view more = "") {
  return R"(
version = 1;
gateway : { name = "gw-test"; };
ports = ( { name = "lan"; device = "net_ring0"; role = "both"; gateway = "192.0.2.1";
            addresses = [ "192.0.2.10/24", "10.0.0.254/24" ]; } );
tunnels = ( { name = "overlay"; type = "vxlan"; local = ")" +
         std::string(tunnel_local) + R"("; vni = 100; inner_mac = "02:00:00:00:00:30"; } );
nodes = ( { name = "node-1"; tunnel = "overlay"; vtep = "10.0.0.1";
            pod_cidrs = [ "10.128.0.0/23" ]; } );
cluster : { no_snat = [ "10.128.0.0/14" ]; };
namespaces = ( { name = "payments"; pods = [ "10.128.0.11" ]; } );
egress_ips = ( { name = "out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; } );
firewall : { default = "allow"; };
)" + std::string(more);
}

// A frame from outside, up to its IP header.
Packet from_lan() { return Packet().ethernet(kRouterMac, Gateway::kClusterMac); }
Packet on_lan() { return Packet().ethernet(Gateway::kClusterMac, Gateway::kNextHopMac); }

std::string packet_line(const Bytes& frame) {
  const std::string text = decode(frame);
  const size_t at = text.find("ipv4 ");
  return text.substr(at, text.find(" ttl") - at);
}

TEST(OneArm, PacketsLeaveByThePortThatTheyCameBy) {
  Gateway gateway(one_arm());
  const auto question = from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("question");
  const Bytes out = only_frame(gateway.receive("lan", question), "lan");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(decode(out), decode(on_lan()
                                    .ipv4(kPodAddress, kServer, {.ttl = 63})
                                    .udp(port, 53)
                                    .payload("question")
                                    .bytes()));
  const auto answer = from_lan().ipv4(kServer, kPodAddress).udp(53, port).payload("answer");
  const Bytes back = only_frame(gateway.receive("lan", answer), "lan");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4(kServer, kPod, {.ttl = 63})
                                     .udp(53, 7777)
                                     .payload("answer")
                                     .bytes()));
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(OneArm, AServerOnTheLinkIsReachedDirectly) {
  Gateway gateway(one_arm());
  constexpr MacAddress kServerMac{{2, 0, 0, 0, 9, 9}};
  gateway.set_neighbour(0, kNeighbour, NeighbourState::kReachable, kServerMac);
  const auto question = from_node1().ipv4(kPod, kNeighbour).udp(7777, 53).payload("question");
  const Bytes out = only_frame(gateway.receive("lan", question), "lan");
  EXPECT_EQ(load<EthernetHeader>(out.data()).destination, kServerMac);
  const uint16_t port = gateway.only_session().egress_port.host();
  const auto answer = from_lan().ipv4(kNeighbour, kPodAddress).udp(53, port).payload("answer");
  EXPECT_EQ(packet_line(only_frame(gateway.receive("lan", answer), "lan")),
            "ipv4 10.0.0.254 > 10.0.0.1");
}

TEST(OneArm, ArpIsAnsweredForEveryAddress) {
  Gateway gateway(one_arm());
  for (const char* address : {"10.0.0.254", "192.0.2.10", "192.0.2.50"}) {
    const Packet request = Packet()
                               .ethernet(kNode1Mac, MacAddress::broadcast())
                               .arp_request(kNode1Mac, "10.0.0.1", address);
    EXPECT_EQ(decode(only_frame(gateway.receive("lan", request), "lan")),
              decode(Packet()
                         .ethernet(Gateway::kClusterMac, kNode1Mac)
                         .arp_reply(Gateway::kClusterMac, address, kNode1Mac, "10.0.0.1")
                         .bytes()));
  }
  const Packet stranger = Packet()
                              .ethernet(kNode1Mac, MacAddress::broadcast())
                              .arp_request(kNode1Mac, "10.0.0.1", "10.0.0.2");
  EXPECT_TRUE(gateway.receive("lan", stranger).empty());
}

TEST(OneArm, EchoIsAnsweredForItsOwnAddressesAlone) {
  Gateway gateway(one_arm());
  for (const char* address : {"10.0.0.254", "192.0.2.10"}) {
    const auto sent = gateway.receive("lan", from_lan().ipv4(kServer, address).echo_request(7));
    EXPECT_EQ(packet_line(only_frame(sent, "lan")),
              "ipv4 " + std::string(address) + " > " + std::string(kServer));
  }
  EXPECT_TRUE(
      gateway.receive("lan", from_lan().ipv4(kServer, kPodAddress).echo_request(7)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

TEST(OneArm, I4_ErrorsComeFromTheAddressOfTheirSide) {
  Gateway gateway(one_arm());
  const auto last_hop = from_node1().ipv4(kPod, kServer, {.ttl = 1}).udp(7777, 53);
  const Bytes to_pod = only_frame(gateway.receive("lan", last_hop), "lan");
  EXPECT_NE(decode(to_pod).find("ipv4 10.0.0.254 > 10.128.0.11"), std::string::npos)
      << decode(to_pod);
  gateway.receive("lan", from_node1().ipv4(kPod, kServer).udp(7777, 53));
  const uint16_t port = gateway.only_session().egress_port.host();
  const auto reply = from_lan().ipv4(kServer, kPodAddress, {.ttl = 1}).udp(53, port);
  EXPECT_EQ(packet_line(only_frame(gateway.receive("lan", reply), "lan")),
            "ipv4 192.0.2.10 > 203.0.113.5");
  EXPECT_EQ(gateway.dropped(Reason::kTtlExpired), 2u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(OneArm, F5_RoomInTheTunnelIsThePortsLessTheHeaders) {
  Gateway gateway(one_arm());
  gateway.receive("lan", from_node1().ipv4(kPod, kServer).udp(7777, 53));
  const uint16_t port = gateway.only_session().egress_port.host();
  const auto reply = [&](size_t ip_bytes) {
    return from_lan()
        .ipv4(kServer, kPodAddress, {.dont_fragment = true})
        .udp(53, port)
        .payload(ip_bytes - sizeof(Ipv4Header) - sizeof(UdpHeader));
  };
  EXPECT_EQ(packet_line(only_frame(gateway.receive("lan", reply(1450)), "lan")),
            "ipv4 10.0.0.254 > 10.0.0.1");
  const Bytes error = only_frame(gateway.receive("lan", reply(1451)), "lan");
  EXPECT_EQ(packet_line(error), "ipv4 192.0.2.10 > 203.0.113.5");
  const auto icmp = load<IcmpHeader>(&error[sizeof(EthernetHeader) + sizeof(Ipv4Header)]);
  EXPECT_EQ(icmp.type, IcmpHeader::kUnreachable);
  EXPECT_EQ(icmp.code, IcmpHeader::kCodeFragmentationNeeded);
  EXPECT_EQ(icmp.sequence.host(), 1450);
}

TEST(OneArm, T7_TheMssIsWhatFitsTheTunnel) {
  Gateway gateway(one_arm());
  const TcpOptions syn{.flags = TcpHeader::kSyn, .sequence = 1, .options = {2, 4, 0x05, 0xb4}};
  const auto packet = from_node1().ipv4(kPod, kServer).tcp(40000, 443, syn);
  const Bytes out = only_frame(gateway.receive("lan", packet), "lan");
  constexpr size_t kMss = sizeof(EthernetHeader) + sizeof(Ipv4Header) + sizeof(TcpHeader) + 2;
  EXPECT_EQ(load<Be16>(&out[kMss]).host(), 1500 - 50 - 40);
}

TEST(OneArm, WhatIsNeitherTunnelNorReplyIsDropped) {
  Gateway gateway(one_arm());
  const auto tunnelled = [](std::string_view source) {
    return Packet()
        .ethernet(kNode2Mac, Gateway::kClusterMac)
        .ipv4(source, "10.0.0.254")
        .udp(50000, 4789, false)
        .vxlan(100)
        .ethernet(kNode1InnerMac, kInnerMac)
        .ipv4(kPod, kServer)
        .udp(7777, 53);
  };
  // Tunnel packets of a stranger, and a pod's packet without a tunnel.
  EXPECT_TRUE(gateway.receive("lan", tunnelled("10.0.0.9")).empty());
  EXPECT_TRUE(gateway.receive("lan", tunnelled(kServer)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kTunnelUnknownNode), 2u);
  EXPECT_TRUE(gateway.receive("lan", from_lan().ipv4(kPod, kServer).udp(7777, 53)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNotForUs), 1u);
  // A pod to its own node, and to the gateway.
  for (const char* inside : {"10.0.0.1", "10.0.0.254", "192.0.2.10", "192.0.2.50"}) {
    EXPECT_TRUE(gateway.receive("lan", from_node1().ipv4(kPod, inside).udp(7777, 53)).empty());
  }
  EXPECT_EQ(gateway.dropped(Reason::kClusterDestination), 4u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

// ---- V8: the tunnel ends on the address that sessions leave with

Packet from_node1_to(std::string_view local) {
  return Packet()
      .ethernet(kNode1Mac, Gateway::kClusterMac)
      .ipv4("10.0.0.1", local)
      .udp(50000, 4789, false)
      .vxlan(100)
      .ethernet(kNode1InnerMac, MacAddress{{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}});
}

TEST(OneArm, V8_ATunnelMayEndOnAnEgressAddress) {
  Gateway gateway(one_arm(kPodAddress));
  const auto question = from_node1_to(kPodAddress).ipv4(kPod, kServer).udp(7777, 53).payload("q");
  const Bytes out = only_frame(gateway.receive("lan", question), "lan");
  EXPECT_EQ(packet_line(out), "ipv4 192.0.2.50 > 203.0.113.5");
  const uint16_t port = gateway.only_session().egress_port.host();
  const auto answer = from_lan().ipv4(kServer, kPodAddress).udp(53, port).payload("a");
  const Bytes back = only_frame(gateway.receive("lan", answer), "lan");
  EXPECT_EQ(packet_line(back), "ipv4 192.0.2.50 > 10.0.0.1");
  EXPECT_TRUE(
      gateway.receive("lan", from_lan().ipv4(kServer, kPodAddress).echo_request(7)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(OneArm, V8_ASessionMayHaveTheTunnelsPort) {
  Gateway gateway(one_arm(kPodAddress, "sessions : { port_range = \"4736-4799\"; };\n"));
  std::vector<Packet> questions;
  for (uint16_t i = 0; i < 64; ++i) {
    questions.push_back(
        from_node1_to(kPodAddress).ipv4(kPod, kServer).udp(static_cast<uint16_t>(20000 + i), 53));
  }
  ASSERT_EQ(gateway.receive("lan", questions).size(), 64u);
  const auto answer = from_lan().ipv4(kServer, kPodAddress).udp(53, 4789).payload(20);
  EXPECT_EQ(packet_line(only_frame(gateway.receive("lan", answer), "lan")),
            "ipv4 192.0.2.50 > 10.0.0.1");
  // Whatever the answer looks like; and who has no session has none here either.
  const auto tunnel_like = [](std::string_view source, uint16_t port) {
    return from_lan().ipv4(source, kPodAddress).udp(port, 4789).vxlan(100).payload(60);
  };
  EXPECT_EQ(gateway.receive("lan", tunnel_like(kServer, 53)).size(), 1u);
  EXPECT_TRUE(gateway.receive("lan", tunnel_like("203.0.113.6", 53)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kTunnelUnknownNode), 1u);
  EXPECT_TRUE(gateway.receive("lan", tunnel_like("10.0.0.2", 53)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kTunnelUnknownNode), 2u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

}  // namespace
}  // namespace postern::test
