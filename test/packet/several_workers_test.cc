// Several workers in one process, with the rings that they have in life: a packet may arrive at any
// of them, and every session is served as if there were only one.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "test/packet/only_frame.h"
#include "test/packet/router_world.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr uint8_t kSyn = TcpHeader::kSyn;

Packet datagram(uint16_t source_port, std::string_view text = "question") {
  return from_node1().ipv4(kPod, kServer).udp(source_port, 53).payload(text);
}
Packet reply(uint16_t egress_port, std::string_view text = "answer") {
  return from_outside().ipv4(kServer, kPodAddress).udp(53, egress_port).payload(text);
}

struct Handovers {
  uint64_t packets = 0;
  uint64_t bursts = 0;
  uint64_t taken = 0;
};
Handovers handovers(const Gateway& gateway) {
  Handovers sum;
  for (uint32_t worker = 0; worker < gateway.workers(); ++worker) {
    sum.packets += gateway.counters(worker).handover_packets.read();
    sum.bursts += gateway.counters(worker).handover_bursts.read();
    sum.taken += gateway.counters(worker).taken_over.read();
  }
  return sum;
}
uint64_t dropped(const Gateway& gateway) {
  uint64_t sum = 0;
  for (uint32_t worker = 0; worker < gateway.workers(); ++worker) {
    sum += gateway.counters(worker).dropped.read();
  }
  return sum;
}

// What arrives at a worker and is handed on; what left.
std::vector<Sent> carry(Gateway& gateway, uint32_t worker, std::string_view port,
                        const std::vector<Packet>& packets) {
  std::vector<Sent> sent = gateway.receive_at(worker, port, packets);
  for (Sent& one : gateway.hand_on()) sent.push_back(std::move(one));
  return sent;
}

// Of a plain UDP frame.
struct Seen {
  uint16_t source_port;
  uint16_t destination_port;
  std::string text;
};
Seen seen(const Bytes& frame, size_t ip_offset = 14) {
  const size_t udp = ip_offset + 20;
  return {load<Be16>(&frame[udp]).host(), load<Be16>(&frame[udp + 2]).host(),
          std::string(frame.begin() + static_cast<ptrdiff_t>(udp) + 8, frame.end())};
}
// The inner IP header of a VXLAN frame begins here.
constexpr size_t kInner = 14 + 20 + 8 + 8 + 14;

class SeveralWorkers : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Two, SeveralWorkers, testing::Values(2U));
INSTANTIATE_TEST_SUITE_P(Three, SeveralWorkers, testing::Values(3U));

TEST_P(SeveralWorkers, EverySessionIsServedWhereverItsPacketsArrive) {
  Gateway gateway(world(), {.workers = GetParam()});
  constexpr uint16_t kSessions = 300;
  std::mt19937 random(1);
  const auto any_of = [](std::mt19937& draw) { return static_cast<uint32_t>(draw() % GetParam()); };
  std::map<uint16_t, uint16_t> egress_port;  // by the pod's
  for (uint16_t n = 0; n < kSessions; ++n) {
    const auto port = static_cast<uint16_t>(2000 + n);
    const Bytes out =
        only_frame(carry(gateway, any_of(random), "underlay", {datagram(port)}), "uplink");
    egress_port[port] = seen(out).source_port;
  }
  EXPECT_EQ(gateway.all_sessions().live(), kSessions);
  std::set<uint16_t> distinct;
  for (const auto& [port, external] : egress_port) distinct.insert(external);
  EXPECT_EQ(distinct.size(), kSessions);
  for (int round = 0; round < 3; ++round) {
    for (const auto& [port, external] : egress_port) {
      const Bytes again =
          only_frame(carry(gateway, any_of(random), "underlay", {datagram(port)}), "uplink");
      EXPECT_EQ(seen(again).source_port, external);
      const Bytes back =
          only_frame(carry(gateway, any_of(random), "uplink", {reply(external)}), "underlay");
      EXPECT_EQ(seen(back, kInner).destination_port, port);
    }
  }
  EXPECT_EQ(gateway.all_sessions().live(), kSessions);
  EXPECT_EQ(dropped(gateway), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
  EXPECT_GT(handovers(gateway).packets, 600u);
  EXPECT_EQ(handovers(gateway).packets, handovers(gateway).taken);
  for (uint32_t worker = 0; worker < GetParam(); ++worker) {
    EXPECT_GT(gateway.table(worker).live(), kSessions / GetParam() / 2);
    EXPECT_GT(gateway.counters(worker).handover_packets.read(), 0u);
  }
}

// Sessions side by side in whole bursts, each way: their packets leave in the order in which they
// came, though those of different sessions part ways.
TEST_P(SeveralWorkers, OrderWithinASessionIsKept) {
  Gateway gateway(world(), {.workers = GetParam(), .ring_slots = 1024});
  constexpr uint16_t kSessions = 16;
  constexpr int kRounds = 40;
  std::mt19937 random(2);
  int number = 0;
  std::map<uint16_t, std::vector<int>> sent_numbers;  // by the pod's port
  std::vector<Sent> out;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Packet> burst;
    for (uint32_t i = 0; i < kBurst; ++i) {
      const auto port = static_cast<uint16_t>(3000 + random() % kSessions);
      burst.push_back(datagram(port, std::to_string(number)));
      sent_numbers[port].push_back(number++);
    }
    for (Sent& one : gateway.receive_at(0, "underlay", burst)) out.push_back(std::move(one));
    if (round % 5 != 4) continue;  // several bursts wait in the rings
    for (Sent& one : gateway.hand_on()) out.push_back(std::move(one));
  }
  ASSERT_EQ(out.size(), kRounds * kBurst);
  std::map<uint16_t, std::vector<int>> left;
  for (const Sent& one : out) {
    const Seen packet = seen(one.frame);
    left[packet.source_port].push_back(std::stoi(packet.text));
  }
  ASSERT_EQ(left.size(), kSessions);
  std::set<std::vector<int>> expected;
  for (const auto& [port, numbers] : sent_numbers) expected.insert(numbers);
  for (const auto& [port, numbers] : left) EXPECT_TRUE(expected.contains(numbers)) << port;
  EXPECT_EQ(gateway.imbalance(), 0);
  EXPECT_EQ(dropped(gateway), 0u);
  // In whole bursts: far fewer than packets.
  EXPECT_GT(handovers(gateway).packets, 4 * handovers(gateway).bursts);
}

TEST_P(SeveralWorkers, FirstPacketsThatArriveEverywhereMakeOneSession) {  // nat.md M8
  Gateway gateway(world(), {.workers = GetParam()});
  for (uint16_t port = 4000; port < 4050; ++port) {
    std::vector<Sent> sent;
    for (uint32_t worker = 0; worker < GetParam(); ++worker) {
      for (Sent& one : gateway.receive_at(worker, "underlay", {datagram(port), datagram(port)})) {
        sent.push_back(std::move(one));
      }
    }
    for (Sent& one : gateway.hand_on()) sent.push_back(std::move(one));
    ASSERT_EQ(sent.size(), 2 * GetParam());
    for (const Sent& one : sent) {
      EXPECT_EQ(seen(one.frame).source_port, seen(sent[0].frame).source_port);
    }
  }
  EXPECT_EQ(gateway.all_sessions().live(), 50u);
}

TEST_P(SeveralWorkers, I2_ErrorsOfBothSidesFindTheSession) {
  Gateway gateway(world(), {.workers = GetParam()});
  for (uint16_t pod_port = 5000; pod_port < 5020; ++pod_port) {
    const uint16_t external =
        seen(only_frame(gateway.receive("underlay", datagram(pod_port)), "uplink")).source_port;
    for (uint32_t worker = 0; worker < GetParam(); ++worker) {
      const auto as_sent =
          Packet().ipv4(kPodAddress, kServer).udp(external, 53).payload("question");
      only_frame(carry(gateway, worker, "uplink",
                       {from_outside()
                            .ipv4("198.51.100.1", kPodAddress)
                            .icmp_error(IcmpHeader::kTimeExceeded, 0, as_sent)}),
                 "underlay");
      const auto as_received = Packet().ipv4(kServer, kPod).udp(53, pod_port).payload("answer");
      only_frame(carry(gateway, worker, "underlay",
                       {from_node1().ipv4(kPod, kServer).icmp_error(3, 3, as_received)}),
                 "uplink");
    }
  }
  EXPECT_EQ(dropped(gateway), 0u);
  EXPECT_GT(handovers(gateway).packets, 20u);
}

TEST_P(SeveralWorkers, EchoAndItsErrorsFindTheSession) {
  Gateway gateway(world(), {.workers = GetParam()});
  for (uint16_t identifier = 1; identifier < 20; ++identifier) {
    const Bytes out = only_frame(
        gateway.receive("underlay",
                        from_node1().ipv4(kPod, kServer).echo_request(identifier).payload("ping")),
        "uplink");
    const uint16_t external = load<Be16>(&out[38]).host();
    for (uint32_t worker = 0; worker < GetParam(); ++worker) {
      only_frame(carry(gateway, worker, "uplink",
                       {from_outside().ipv4(kServer, kPodAddress).echo_reply(external)}),
                 "underlay");
      const auto as_sent = Packet().ipv4(kPodAddress, kServer).echo_request(external);
      only_frame(carry(gateway, worker, "uplink",
                       {from_outside()
                            .ipv4("198.51.100.1", kPodAddress)
                            .icmp_error(IcmpHeader::kTimeExceeded, 0, as_sent)}),
                 "underlay");
    }
  }
  EXPECT_EQ(dropped(gateway), 0u);
}

TEST_P(SeveralWorkers, EgressRoutersLeadBackToTheOwner) {
  Gateway gateway(router_world(), {.workers = GetParam()});
  for (uint16_t port = 6000; port < 6030; ++port) {
    for (uint32_t worker = 0; worker < GetParam(); ++worker) {
      const Bytes out =
          only_frame(carry(gateway, worker, "underlay",
                           {from_node1().ipv4(kPod, kDb).udp(port, 53).payload("question")}),
                     "uplink");
      const auto back = from_outside()
                            .ipv4("203.0.113.53", kDbSource)
                            .udp(5353, seen(out).source_port)
                            .payload("answer");
      only_frame(carry(gateway, worker, "uplink", {back}), "underlay");
    }
  }
  EXPECT_EQ(gateway.all_sessions().live(), 30u);
  EXPECT_EQ(dropped(gateway), 0u);
}

TEST_P(SeveralWorkers, WhoeverReceivesAnswersForTheGatewayItself) {
  Gateway gateway(world(), {.workers = GetParam()});
  for (uint32_t worker = 0; worker < GetParam(); ++worker) {
    const auto ask = Packet()
                         .ethernet(kRouterMac, MacAddress::broadcast())
                         .arp_request(kRouterMac, "192.0.2.1", kPodAddress);
    EXPECT_EQ(gateway.receive_at(worker, "uplink", {ask}).size(), 1u);
  }
  EXPECT_EQ(handovers(gateway).packets, 0u);
}

TEST_P(SeveralWorkers, AFullRingDropsAndCounts) {
  Gateway gateway(world(), {.workers = GetParam(), .ring_slots = 64});
  size_t left = 0;
  constexpr uint32_t kPackets = 6 * kBurst;
  for (uint32_t n = 0; n < kPackets; n += kBurst) {
    std::vector<Packet> burst;
    for (uint32_t i = 0; i < kBurst; ++i) {
      burst.push_back(datagram(static_cast<uint16_t>(7000 + n + i)));
    }
    left += gateway.receive_at(0, "underlay", burst).size();
  }
  left += gateway.hand_on().size();
  EXPECT_EQ(handovers(gateway).packets, 64u * (GetParam() - 1));
  EXPECT_EQ(gateway.dropped(Reason::kHandoverFull), kPackets - left);
  EXPECT_GT(kPackets - left, kBurst);
  EXPECT_EQ(gateway.imbalance(), 0);
  EXPECT_EQ(left, gateway.all_sessions().live());
  // There is room again.
  EXPECT_EQ(gateway.receive("underlay", datagram(7999)).size(), 1u);
}

// A change that was answered holds for what waited in a ring meanwhile.
TEST_P(SeveralWorkers, WhatWaitedIsJudgedByTheTablesInForce) {
  Gateway gateway(world(), {.workers = GetParam()});
  std::vector<Packet> burst;
  for (uint16_t port = 8000; port < 8000 + kBurst; ++port) burst.push_back(datagram(port));
  const size_t own = gateway.receive_at(0, "underlay", burst).size();
  ASSERT_LT(own, kBurst);
  std::string without_node1 = world();
  const size_t at = without_node1.find("vtep = \"10.0.0.1\"");
  without_node1.replace(at, 17, "vtep = \"10.0.0.7\"");
  gateway.apply(without_node1);
  EXPECT_TRUE(gateway.hand_on().empty());
  EXPECT_EQ(gateway.dropped(Reason::kTunnelUnknownNode), kBurst - own);
  EXPECT_EQ(gateway.imbalance(), 0);
  // Where nothing changed for a packet, it goes on.
  gateway.apply(world());
  const size_t before = gateway.receive_at(0, "underlay", burst).size();
  gateway.apply(world());
  EXPECT_EQ(before + gateway.hand_on().size(), kBurst);
}

TEST_P(SeveralWorkers, RingsAreEmptiedWhenTheGatewayEnds) {
  Gateway gateway(world(), {.workers = GetParam()});
  std::vector<Packet> burst;
  for (uint16_t port = 9000; port < 9000 + kBurst; ++port) burst.push_back(datagram(port));
  EXPECT_LT(gateway.receive_at(0, "underlay", burst).size(), kBurst);
}  // the gateway's end complains of buffers that leak

TEST_P(SeveralWorkers, LimitsOfSessionsHoldForTheSum) {
  std::string limited = world();
  const std::string pods = "pods = [ \"10.128.0.11\", \"10.128.1.0/26\" ];";
  limited.replace(limited.find(pods), pods.size(), pods + " limits : { sessions = 100; };");
  Gateway gateway(limited, {.workers = GetParam()});
  for (uint16_t n = 0; n < 250; ++n) {
    carry(gateway, n % GetParam(), "underlay", {datagram(static_cast<uint16_t>(1000 + n))});
  }
  EXPECT_EQ(gateway.all_sessions().live(), 100u);
  EXPECT_EQ(gateway.dropped(Reason::kQuotaSessions), 150u);
  gateway.pass_seconds(302);  // the default UDP timeout
  gateway.sweep();
  for (uint16_t n = 0; n < 120; ++n) {
    carry(gateway, n % GetParam(), "underlay", {datagram(static_cast<uint16_t>(2000 + n))});
  }
  EXPECT_EQ(gateway.all_sessions().live(), 100u);
}

TEST_P(SeveralWorkers, T9_ASynFloodGivesWayOnTheOtherWorkersToo) {
  std::string limited = world();
  const std::string pods = "pods = [ \"10.128.0.11\", \"10.128.1.0/26\" ];";
  limited.replace(limited.find(pods), pods.size(), pods + " limits : { sessions = 2; };");
  Gateway gateway(limited, {.workers = GetParam()});
  const auto syn = [](uint16_t port) {
    return from_node1().ipv4(kPod, kServer).tcp(port, 443, {.flags = kSyn, .sequence = 1});
  };
  gateway.receive("underlay", {syn(1), syn(2)});
  ASSERT_EQ(gateway.all_sessions().live(), 2u);
  gateway.pass_seconds(2);
  for (uint16_t port = 100; port < 110; ++port) {
    size_t left = 0;
    for (uint32_t tries = 0; tries < GetParam() && left == 0; ++tries) {
      left = gateway.receive("underlay", syn(port)).size();
      gateway.sweep();  // between bursts
    }
    EXPECT_EQ(left, 1u) << port;
    gateway.pass_seconds(2);
  }
  EXPECT_EQ(gateway.all_sessions().live(), 2u);
}

}  // namespace
}  // namespace postern::test
