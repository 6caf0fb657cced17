// Every way in which a packet may be refused, by its reason; and that nothing leaves for it.
#include <gtest/gtest.h>

#include <functional>

#include "dataplane/wire/drop_facts.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

struct Case {
  const char* name;
  Reason reason;
  const char* port;
  std::function<Packet()> packet;
};

Packet inner_udp(std::string_view source, std::string_view destination, uint16_t port = 53) {
  return from_node1().ipv4(source, destination).udp(7777, port).payload("x");
}

// Outer headers of choice around a harmless inner packet.
Packet tunnelled(std::string_view outer_source, std::string_view outer_destination, uint16_t port,
                 uint32_t vni, uint8_t flags = 0x08) {
  return Packet()
      .ethernet(kNode1Mac, Gateway::kClusterMac)
      .ipv4(outer_source, outer_destination)
      .udp(50000, port, false)
      .vxlan(vni, flags)
      .ethernet(kNode1InnerMac, kInnerMac)
      .ipv4(kPod, kServer)
      .udp(7777, 53)
      .payload("x");
}

const Case kCases[] = {
    {"V03 VXLAN without the I flag", Reason::kTunnelBadHeader, "underlay",
     [] { return tunnelled("10.0.0.1", "10.0.0.254", 4789, 100, 0); }},
    {"a VXLAN header cut short", Reason::kTunnelBadHeader, "underlay",
     [] {
       return Packet()
           .ethernet(kNode1Mac, Gateway::kClusterMac)
           .ipv4("10.0.0.1", "10.0.0.254")
           .udp(50000, 4789, false)
           .raw({8, 0, 0, 0});
     }},
    {"unknown VNI", Reason::kTunnelUnknownVni, "underlay",
     [] { return tunnelled("10.0.0.1", "10.0.0.254", 4789, 101); }},
    {"VNI 0", Reason::kTunnelUnknownVni, "underlay",
     [] { return tunnelled("10.0.0.1", "10.0.0.254", 4789, 0); }},
    {"unknown node", Reason::kTunnelUnknownNode, "underlay",
     [] { return tunnelled("10.0.0.9", "10.0.0.254", 4789, 100); }},
    {"a tunnel packet on the uplink", Reason::kTunnelWrongPort, "uplink",
     [] {
       return Packet()
           .ethernet(kRouterMac, Gateway::kUplinkMac)
           .ipv4("10.0.0.1", "10.0.0.254")
           .udp(50000, 4789, false)
           .vxlan(100)
           .ethernet(kNode1InnerMac, kInnerMac)
           .ipv4(kPod, kServer)
           .udp(7777, 53);
     }},
    {"another UDP port", Reason::kNotForUs, "underlay",
     [] { return tunnelled("10.0.0.1", "10.0.0.254", 4790, 100); }},
    {"another VTEP", Reason::kNotForUs, "underlay",
     [] { return tunnelled("10.0.0.1", "10.0.0.253", 4789, 100); }},
    {"a plain packet on the cluster side", Reason::kNotForUs, "underlay",
     [] {
       return Packet().ethernet(kNode1Mac, Gateway::kClusterMac).ipv4(kPod, kServer).udp(7777, 53);
     }},
    {"a frame for another MAC", Reason::kNotForUs, "underlay",
     [] { return Packet().ethernet(kNode1Mac, kNode2Mac).ipv4(kPod, kServer).udp(1, 2); }},
    {"an inner frame to a multicast MAC", Reason::kNotForUs, "underlay",
     [] {
       return Packet()
           .ethernet(kNode1Mac, Gateway::kClusterMac)
           .ipv4("10.0.0.1", "10.0.0.254")
           .udp(50000, 4789, false)
           .vxlan(100)
           .ethernet(kNode1InnerMac, MacAddress::broadcast())
           .ipv4(kPod, kServer)
           .udp(7777, 53);
     }},
    {"F3 a frame cut short", Reason::kParseShort, "underlay",
     [] { return Packet().raw(Bytes(9)); }},
    {"an inner frame cut short", Reason::kParseShort, "underlay",
     [] {
       return Packet()
           .ethernet(kNode1Mac, Gateway::kClusterMac)
           .ipv4("10.0.0.1", "10.0.0.254")
           .udp(50000, 4789, false)
           .vxlan(100)
           .raw(Bytes(6));
     }},
    {"I7 source routing", Reason::kParseBadHeader, "underlay",
     [] {
       return from_node1()
           .ipv4(kPod, kServer, {.options = {131, 3, 4, 1}})
           .udp(7777, 53)
           .payload("x");
     }},
    {"a protocol that is not translated", Reason::kUnsupportedProtocol, "underlay",
     [] { return from_node1().ipv4(kPod, kServer, {.protocol = 51}).payload(40); }},
    {"a source that nobody may have", Reason::kBadAddress, "underlay",
     [] { return inner_udp("127.0.0.1", kServer); }},
    {"our own address as source", Reason::kBadAddress, "underlay",
     [] { return inner_udp("192.0.2.50", kServer); }},
    {"a multicast destination", Reason::kBadAddress, "underlay",
     [] { return inner_udp(kPod, "224.0.0.1"); }},
    {"the broadcast address of the uplink", Reason::kBadAddress, "underlay",
     [] { return inner_udp(kPod, "192.0.2.255"); }},
    {"the network address of the uplink", Reason::kBadAddress, "underlay",
     [] { return inner_udp(kPod, "192.0.2.0"); }},
    {"an inner 802.1Q tag", Reason::kUnsupportedProtocol, "underlay",
     [] {
       return Packet()
           .ethernet(kNode1Mac, Gateway::kClusterMac)
           .ipv4("10.0.0.1", "10.0.0.254")
           .udp(50000, 4789, false)
           .vxlan(100)
           .ethernet_type(kNode1InnerMac, kInnerMac, 0x8100)
           .raw(Bytes(60));
     }},
    {"a source outside every node", Reason::kSourceNotOnNode, "underlay",
     [] { return inner_udp("10.200.1.5", kServer); }},
    {"a pod of another node", Reason::kSourceNotOnNode, "underlay",
     [] { return inner_udp("10.128.2.5", kServer); }},
    {"a pod of no namespace", Reason::kSourceUnknown, "underlay",
     [] { return inner_udp("10.128.0.99", kServer); }},
    {"a pod as destination", Reason::kClusterDestination, "underlay",
     [] { return inner_udp(kPod, "10.128.2.5"); }},
    {"a service as destination", Reason::kClusterDestination, "underlay",
     [] { return inner_udp(kPod, "172.30.0.10"); }},
    {"the gateway as destination", Reason::kClusterDestination, "underlay",
     [] { return inner_udp(kPod, "192.0.2.10"); }},
    {"an egress address as destination: no hairpin", Reason::kClusterDestination, "underlay",
     [] { return inner_udp(kPod, "192.0.2.60"); }},
    {"no way out", Reason::kNoPolicy, "underlay", [] { return inner_udp("10.128.0.77", kServer); }},
    {"T1 an ACK without a session", Reason::kBadTcpState, "underlay",
     [] { return from_node1().ipv4(kPod, kServer).tcp(1, 443, {.flags = TcpHeader::kAck}); }},
    {"T6 SYN and FIN", Reason::kBadTcpState, "underlay",
     [] {
       constexpr uint8_t kSynFin = TcpHeader::kSyn | TcpHeader::kFin;
       return from_node1().ipv4(kPod, kServer).tcp(1, 443, {.flags = kSynFin});
     }},
    {"T6 no flags", Reason::kBadTcpState, "underlay",
     [] { return from_node1().ipv4(kPod, kServer).tcp(1, 443, {}); }},
    {"an echo reply that nobody asked for", Reason::kNoSession, "underlay",
     [] { return from_node1().ipv4(kPod, kServer).echo_reply(5); }},
    {"M7 an unsolicited packet", Reason::kNoSession, "uplink",
     [] { return from_outside().ipv4(kServer, kPodAddress).udp(53, 5000).payload("x"); }},
    {"T8 an unsolicited SYN", Reason::kNoSession, "uplink",
     [] {
       return from_outside().ipv4(kServer, kPodAddress).tcp(1, 2, {.flags = TcpHeader::kSyn});
     }},
    {"a stranger with our own address as source", Reason::kBadAddress, "uplink",
     [] { return from_outside().ipv4("192.0.2.60", kPodAddress).udp(53, 5000).payload("x"); }},
    {"a loopback address from outside", Reason::kBadAddress, "uplink",
     [] { return from_outside().ipv4("127.0.0.1", kPodAddress).udp(53, 5000).payload("x"); }},
    {"a packet for nobody here", Reason::kNotForUs, "uplink",
     [] { return from_outside().ipv4(kServer, "198.51.100.7").udp(53, 5000); }},
    {"I3 an ICMP error about nothing", Reason::kBadIcmpError, "uplink",
     [] {
       return from_outside()
           .ipv4("198.51.100.1", kPodAddress)
           .icmp_error(IcmpHeader::kUnreachable, 1,
                       Packet().ipv4(kPodAddress, kServer).udp(5000, 53));
     }},
};

class Drop : public ::testing::TestWithParam<Case> {};

TEST_P(Drop, IsCountedByItsReasonAndNothingLeaves) {
  const Case& c = GetParam();
  Gateway gateway(world());
  const auto sent = gateway.receive(c.port, c.packet());
  EXPECT_TRUE(sent.empty()) << decode(sent[0].frame);
  EXPECT_EQ(gateway.dropped(c.reason), 1u) << describe(c.reason).name;
  EXPECT_EQ(gateway.counters().dropped.read(), 1u);
  EXPECT_EQ(gateway.table().live(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

INSTANTIATE_TEST_SUITE_P(Reasons, Drop, ::testing::ValuesIn(kCases), [](const auto& test) {
  std::string name = test.param.name;
  for (char& c : name) {
    if (!isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

TEST(Drop, RemembersTheLastPacket) {
  Gateway gateway(world());
  gateway.receive("underlay", inner_udp("10.128.0.99", kServer, 123));
  DropSample last;
  const auto reason = static_cast<size_t>(Reason::kSourceUnknown);
  ASSERT_TRUE(gateway.counters().last_drops[reason].read(last));
  EXPECT_EQ(Ipv4Address::from(last.source).text(), "10.128.0.99");
  EXPECT_EQ(last.destination_port.host(), 123);
  EXPECT_EQ(last.protocol, kProtocolUdp);
  EXPECT_EQ(last.has_addresses, kKnowsAddresses);
}

// Of frames that are no IP packets the sample has their EtherType, of ARP who asked for what.
TEST(Drop, RemembersWhatAFrameWasThatIsNoIpPacket) {
  Gateway gateway(world());
  const auto last = [&gateway](Reason reason) {
    DropSample sample;
    EXPECT_TRUE(gateway.counters().last_drops[static_cast<size_t>(reason)].read(sample));
    return sample;
  };
  gateway.receive("uplink",
                  Packet().ethernet_type(kRouterMac, Gateway::kUplinkMac, 0x88cc).raw(Bytes(46)));
  EXPECT_EQ(last(Reason::kNotForUs).has_addresses, kKnowsEtherType);
  EXPECT_EQ(last(Reason::kNotForUs).source_port.host(), 0x88cc);
  gateway.receive("underlay", Packet()
                                  .ethernet(kNode1Mac, Gateway::kClusterMac)
                                  .ipv4("10.0.0.1", "10.0.0.254")
                                  .udp(50000, 4789, false)
                                  .vxlan(100)
                                  .ethernet_type(kNode1InnerMac, kInnerMac, 0x86dd)
                                  .raw(Bytes(60)));
  EXPECT_EQ(last(Reason::kUnsupportedProtocol).has_addresses, kKnowsEtherType);
  EXPECT_EQ(last(Reason::kUnsupportedProtocol).source_port.host(), 0x86dd);
  gateway.receive("underlay", from_node1().arp_request(kNode1InnerMac, kPod, "10.128.0.9"));
  const DropSample arp = last(Reason::kNotForUs);
  EXPECT_EQ(arp.has_addresses, kKnowsAddresses | kKnowsEtherType);
  EXPECT_EQ(arp.source_port.host(), kEtherTypeArp);
  EXPECT_EQ(Ipv4Address::from(arp.source).text(), kPod);
  EXPECT_EQ(Ipv4Address::from(arp.destination).text(), "10.128.0.9");
}

}  // namespace
}  // namespace postern::test
