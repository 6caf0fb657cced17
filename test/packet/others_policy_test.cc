// What rules, routers, limits and changes of the configuration do to other protocols than TCP, UDP
// and ICMP (nat.md O1).
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/others.h"
#include "test/packet/overlay.h"
#include "test/packet/router_world.h"

namespace postern::test {
namespace {

constexpr std::string_view kTail = R"(
namespaces = ( { name = "payments"; pods = [ "10.128.0.11" ]; $LIMITS } );
egress_ips = ( { name = "out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; } );
$MORE
)";

std::string with(std::string_view more, std::string_view limits = "") {
  std::string text(kTail);
  text.replace(text.find("$LIMITS"), 7, limits);
  return world(text.replace(text.find("$MORE"), 5, more));
}
std::string with_rules(const std::string& rules, const std::string& refuse = "drop") {
  return with("firewall : { default = \"deny\"; refuse = \"" + refuse + "\"; rules = ( " + rules +
              " ); };");
}
const std::string kAllow = "firewall : { default = \"allow\"; };";

TEST(OthersPolicy, O1_ARuleWithoutPortsIsForEveryProtocolAndOneWithPortsForItsOwn) {
  Gateway gateway(with_rules(
      "{ namespace = \"payments\"; action = \"allow\"; ports = [ \"tcp\", \"udp\", \"icmp\" ]; }, "
      "{ namespace = \"payments\"; action = \"allow\"; to = [ \"198.51.100.0/24\" ]; }"));
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kGre)).empty());
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kProtocolSctp)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kFirewallDefault), 2u);
  only_frame(gateway.receive("underlay", from_pod(kGre, kPod, "198.51.100.7")), "uplink");
  only_frame(gateway.receive("underlay", from_pod(kProtocolSctp, kPod, "198.51.100.7")), "uplink");
}

TEST(OthersPolicy, O1_ARefusalIsToldByIcmpWhereTheConfigurationSaysSo) {
  Gateway gateway(with_rules("{ namespace = \"*\"; action = \"deny\"; }", "reject"));
  const Bytes told = only_frame(gateway.receive("underlay", from_pod(kGre)), "underlay");
  EXPECT_EQ(decode(told), decode(to_node1(entropy_of(told))
                                     .ipv4("10.0.0.254", kPod)
                                     .icmp_error(IcmpHeader::kUnreachable, 13,
                                                 Packet().raw(inner_ip(from_pod(kGre))), 0, 576)
                                     .bytes()));
  EXPECT_EQ(gateway.dropped(Reason::kFirewallDenied), 1u);
}

TEST(OthersPolicy, O1_DestinationsInsideTheClusterAreRefused) {
  Gateway gateway(with(kAllow));
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kGre, kPod, "10.128.2.5")).empty());
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kGre, kPod, "192.0.2.50")).empty());
  EXPECT_EQ(gateway.dropped(Reason::kClusterDestination), 2u);
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kGre, "10.128.0.12")).empty());
  EXPECT_EQ(gateway.dropped(Reason::kSourceUnknown), 1u);
}

TEST(OthersPolicy, O1_LimitsCountSessionsOfEveryProtocol) {
  Gateway gateway(with(kAllow, "limits : { sessions = 2; };"));
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  only_frame(gateway.receive("underlay", from_pod(kProtocolSctp)), "uplink");
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kEsp)).empty());
  EXPECT_TRUE(
      gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(1, 2).payload("x")).empty());
  EXPECT_EQ(gateway.dropped(Reason::kQuotaSessions), 2u);
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
}

TEST(OthersPolicy, O1_BandwidthIsMeteredForEveryProtocol) {
  Gateway gateway(with(kAllow, "limits : { bandwidth = \"8kbit\"; };"));
  uint32_t passed = 0;
  for (int i = 0; i < 2000; ++i) {
    passed += static_cast<uint32_t>(gateway.receive("underlay", from_pod(kGre)).size());
  }
  EXPECT_GT(passed, 1000u) << "64 KiB at once";
  EXPECT_LT(passed, 2000u);
  EXPECT_EQ(gateway.dropped(Reason::kQuotaBandwidth), 2000u - passed);
}

TEST(OthersPolicy, O1_ADrainedAddressTakesNoNewSessionAndServesTheLive) {
  Gateway gateway(with(kAllow));
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  gateway.drain(kPodAddress, true);
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kEsp)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoEgressAddress), 1u);
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  only_frame(gateway.receive("uplink", answer_to(kGre)), "underlay");
}

TEST(OthersPolicy, O1_RevalidateJudgesThemByTheRules) {
  Gateway gateway(with(kAllow));
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  only_frame(gateway.receive("underlay", from_pod(kProtocolSctp, kPod, "198.51.100.7")), "uplink");
  EXPECT_EQ(gateway.revalidate(), 0u);
  gateway.apply(with_rules(
      "{ namespace = \"payments\"; action = \"allow\"; to = [ \"198.51.100.0/24\" ]; }"));
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  EXPECT_EQ(gateway.revalidate(), 1u);
  EXPECT_TRUE(gateway.receive("uplink", answer_to(kGre)).empty());
  EXPECT_EQ(gateway.only_session().protocol(), kProtocolSctp);
}

TEST(OthersPolicy, O1_AnAddressThatWentAwayServesNothing) {
  Gateway gateway(with(kAllow));
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  gateway.apply(replaced(with(kAllow), "192.0.2.50", "192.0.2.51"));
  EXPECT_TRUE(gateway.receive("uplink", answer_to(kGre)).empty());
  const Bytes anew = only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  EXPECT_EQ(decode(anew), decode(as_left(kGre, "192.0.2.51").bytes()));
}

TEST(OthersPolicy, O1_MarkedPacketsBearTheirDscp) {
  Gateway gateway(with(kAllow + "qos = ( { namespace = \"payments\"; dscp = 46; } );"));
  const Bytes out = only_frame(gateway.receive("underlay", from_pod(kProtocolUdpLite)), "uplink");
  Packet expected = on_uplink();
  other(expected, kProtocolUdpLite, kPodAddress, kServer, {.ttl = 63, .tos = 46 << 2});
  EXPECT_EQ(decode(out), decode(expected.bytes()));
}

constexpr std::string_view kSctpRouter = R"(
  { name = "sctp"; namespaces = [ "payments" ]; listen = "10.131.255.12"; source = "192.0.2.72";
    destinations = [ "9 sctp 203.0.113.30", "10 sctp 203.0.113.31 10", "80 tcp 203.0.113.32" ]; })";
constexpr std::string_view kListen = "10.131.255.12";

Packet associate(uint16_t port) {
  Packet packet = from_node1();
  return other(packet, kProtocolSctp, kPod, kListen, {}, 5000, port);
}

TEST(OthersPolicy, O1_ARoutersSctpLinesTranslateBothAddressesAndNoPort) {
  Gateway gateway(router_world(std::string(kSctpRouter)));
  const Bytes first = only_frame(gateway.receive("underlay", associate(9)), "uplink");
  Packet expected = on_uplink();
  other(expected, kProtocolSctp, "192.0.2.72", "203.0.113.30", {.ttl = 63}, 5000, 9);
  EXPECT_EQ(decode(first), decode(expected.bytes()));
  const Bytes second = only_frame(gateway.receive("underlay", associate(10)), "uplink");
  EXPECT_NE(decode(second).find("192.0.2.72 > 203.0.113.31"), std::string::npos) << decode(second);
  Packet reply = from_outside();
  other(reply, kProtocolSctp, "203.0.113.31", "192.0.2.72", {}, 10, 5000);
  const Bytes back = only_frame(gateway.receive("uplink", reply), "underlay");
  Packet arrived = to_node1(entropy_of(back));
  other(arrived, kProtocolSctp, kListen, kPod, {.ttl = 63}, 10, 5000);
  EXPECT_EQ(decode(back), decode(arrived.bytes()));
  EXPECT_EQ(gateway.revalidate(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(OthersPolicy, O1_WhatMatchesNoLineOfARouterIsRefusedAloud) {
  Gateway gateway(router_world(std::string(kSctpRouter)));
  for (const Packet& packet : {associate(11), associate(80), from_pod(kGre, kPod, kListen)}) {
    const Bytes told = only_frame(gateway.receive("underlay", packet), "underlay");
    EXPECT_NE(decode(told).find("icmp type 3 code 3"), std::string::npos) << decode(told);
  }
  EXPECT_EQ(gateway.dropped(Reason::kRouterNoRule), 3u);
}

TEST(OthersPolicy, O1_ARoutersFallbackTakesEveryProtocol) {
  Gateway gateway(router_world(std::string(kAllRouter)));
  for (const uint8_t protocol : {kGre, kEsp, kProtocolSctp, kProtocolUdpLite, kProtocolDccp}) {
    const Bytes out =
        only_frame(gateway.receive("underlay", from_pod(protocol, kPod, kAll)), "uplink");
    EXPECT_EQ(decode(out), decode(as_left(protocol, kAllSource, kFallback).bytes()));
    const Bytes back = only_frame(
        gateway.receive("uplink", answer_to(protocol, kAllSource, kFallback)), "underlay");
    EXPECT_EQ(decode(back), decode(as_arrived(protocol, back, kPod, kAll).bytes()));
  }
  EXPECT_EQ(gateway.table().live(), 5u);
}

}  // namespace
}  // namespace postern::test
