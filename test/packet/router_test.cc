// Golden packets through egress routers: both ends translated, both ways; what no line matches is
// refused aloud.
#include <gtest/gtest.h>

#include "test/packet/echo_trip.h"
#include "test/packet/only_frame.h"
#include "test/packet/router_world.h"

namespace postern::test {
namespace {

TEST(Router, TcpLeavesForTheLinesRemoteAndTheReplyComesFromListen) {
  Gateway gateway(router_world());
  const TcpOptions syn{.flags = TcpHeader::kSyn, .sequence = 1000};
  const Bytes out = only_frame(
      gateway.receive("underlay", from_node1().ipv4(kPod, kDb).tcp(40000, 80, syn)), "uplink");
  const SessionEntry& session = gateway.only_session();
  EXPECT_NE(session.flags & kSessionRouter, 0);
  const uint16_t port = session.egress_port.host();
  EXPECT_EQ(
      decode(out),
      decode(on_uplink().ipv4(kDbSource, kDbServer, {.ttl = 63}).tcp(port, 8080, syn).bytes()));

  const TcpOptions answer{
      .flags = TcpHeader::kSyn | TcpHeader::kAck, .sequence = 5000, .acknowledgement = 1001};
  const Bytes back = only_frame(
      gateway.receive("uplink", from_outside().ipv4(kDbServer, kDbSource).tcp(8080, port, answer)),
      "underlay");
  EXPECT_EQ(
      decode(back),
      decode(
          to_node1(entropy_of(back)).ipv4(kDb, kPod, {.ttl = 63}).tcp(80, 40000, answer).bytes()));
  const TcpOptions data{.flags = TcpHeader::kAck, .sequence = 1001, .acknowledgement = 5001};
  const Bytes more = only_frame(
      gateway.receive("underlay",
                      from_node1().ipv4(kPod, kDb).tcp(40000, 80, data).payload("GET /")),
      "uplink");
  EXPECT_EQ(decode(more), decode(on_uplink()
                                     .ipv4(kDbSource, kDbServer, {.ttl = 63})
                                     .tcp(port, 8080, data)
                                     .payload("GET /")
                                     .bytes()));
  EXPECT_EQ(gateway.counters().session_created.read(), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Router, UdpWithAndWithoutChecksumBothWays) {
  for (const bool checksum : {true, false}) {
    Gateway gateway(router_world());
    const Bytes out = only_frame(
        gateway.receive("underlay",
                        from_node1().ipv4(kPod, kDb).udp(7777, 53, checksum).payload("question")),
        "uplink");
    const uint16_t port = gateway.only_session().egress_port.host();
    EXPECT_EQ(decode(out), decode(on_uplink()
                                      .ipv4(kDbSource, "203.0.113.53", {.ttl = 63})
                                      .udp(port, 5353, checksum)
                                      .payload("question")
                                      .bytes()));
    const Bytes back = only_frame(gateway.receive("uplink", from_outside()
                                                                .ipv4("203.0.113.53", kDbSource)
                                                                .udp(5353, port, checksum)
                                                                .payload("answer")),
                                  "underlay");
    EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                       .ipv4(kDb, kPod, {.ttl = 63})
                                       .udp(53, 7777, checksum)
                                       .payload("answer")
                                       .bytes()));
  }
}

TEST(Router, U2_AComputedChecksumOfZeroIsSentAsOnes) {
  Gateway gateway(router_world());
  size_t ones = 0;
  for (uint32_t word = 0; word < 0x10000; ++word) {
    const Bytes payload{static_cast<uint8_t>(word >> 8), static_cast<uint8_t>(word)};
    const auto sent =
        gateway.receive("underlay", from_node1().ipv4(kPod, kDb).udp(7777, 53).raw(payload));
    ASSERT_EQ(sent.size(), 1u);
    const auto checksum = load<Be16>(&sent[0].frame[14 + 20 + 6]);
    ASSERT_NE(checksum.raw(), 0) << word;
    ones += checksum.raw() == 0xffff ? 1u : 0u;
  }
  EXPECT_EQ(ones, 1u) << "every sum but zero comes up once";
}

TEST(Router, EchoThroughTheFallbackHasATranslatedIdentifier) {
  Gateway gateway(router_world());
  expect_echo_round_trip(gateway, kAll, kAllSource, kFallback);
}

TEST(Router, FallbackTakesEveryOtherPortUnchangedAndTheOtherProtocolOfALinesPort) {
  Gateway gateway(router_world());
  const TcpOptions syn{.flags = TcpHeader::kSyn, .sequence = 1};
  const auto to_all = [] { return from_node1().ipv4(kPod, kAll); };
  const std::string tcp =
      decode(only_frame(gateway.receive("underlay", to_all().tcp(1, 2345, syn)), "uplink"));
  EXPECT_NE(tcp.find("ipv4 192.0.2.71 > 203.0.113.9 "), std::string::npos) << tcp;
  EXPECT_NE(tcp.find(" > 2345 flags"), std::string::npos) << tcp;
  const std::string udp =
      decode(only_frame(gateway.receive("underlay", to_all().udp(1, 443)), "uplink"));
  EXPECT_NE(udp.find("ipv4 192.0.2.71 > 203.0.113.9 "), std::string::npos) << udp;
  EXPECT_NE(udp.find(" > 443 bytes"), std::string::npos) << udp;
  const std::string line =
      decode(only_frame(gateway.receive("underlay", to_all().tcp(1, 443, syn)), "uplink"));
  EXPECT_NE(line.find("ipv4 192.0.2.71 > 203.0.113.5 "), std::string::npos) << line;
  EXPECT_NE(line.find(" > 8443 flags"), std::string::npos) << line;
}

TEST(Router, WhatNoLineMatchesIsRefusedByListen) {
  Gateway gateway(router_world());
  const auto to_db = [] { return from_node1().ipv4(kPod, kDb); };
  const Bytes reset = only_frame(
      gateway.receive("underlay",
                      to_db().tcp(40000, 81, {.flags = TcpHeader::kSyn, .sequence = 1000})),
      "underlay");
  EXPECT_EQ(decode(reset), decode(to_node1(entropy_of(reset))
                                      .ipv4(kDb, kPod)
                                      .tcp(81, 40000,
                                           {.flags = TcpHeader::kRst | TcpHeader::kAck,
                                            .acknowledgement = 1001,
                                            .window = 0})
                                      .bytes()));
  const auto unreachable = [](const Bytes& frame, const Packet& quoted) {
    return decode(to_node1(entropy_of(frame))
                      .ipv4(kDb, kPod)
                      .icmp_error(IcmpHeader::kUnreachable, 3, quoted, 0, 548)
                      .bytes());
  };
  const Bytes wrong_protocol =
      only_frame(gateway.receive("underlay", to_db().udp(7777, 80).payload("x")), "underlay");
  EXPECT_EQ(decode(wrong_protocol),
            unreachable(wrong_protocol, Packet().ipv4(kPod, kDb).udp(7777, 80).payload("x")));
  const Bytes echo = only_frame(gateway.receive("underlay", to_db().echo_request(1)), "underlay");
  EXPECT_EQ(decode(echo), unreachable(echo, Packet().ipv4(kPod, kDb).echo_request(1)));
  EXPECT_EQ(gateway.dropped(Reason::kRouterNoRule), 3u);
  EXPECT_EQ(gateway.counters().icmp_error_sent.read(), 2u);
  EXPECT_EQ(gateway.table().live(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Router, RefusalsAreLimitedPerSource) {
  Gateway gateway(router_world());
  const std::vector<Packet> strays(64, from_node1().ipv4(kPod, kDb).udp(7777, 9));
  EXPECT_EQ(gateway.receive("underlay", strays).size(), 50u);
  EXPECT_EQ(gateway.dropped(Reason::kRouterNoRule), 64u);
}

TEST(Router, ResetsAreNotAnswered) {
  Gateway gateway(router_world());
  const auto reset = from_node1().ipv4(kPod, kDb).tcp(1, 81, {.flags = TcpHeader::kRst});
  EXPECT_TRUE(gateway.receive("underlay", reset).empty());
  EXPECT_EQ(gateway.dropped(Reason::kRouterNoRule), 1u);
}

TEST(Router, OnlyItsNamespacesMayUseIt) {
  Gateway gateway(router_world());
  const auto from = [](std::string_view source) {
    return from_node1().ipv4(source, kDb).udp(7777, 53);
  };
  EXPECT_TRUE(gateway.receive("underlay", from("10.128.0.77")).empty()) << "another namespace";
  EXPECT_TRUE(gateway.receive("underlay", from("10.0.0.1")).empty()) << "the platform";
  EXPECT_EQ(gateway.dropped(Reason::kRouterDenied), 2u);
  EXPECT_TRUE(gateway.receive("underlay", from("10.128.0.99")).empty());
  EXPECT_EQ(gateway.dropped(Reason::kSourceUnknown), 1u);
  EXPECT_TRUE(
      gateway.receive("underlay", from_node2().ipv4("10.128.2.7", kDb).udp(7777, 53)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kRouterDenied), 3u);
  EXPECT_EQ(gateway.receive("underlay", from_node2().ipv4("10.128.2.7", kAll).udp(1, 2)).size(),
            1u);
}

TEST(Router, AnotherFirstPacketThanASynStartsNothing) {
  Gateway gateway(router_world());
  const auto ack = from_node1().ipv4(kPod, kDb).tcp(1, 80, {.flags = TcpHeader::kAck});
  EXPECT_TRUE(gateway.receive("underlay", ack).empty());
  EXPECT_EQ(gateway.dropped(Reason::kBadTcpState), 1u);
  EXPECT_TRUE(gateway.receive("underlay", from_node1().ipv4(kPod, kAll).echo_reply(1)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

TEST(Router, AddressesOfRoutersAreInsideForAllOthers) {
  Gateway gateway(router_world("", "", "allow"));
  const auto source = from_node1().ipv4(kPod, kDb).udp(7777, 53);
  EXPECT_TRUE(gateway.receive("underlay", source).empty()) << "no router listens there";
  EXPECT_EQ(gateway.dropped(Reason::kClusterDestination), 1u);
  Gateway other(router_world(std::string(kDbRouter), "", "allow"));
  EXPECT_TRUE(other.receive("underlay", from_node1().ipv4(kPod, kDbSource).udp(1, 53)).empty());
  EXPECT_EQ(other.dropped(Reason::kClusterDestination), 1u);
}

TEST(Router, OneRemoteByEgressIpAndByRouterIsTwoSessions) {
  const std::string payments_out =
      R"({ name = "out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; })";
  Gateway gateway(router_world(std::string(kDbRouter), payments_out, "allow"));
  const TcpOptions syn{.flags = TcpHeader::kSyn, .sequence = 1};
  const auto port_of = [](const Bytes& frame) { return load<Be16>(&frame[34]).host(); };
  const Bytes direct = only_frame(
      gateway.receive("underlay", from_node1().ipv4(kPod, kDbServer).tcp(40000, 5432, syn)),
      "uplink");
  const Bytes routed = only_frame(
      gateway.receive("underlay", from_node1().ipv4(kPod, kDb).tcp(40000, 5432, syn)), "uplink");
  EXPECT_EQ(gateway.table().live(), 2u);
  const auto answer = [&](std::string_view to, const Bytes& frame) {
    const TcpOptions syn_ack{.flags = TcpHeader::kSyn | TcpHeader::kAck, .acknowledgement = 2};
    return decode(only_frame(
        gateway.receive("uplink",
                        from_outside().ipv4(kDbServer, to).tcp(5432, port_of(frame), syn_ack)),
        "underlay"));
  };
  const std::string to_direct = answer("192.0.2.50", direct);
  EXPECT_NE(to_direct.find("ipv4 203.0.113.25 > 10.128.0.11 "), std::string::npos) << to_direct;
  const std::string to_routed = answer(kDbSource, routed);
  EXPECT_NE(to_routed.find("ipv4 10.131.255.10 > 10.128.0.11 "), std::string::npos) << to_routed;
}

TEST(Router, M8_EqualFirstPacketsInOneBurstMakeOneSession) {
  Gateway gateway(router_world());
  const std::vector<Packet> burst(64, from_node1().ipv4(kPod, kDb).udp(7777, 53));
  EXPECT_EQ(gateway.receive("underlay", burst).size(), 64u);
  EXPECT_EQ(gateway.table().live(), 1u);
}

TEST(Router, M7_OnlyTheRealRemoteReachesThePod) {
  Gateway gateway(router_world());
  only_frame(gateway.receive("underlay", from_node1().ipv4(kPod, kDb).udp(7777, 53)), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  for (const auto& [remote, remote_port] :
       {std::pair{"203.0.113.53", 53}, std::pair{"203.0.113.54", 5353},
        std::pair{"10.131.255.10", 53}}) {
    EXPECT_TRUE(gateway
                    .receive("uplink", from_outside()
                                           .ipv4(remote, kDbSource)
                                           .udp(static_cast<uint16_t>(remote_port), port))
                    .empty());
  }
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 3u);
}

TEST(Router, APacketForAnOnLinkRemoteWaitsForThatRemote) {
  Gateway gateway(router_world(
      R"({ name = "near"; namespaces = [ "payments" ]; listen = "10.131.255.10";
           source = "192.0.2.70"; destinations = [ "192.0.2.200" ]; })"));
  EXPECT_TRUE(gateway.receive("underlay", from_node1().ipv4(kPod, kDb).udp(7777, 53)).empty());
  ASSERT_EQ(gateway.counters().held.read(), 1u);
  gateway.set_neighbour(1, "192.0.2.200", NeighbourState::kReachable);
  const Bytes out = only_frame(gateway.release_held(), "uplink");
  EXPECT_NE(decode(out).find("ipv4 192.0.2.70 > 192.0.2.200 "), std::string::npos) << decode(out);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Router, ListenIsResolvedInsideTheTunnel) {
  Gateway gateway(router_world());
  const auto who_has = [](std::string_view target) {
    return Packet()
        .ethernet(kNode1Mac, Gateway::kClusterMac)
        .ipv4("10.0.0.1", "10.0.0.254")
        .udp(50000, 4789, false)
        .vxlan(100)
        .ethernet(kNode1InnerMac, MacAddress::broadcast())
        .arp_request(kNode1InnerMac, "10.128.0.2", target);
  };
  const Bytes reply = only_frame(gateway.receive("underlay", who_has(kDb)), "underlay");
  EXPECT_NE(decode(reply).find("arp reply sender 02:00:00:00:00:30 10.131.255.10"),
            std::string::npos)
      << decode(reply);
  EXPECT_TRUE(gateway.receive("underlay", who_has("10.131.255.12")).empty());
}

TEST(Router, SourceIsResolvedOnTheUplink) {
  Gateway gateway(router_world());
  const Bytes reply =
      only_frame(gateway.receive("uplink", Packet()
                                               .ethernet(kRouterMac, MacAddress::broadcast())
                                               .arp_request(kRouterMac, "192.0.2.1", kDbSource)),
                 "uplink");
  EXPECT_NE(decode(reply).find("arp reply sender 02:00:00:00:00:20 192.0.2.70"), std::string::npos)
      << decode(reply);
}

}  // namespace
}  // namespace postern::test
