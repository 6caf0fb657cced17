// What a change of the configuration does to live sessions and to new ones (product.md: a session
// keeps its translation until its address, namespace, node goes or its pod leaves the namespace).
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

std::string policy(const std::string& payments_pods, const std::string& payments_addresses,
                   const std::string& rest = "") {
  return world("namespaces = ( { name = \"payments\"; pods = [ " + payments_pods +
               " ]; }, { name = \"web\"; pods = [ \"10.128.2.0/24\" ]; } );\n" +
               "egress_ips = ( { name = \"payments-out\"; namespaces = [ \"payments\" ]; "
               "addresses = [ " +
               payments_addresses + " ]; } );\nfirewall : { default = \"allow\"; };\n" + rest);
}

Packet question(uint16_t port = 7777) {
  return from_node1().ipv4(kPod, kServer).udp(port, 53).payload("question");
}
Packet answer(uint16_t port, std::string_view address = kPodAddress) {
  return from_outside().ipv4(kServer, address).udp(53, port).payload("answer");
}

TEST(Change, UnconcernedSessionsKeepTheirTranslation) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("underlay", question()), "uplink");
  const SessionEntry before = gateway.only_session();
  gateway.apply(policy("\"10.128.0.11\", \"10.128.0.12\"", "\"192.0.2.49\", \"192.0.2.50\""));
  const Bytes out = only_frame(gateway.receive("underlay", question()), "uplink");
  EXPECT_EQ(decode(out), decode(on_uplink()
                                    .ipv4(kPodAddress, kServer, {.ttl = 63})
                                    .udp(before.egress_port.host(), 53)
                                    .payload("question")
                                    .bytes()));
  only_frame(gateway.receive("uplink", answer(before.egress_port.host())), "underlay");
}

TEST(Change, RemovedAddressServesNothingMore) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("underlay", question()), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.apply(policy("\"10.128.0.11\"", "\"192.0.2.51\""));
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNotForUs), 1u) << "the address is nobody's here";
  const Bytes out = only_frame(gateway.receive("underlay", question()), "uplink");
  EXPECT_NE(decode(out).find("ipv4 192.0.2.51 >"), std::string::npos) << decode(out);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 1u);
  EXPECT_EQ(gateway.table().live(), 1u);
}

TEST(Change, AddressThatCameBackDoesNotReviveOldSessions) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("underlay", question()), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.apply(policy("\"10.128.0.11\"", "\"192.0.2.51\""));
  gateway.apply(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

TEST(Change, RemovedPodIsDeadAtOnceBothWays) {
  Gateway gateway(policy("\"10.128.0.11\", \"10.128.0.12\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("underlay", question()), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.apply(policy("\"10.128.0.12\"", "\"192.0.2.50\""));
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
  EXPECT_TRUE(gateway.receive("underlay", question()).empty());
  EXPECT_EQ(gateway.dropped(Reason::kSourceUnknown), 1u);
  EXPECT_EQ(gateway.table().live(), 0u);
}

TEST(Change, SweepFreesWhatNoPacketShows) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("underlay", question()), "uplink");
  gateway.apply(policy("\"10.128.0.12\"", "\"192.0.2.50\""));
  gateway.table().purge();
  gateway.sweep();
  EXPECT_EQ(gateway.table().live(), 0u);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 1u);
}

TEST(Change, PodThatMovesToAnotherNamespaceLosesItsSessions) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("underlay", question()), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.apply(world(R"(
namespaces = ( { name = "payments"; pods = [ ]; }, { name = "web"; pods = [ "10.128.0.11" ]; } );
egress_ips = ( { name = "out"; namespaces = [ "payments", "web" ];
                 addresses = [ "192.0.2.50" ]; } );
firewall : { default = "allow"; };
)"));
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

// The same address may be another pod by then.
TEST(Change, APodThatLeftAndCameBackHasNoneOfItsOldSessions) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("underlay", question()), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.apply(policy("\"10.128.0.12\"", "\"192.0.2.50\""));
  gateway.apply(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

// Written as part of a prefix, alone and as part again: it was there all the time.
TEST(Change, APodThatIsWrittenInOtherWaysKeepsItsSessions) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("underlay", question()), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.apply(policy("\"10.128.0.8/29\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("uplink", answer(port)), "underlay");
  gateway.apply(policy("\"10.128.0.8/30\"", "\"192.0.2.50\""));
  gateway.apply(policy("\"10.128.0.10/31\", \"10.128.0.8\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("uplink", answer(port)), "underlay");
}

TEST(Change, V5_RepliesFollowAPodToItsNewNode) {
  Gateway gateway(world());
  only_frame(gateway.receive("underlay", question()), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  std::string moved = world();
  const std::string old_cidrs = "pod_cidrs = [ \"10.128.2.0/23\" ]";
  moved.replace(moved.find(old_cidrs), old_cidrs.size(),
                "pod_cidrs = [ \"10.128.2.0/23\", \"10.128.0.11\" ]");
  gateway.apply(moved);
  const Bytes back = only_frame(gateway.receive("uplink", answer(port)), "underlay");
  EXPECT_NE(decode(back).find("ipv4 10.0.0.254 > 10.0.0.2 "), std::string::npos) << decode(back);
  EXPECT_TRUE(gateway.receive("underlay", question()).empty());
  EXPECT_EQ(gateway.dropped(Reason::kSourceNotOnNode), 1u);
  const auto from_new_node = from_node2().ipv4(kPod, kServer).udp(7777, 53).payload("question");
  const Bytes out = only_frame(gateway.receive("underlay", from_new_node), "uplink");
  EXPECT_NE(decode(out).find("udp " + std::to_string(port) + " > 53"), std::string::npos)
      << "the session went along: " << decode(out);
  EXPECT_EQ(gateway.table().live(), 1u);
}

TEST(Change, NewRulesAreForNewSessions) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("underlay", question()), "uplink");
  std::string denied = policy("\"10.128.0.11\"", "\"192.0.2.50\"");
  const std::string allow = "default = \"allow\";";
  denied.replace(denied.find(allow), allow.size(), "default = \"deny\";");
  gateway.apply(denied);
  EXPECT_EQ(gateway.receive("underlay", question()).size(), 1u);
  EXPECT_TRUE(gateway.receive("underlay", question(7778)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kFirewallDefault), 1u);
}

// What waited for its next hop when the change was answered.
TEST(Change, HeldPacketsOfARemovedAddressOrPodNeverLeave) {
  for (const auto& [pods, address] : {std::pair{"\"10.128.0.11\"", "\"192.0.2.51\""},
                                      std::pair{"\"10.128.0.12\"", "\"192.0.2.50\""}}) {
    Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
    gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
    EXPECT_TRUE(gateway.receive("underlay", question()).empty());
    ASSERT_EQ(gateway.counters().held.read(), 1u);
    gateway.apply(policy(pods, address));  // resolves the next hop again
    EXPECT_TRUE(gateway.release_held().empty());
    EXPECT_EQ(gateway.counters().held.read(), 0u);
    EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
    EXPECT_EQ(gateway.imbalance(), 0);
  }
}

// A session that ended while its packet waited is not the one that the pod began since, though that
// has its entry: the old port may be anybody's.
TEST(Change, HeldPacketsNeverLeaveWithThePortOfAnEndedSession) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\"",
                         "sessions : { port_hold = \"0s\"; timeouts : { udp = \"1s\"; }; };\n"));
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  gateway.receive("underlay", question());
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.pass_seconds(3);
  gateway.sweep();
  ASSERT_EQ(gateway.table().live(), 0u);
  gateway.receive("underlay", question());
  ASSERT_NE(gateway.only_session().egress_port.host(), port) << "chosen anew";
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kReachable);
  const Bytes left = only_frame(gateway.release_held(), "uplink");
  EXPECT_EQ(load<Be16>(&left[34]).host(), gateway.only_session().egress_port.host());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

TEST(Change, HeldRepliesToARemovedPodNeverLeave) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  only_frame(gateway.receive("underlay", question()), "uplink");
  gateway.set_neighbour(0, "10.0.0.1", NeighbourState::kUnresolved);
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
  gateway.apply(policy("\"10.128.0.12\"", "\"192.0.2.50\""));
  EXPECT_TRUE(gateway.release_held().empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

TEST(Change, HeldPacketsThatAChangeDoesNotConcernLeave) {
  Gateway gateway(policy("\"10.128.0.11\"", "\"192.0.2.50\""));
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  const auto probe = from_node1().ipv4(kPod, kServer, {.ttl = 1}).udp(7777, 53).payload("x");
  EXPECT_EQ(gateway.receive("underlay", {question(), probe}).size(), 1u) << "time exceeded";
  gateway.apply(policy("\"10.128.0.11\", \"10.128.0.12\"", "\"192.0.2.49\", \"192.0.2.50\""));
  EXPECT_EQ(gateway.release_held().size(), 1u);

  gateway.set_neighbour(0, "10.0.0.1", NeighbourState::kUnresolved);
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
  EXPECT_TRUE(gateway.receive("underlay", probe).empty()) << "the gateway's own error waits, too";
  gateway.set_neighbour(0, "10.0.0.1", NeighbourState::kReachable);
  EXPECT_EQ(gateway.release_held().size(), 2u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

}  // namespace
}  // namespace postern::test
