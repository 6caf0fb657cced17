// ICMP errors both ways (nat.md I2, I3, I4) and the errors that the gateway makes itself.
#include <gtest/gtest.h>

#include <cstring>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr uint8_t kTimeExceeded = IcmpHeader::kTimeExceeded;
constexpr uint8_t kUnreachable = IcmpHeader::kUnreachable;
constexpr uint8_t kFragmentationNeeded = IcmpHeader::kCodeFragmentationNeeded;
constexpr std::string_view kRouter = "198.51.100.1";

// Opens the session of a UDP question and returns its external port.
uint16_t open_udp(Gateway& gateway) {
  only_frame(gateway.receive("underlay",
                             from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("question")),
             "uplink");
  return gateway.only_session().egress_port.host();
}

// The handshake of a TCP session; the pod's next sequence number is 1001, the server's 5001.
uint16_t open_tcp(Gateway& gateway) {
  constexpr uint8_t kSynAck = TcpHeader::kSyn | TcpHeader::kAck;
  const auto pod = [] { return from_node1().ipv4(kPod, kServer); };
  gateway.receive("underlay", pod().tcp(40000, 443, {.flags = TcpHeader::kSyn, .sequence = 1000}));
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.receive(
      "uplink", from_outside()
                    .ipv4(kServer, kPodAddress)
                    .tcp(443, port, {.flags = kSynAck, .sequence = 5000, .acknowledgement = 1001}));
  gateway.receive(
      "underlay",
      pod().tcp(40000, 443, {.flags = TcpHeader::kAck, .sequence = 1001, .acknowledgement = 5001}));
  return port;
}

TEST(IcmpError, I2_InboundErrorOfARouterReachesThePodTranslated) {
  Gateway gateway(world());
  const uint16_t port = open_udp(gateway);
  const auto as_sent =
      Packet().ipv4(kPodAddress, kServer, {.ttl = 61}).udp(port, 53).payload("question");
  const auto as_the_pod_knows =
      Packet().ipv4(kPod, kServer, {.ttl = 61}).udp(7777, 53).payload("question");
  const Bytes back = only_frame(
      gateway.receive(
          "uplink",
          from_outside().ipv4(kRouter, kPodAddress).icmp_error(kTimeExceeded, 0, as_sent, 0, 100)),
      "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4(kRouter, kPod, {.ttl = 63})
                                     .icmp_error(kTimeExceeded, 0, as_the_pod_knows, 0, 100)
                                     .bytes()));
  EXPECT_EQ(gateway.counters().icmp_error_translated.read(), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(IcmpError, I2_FragmentationNeededKeepsItsMtuAboveTheFloor) {
  for (const auto& [told, heard] : {std::pair{1280, 1280}, std::pair{68, 576}, std::pair{0, 0}}) {
    Gateway gateway(world());
    const uint16_t port = open_tcp(gateway);
    const auto as_sent =
        Packet()
            .ipv4(kPodAddress, kServer, {.dont_fragment = true})
            .tcp(port, 443, {.flags = TcpHeader::kAck, .sequence = 1001, .acknowledgement = 5001});
    const auto known =
        Packet()
            .ipv4(kPod, kServer, {.dont_fragment = true})
            .tcp(40000, 443, {.flags = TcpHeader::kAck, .sequence = 1001, .acknowledgement = 5001});
    const Bytes back =
        only_frame(gateway.receive("uplink", from_outside()
                                                 .ipv4(kRouter, kPodAddress)
                                                 .icmp_error(kUnreachable, kFragmentationNeeded,
                                                             as_sent, static_cast<uint16_t>(told))),
                   "underlay");
    EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                       .ipv4(kRouter, kPod, {.ttl = 63})
                                       .icmp_error(kUnreachable, kFragmentationNeeded, known,
                                                   static_cast<uint16_t>(heard))
                                       .bytes()));
  }
}

TEST(IcmpError, I2_InboundErrorAboutAnEcho) {
  Gateway gateway(world());
  gateway.receive("underlay", from_node1().ipv4(kPod, kServer).echo_request(42, 7));
  const uint16_t identifier = gateway.only_session().egress_port.host();
  const Bytes back = only_frame(
      gateway.receive(
          "uplink",
          from_outside()
              .ipv4(kRouter, kPodAddress)
              .icmp_error(kTimeExceeded, 0,
                          Packet().ipv4(kPodAddress, kServer).echo_request(identifier, 7))),
      "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4(kRouter, kPod, {.ttl = 63})
                                     .icmp_error(kTimeExceeded, 0,
                                                 Packet().ipv4(kPod, kServer).echo_request(42, 7))
                                     .bytes()));
}

TEST(IcmpError, I2_AllThatIsQuotedStaysConsistent) {
  Gateway gateway(world());
  const uint16_t port = open_tcp(gateway);
  const TcpOptions data{.flags = TcpHeader::kAck, .sequence = 1001, .acknowledgement = 5001};
  const auto as_sent =
      Packet().ipv4(kPodAddress, kServer, {.ttl = 61}).tcp(port, 443, data).payload(40);
  const auto known = Packet().ipv4(kPod, kServer, {.ttl = 61}).tcp(40000, 443, data).payload(40);
  for (const size_t quoted_bytes : {28u, 29u, 36u, 38u, 40u, 60u, 80u}) {
    const Bytes back = only_frame(
        gateway.receive("uplink", from_outside()
                                      .ipv4(kRouter, kPodAddress)
                                      .icmp_error(kUnreachable, 1, as_sent, 0, quoted_bytes)),
        "underlay");
    const Bytes wanted = to_node1(entropy_of(back))
                             .ipv4(kRouter, kPod, {.ttl = 63})
                             .icmp_error(kUnreachable, 1, known, 0, quoted_bytes)
                             .bytes();
    EXPECT_EQ(decode(back), decode(wanted));
    EXPECT_EQ(back, wanted) << quoted_bytes;
  }
}

TEST(IcmpError, I2_OutboundErrorOfThePodOrARouterInsideLeavesWithTheEgressAddress) {
  for (const std::string_view sender : {kPod, std::string_view("10.130.7.7")}) {
    Gateway gateway(world());
    const uint16_t port = open_udp(gateway);
    const auto as_received = Packet().ipv4(kServer, kPod).udp(53, 7777).payload("answer");
    const auto as_the_server_knows =
        Packet().ipv4(kServer, kPodAddress).udp(53, port).payload("answer");
    const Bytes out = only_frame(
        gateway.receive(
            "underlay",
            from_node1().ipv4(sender, kServer).icmp_error(kUnreachable, 3, as_received, 0, 100)),
        "uplink");
    EXPECT_EQ(decode(out), decode(on_uplink()
                                      .ipv4(kPodAddress, kServer, {.ttl = 63})
                                      .icmp_error(kUnreachable, 3, as_the_server_knows, 0, 100)
                                      .bytes()));
  }
}

TEST(IcmpError, I3_OutboundErrorGoesToNobodyButTheQuotedSender) {
  Gateway gateway(world());
  open_udp(gateway);
  const auto quoted = Packet().ipv4(kServer, kPod).udp(53, 7777);
  EXPECT_TRUE(
      gateway
          .receive("underlay",
                   from_node1().ipv4(kPod, "203.0.113.99").icmp_error(kUnreachable, 3, quoted))
          .empty());
  EXPECT_EQ(gateway.dropped(Reason::kBadIcmpError), 1u);
}

TEST(IcmpError, I3_ErrorFromTheWrongNodeIsRefused) {
  Gateway gateway(world());
  open_udp(gateway);
  const auto quoted = Packet().ipv4(kServer, kPod).udp(53, 7777);
  EXPECT_TRUE(
      gateway
          .receive("underlay", from_node2().ipv4(kPod, kServer).icmp_error(kUnreachable, 3, quoted))
          .empty());
  EXPECT_EQ(gateway.dropped(Reason::kSourceNotOnNode), 1u);
}

TEST(IcmpError, I3_TcpErrorOutsideTheWindowIsRefused) {
  Gateway gateway(world());
  const uint16_t port = open_tcp(gateway);
  const auto quoted = Packet()
                          .ipv4(kPodAddress, kServer)
                          .tcp(port, 443, {.flags = TcpHeader::kAck, .sequence = 900'000'000});
  EXPECT_TRUE(
      gateway
          .receive("uplink",
                   from_outside().ipv4(kRouter, kPodAddress).icmp_error(kUnreachable, 1, quoted))
          .empty());
  EXPECT_EQ(gateway.dropped(Reason::kBadIcmpError), 1u);
  EXPECT_EQ(gateway.table().live(), 1u);
}

TEST(IcmpError, I3_ErrorsNeitherRefreshNorEndASession) {
  Gateway gateway(world());
  const uint16_t port = open_udp(gateway);
  const uint16_t expires = gateway.only_session().expires_s;
  gateway.pass_seconds(100);
  const auto quoted = Packet().ipv4(kPodAddress, kServer).udp(port, 53).payload("question");
  only_frame(
      gateway.receive(
          "uplink", from_outside().ipv4(kRouter, kPodAddress).icmp_error(kUnreachable, 3, quoted)),
      "underlay");
  EXPECT_EQ(gateway.only_session().expires_s, expires);
}

TEST(IcmpError, I3_ErrorAboutNoLiveSessionIsDropped) {
  Gateway gateway(world());
  const uint16_t port = open_udp(gateway);
  const auto to = [](std::string_view server) { return Packet().ipv4(kPodAddress, server); };
  const auto refused = [&gateway](const Packet& quoted) {
    const uint64_t before = gateway.dropped(Reason::kBadIcmpError);
    const auto sent = gateway.receive(
        "uplink",
        from_outside().ipv4(kRouter, kPodAddress).icmp_error(kUnreachable, 3, quoted, 0, 100));
    return sent.empty() && gateway.dropped(Reason::kBadIcmpError) == before + 1;
  };
  EXPECT_TRUE(refused(to("203.0.113.6").udp(port, 53).payload("x"))) << "another remote";
  EXPECT_TRUE(refused(to(kServer).udp(port, 54).payload("x"))) << "another remote port";
  EXPECT_TRUE(refused(to(kServer).udp(static_cast<uint16_t>(port ^ 1), 53).payload("x")))
      << "another port of ours";
  EXPECT_TRUE(refused(to(kServer).tcp(port, 53, {.flags = TcpHeader::kSyn}))) << "another protocol";
  EXPECT_TRUE(refused(to(kServer).echo_request(port))) << "an echo";
  EXPECT_TRUE(refused(Packet().ipv4(kServer, kPodAddress).udp(53, port).payload("x")))
      << "quoted the wrong way round";
  EXPECT_TRUE(refused(Packet().ipv4(kPod, kServer).udp(7777, 53).payload("x")))
      << "nobody outside knows the pod's address";
  gateway.pass_seconds(302);
  gateway.sweep();
  ASSERT_EQ(gateway.table().held(), 1u);
  EXPECT_TRUE(refused(to(kServer).udp(port, 53).payload("x"))) << "the session has ended";
}

TEST(IcmpError, I3_NoKindOfErrorChangesATcpSession) {
  Gateway gateway(world());
  const uint16_t port = open_tcp(gateway);
  const SessionEntry before = gateway.only_session();
  gateway.pass_seconds(100);
  const auto quoted = Packet()
                          .ipv4(kPodAddress, kServer)
                          .tcp(port, 443, {.flags = TcpHeader::kAck, .sequence = 1001});
  for (uint8_t code = 0; code < 16; ++code) {
    only_frame(
        gateway.receive(
            "uplink",
            from_outside().ipv4(kRouter, kPodAddress).icmp_error(kUnreachable, code, quoted)),
        "underlay");
  }
  EXPECT_EQ(std::memcmp(&before, &gateway.only_session(), sizeof before), 0);
}

TEST(IcmpError, I3_ErrorWithASourceThatNobodyMayBearIsRefused) {
  Gateway gateway(world());
  const uint16_t port = open_udp(gateway);
  const auto quoted = Packet().ipv4(kPodAddress, kServer).udp(port, 53).payload("question");
  uint64_t refused = 0;
  for (const char* source : {"224.0.0.5", "0.0.0.0", "192.0.2.10", "255.255.255.255"}) {
    EXPECT_TRUE(
        gateway
            .receive("uplink",
                     from_outside().ipv4(source, kPodAddress).icmp_error(kUnreachable, 3, quoted))
            .empty());
    EXPECT_EQ(gateway.dropped(Reason::kBadAddress), ++refused) << source;
  }
}

TEST(IcmpError, DamagedErrorIsRefusedAndNotRepaired) {
  Gateway gateway(world());
  const uint16_t port = open_udp(gateway);
  const auto quoted = Packet().ipv4(kPodAddress, kServer).udp(port, 53).payload("question");
  Bytes damaged =
      from_outside().ipv4(kRouter, kPodAddress).icmp_error(kTimeExceeded, 0, quoted).bytes();
  damaged.back() ^= 1;
  EXPECT_TRUE(gateway.receive("uplink", Packet().raw(damaged)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kParseBadChecksum), 1u);
}

TEST(IcmpError, I4_TtlEndsOutboundWithTimeExceededFromTheTunnel) {
  Gateway gateway(world());
  const auto probe = Packet().ipv4(kPod, kServer, {.ttl = 1}).udp(7777, 33434).payload("probe");
  const Bytes back = only_frame(
      gateway.receive(
          "underlay",
          from_node1().ipv4(kPod, kServer, {.ttl = 1}).udp(7777, 33434).payload("probe")),
      "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4("10.0.0.254", kPod)
                                     .icmp_error(kTimeExceeded, 0, probe, 0, 548)
                                     .bytes()));
  EXPECT_EQ(gateway.dropped(Reason::kTtlExpired), 1u);
  EXPECT_EQ(gateway.table().live(), 0u) << "a probe that ends here opens nothing";
  EXPECT_EQ(gateway.counters().icmp_error_sent.read(), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(IcmpError, I4_TtlEndsInboundWithTimeExceededFromTheUplink) {
  Gateway gateway(world());
  const uint16_t port = open_udp(gateway);
  const auto reply = [port] {
    return Packet().ipv4(kServer, kPodAddress, {.ttl = 1}).udp(53, port).payload("answer");
  };
  const Bytes back =
      only_frame(gateway.receive("uplink", Packet()
                                               .ethernet(kRouterMac, Gateway::kUplinkMac)
                                               .ipv4(kServer, kPodAddress, {.ttl = 1})
                                               .udp(53, port)
                                               .payload("answer")),
                 "uplink");
  EXPECT_EQ(decode(back), decode(on_uplink()
                                     .ipv4("192.0.2.10", kServer)
                                     .icmp_error(kTimeExceeded, 0, reply(), 0, 548)
                                     .bytes()));
}

TEST(IcmpError, TtlOfARefusedSourceIsNotAnswered) {
  Gateway gateway(world());
  EXPECT_TRUE(
      gateway.receive("underlay", from_node1().ipv4("10.128.0.99", kServer, {.ttl = 1}).udp(1, 2))
          .empty());
  EXPECT_EQ(gateway.dropped(Reason::kSourceUnknown), 1u);
}

TEST(IcmpError, F5_ReplyTooLargeForTheTunnelTellsTheMtu) {
  Gateway gateway(world());
  const uint16_t port = open_udp(gateway);
  const Bytes back =
      only_frame(gateway.receive("uplink", from_outside()
                                               .ipv4(kServer, kPodAddress, {.dont_fragment = true})
                                               .udp(53, port)
                                               .payload(1600)),
                 "uplink");
  EXPECT_NE(decode(back).find("icmp type 3 code 4 identifier 0 sequence 1550"), std::string::npos)
      << decode(back);
  EXPECT_EQ(gateway.dropped(Reason::kMtuExceeded), 1u);
}

TEST(IcmpError, F6_PacketTooLargeForTheUplinkTellsTheMtu) {
  Gateway gateway(world());
  const Bytes back = only_frame(
      gateway.receive(
          "underlay",
          from_node1().ipv4(kPod, kServer, {.dont_fragment = true}).udp(7777, 53).payload(1480)),
      "underlay");
  EXPECT_NE(decode(back).find("icmp type 3 code 4 identifier 0 sequence 1500"), std::string::npos)
      << decode(back);
}

TEST(IcmpError, AnswersAreLimitedPerSource) {
  Gateway gateway(world());
  size_t answered = 0;
  for (int round = 0; round < 4; ++round) {
    const std::vector<Packet> probes(
        64, from_node1().ipv4(kPod, kServer, {.ttl = 1}).udp(7777, 33434).payload("probe"));
    answered += gateway.receive("underlay", probes).size();
  }
  EXPECT_EQ(answered, 50u) << "a burst of fifty";
  gateway.pass_seconds(1);
  const std::vector<Packet> probes(
      64, from_node1().ipv4(kPod, kServer, {.ttl = 1}).udp(7777, 33434).payload("probe"));
  EXPECT_EQ(gateway.receive("underlay", probes).size(), 50u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

}  // namespace
}  // namespace postern::test
