// Fragments both ways (nat.md F1 to F4): virtual reassembly, its bounds, and what it refuses.
#include "test/packet/fragments.h"
#include "test/packet/router_world.h"

namespace postern::test {
namespace {

constexpr size_t kPieceBytes = 496;

Packet question(std::string_view pod = kPod) {
  return Packet().ipv4(pod, kServer).udp(7777, 53).payload(1400);
}

// The datagram leaves as the egress address, whole.
void expect_translated(Gateway& gateway, const std::vector<Bytes>& left) {
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(together(left),
            whole(Packet().ipv4(kPodAddress, kServer, {.ttl = 63}).udp(port, 53).payload(1400)));
  EXPECT_EQ(gateway.counters().fragments_held.read(), 0u);
  EXPECT_EQ(gateway.counters().fragments_followed.read(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Fragment, F1_OutboundInEveryOrderInOneBurstAndInSeveral) {
  std::vector<Bytes> pieces = pieces_of(question(), kPieceBytes);
  std::vector<size_t> order{0, 1, 2};
  do {
    for (const bool together_at_once : {true, false}) {
      Gateway gateway(world());
      std::vector<Packet> packets;
      for (const size_t i : order) packets.push_back(inner_piece(pieces[i]));
      std::vector<Sent> sent;
      if (together_at_once) {
        sent = gateway.receive("underlay", packets);
      } else {
        for (const Packet& packet : packets) {
          for (Sent& one : gateway.receive("underlay", packet)) sent.push_back(std::move(one));
        }
      }
      EXPECT_EQ(sent.size(), 3u);
      expect_translated(gateway, ip_packets(sent, "uplink"));
      EXPECT_EQ(gateway.only_session().outbound_packets, 3u) << "each is counted";
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Fragment, F1_AllThatWaitForANeighbourLeaveTogether) {
  Gateway gateway(world());
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  EXPECT_TRUE(
      gateway.receive("underlay", all_of(pieces_of(question(), kPieceBytes), inner_piece)).empty());
  EXPECT_EQ(gateway.counters().held.read(), 3u);
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kReachable);
  gateway.pass_ms(1);
  expect_translated(gateway, ip_packets(gateway.release_held(), "uplink"));
}

TEST(Fragment, F1_InboundInEveryOrder) {
  std::vector<size_t> order{0, 1, 2};
  do {
    Gateway gateway(world());
    gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("question"));
    const uint16_t port = gateway.only_session().egress_port.host();
    const std::vector<Bytes> pieces =
        pieces_of(Packet().ipv4(kServer, kPodAddress).udp(53, port).payload(1400), kPieceBytes);
    std::vector<Sent> sent;
    for (const size_t i : order) {
      for (Sent& one : gateway.receive("uplink", outer_piece(pieces[i]))) sent.push_back(one);
    }
    EXPECT_EQ(together(ip_packets(sent, "underlay")),
              whole(Packet().ipv4(kServer, kPod, {.ttl = 63}).udp(53, 7777).payload(1400)));
    EXPECT_EQ(gateway.only_session().inbound_packets, 3u);
    EXPECT_EQ(gateway.imbalance(), 0);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Fragment, F1_TwoDatagramsInterleaved) {
  Gateway gateway(world());
  const std::vector<Bytes> one = pieces_of(question(), kPieceBytes, 1);
  const std::vector<Bytes> two = pieces_of(question(), kPieceBytes, 2);
  const std::vector<Bytes> left = ip_packets(
      gateway.receive("underlay",
                      all_of({two[1], one[0], two[0], one[2], two[2], one[1]}, inner_piece)),
      "uplink");
  ASSERT_EQ(left.size(), 6u);
  for (const uint16_t id : {uint16_t{1}, uint16_t{2}}) {
    std::vector<Bytes> its;
    for (const Bytes& packet : left) {
      if (load<Ipv4Header>(packet.data()).id == Be16(id)) its.push_back(packet);
    }
    expect_translated(gateway, its);
  }
}

TEST(Fragment, F1_EchoAndItsReply) {
  Gateway gateway(world());
  const Packet request = Packet().ipv4(kPod, kServer).echo_request(42, 7).payload(1400);
  const std::vector<Bytes> left = ip_packets(
      gateway.receive("underlay", all_of(pieces_of(request, kPieceBytes), inner_piece)), "uplink");
  const uint16_t identifier = gateway.only_session().egress_port.host();
  EXPECT_EQ(together(left), whole(Packet()
                                      .ipv4(kPodAddress, kServer, {.ttl = 63})
                                      .echo_request(identifier, 7)
                                      .payload(1400)));
  const Packet reply = Packet().ipv4(kServer, kPodAddress).echo_reply(identifier, 7).payload(1400);
  EXPECT_EQ(together(ip_packets(
                gateway.receive("uplink", all_of(pieces_of(reply, kPieceBytes), outer_piece)),
                "underlay")),
            whole(Packet().ipv4(kServer, kPod, {.ttl = 63}).echo_reply(42, 7).payload(1400)));
}

TEST(Fragment, F1_TcpMovesItsTrackersAsTheWholeSegmentWould) {
  Gateway gateway(world());
  constexpr uint8_t kSynAck = TcpHeader::kSyn | TcpHeader::kAck;
  gateway.receive("underlay", from_node1()
                                  .ipv4(kPod, kServer)
                                  .tcp(40000, 443, {.flags = TcpHeader::kSyn, .sequence = 1000}));
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.receive(
      "uplink", from_outside()
                    .ipv4(kServer, kPodAddress)
                    .tcp(443, port, {.flags = kSynAck, .sequence = 5000, .acknowledgement = 1001}));
  const TcpOptions ack{.flags = TcpHeader::kAck, .sequence = 1001, .acknowledgement = 5001};
  gateway.receive("underlay", from_node1().ipv4(kPod, kServer).tcp(40000, 443, ack));
  const Packet segment = Packet().ipv4(kPod, kServer).tcp(40000, 443, ack).payload(1400);
  const std::vector<Bytes> left = ip_packets(
      gateway.receive("underlay", all_of(pieces_of(segment, kPieceBytes), inner_piece)), "uplink");
  EXPECT_EQ(
      together(left),
      whole(Packet().ipv4(kPodAddress, kServer, {.ttl = 63}).tcp(port, 443, ack).payload(1400)));
  EXPECT_EQ(gateway.only_session().outbound_sequence_end, 1001u + 1400u);
}

TEST(Fragment, F1_WithoutUdpChecksum) {
  Gateway gateway(world());
  const Packet bare = Packet().ipv4(kPod, kServer).udp(7777, 53, false).payload(1400);
  const std::vector<Bytes> left = ip_packets(
      gateway.receive("underlay", all_of(pieces_of(bare, kPieceBytes), inner_piece)), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(
      together(left),
      whole(Packet().ipv4(kPodAddress, kServer, {.ttl = 63}).udp(port, 53, false).payload(1400)));
}

TEST(Fragment, F1_ThroughAnEgressRouter) {
  Gateway gateway(router_world());
  const Packet asked = Packet().ipv4(kPod, kDb).udp(7777, 53).payload(1400);
  const std::vector<Bytes> left = ip_packets(
      gateway.receive("underlay", all_of(pieces_of(asked, kPieceBytes), inner_piece)), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(
      together(left),
      whole(Packet().ipv4(kDbSource, "203.0.113.53", {.ttl = 63}).udp(port, 5353).payload(1400)));
  const Packet answer = Packet().ipv4("203.0.113.53", kDbSource).udp(5353, port).payload(1400);
  EXPECT_EQ(together(ip_packets(
                gateway.receive("uplink", all_of(pieces_of(answer, kPieceBytes), outer_piece)),
                "underlay")),
            whole(Packet().ipv4(kDb, kPod, {.ttl = 63}).udp(53, 7777).payload(1400)));
}

TEST(Fragment, F2_AnOverlapDropsTheWholeDatagram) {
  Gateway gateway(world());
  const Bytes ip = ip_of(question());
  const auto send = [&](size_t first, size_t end) {
    return gateway.receive("underlay", inner_piece(piece_of(ip, first, end))).size();
  };
  EXPECT_EQ(send(496, 992), 0u) << "early";
  EXPECT_EQ(send(488, 1000), 0u) << "overlaps it";
  EXPECT_EQ(gateway.dropped(Reason::kFragmentOverlap), 2u);
  EXPECT_EQ(send(0, 496), 0u);
  EXPECT_EQ(send(992, 1408), 0u);
  EXPECT_EQ(gateway.dropped(Reason::kFragmentOverlap), 4u);
  EXPECT_EQ(gateway.table().live(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Fragment, F2_ADuplicateDoesNot) {
  Gateway gateway(world());
  const std::vector<Bytes> pieces = pieces_of(question(), kPieceBytes);
  const std::vector<Sent> sent = gateway.receive(
      "underlay", all_of({pieces[1], pieces[1], pieces[0], pieces[0], pieces[2]}, inner_piece));
  EXPECT_EQ(gateway.dropped(Reason::kFragmentOverlap), 0u);
  expect_translated(gateway, ip_packets(sent, "uplink"));
}

struct BadFragment {
  const char* what;
  Reason reason;
  Packet packet;
};

// The first fragment of a segment whose header says that it has so many words.
Bytes headless(Bytes tcp, uint8_t words) {
  tcp[sizeof(Ipv4Header) + offsetof(TcpHeader, offset)] = static_cast<uint8_t>(words << 4);
  return piece_of(tcp, 0, 64);
}

TEST(Fragment, F3_WhatCannotBePartOfADatagramIsDropped) {
  const Bytes udp = ip_of(question());
  const Bytes tcp = ip_of(Packet()
                              .ipv4(kPod, kServer)
                              .tcp(40000, 443, {.flags = TcpHeader::kSyn, .options = Bytes(12, 1)})
                              .payload(100));
  Bytes giant = piece_of(udp, 8, 1400);
  store(&giant[6], Be16(8190 - 20));
  store(&giant[10], Be16(0));
  store(&giant[10], checksum_of(giant.data(), 20));
  const std::vector<BadFragment> cases = {
      {"TCP whose header is not whole", Reason::kFragmentBad, Packet().raw(piece_of(tcp, 0, 24))},
      {"TCP of eight bytes", Reason::kFragmentBad, Packet().raw(piece_of(tcp, 0, 8))},
      {"TCP that says it has no header", Reason::kParseBadHeader, Packet().raw(headless(tcp, 0))},
      {"TCP that says its header is short", Reason::kParseBadHeader,
       Packet().raw(headless(tcp, 4))},
      {"an end beyond 65,535", Reason::kFragmentBad, Packet().raw(giant)},
      {"an empty middle", Reason::kFragmentBad, Packet().raw(piece_of(udp, 8, 8))},
      {"a middle of half units", Reason::kFragmentBad, Packet().raw(piece_of(udp, 8, 20))},
  };
  for (const BadFragment& bad : cases) {
    Gateway gateway(world());
    EXPECT_TRUE(gateway.receive("underlay", inner_piece(bad.packet.bytes())).empty()) << bad.what;
    EXPECT_EQ(gateway.dropped(bad.reason), 1u) << bad.what;
    EXPECT_EQ(gateway.counters().fragments_followed.read(), 0u) << bad.what;
    EXPECT_EQ(gateway.imbalance(), 0) << bad.what;
  }
}

TEST(Fragment, F4_EarlyOnesWaitAsLongAsTheConfigurationSays) {
  Gateway gateway(
      world(std::string(kWorldPolicy) + "sessions : { fragments : { timeout = \"5s\"; }; };"));
  const std::vector<Bytes> pieces = pieces_of(question(), kPieceBytes);
  gateway.receive("underlay", all_of({pieces[1], pieces[2]}, inner_piece));
  EXPECT_EQ(gateway.counters().fragments_held.read(), 2u);
  EXPECT_EQ(gateway.counters().held.read(), 2u);
  gateway.pass_ms(4999);
  gateway.release_held();
  EXPECT_EQ(gateway.dropped(Reason::kFragmentTimeout), 0u);
  gateway.pass_ms(1);
  gateway.release_held();
  EXPECT_EQ(gateway.dropped(Reason::kFragmentTimeout), 2u);
  EXPECT_EQ(gateway.counters().fragments_held.read(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Fragment, F4_AFloodOfOnePodLeavesOthersUnharmed) {
  Gateway gateway(world(std::string(kWorldPolicy) +
                        "sessions : { fragments : { max = 100; max_per_source = 10; }; };"));
  const Bytes flood = ip_of(question("10.128.1.7"));
  for (uint16_t id = 0; id < 1000; ++id) {
    gateway.receive("underlay", inner_piece(piece_of(flood, 8, 16, id)));
  }
  EXPECT_EQ(gateway.dropped(Reason::kFragmentLimit), 990u);
  EXPECT_EQ(gateway.counters().fragments_held.read(), 10u);
  std::vector<Bytes> pieces = pieces_of(question(), kPieceBytes);
  std::reverse(pieces.begin(), pieces.end());
  const std::vector<Sent> sent = gateway.receive("underlay", all_of(pieces, inner_piece));
  EXPECT_EQ(sent.size(), 3u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Fragment, F4_OnlySourcesThatMaySendAreKept) {
  Gateway gateway(world());
  const auto keep = [&gateway](std::string_view pod) {
    gateway.receive("underlay", inner_piece(piece_of(ip_of(question(pod)), 8, 16)));
    return gateway.counters().fragments_held.read();
  };
  EXPECT_EQ(keep("10.128.0.99"), 0u);
  EXPECT_EQ(gateway.dropped(Reason::kSourceUnknown), 1u);
  EXPECT_EQ(keep("10.128.2.9"), 0u) << "of another node";
  EXPECT_EQ(gateway.dropped(Reason::kSourceNotOnNode), 1u);
  EXPECT_EQ(keep("192.0.2.50"), 0u);
  EXPECT_EQ(gateway.dropped(Reason::kBadAddress), 1u);
}

TEST(Fragment, LaterFragmentsAreRefusedAsTheFirstWas) {
  std::string policy(kWorldPolicy);
  policy.replace(policy.find("allow"), 5, "deny");
  Gateway gateway(world(policy));
  EXPECT_TRUE(
      gateway.receive("underlay", all_of(pieces_of(question(), kPieceBytes), inner_piece)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kFirewallDefault), 3u);
}

TEST(Fragment, InboundWithoutASessionIsNobodys) {
  Gateway gateway(world());
  const Packet stray = Packet().ipv4(kServer, kPodAddress).udp(53, 2000).payload(1400);
  EXPECT_TRUE(
      gateway.receive("uplink", all_of(pieces_of(stray, kPieceBytes), outer_piece)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 3u);
}

// Nothing but the first one has the port by which what waits is known again.
TEST(Fragment, AllOfThemWaitForTheirNextHop) {
  Gateway gateway(world());
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  EXPECT_TRUE(
      gateway.receive("underlay", all_of(pieces_of(question(), kPieceBytes), inner_piece)).empty());
  EXPECT_EQ(gateway.counters().held.read(), 3u);
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kReachable);
  expect_translated(gateway, ip_packets(gateway.release_held(), "uplink"));
}

TEST(Fragment, I4_OnlyTheFirstFragmentIsAnswered) {
  Gateway gateway(world());
  const Packet probe = Packet().ipv4(kPod, kServer, {.ttl = 1}).udp(7777, 33434).payload(1400);
  const std::vector<Sent> sent =
      gateway.receive("underlay", all_of(pieces_of(probe, kPieceBytes), inner_piece));
  EXPECT_EQ(sent.size(), 1u) << "time exceeded, once (RFC 1122 3.2.2)";
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Fragment, ForTheGatewayItselfNothingIsPutTogether) {
  Gateway gateway(world());
  const Packet echo = Packet().ipv4(kServer, "192.0.2.10").echo_request(1, 1).payload(1400);
  EXPECT_TRUE(gateway.receive("uplink", all_of(pieces_of(echo, kPieceBytes), outer_piece)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kUnsupportedProtocol), 3u);
}

}  // namespace
}  // namespace postern::test
