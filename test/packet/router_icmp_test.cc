// ICMP errors about packets through egress routers (nat.md I2), and the gateway's own, which come
// from what the pod dialled.
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/router_world.h"

namespace postern::test {
namespace {

constexpr uint8_t kTimeExceeded = IcmpHeader::kTimeExceeded;
constexpr uint8_t kUnreachable = IcmpHeader::kUnreachable;
constexpr uint8_t kFragmentationNeeded = IcmpHeader::kCodeFragmentationNeeded;
constexpr std::string_view kOnTheWay = "198.51.100.1";
constexpr std::string_view kDns = "203.0.113.53";

// A question through router db, asked on port 53 and answered by port 5353; its external port.
uint16_t ask(Gateway& gateway) {
  only_frame(
      gateway.receive("underlay", from_node1().ipv4(kPod, kDb).udp(7777, 53).payload("question")),
      "uplink");
  return gateway.only_session().egress_port.host();
}
Packet as_sent(uint16_t port) {
  return Packet().ipv4(kDbSource, kDns, {.ttl = 61}).udp(port, 5353).payload("question");
}
Packet as_the_pod_knows() {
  return Packet().ipv4(kPod, kDb, {.ttl = 61}).udp(7777, 53).payload("question");
}

TEST(RouterIcmp, AnErrorOfTheRemoteComesFromListenOneOnTheWayKeepsItsSource) {
  for (const auto& [sender, seen] : {std::pair{kDns, kDb}, std::pair{kOnTheWay, kOnTheWay}}) {
    for (const size_t quoted_bytes : {size_t{28}, size_t{100}}) {
      Gateway gateway(router_world());
      const uint16_t port = ask(gateway);
      const Bytes back = only_frame(
          gateway.receive("uplink",
                          from_outside()
                              .ipv4(sender, kDbSource)
                              .icmp_error(kUnreachable, 3, as_sent(port), 0, quoted_bytes)),
          "underlay");
      EXPECT_EQ(decode(back),
                decode(to_node1(entropy_of(back))
                           .ipv4(seen, kPod, {.ttl = 63})
                           .icmp_error(kUnreachable, 3, as_the_pod_knows(), 0, quoted_bytes)
                           .bytes()));
      EXPECT_EQ(gateway.counters().icmp_error_translated.read(), 1u);
      EXPECT_EQ(gateway.imbalance(), 0);
    }
  }
}

TEST(RouterIcmp, AnErrorAboutTcpQuotesWhatThePodDialled) {
  Gateway gateway(router_world());
  const TcpOptions syn{.flags = TcpHeader::kSyn, .sequence = 1000};
  gateway.receive("underlay", from_node1().ipv4(kPod, kDb).tcp(40000, 80, syn));
  const uint16_t port = gateway.only_session().egress_port.host();
  const auto quoted = Packet().ipv4(kDbSource, kDbServer).tcp(port, 8080, syn);
  const Bytes back = only_frame(
      gateway.receive("uplink",
                      from_outside()
                          .ipv4(kOnTheWay, kDbSource)
                          .icmp_error(kUnreachable, kFragmentationNeeded, quoted, 1280, 100)),
      "underlay");
  EXPECT_EQ(decode(back),
            decode(to_node1(entropy_of(back))
                       .ipv4(kOnTheWay, kPod, {.ttl = 63})
                       .icmp_error(kUnreachable, kFragmentationNeeded,
                                   Packet().ipv4(kPod, kDb).tcp(40000, 80, syn), 1280, 100)
                       .bytes()));
  const auto forged = Packet()
                          .ipv4(kDbSource, kDbServer)
                          .tcp(port, 8080, {.flags = TcpHeader::kAck, .sequence = 900'000'000});
  EXPECT_TRUE(
      gateway
          .receive("uplink",
                   from_outside().ipv4(kDbServer, kDbSource).icmp_error(kUnreachable, 1, forged))
          .empty());
  EXPECT_EQ(gateway.dropped(Reason::kBadIcmpError), 1u);
}

TEST(RouterIcmp, AnErrorAboutAnEcho) {
  Gateway gateway(router_world());
  gateway.receive("underlay", from_node1().ipv4(kPod, kAll).echo_request(42, 7));
  const uint16_t identifier = gateway.only_session().egress_port.host();
  const auto quoted = Packet().ipv4(kAllSource, kFallback).echo_request(identifier, 7);
  const Bytes back = only_frame(
      gateway.receive(
          "uplink",
          from_outside().ipv4(kOnTheWay, kAllSource).icmp_error(kTimeExceeded, 0, quoted)),
      "underlay");
  EXPECT_EQ(decode(back),
            decode(to_node1(entropy_of(back))
                       .ipv4(kOnTheWay, kPod, {.ttl = 63})
                       .icmp_error(kTimeExceeded, 0, Packet().ipv4(kPod, kAll).echo_request(42, 7))
                       .bytes()));
}

TEST(RouterIcmp, APodsErrorReachesTheRealRemote) {
  for (const std::string_view sender : {kPod, std::string_view("10.130.7.7")}) {
    Gateway gateway(router_world());
    const uint16_t port = ask(gateway);
    const auto received = Packet().ipv4(kDb, kPod).udp(53, 7777).payload("answer");
    const Bytes out = only_frame(
        gateway.receive(
            "underlay",
            from_node1().ipv4(sender, kDb).icmp_error(kUnreachable, 3, received, 0, 100)),
        "uplink");
    EXPECT_EQ(
        decode(out),
        decode(on_uplink()
                   .ipv4(kDbSource, kDns, {.ttl = 63})
                   .icmp_error(kUnreachable, 3,
                               Packet().ipv4(kDns, kDbSource).udp(5353, port).payload("answer"), 0,
                               100)
                   .bytes()));
    EXPECT_EQ(gateway.imbalance(), 0);
  }
}

TEST(RouterIcmp, APodsErrorAboutAnEchoReply) {
  Gateway gateway(router_world());
  gateway.receive("underlay", from_node1().ipv4(kPod, kAll).echo_request(42, 7));
  const uint16_t identifier = gateway.only_session().egress_port.host();
  const Bytes out = only_frame(
      gateway.receive("underlay", from_node1()
                                      .ipv4(kPod, kAll)
                                      .icmp_error(kUnreachable, 3,
                                                  Packet().ipv4(kAll, kPod).echo_reply(42, 7))),
      "uplink");
  EXPECT_EQ(decode(out),
            decode(on_uplink()
                       .ipv4(kAllSource, kFallback, {.ttl = 63})
                       .icmp_error(kUnreachable, 3,
                                   Packet().ipv4(kFallback, kAllSource).echo_reply(identifier, 7))
                       .bytes()));
}

TEST(RouterIcmp, AnErrorThatQuotesTheRealRemoteToThePodIsNoErrorOfIts) {
  Gateway gateway(router_world());
  ask(gateway);
  const auto quoted = Packet().ipv4(kDns, kPod).udp(5353, 7777).payload("answer");
  EXPECT_TRUE(
      gateway.receive("underlay", from_node1().ipv4(kPod, kDns).icmp_error(kUnreachable, 3, quoted))
          .empty());
  EXPECT_EQ(gateway.dropped(Reason::kBadIcmpError), 1u);
}

TEST(RouterIcmp, I4_TtlEndsWithTimeExceededFromListen) {
  for (const bool established : {false, true}) {
    Gateway gateway(router_world());
    if (established) ask(gateway);
    const Bytes back = only_frame(
        gateway.receive("underlay",
                        from_node1().ipv4(kPod, kDb, {.ttl = 1}).udp(7777, 53).payload("probe")),
        "underlay");
    EXPECT_EQ(
        decode(back),
        decode(to_node1(entropy_of(back))
                   .ipv4(kDb, kPod)
                   .icmp_error(kTimeExceeded, 0,
                               Packet().ipv4(kPod, kDb, {.ttl = 1}).udp(7777, 53).payload("probe"),
                               0, 548)
                   .bytes()));
    EXPECT_EQ(gateway.table().live(), established ? 1u : 0u);
  }
}

TEST(RouterIcmp, F6_TheUplinksMtuIsToldByListen) {
  Gateway gateway(router_world());
  const Bytes back = only_frame(
      gateway.receive(
          "underlay",
          from_node1().ipv4(kPod, kDb, {.dont_fragment = true}).udp(7777, 53).payload(1480)),
      "underlay");
  EXPECT_NE(decode(back).find("ipv4 10.131.255.10 > 10.128.0.11 "), std::string::npos)
      << decode(back);
  EXPECT_NE(decode(back).find("icmp type 3 code 4 identifier 0 sequence 1500"), std::string::npos)
      << decode(back);
}

TEST(RouterIcmp, I5_ExhaustedPortsAreToldByListen) {
  std::string narrow = router_world();
  const std::string deny = "default = \"deny\"";
  narrow.replace(narrow.find(deny), deny.size(), deny + "; refuse = \"reject\"");
  Gateway gateway(narrow + "sessions : { port_range = \"2048-2111\"; };\n");
  std::vector<Packet> flows;
  for (uint16_t port = 1; port <= 64; ++port) {
    flows.push_back(from_node1().ipv4(kPod, kDb).udp(port, 53));
  }
  EXPECT_EQ(gateway.receive("underlay", flows).size(), 64u);
  const auto sent = gateway.receive("underlay", from_node1().ipv4(kPod, kDb).udp(65, 53));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(gateway.dropped(Reason::kNoPort), 1u);
  EXPECT_EQ(sent[0].port, "underlay");
  EXPECT_NE(decode(sent[0].frame).find("ipv4 10.131.255.10 > 10.128.0.11 "), std::string::npos)
      << decode(sent[0].frame);
  EXPECT_NE(decode(sent[0].frame).find("icmp type 3 code 13"), std::string::npos);
}

}  // namespace
}  // namespace postern::test
