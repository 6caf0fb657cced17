// Golden packets and round trips of the plain case: TCP, UDP and echo of a pod, out and back.
#include <gtest/gtest.h>

#include "test/packet/echo_trip.h"
#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

TEST(Flow, UdpLeavesWithTheEgressAddressAndTheReplyFindsThePod) {
  Gateway gateway(world());
  const Bytes out = only_frame(
      gateway.receive("underlay",
                      from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("question")),
      "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_GE(port, 1024);
  EXPECT_EQ(decode(out), decode(on_uplink()
                                    .ipv4(kPodAddress, kServer, {.ttl = 63})
                                    .udp(port, 53)
                                    .payload("question")
                                    .bytes()));

  const Bytes back = only_frame(
      gateway.receive("uplink",
                      from_outside().ipv4(kServer, kPodAddress).udp(53, port).payload("answer")),
      "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4(kServer, kPod, {.ttl = 63})
                                     .udp(53, 7777)
                                     .payload("answer")
                                     .bytes()));
  EXPECT_GE(entropy_of(back), 49152);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Flow, TcpHandshakeAndDataBothWays) {
  Gateway gateway(world());
  const auto syn = from_node1()
                       .ipv4(kPod, kServer)
                       .tcp(40000, 443, {.flags = TcpHeader::kSyn, .sequence = 1000});
  const Bytes out = only_frame(gateway.receive("underlay", syn), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(decode(out), decode(on_uplink()
                                    .ipv4(kPodAddress, kServer, {.ttl = 63})
                                    .tcp(port, 443, {.flags = TcpHeader::kSyn, .sequence = 1000})
                                    .bytes()));
  constexpr uint8_t kSynAck = TcpHeader::kSyn | TcpHeader::kAck;
  const TcpOptions answer{.flags = kSynAck, .sequence = 5000, .acknowledgement = 1001};
  const Bytes back = only_frame(
      gateway.receive("uplink", from_outside().ipv4(kServer, kPodAddress).tcp(443, port, answer)),
      "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4(kServer, kPod, {.ttl = 63})
                                     .tcp(443, 40000, answer)
                                     .bytes()));
  const TcpOptions data{.flags = TcpHeader::kAck, .sequence = 1001, .acknowledgement = 5001};
  const Bytes more = only_frame(
      gateway.receive("underlay",
                      from_node1().ipv4(kPod, kServer).tcp(40000, 443, data).payload("GET /")),
      "uplink");
  EXPECT_EQ(decode(more), decode(on_uplink()
                                     .ipv4(kPodAddress, kServer, {.ttl = 63})
                                     .tcp(port, 443, data)
                                     .payload("GET /")
                                     .bytes()));
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Flow, I1_EchoIdentifiersAreTranslatedLikePorts) {
  Gateway gateway(world());
  expect_echo_round_trip(gateway, kServer, kPodAddress, kServer);
}

TEST(Flow, U2_AbsentUdpChecksumStaysAbsent) {
  Gateway gateway(world());
  const Bytes out = only_frame(
      gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(7777, 53, false).payload(9)),
      "uplink");
  EXPECT_NE(decode(out).find("no checksum"), std::string::npos) << decode(out);
}

TEST(Flow, U2_AComputedChecksumOfZeroIsSentAsOnesBothWays) {
  Gateway gateway(world());
  const auto word = [](uint32_t value) {
    return Bytes{static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
  };
  gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(7777, 53).raw(word(0)));
  const uint16_t port = gateway.only_session().egress_port.host();
  size_t ones_out = 0;
  size_t ones_back = 0;
  for (uint32_t value = 0; value < 0x10000; ++value) {
    const Bytes out =
        only_frame(gateway.receive("underlay",
                                   from_node1().ipv4(kPod, kServer).udp(7777, 53).raw(word(value))),
                   "uplink");
    const Bytes back = only_frame(
        gateway.receive("uplink",
                        from_outside().ipv4(kServer, kPodAddress).udp(53, port).raw(word(value))),
        "underlay");
    const auto sent = load<Be16>(&out[14 + 20 + 6]);
    const auto received = load<Be16>(&back[back.size() - 4]);
    ASSERT_NE(sent.raw(), 0) << value;
    ASSERT_NE(received.raw(), 0) << value;
    ones_out += sent.raw() == 0xffff ? 1u : 0u;
    ones_back += received.raw() == 0xffff ? 1u : 0u;
  }
  EXPECT_EQ(ones_out, 1u) << "every sum but zero comes up once";
  EXPECT_EQ(ones_back, 1u);
}

TEST(Flow, I1_EchoSessionsEndAfterAMinute) {
  Gateway gateway(world());
  const auto request = from_node1().ipv4(kPod, kServer).echo_request(42, 7);
  gateway.receive("underlay", request);
  const uint16_t identifier = gateway.only_session().egress_port.host();
  EXPECT_GE(identifier, 1024) << "identifiers are of the port range";
  const auto reply = from_outside().ipv4(kServer, kPodAddress).echo_reply(identifier, 7);
  gateway.pass_seconds(59);
  gateway.sweep();
  EXPECT_EQ(gateway.receive("uplink", reply).size(), 1u);
  gateway.pass_seconds(59);
  gateway.sweep();
  ASSERT_EQ(gateway.table().live(), 1u) << "the reply refreshed it";
  gateway.pass_seconds(3);
  gateway.sweep();
  EXPECT_EQ(gateway.table().live(), 0u);
  EXPECT_TRUE(gateway.receive("uplink", reply).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

TEST(Flow, I1_AnEchoReplyOfThePodBeginsNothing) {
  Gateway gateway(world());
  EXPECT_TRUE(
      gateway.receive("underlay", from_node1().ipv4(kPod, kServer).echo_reply(42, 7)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
  EXPECT_EQ(gateway.table().live(), 0u);
}

TEST(Flow, T7_MssIsLoweredNeverRaised) {
  Gateway gateway(world());
  const Bytes large{2, 4, 0x05, 0xdc, 1, 3, 3, 7};  // MSS 1500, window scale 7
  const Bytes small{2, 4, 0x02, 0x00, 1, 3, 3, 7};  // MSS 512
  const auto syn = [](const Bytes& options, uint16_t port) {
    return from_node1()
        .ipv4(kPod, kServer)
        .tcp(port, 443, {.flags = TcpHeader::kSyn, .options = options});
  };
  const std::string lowered =
      decode(only_frame(gateway.receive("underlay", syn(large, 1)), "uplink"));
  EXPECT_NE(lowered.find("options 020405b401030307"), std::string::npos) << lowered;
  EXPECT_EQ(lowered.find("BAD"), std::string::npos) << lowered;
  const std::string kept = decode(only_frame(gateway.receive("underlay", syn(small, 2)), "uplink"));
  EXPECT_NE(kept.find("options 0204020001030307"), std::string::npos) << kept;
}

TEST(Flow, M8_EqualFirstPacketsInOneBurstMakeOneSession) {
  Gateway gateway(world());
  const std::vector<Packet> burst(
      64, from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("question"));
  EXPECT_EQ(gateway.receive("underlay", burst).size(), 64u);
  EXPECT_EQ(gateway.table().live(), 1u);
  EXPECT_EQ(gateway.counters().session_created.read(), 1u);
}

TEST(Flow, AMulticastSourceMacIsNotLearned) {
  Gateway gateway(world());
  const auto question = [] { return from_node1().ipv4(kPod, kServer).udp(7777, 53); };
  only_frame(gateway.receive("underlay", question()), "uplink");
  for (const MacAddress mac : {MacAddress::broadcast(), MacAddress{}}) {
    const auto spoofed = Packet()
                             .ethernet(kNode1Mac, Gateway::kClusterMac)
                             .ipv4("10.0.0.1", "10.0.0.254")
                             .udp(50000, 4789, false)
                             .vxlan(100)
                             .ethernet(mac, kInnerMac)
                             .ipv4(kPod, kServer)
                             .udp(7777, 53);
    only_frame(gateway.receive("underlay", spoofed), "uplink");
    const uint16_t port = gateway.only_session().egress_port.host();
    const Bytes back = only_frame(
        gateway.receive("uplink", from_outside().ipv4(kServer, kPodAddress).udp(53, port)),
        "underlay");
    EXPECT_EQ(
        decode(back),
        decode(to_node1(entropy_of(back)).ipv4(kServer, kPod, {.ttl = 63}).udp(53, 7777).bytes()));
  }
}

TEST(Flow, I7_RecordRoutePassesUntouchedBothWays) {
  const Bytes record = {7, 7, 4, 0, 0, 0, 0, 0};
  Gateway gateway(world());
  const Bytes out = only_frame(
      gateway.receive(
          "underlay",
          from_node1().ipv4(kPod, kServer, {.options = record}).udp(7777, 53).payload("question")),
      "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(decode(out), decode(on_uplink()
                                    .ipv4(kPodAddress, kServer, {.ttl = 63, .options = record})
                                    .udp(port, 53)
                                    .payload("question")
                                    .bytes()));
  const Bytes back =
      only_frame(gateway.receive("uplink", from_outside()
                                               .ipv4(kServer, kPodAddress, {.options = record})
                                               .udp(53, port)
                                               .payload("answer")),
                 "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4(kServer, kPod, {.ttl = 63, .options = record})
                                     .udp(53, 7777)
                                     .payload("answer")
                                     .bytes()));
}

TEST(Flow, I7_ATimestampPassesUntouched) {
  Gateway gateway(world());
  const Bytes timestamp = {68, 12, 5, 0, 1, 2, 3, 4, 0, 0, 0, 0};
  const Bytes out = only_frame(
      gateway.receive("underlay",
                      from_node1().ipv4(kPod, kServer, {.options = timestamp}).udp(7777, 53)),
      "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(decode(out), decode(on_uplink()
                                    .ipv4(kPodAddress, kServer, {.ttl = 63, .options = timestamp})
                                    .udp(port, 53)
                                    .bytes()));
}

TEST(Flow, I7_SourceRoutingIsDroppedBothWays) {
  Gateway gateway(world());
  gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(7777, 53));
  const uint16_t port = gateway.only_session().egress_port.host();
  uint64_t dropped = 0;
  for (const uint8_t kind : {uint8_t{131}, uint8_t{137}}) {  // loose, strict
    for (const Bytes& options :
         {Bytes{kind, 7, 4, 203, 0, 113, 9, 0}, Bytes{1, kind, 7, 4, 203, 0, 113, 9}}) {
      EXPECT_TRUE(gateway
                      .receive("underlay",
                               from_node1().ipv4(kPod, kServer, {.options = options}).udp(7777, 53))
                      .empty());
      EXPECT_TRUE(
          gateway
              .receive(
                  "uplink",
                  from_outside().ipv4(kServer, kPodAddress, {.options = options}).udp(53, port))
              .empty());
      dropped += 2;
    }
  }
  EXPECT_EQ(gateway.dropped(Reason::kParseBadHeader), dropped);
}

TEST(Flow, PaddingBehindThePacketIsCutOffBothWays) {
  Gateway gateway(world());
  const auto padded = [](const Packet& packet) {
    Bytes bytes = packet.bytes();
    bytes.insert(bytes.end(), 20, 0xee);
    return Packet().raw(bytes);
  };
  const Bytes out = only_frame(
      gateway.receive("underlay", padded(from_node1().ipv4(kPod, kServer).udp(7777, 53))),
      "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(decode(out),
            decode(on_uplink().ipv4(kPodAddress, kServer, {.ttl = 63}).udp(port, 53).bytes()));
  const Bytes back = only_frame(
      gateway.receive("uplink", padded(from_outside().ipv4(kServer, kPodAddress).udp(53, port))),
      "underlay");
  EXPECT_EQ(
      decode(back),
      decode(to_node1(entropy_of(back)).ipv4(kServer, kPod, {.ttl = 63}).udp(53, 7777).bytes()));
}

}  // namespace
}  // namespace postern::test
