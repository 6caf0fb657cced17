// Ports with a VLAN: tagged frames in and out, and nothing else, whoever takes tags off and puts
// them on.
#include <gtest/gtest.h>

#include "dataplane/wire/drop_facts.h"
#include "test/packet/only_frame.h"
#include "test/packet/vlan_world.h"

namespace postern::test {
namespace {

Packet question() { return from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("question"); }

Packet answer_to(const Bytes& sent) {
  const size_t udp_at = sizeof(EthernetHeader) + sizeof(Ipv4Header);
  const uint16_t port = load<Be16>(&sent[udp_at]).host();
  return from_outside().ipv4(kServer, kPodAddress).udp(53, port).payload("answer");
}

// The frame without its tag, which is that of `vlan`.
Bytes untagged(Bytes frame, uint16_t vlan) {
  const auto tag = load<VlanTag>(&frame[VlanTag::kOffset]);
  EXPECT_EQ(tag.type.host(), kEtherTypeVlan) << decode(frame);
  EXPECT_EQ(tag.control.host(), vlan) << decode(frame);
  frame.erase(frame.begin() + VlanTag::kOffset, frame.begin() + VlanTag::kOffset + sizeof tag);
  return frame;
}

DropSample last(const Gateway& gateway, Reason reason) {
  DropSample sample;
  EXPECT_TRUE(gateway.counters().last_drops[static_cast<size_t>(reason)].read(sample));
  return sample;
}

// A round trip whose frames come in through `maker`; tags are put on by us.
void expect_round_trip(const FrameMaker& maker, uint8_t priority) {
  Gateway gateway(vlan_world());
  gateway.receive_as(maker);
  const Bytes out =
      untagged(only_frame(gateway.receive("underlay", on_vlan(question(), kUnderlayVlan, priority)),
                          "uplink"),
               kUplinkVlan);
  Gateway plain(world());
  const Bytes expected = only_frame(plain.receive("underlay", question()), "uplink");
  EXPECT_EQ(out.size(), expected.size());
  const Bytes back =
      untagged(only_frame(gateway.receive("uplink", on_vlan(answer_to(out), kUplinkVlan, priority)),
                          "underlay"),
               kUnderlayVlan);
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4(kServer, kPod, {.ttl = 63})
                                     .udp(53, 7777)
                                     .payload("answer")
                                     .bytes()));
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Vlan, TagsInsideFrames) { expect_round_trip(exact_frame, 0); }

TEST(Vlan, TagsThatTheDeviceTookOff) { expect_round_trip(stripped_frame, 0); }

TEST(Vlan, PrioritiesAreReadOverAndNotSent) {
  expect_round_trip(exact_frame, 5);
  expect_round_trip(stripped_frame, 5);
}

TEST(Vlan, TagsThatTheDevicePutsOn) {
  Gateway gateway(vlan_world());
  gateway.let_devices_tag();
  const auto out = gateway.receive("underlay", on_vlan(question(), kUnderlayVlan));
  const Bytes frame = only_frame(out, "uplink");
  EXPECT_EQ(out.at(0).device_vlan, kUplinkVlan);
  const auto back = gateway.receive("uplink", on_vlan(answer_to(frame), kUplinkVlan));
  const Bytes reply = only_frame(back, "underlay");
  EXPECT_EQ(back.at(0).device_vlan, kUnderlayVlan);
  EXPECT_EQ(load<EthernetHeader>(reply.data()).type.host(), kEtherTypeIpv4);
}

struct Stranger {
  const char* name;
  Bytes frame;
  uint16_t type;  // as the sample of its drop has it
  uint16_t vlan;  // likewise; 0: none
};

TEST(Vlan, WhatIsNotInThePortsVlanIsDropped) {
  const Packet arp = Packet()
                         .ethernet(kRouterMac, MacAddress::broadcast())
                         .arp_request(kRouterMac, "192.0.2.1", kPodAddress);
  Bytes provider = tagged(arp, kUplinkVlan);
  store(&provider[VlanTag::kOffset], Be16(0x88a8));
  Bytes twice = tagged(arp, kUplinkVlan);
  const Bytes inner = tagged(arp, 9);
  twice.insert(twice.begin() + VlanTag::kOffset + sizeof(VlanTag), inner.begin() + VlanTag::kOffset,
               inner.begin() + VlanTag::kOffset + sizeof(VlanTag));
  Bytes cut = tagged(arp, kUplinkVlan);
  cut.resize(sizeof(EthernetHeader) + sizeof(VlanTag) - 1);
  const Stranger strangers[] = {
      {"untagged", arp.bytes(), kEtherTypeArp, 0},
      {"another VLAN", tagged(arp, kUplinkVlan + 1), kEtherTypeArp, kUplinkVlan + 1},
      {"the other port's VLAN", tagged(arp, kUnderlayVlan), kEtherTypeArp, kUnderlayVlan},
      {"a priority alone", tagged(arp, 0, 7), kEtherTypeVlan, 0},
      {"the VLAN id with more bits", tagged(arp, 0x800 | kUplinkVlan), kEtherTypeArp, 0x80c},
      {"a provider's tag", provider, 0x88a8, 0},
      {"a second tag", twice, kEtherTypeArp, 9},
      {"a tag cut short", cut, kEtherTypeVlan, 0},
  };
  for (const Stranger& stranger : strangers) {
    SCOPED_TRACE(stranger.name);
    Gateway gateway(vlan_world());
    EXPECT_TRUE(gateway.receive("uplink", Packet().raw(stranger.frame)).empty());
    ASSERT_EQ(gateway.dropped(Reason::kWrongVlan), 1u);
    const DropSample sample = last(gateway, Reason::kWrongVlan);
    EXPECT_EQ(sample.source_port.host(), stranger.type);
    const uint8_t facts = stranger.vlan == 0 ? kKnowsEtherType : kKnowsEtherType | kKnowsVlan;
    EXPECT_EQ(sample.has_addresses, facts);
    if (stranger.vlan != 0) {
      EXPECT_EQ(sample.destination_port.host(), stranger.vlan);
    }
    EXPECT_EQ(sample.port, 1u);
    EXPECT_EQ(gateway.imbalance(), 0);
  }
}

TEST(Vlan, StrangersInABurstDoNotHoldUpTheOthers) {
  Gateway gateway(vlan_world());
  std::vector<Packet> burst;
  for (uint16_t i = 0; i < kBurst; ++i) {
    const auto packet = from_node1().ipv4(kPod, kServer).udp(static_cast<uint16_t>(1000 + i), 53);
    burst.push_back(on_vlan(packet, i % 3 == 0 ? kUplinkVlan : kUnderlayVlan));
  }
  const auto sent = gateway.receive("underlay", burst);
  EXPECT_EQ(gateway.dropped(Reason::kWrongVlan), 22u);
  EXPECT_EQ(sent.size(), kBurst - 22u);
  EXPECT_EQ(gateway.counters().dropped.read(), 22u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Vlan, AnEmptyFrameIsShort) {
  Gateway gateway(vlan_world());
  EXPECT_TRUE(gateway.receive("uplink", Packet().raw(Bytes(13))).empty());
  EXPECT_EQ(gateway.dropped(Reason::kParseShort), 1u);
}

TEST(Vlan, ArpIsAnsweredWithATag) {
  Gateway gateway(vlan_world());
  const Packet request = Packet()
                             .ethernet(kNode1Mac, MacAddress::broadcast())
                             .arp_request(kNode1Mac, "10.0.0.1", "10.0.0.254");
  const Bytes reply =
      only_frame(gateway.receive("underlay", on_vlan(request, kUnderlayVlan)), "underlay");
  EXPECT_EQ(decode(reply),
            decode(Packet()
                       .ethernet(Gateway::kClusterMac, kNode1Mac)
                       .vlan(kUnderlayVlan)
                       .arp_reply(Gateway::kClusterMac, "10.0.0.254", kNode1Mac, "10.0.0.1")
                       .bytes()));
  EXPECT_EQ(gateway.counters().answered.read(), 1u);
}

TEST(Vlan, IcmpErrorsOfTheGatewayBearATag) {
  Gateway gateway(vlan_world());
  const auto hop = from_node1().ipv4(kPod, kServer, {.ttl = 1}).udp(7777, 53).payload("x");
  const Bytes error =
      untagged(only_frame(gateway.receive("underlay", on_vlan(hop, kUnderlayVlan)), "underlay"),
               kUnderlayVlan);
  EXPECT_NE(decode(error).find("ipv4 10.0.0.254 > 10.128.0.11"), std::string::npos)
      << decode(error);
}

TEST(Vlan, HeldPacketsLeaveWithATag) {
  Gateway gateway(vlan_world());
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  EXPECT_TRUE(gateway.receive("underlay", on_vlan(question(), kUnderlayVlan)).empty());
  EXPECT_EQ(gateway.counters().held.read(), 1u);
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kReachable);
  gateway.pass_ms(1);
  untagged(only_frame(gateway.release_held(), "uplink"), kUplinkVlan);
}

// ---- ports without a VLAN

TEST(Vlan, APriorityIsNoVlan) {
  for (const FrameMaker& maker : {FrameMaker(exact_frame), FrameMaker(stripped_frame)}) {
    Gateway gateway(world());
    gateway.receive_as(maker);
    const auto sent = gateway.receive("underlay", on_vlan(question(), 0, 6));
    const Bytes out = only_frame(sent, "uplink");
    EXPECT_EQ(load<EthernetHeader>(out.data()).type.host(), kEtherTypeIpv4);
  }
}

TEST(Vlan, WithoutAVlanTaggedFramesAreDropped) {
  Gateway gateway(world());
  EXPECT_TRUE(gateway.receive("underlay", on_vlan(question(), 7)).empty());
  EXPECT_TRUE(gateway.receive("underlay", on_vlan(on_vlan(question(), 0), 0)).empty());
  EXPECT_TRUE(gateway.receive("underlay", on_vlan(on_vlan(question(), 7), 0)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kWrongVlan), 3u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

}  // namespace
}  // namespace postern::test
