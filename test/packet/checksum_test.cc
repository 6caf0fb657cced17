// Checksums that a device has judged, and those that it has not.
#include <gtest/gtest.h>
#include <rte_mbuf_ptype.h>

#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr uint32_t kNoTunnel = RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP;
constexpr uint32_t kTunnel = kNoTunnel | RTE_PTYPE_TUNNEL_VXLAN;
constexpr size_t kIpChecksum = sizeof(EthernetHeader) + offsetof(Ipv4Header, checksum);
constexpr size_t kUdpChecksum =
    sizeof(EthernetHeader) + sizeof(Ipv4Header) + offsetof(UdpHeader, checksum);

// A tunnel packet with an outer UDP checksum; the two bytes at `damaged` are wrong.
Packet tunnelled(size_t damaged = 0) {
  Bytes bytes = Packet()
                    .ethernet(kNode1Mac, Gateway::kClusterMac)
                    .ipv4("10.0.0.1", "10.0.0.254")
                    .udp(50000, 4789)
                    .vxlan(100)
                    .ethernet(kNode1InnerMac, kInnerMac)
                    .ipv4(kPod, kServer)
                    .udp(7777, 53)
                    .payload("question")
                    .bytes();
  if (damaged != 0) bytes[damaged] ^= 0x40;
  return Packet().raw(bytes);
}

// How many packets leave when the device says this of the frame, and how many are dropped for a
// wrong checksum.
struct Outcome {
  size_t sent;
  uint64_t dropped;
  bool operator==(const Outcome&) const = default;
};
constexpr Outcome kPasses{1, 0};
constexpr Outcome kDropped{0, 1};

Outcome receive(const Packet& packet, uint64_t flags, uint32_t type) {
  Gateway gateway(world());
  gateway.let_devices_judge_sums();
  gateway.receive_as([&](rte_mempool* pool, const Bytes& bytes) {
    rte_mbuf* frame = exact_frame(pool, bytes);
    frame->ol_flags |= flags;
    frame->packet_type = type;
    return frame;
  });
  const size_t sent = gateway.receive("underlay", packet).size();
  EXPECT_EQ(gateway.imbalance(), 0);
  return {sent, gateway.dropped(Reason::kParseBadChecksum)};
}

TEST(Checksum, OfTheHeaderIsAddedUpUnlessTheDeviceFoundItRight) {
  const Packet damaged = tunnelled(kIpChecksum);
  EXPECT_EQ(receive(damaged, 0, kNoTunnel), kDropped);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_IP_CKSUM_NONE, kNoTunnel), kDropped);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_IP_CKSUM_BAD, kNoTunnel), kDropped);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_L4_CKSUM_GOOD, kNoTunnel), kDropped);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_IP_CKSUM_GOOD, kNoTunnel), kPasses);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_IP_CKSUM_GOOD, 0), kPasses);
  // It looked inside and says nothing of the outer header.
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_IP_CKSUM_GOOD, kTunnel), kDropped);
}

TEST(Checksum, OfTheTunnelsDatagramIsAddedUpUnlessTheDeviceFoundItRight) {
  const Packet damaged = tunnelled(kUdpChecksum);
  EXPECT_EQ(receive(damaged, 0, kNoTunnel), kDropped);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_L4_CKSUM_NONE, kNoTunnel), kDropped);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_L4_CKSUM_BAD, kNoTunnel), kDropped);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_IP_CKSUM_GOOD, kNoTunnel), kDropped);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_L4_CKSUM_GOOD, kNoTunnel), kPasses);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_L4_CKSUM_GOOD, kTunnel), kDropped);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_OUTER_L4_CKSUM_GOOD, kTunnel), kPasses);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_OUTER_L4_CKSUM_BAD, kTunnel), kDropped);
  EXPECT_EQ(receive(damaged, RTE_MBUF_F_RX_OUTER_L4_CKSUM_GOOD, kNoTunnel), kDropped);
}

TEST(Checksum, ThatTheDeviceCallsWrongIsAddedUp) {
  constexpr uint64_t kBad = RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD;
  EXPECT_EQ(receive(tunnelled(), kBad, kNoTunnel), kPasses);
  EXPECT_EQ(receive(tunnelled(), 0, 0), kPasses);
}

TEST(Checksum, OfPacketsFromOutside) {
  Gateway gateway(world());
  gateway.receive("underlay", tunnelled());
  const uint16_t port = gateway.only_session().egress_port.host();
  Bytes damaged = from_outside().ipv4(kServer, kPodAddress).udp(53, port).payload("x").bytes();
  damaged[kIpChecksum] ^= 1;
  EXPECT_TRUE(gateway.receive("uplink", Packet().raw(damaged)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kParseBadChecksum), 1u);
  gateway.let_devices_judge_sums();
  gateway.receive_as([](rte_mempool* pool, const Bytes& bytes) {
    rte_mbuf* frame = exact_frame(pool, bytes);
    frame->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
    return frame;
  });
  EXPECT_EQ(gateway.receive("uplink", Packet().raw(damaged)).size(), 1u);
}

}  // namespace
}  // namespace postern::test
