// An egress address that is drained: live sessions go on, new ones begin elsewhere or not at all.
#include <gtest/gtest.h>

#include <set>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

Packet question(std::string_view pod, uint16_t source_port) {
  return from_node2().ipv4(pod, kServer).udp(source_port, 53).payload("question");
}

std::string source_of(const std::vector<Sent>& sent) {
  if (sent.empty()) return "nothing";
  const std::string text = decode(sent[0].frame);
  const size_t at = text.find("ipv4 ") + 5;
  return text.substr(at, text.find(' ', at) - at);
}

TEST(Drain, LiveSessionsGoOnAndNewOnesBeginElsewhere) {
  Gateway gateway(world());
  std::set<std::string> before;
  for (int pod = 1; pod <= 20; ++pod) {
    before.insert(
        source_of(gateway.receive("underlay", question("10.128.2." + std::to_string(pod), 1000))));
  }
  ASSERT_EQ(before, (std::set<std::string>{"192.0.2.60", "192.0.2.61"}));
  gateway.drain("192.0.2.60", true);
  int stayed = 0;
  for (int pod = 1; pod <= 20; ++pod) {
    const std::string address = "10.128.2." + std::to_string(pod);
    stayed +=
        source_of(gateway.receive("underlay", question(address, 1000))) == "192.0.2.60" ? 1 : 0;
    EXPECT_EQ(source_of(gateway.receive("underlay", question(address, 2000))), "192.0.2.61");
  }
  EXPECT_GT(stayed, 0);
  gateway.drain("192.0.2.60", false);
  std::set<std::string> after;
  for (int pod = 1; pod <= 20; ++pod) {
    after.insert(
        source_of(gateway.receive("underlay", question("10.128.2." + std::to_string(pod), 3000))));
  }
  EXPECT_EQ(after, before);
}

TEST(Drain, TheLastAddressLeavesNoWayForNewSessions) {
  Gateway gateway(world());
  const auto first = from_node1().ipv4(kPod, kServer).udp(1000, 53).payload("question");
  const auto second = from_node1().ipv4(kPod, kServer).udp(1001, 53).payload("question");
  EXPECT_EQ(source_of(gateway.receive("underlay", first)), kPodAddress);
  gateway.drain(kPodAddress, true);
  EXPECT_EQ(source_of(gateway.receive("underlay", first)), kPodAddress);
  EXPECT_TRUE(gateway.receive("underlay", second).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoEgressAddress), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

}  // namespace
}  // namespace postern::test
