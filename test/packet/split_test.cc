// Packets that are too large for their way and may be cut (nat.md F5, F6). Those that may not are
// in icmp_error_test.cc: room in the tunnel 1,550 bytes, on the uplink 1,500.
#include "test/packet/fragments.h"

namespace postern::test {
namespace {

constexpr size_t kTunnelRoom = 1550;
constexpr size_t kUplinkMtu = 1500;

uint16_t open_udp(Gateway& gateway) {
  gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("question"));
  return gateway.only_session().egress_port.host();
}

TEST(Split, F5_AReplyTooLargeForTheTunnelIsFragmentedInside) {
  Gateway gateway(world());
  const uint16_t port = open_udp(gateway);
  const std::vector<Sent> sent = gateway.receive(
      "uplink", from_outside().ipv4(kServer, kPodAddress).udp(53, port).payload(4000));
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(together(ip_packets(sent, "underlay"), kTunnelRoom),
            whole(Packet().ipv4(kServer, kPod, {.ttl = 63}).udp(53, 7777).payload(4000)));
  for (const Sent& one : sent) {
    const auto outer = load<Ipv4Header>(&one.frame[sizeof(EthernetHeader)]);
    EXPECT_FALSE(outer.is_fragment()) << "each piece has a tunnel packet of its own";
    EXPECT_LE(one.frame.size(), sizeof(EthernetHeader) + 1600);
  }
  EXPECT_EQ(gateway.counters().made.read(), 2u) << "the extra pieces";
  EXPECT_EQ(gateway.only_session().inbound_packets, 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Split, F5_AFragmentTooLargeForTheTunnelIsCutOnceMore) {
  Gateway gateway(world());
  const uint16_t port = open_udp(gateway);
  const Packet reply = Packet().ipv4(kServer, kPodAddress).udp(53, port).payload(8000);
  const std::vector<Sent> sent =
      gateway.receive("uplink", all_of(pieces_of(reply, 3000), outer_piece));
  EXPECT_EQ(sent.size(), 6u);
  EXPECT_EQ(together(ip_packets(sent, "underlay"), kTunnelRoom),
            whole(Packet().ipv4(kServer, kPod, {.ttl = 63}).udp(53, 7777).payload(8000)));
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Split, F6_APacketTooLargeForTheUplinkIsFragmented) {
  Gateway gateway(world());
  const std::vector<Sent> sent = gateway.receive(
      "underlay", from_node1().ipv4(kPod, kServer, {.tos = 0x28}).udp(7777, 53).payload(1480));
  ASSERT_EQ(sent.size(), 2u);
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(together(ip_packets(sent, "uplink"), kUplinkMtu),
            whole(Packet()
                      .ipv4(kPodAddress, kServer, {.ttl = 63, .tos = 0x28})
                      .udp(port, 53)
                      .payload(1480)));
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Split, F6_ThePiecesWaitForTheirNextHop) {
  Gateway gateway(world());
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  EXPECT_TRUE(
      gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(7777, 53).payload(1480))
          .empty());
  EXPECT_EQ(gateway.counters().held.read(), 2u);
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kReachable);
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(together(ip_packets(gateway.release_held(), "uplink"), kUplinkMtu),
            whole(Packet().ipv4(kPodAddress, kServer, {.ttl = 63}).udp(port, 53).payload(1480)));
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Split, F6_ThePiecesKeepTheirOrderAmongOthers) {
  Gateway gateway(world());
  const auto packet = [](size_t bytes) {
    return from_node1().ipv4(kPod, kServer).udp(7777, 53).payload(bytes);
  };
  const std::vector<Sent> sent =
      gateway.receive("underlay", {packet(100), packet(1480), packet(200)});
  std::vector<size_t> lengths;
  for (const Bytes& ip : ip_packets(sent, "uplink")) lengths.push_back(ip.size());
  EXPECT_EQ(lengths, (std::vector<size_t>{128, 1500, 28, 228}));
}

// Record route (7) is in the first piece only; the router alert (148) has the copied bit.
TEST(Split, F6_OnlyCopiedOptionsAreInLaterPieces) {
  Gateway gateway(world());
  const Bytes options = {7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0};
  const std::vector<Bytes> left = ip_packets(
      gateway.receive(
          "underlay",
          from_node1().ipv4(kPod, kServer, {.options = options}).udp(7777, 53).payload(1480)),
      "uplink");
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(Bytes(left[0].begin() + 20, left[0].begin() + 32), options);
  EXPECT_EQ(load<Ipv4Header>(left[1].data()).header_bytes(), 24u);
  EXPECT_EQ(Bytes(left[1].begin() + 20, left[1].begin() + 24), (Bytes{148, 4, 0, 0}));
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(together(left, kUplinkMtu),
            whole(Packet()
                      .ipv4(kPodAddress, kServer, {.ttl = 63, .options = options})
                      .udp(port, 53)
                      .payload(1480)));
}

TEST(Split, F6_AFragmentThatMayNotBeCutIsAnswered) {
  Gateway gateway(world());
  const Packet question =
      Packet().ipv4(kPod, kServer, {.dont_fragment = true}).udp(7777, 53).payload(3000);
  const std::vector<Sent> sent =
      gateway.receive("underlay", all_of(pieces_of(question, 1504), inner_piece));
  ASSERT_EQ(sent.size(), 1u) << "of the first fragment only (RFC 1122 3.2.2)";
  EXPECT_NE(decode(sent[0].frame).find("icmp type 3 code 4 identifier 0 sequence 1500"),
            std::string::npos);
  EXPECT_EQ(gateway.dropped(Reason::kMtuExceeded), 2u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

}  // namespace
}  // namespace postern::test
