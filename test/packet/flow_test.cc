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
