// The ring between two workers: order, bounds, and two threads at once. Frames are only told
// apart here; nothing is left in a ring that would be freed.
#include "dataplane/packet/handover_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <thread>

namespace postern {
namespace {

using Tickets = std::array<HandoverRing::Ticket, kBurst>;

rte_mbuf* frame_of(uint32_t n) {
  static std::array<rte_mbuf, 1024> frames;
  return &frames[n % frames.size()];
}

PacketMeta meta_of(uint32_t n) {
  PacketMeta meta;
  meta.vni = n;
  meta.total_bytes = static_cast<uint16_t>(n);
  return meta;
}

bool put(HandoverRing& ring, uint32_t n) {
  const Lane lane = n % 2 == 0 ? Lane::kOutbound : Lane::kInbound;
  return ring.put({frame_of(n), n / 7, lane}, meta_of(n), nullptr);
}

TEST(HandoverRing, WhatWasPutInIsTakenOnceItIsPublished) {
  HandoverRing ring(64);
  Burst burst;
  Tickets tickets;
  EXPECT_FALSE(ring.publish());
  ASSERT_TRUE(put(ring, 1));
  ASSERT_TRUE(put(ring, 2));
  ring.take(burst, tickets);
  EXPECT_EQ(burst.size, 0U);
  EXPECT_TRUE(ring.publish());
  EXPECT_FALSE(ring.publish());
  ring.take(burst, tickets);
  ASSERT_EQ(burst.size, 2U);
  for (uint32_t i = 0; i < 2; ++i) {
    EXPECT_EQ(burst.frame[i], frame_of(i + 1));
    EXPECT_EQ(burst.meta[i].vni, i + 1);
    EXPECT_EQ(tickets[i].tables, 0U);
    EXPECT_EQ(tickets[i].lane, i == 0 ? Lane::kInbound : Lane::kOutbound);
  }
  ring.take(burst, tickets);
  EXPECT_EQ(burst.size, 0U);
}

// A member more than these ends the build here: is it among the bytes that are carried?
TEST(HandoverRing, AllThatIsKnownOfAPacketTravels) {
  PacketMeta put;
  auto& [source, destination, source_port, destination_port, ip_offset, transport_offset,
         total_bytes, protocol, has_addresses, port, out_port, vni, node, session, next_hop,
         tcp_base, tunnel, vtep, settled] = put;
  source = Be32(1);
  destination = Be32(2);
  source_port = Be16(3);
  destination_port = Be16(4);
  ip_offset = 5;
  transport_offset = 6;
  total_bytes = 7;
  protocol = 8;
  has_addresses = 9;
  port = 10;
  out_port = 11;
  vni = 12;
  node = 13;
  session = 14;  // neither this nor the next is carried
  next_hop = 15;
  tcp_base = 16;
  tunnel = 17;
  vtep = *Ipv4Address::parse("10.0.0.1");
  settled = false;
  HandoverRing ring(64);
  Burst burst;
  Tickets tickets;
  const auto* headers = reinterpret_cast<const uint8_t*>(frame_of(1)) + 192;
  ASSERT_TRUE(ring.put({frame_of(1), 77, Lane::kInboundApart}, put, headers));
  ring.publish();
  ring.take(burst, tickets);
  ASSERT_EQ(burst.size, 1U);
  EXPECT_EQ(tickets[0].frame, frame_of(1));
  EXPECT_EQ(tickets[0].tables, 77U);
  EXPECT_EQ(tickets[0].lane, Lane::kInboundApart);
  const PacketMeta& got = burst.meta[0];
  EXPECT_EQ(got.source, source);
  EXPECT_EQ(got.destination, destination);
  EXPECT_EQ(got.source_port, source_port);
  EXPECT_EQ(got.destination_port, destination_port);
  EXPECT_EQ(got.ip_offset, 5);
  EXPECT_EQ(got.transport_offset, 6);
  EXPECT_EQ(got.total_bytes, 7);
  EXPECT_EQ(got.protocol, 8);
  EXPECT_EQ(got.has_addresses, 9);
  EXPECT_EQ(got.port, 10);
  EXPECT_EQ(got.out_port, 11);
  EXPECT_EQ(got.vni, 12U);
  EXPECT_EQ(got.node, 13U);
  EXPECT_EQ(got.tcp_base, 16U);
  EXPECT_EQ(got.tunnel, 17U);
  EXPECT_EQ(got.vtep, vtep);
  EXPECT_FALSE(got.settled);
}

TEST(HandoverRing, AFullOneRefusesUntilSomethingIsTaken) {
  HandoverRing ring(128);
  Burst burst;
  Tickets tickets;
  uint32_t n = 0;
  while (put(ring, n)) ++n;
  EXPECT_EQ(n, 128U);
  ring.publish();
  EXPECT_FALSE(put(ring, n));
  ring.take(burst, tickets);
  EXPECT_EQ(burst.size, kBurst);
  for (; n < 128 + kBurst; ++n) ASSERT_TRUE(put(ring, n));
  EXPECT_FALSE(put(ring, n));
  ring.publish();
  for (uint32_t expected = kBurst; expected < n;) {
    ring.take(burst, tickets);
    for (uint32_t i = 0; i < burst.size; ++i) ASSERT_EQ(burst.meta[i].vni, expected++);
  }
}

TEST(HandoverRing, TwoThreadsKeepOrderAndLoseNothing) {
  constexpr uint32_t kPackets = 1'000'000;
  HandoverRing ring(256);
  std::thread giver([&ring] {
    for (uint32_t n = 0; n < kPackets;) {
      for (uint32_t i = 0; i < n % 97 && n < kPackets && put(ring, n); ++i) ++n;
      if (n < kPackets && n % 97 == 0 && put(ring, n)) ++n;
      if (!ring.publish()) std::this_thread::yield();
    }
  });
  auto burst = std::make_unique<Burst>();
  Tickets tickets;
  uint32_t expected = 0;
  uint32_t wrong = 0;
  while (expected < kPackets) {
    ring.take(*burst, tickets);
    if (burst->size == 0) std::this_thread::yield();
    for (uint32_t i = 0; i < burst->size; ++i, ++expected) {
      const bool right = burst->frame[i] == frame_of(expected) && burst->meta[i].vni == expected &&
                         tickets[i].tables == expected / 7;
      wrong += right ? 0 : 1;
    }
  }
  giver.join();
  EXPECT_EQ(wrong, 0U);
  ring.take(*burst, tickets);
  EXPECT_EQ(burst->size, 0U);
}

}  // namespace
}  // namespace postern
