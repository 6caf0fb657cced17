// Packets of one burst that change what others of it have found already.
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr uint8_t kSyn = TcpHeader::kSyn;
constexpr uint8_t kRst = TcpHeader::kRst;

Packet syn(std::string_view pod, uint16_t source_port, uint32_t sequence = 1000) {
  return from_node1()
      .ipv4(pod, kServer)
      .tcp(source_port, 443, {.flags = kSyn, .sequence = sequence});
}

// Fills the table with half-open sessions of the pod; the first one is at source port 1.
void fill_table(Gateway& gateway) {
  uint16_t source_port = 1;
  while (gateway.table().live() < gateway.table().capacity()) {
    std::vector<Packet> burst;
    while (burst.size() < kBurst) burst.push_back(syn(kPod, source_port++));
    gateway.receive("underlay", burst);
  }
}

TEST(Burst, APacketNeverLeavesWithTheAddressOfWhoTookItsEntry) {
  Gateway gateway(world());
  fill_table(gateway);
  gateway.pass_seconds(2);
  // The session of the first packet gives way to the second one (nat.md T9).
  const auto web = from_node2().ipv4("10.128.2.7", kServer).tcp(9, 443, {.flags = kSyn});
  const auto sent = gateway.receive("underlay", {syn(kPod, 1), web});
  for (const Sent& each : sent) {
    EXPECT_EQ(decode(each.frame).find("ipv4 192.0.2.50 >"), std::string::npos);
  }
  EXPECT_EQ(sent.size(), 1u);
  EXPECT_EQ(gateway.dropped(Reason::kSessionEnded), 1u);
  EXPECT_EQ(gateway.dropped(Reason::kSessionTableFull), 0u);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Burst, T4_ASynAfterAResetInTheSameBurstReopens) {
  Gateway gateway(world());
  const auto reset =
      from_node1().ipv4(kPod, kServer).tcp(40000, 443, {.flags = kRst, .sequence = 1001});
  const auto sent =
      gateway.receive("underlay", {syn(kPod, 40000), reset, syn(kPod, 40000, 900'000)});
  EXPECT_EQ(sent.size(), 3u);
  EXPECT_EQ(gateway.counters().dropped.read(), 0u);
  EXPECT_EQ(gateway.only_session().outbound_sequence_end, 900'001u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

}  // namespace
}  // namespace postern::test
