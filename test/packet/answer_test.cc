// What the gateway answers for itself: ARP and echo; and packets that wait for a neighbour.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

Packet arp_on_underlay(std::string_view target) {
  return Packet()
      .ethernet(kNode1Mac, MacAddress::broadcast())
      .arp_request(kNode1Mac, "10.0.0.1", target);
}
Packet arp_on_uplink(std::string_view target) {
  return Packet()
      .ethernet(kRouterMac, MacAddress::broadcast())
      .arp_request(kRouterMac, "192.0.2.1", target);
}

TEST(Answer, ArpForTheVtepOnTheUnderlay) {
  Gateway gateway(world());
  const Bytes reply =
      only_frame(gateway.receive("underlay", arp_on_underlay("10.0.0.254")), "underlay");
  EXPECT_EQ(decode(reply),
            decode(Packet()
                       .ethernet(Gateway::kClusterMac, kNode1Mac)
                       .arp_reply(Gateway::kClusterMac, "10.0.0.254", kNode1Mac, "10.0.0.1")
                       .bytes()));
  EXPECT_EQ(gateway.counters().answered.read(), 1u);
  EXPECT_EQ(gateway.counters().forwarded.read(), 0u);
}

TEST(Answer, ArpForUplinkAndEgressAddressesOnTheUplink) {
  Gateway gateway(world());
  for (const char* own : {"192.0.2.10", "192.0.2.50", "192.0.2.61"}) {
    const Bytes reply = only_frame(gateway.receive("uplink", arp_on_uplink(own)), "uplink");
    EXPECT_EQ(decode(reply),
              decode(Packet()
                         .ethernet(Gateway::kUplinkMac, kRouterMac)
                         .arp_reply(Gateway::kUplinkMac, own, kRouterMac, "192.0.2.1")
                         .bytes()));
  }
}

TEST(Answer, ArpForOthersOrOnTheWrongPortIsSilent) {
  Gateway gateway(world());
  EXPECT_TRUE(gateway.receive("uplink", arp_on_uplink("192.0.2.77")).empty());
  EXPECT_TRUE(gateway.receive("uplink", arp_on_uplink("10.0.0.254")).empty());
  EXPECT_TRUE(gateway.receive("underlay", arp_on_underlay("192.0.2.50")).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNotForUs), 3u);
}

TEST(Answer, ArpInsideTheTunnel) {
  Gateway gateway(world());
  const Bytes reply = only_frame(
      gateway.receive("underlay", Packet()
                                      .ethernet(kNode1Mac, Gateway::kClusterMac)
                                      .ipv4("10.0.0.1", "10.0.0.254")
                                      .udp(50000, 4789)
                                      .vxlan(100)
                                      .ethernet(kNode1InnerMac, MacAddress::broadcast())
                                      .arp_request(kNode1InnerMac, "10.128.0.11", "10.128.0.1")),
      "underlay");
  EXPECT_EQ(decode(reply),
            decode(Packet()
                       .ethernet(Gateway::kClusterMac, kNode1Mac)
                       .ipv4("10.0.0.254", "10.0.0.1", {.dont_fragment = true})
                       .udp(entropy_of(reply), 4789, false)
                       .vxlan(100)
                       .ethernet(kInnerMac, kNode1InnerMac)
                       .arp_reply(kInnerMac, "10.128.0.1", kNode1InnerMac, "10.128.0.11")
                       .bytes()));
}

TEST(Answer, V1_ReservedBitsOfATunnelAreZeroInItsArpReply) {
  Gateway gateway(world());
  const auto request = [](uint8_t flags) {
    return Packet()
        .ethernet(kNode1Mac, Gateway::kClusterMac)
        .ipv4("10.0.0.1", "10.0.0.254")
        .udp(50000, 4789, false)
        .vxlan(100, flags)
        .ethernet(kNode1InnerMac, MacAddress::broadcast())
        .arp_request(kNode1InnerMac, "10.128.0.11", "10.128.0.1");
  };
  const Bytes plain = only_frame(gateway.receive("underlay", request(0x08)), "underlay");
  EXPECT_EQ(only_frame(gateway.receive("underlay", request(0xff)), "underlay"), plain);
}

TEST(Answer, EchoToVtepAndUplinkAddressButNotToEgressAddresses) {
  Gateway gateway(world());
  const Bytes reply =
      only_frame(gateway.receive("uplink", from_outside()
                                               .ipv4(kServer, "192.0.2.10", {.ttl = 9})
                                               .echo_request(5, 6)
                                               .payload("hello")),
                 "uplink");
  EXPECT_EQ(decode(reply), decode(Packet()
                                      .ethernet(Gateway::kUplinkMac, kRouterMac)
                                      .ipv4("192.0.2.10", kServer)
                                      .echo_reply(5, 6)
                                      .payload("hello")
                                      .bytes()));
  only_frame(gateway.receive("underlay", Packet()
                                             .ethernet(kNode1Mac, Gateway::kClusterMac)
                                             .ipv4("10.0.0.1", "10.0.0.254")
                                             .echo_request(5)),
             "underlay");
  EXPECT_TRUE(
      gateway.receive("uplink", from_outside().ipv4(kServer, kPodAddress).echo_request(5)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
  EXPECT_EQ(gateway.counters().answered.read(), 2u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Answer, AStormOfArpIsAnsweredInMeasure) {
  Gateway gateway(world());
  size_t answers = 0;
  for (int round = 0; round < 10; ++round) {
    answers +=
        gateway.receive("uplink", std::vector<Packet>(64, arp_on_uplink("192.0.2.50"))).size();
  }
  EXPECT_EQ(answers, 100u);
  EXPECT_EQ(gateway.dropped(Reason::kArpLimit), 540u);
  EXPECT_EQ(gateway.imbalance(), 0);
  EXPECT_EQ(gateway.receive("uplink", arp_on_uplink("192.0.2.10")).size(), 1u) << "another address";
  EXPECT_EQ(gateway
                .receive("uplink", Packet()
                                       .ethernet(kNode2Mac, MacAddress::broadcast())
                                       .arp_request(kNode2Mac, "192.0.2.2", "192.0.2.50"))
                .size(),
            1u)
      << "another asker";
  gateway.pass_seconds(1);
  EXPECT_EQ(gateway.receive("uplink", arp_on_uplink("192.0.2.50")).size(), 1u);
}

TEST(Hold, PacketsWaitForTheirNextHopAndLeaveInOrder) {
  Gateway gateway(world());
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  const auto question = [](std::string_view text) {
    return from_node1().ipv4(kPod, kServer).udp(7777, 53).payload(text);
  };
  EXPECT_TRUE(gateway.receive("underlay", {question("one"), question("two")}).empty());
  EXPECT_EQ(gateway.counters().held.read(), 2u);
  EXPECT_EQ(gateway.imbalance(), 0);
  EXPECT_TRUE(gateway.release_held().empty());

  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kReachable, kRouterMac);
  const auto sent = gateway.release_held();
  ASSERT_EQ(sent.size(), 2u);
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(decode(sent[0].frame), decode(Packet()
                                              .ethernet(Gateway::kUplinkMac, kRouterMac)
                                              .ipv4(kPodAddress, kServer, {.ttl = 63})
                                              .udp(port, 53)
                                              .payload("one")
                                              .bytes()));
  EXPECT_EQ(gateway.counters().held.read(), 0u);
  EXPECT_EQ(gateway.counters().forwarded.read(), 2u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Hold, IsBoundedAndEnds) {
  Gateway gateway(world());
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  for (int round = 0; round < 3; ++round) {
    gateway.receive(
        "underlay",
        std::vector<Packet>(64, from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("x")));
  }
  EXPECT_EQ(gateway.counters().held.read(), HoldQueue::kFramesPerNeighbour);
  EXPECT_EQ(gateway.dropped(Reason::kNeighbourUnresolved), 192 - HoldQueue::kFramesPerNeighbour);
  gateway.pass_seconds(10);
  gateway.release_held();
  EXPECT_EQ(gateway.counters().held.read(), 0u);
  EXPECT_EQ(gateway.dropped(Reason::kNeighbourFailed), HoldQueue::kFramesPerNeighbour);
  EXPECT_EQ(gateway.imbalance(), 0);
}

// A question of a pod to an address on the uplink's own link.
Packet to_link(std::string_view pod, uint32_t last) {
  return from_node1().ipv4(pod, "192.0.2." + std::to_string(last)).udp(7777, 53).payload("x");
}

TEST(Hold, OneDeadNextHopKeepsNobodyElseOut) {
  Gateway gateway(world());
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  const auto flood =
      std::vector<Packet>(64, from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("x"));
  for (int round = 0; round < 10; ++round) gateway.receive("underlay", flood);
  EXPECT_EQ(gateway.counters().held.read(), HoldQueue::kFramesPerNeighbour);
  // Not even where the slots of two neighbours are alike in their low bits.
  const uint32_t first = gateway.snapshot().shared->neighbours.find({1, {0xc0000201}});
  for (uint32_t i = 0; i < 256; ++i) {
    gateway.set_neighbour(1, "192.0.2.100", NeighbourState::kUnresolved);
    const uint32_t other = gateway.snapshot().shared->neighbours.find({1, {0xc0000264}});
    if (other % 256 == first % 256) break;
    gateway.snapshot().shared->neighbours.unbind({1, {0xc0000264}});
  }
  gateway.receive("underlay", to_link(kPod, 100));
  EXPECT_EQ(gateway.counters().held.read(), HoldQueue::kFramesPerNeighbour + 1);
  gateway.set_neighbour(1, "192.0.2.100", NeighbourState::kReachable, kRouterMac);
  EXPECT_EQ(gateway.release_held().size(), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Hold, AScanOfTheLinkLeavesOtherPodsAndNextHopsTheirRoom) {
  Gateway gateway(world());
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  for (uint32_t last = 100; last < 200; ++last) gateway.receive("underlay", to_link(kPod, last));
  EXPECT_EQ(gateway.counters().held.read(), HoldQueue::kFramesOnLinkPerPod);
  EXPECT_EQ(gateway.dropped(Reason::kNeighbourUnresolved), 100 - HoldQueue::kFramesOnLinkPerPod);
  for (uint32_t pod = 0; pod < 8; ++pod) {
    const std::string address = "10.128.1." + std::to_string(pod);
    for (uint32_t last = 100; last < 150; ++last) {
      gateway.receive("underlay", to_link(address, last));
    }
  }
  EXPECT_EQ(gateway.counters().held.read(), HoldQueue::kFramesOnLink);
  gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("x"));
  EXPECT_EQ(gateway.counters().held.read(), HoldQueue::kFramesOnLink + 1);
  // What leaves makes room for others.
  gateway.set_neighbour(1, "192.0.2.100", NeighbourState::kReachable, kRouterMac);
  const size_t left = gateway.release_held().size();
  EXPECT_GT(left, 0u);
  gateway.receive("underlay", to_link(kPod, 200));
  EXPECT_EQ(gateway.counters().held.read(), HoldQueue::kFramesOnLink + 2 - left);
  gateway.pass_seconds(10);
  for (int i = 0; i < 8; ++i) gateway.release_held();
  EXPECT_EQ(gateway.counters().held.read(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
  for (uint32_t last = 0; last < 64; ++last) {
    gateway.receive("underlay", to_link(kPod, 70 + last));
  }
  EXPECT_GT(gateway.counters().held.read(), 60u) << "nothing is left of the old counts";
}

TEST(Hold, FailedNeighbourIsNotWaitedFor) {
  Gateway gateway(world());
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kFailed);
  gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("x"));
  EXPECT_EQ(gateway.dropped(Reason::kNeighbourFailed), 1u);
}

TEST(Hold, OnLinkDestinationIsItsOwnNextHop) {
  Gateway gateway(world());
  const auto question = from_node1().ipv4(kPod, "192.0.2.200").udp(7777, 53).payload("x");
  EXPECT_TRUE(gateway.receive("underlay", question).empty());
  EXPECT_EQ(gateway.counters().held.read(), 1u);
  gateway.set_neighbour(1, "192.0.2.200", NeighbourState::kReachable, kRouterMac);
  EXPECT_EQ(gateway.release_held().size(), 1u);
  EXPECT_EQ(gateway.receive("underlay", question).size(), 1u);
}

}  // namespace
}  // namespace postern::test
