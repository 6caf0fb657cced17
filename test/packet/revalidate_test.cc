// What `revalidate` ends: exactly the sessions that could not begin any more; and what ends without
// it, with the change itself.
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr char kTail[] = R"(
namespaces = (
  { name = "payments"; pods = [ "10.128.0.11", "10.128.0.12" ]; },
  { name = "web"; pods = [ "10.128.2.0/24" ]; } );
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; },
  { name = "web-out"; namespaces = [ "web" ]; addresses = [ "192.0.2.60" ]; } );
firewall : { default = "allow"; rules = ( ); };
)";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}
std::string with(std::string_view what, std::string_view by) {
  return replaced(world(kTail), what, by);
}
std::string with_rule(std::string_view rule) {
  return with("rules = ( )", "rules = ( " + std::string(rule) + " )");
}

Packet question(std::string_view pod = kPod, uint16_t port = 7777, uint16_t to = 53) {
  return from_node1().ipv4(pod, kServer).udp(port, to).payload("question");
}
Packet web_question() {
  return from_node2().ipv4("10.128.2.7", kServer).udp(7777, 53).payload("question");
}

class Revalidation : public testing::Test {
 protected:
  // One session of each pod, and of the first one another to port 443.
  Revalidation() {
    only_frame(gateway_.receive("underlay", question()), "uplink");
    first_port_ = gateway_.only_session().egress_port.host();
    only_frame(gateway_.receive("underlay", question(kPod, 7777, 443)), "uplink");
    only_frame(gateway_.receive("underlay", question("10.128.0.12")), "uplink");
    only_frame(gateway_.receive("underlay", web_question()), "uplink");
  }
  // Whether the reply to the first session still comes back.
  bool serves() {
    const auto reply =
        from_outside().ipv4(kServer, kPodAddress).udp(53, first_port_).payload("answer");
    return !gateway_.receive("uplink", reply).empty();
  }
  ~Revalidation() override { EXPECT_EQ(gateway_.imbalance(), 0); }

  Gateway gateway_{world(kTail)};
  uint16_t first_port_ = 0;
};

TEST_F(Revalidation, EndsNothingWhereNothingChanged) {
  gateway_.apply(world(kTail));
  EXPECT_EQ(gateway_.revalidate(), 0u);
  EXPECT_EQ(gateway_.table().live(), 4u);
  EXPECT_EQ(gateway_.counters().session_deleted.read(), 0u);
}

TEST_F(Revalidation, EndsExactlyWhatANewRuleDenies) {
  gateway_.apply(
      with_rule("{ namespace = \"payments\"; action = \"deny\"; ports = [ \"udp/53\" ]; }"));
  EXPECT_TRUE(serves()) << "until then";
  EXPECT_EQ(gateway_.revalidate(), 2u);
  EXPECT_EQ(gateway_.table().live(), 2u);
  EXPECT_EQ(gateway_.counters().session_deleted.read(), 2u);
  EXPECT_FALSE(serves());
  EXPECT_TRUE(gateway_.receive("underlay", question()).empty());
  EXPECT_EQ(gateway_.dropped(Reason::kFirewallDenied), 1u);
  EXPECT_EQ(gateway_.receive("underlay", question(kPod, 7777, 443)).size(), 1u);
  EXPECT_EQ(gateway_.receive("underlay", web_question()).size(), 1u);
  EXPECT_EQ(gateway_.counters().session_created.read(), 4u) << "the others went on";
}

TEST_F(Revalidation, EndsWhatLeavesByAnAddressThatItCannotGetAnyMore) {
  // Both addresses are still there: without it, sessions keep theirs.
  gateway_.apply(replaced(with("[ \"192.0.2.60\" ]", "[ \"192.0.2.50\" ]"), "[ \"192.0.2.50\" ]",
                          "[ \"192.0.2.60\" ]"));
  EXPECT_TRUE(serves());
  EXPECT_EQ(gateway_.revalidate(), 4u);
  EXPECT_FALSE(serves());
}

TEST_F(Revalidation, KeepsWhatHasItsAddressAmongOthers) {
  gateway_.apply(with("[ \"192.0.2.50\" ]", "[ \"192.0.2.51\", \"192.0.2.50\" ]"));
  EXPECT_EQ(gateway_.revalidate(), 0u);
  EXPECT_TRUE(serves());
}

TEST_F(Revalidation, EndsWhatIsInsideTheClusterNow) {
  gateway_.apply(with("no_snat = [ ", "no_snat = [ \"203.0.113.0/24\", "));
  EXPECT_EQ(gateway_.revalidate(), 4u);
  EXPECT_EQ(gateway_.table().live(), 0u);
}

TEST_F(Revalidation, CountsOnlyWhatWouldHaveGoneOn) {
  gateway_.apply(with("\"10.128.0.11\", \"10.128.0.12\"", "\"10.128.0.12\""));
  EXPECT_EQ(gateway_.revalidate(), 0u) << "a pod that left its namespace is dead already";
  EXPECT_EQ(gateway_.table().live(), 2u);
  EXPECT_FALSE(serves());
}

// ---- what ends with the change itself

TEST_F(Revalidation, ARemovedNamespaceIsDeadWithTheChange) {
  gateway_.apply(world(R"(
namespaces = ( { name = "web"; pods = [ "10.128.2.0/24" ]; } );
egress_ips = ( { name = "web-out"; namespaces = [ "web" ];
                 addresses = [ "192.0.2.60", "192.0.2.50" ]; } );
firewall : { default = "allow"; };
)"));
  EXPECT_FALSE(serves());
  EXPECT_EQ(gateway_.dropped(Reason::kNoSession), 1u);
  EXPECT_TRUE(gateway_.receive("underlay", question()).empty());
  EXPECT_EQ(gateway_.dropped(Reason::kSourceUnknown), 1u);
  EXPECT_EQ(gateway_.receive("underlay", web_question()).size(), 1u);
}

TEST_F(Revalidation, ARemovedNodeIsDeadWithTheChange) {
  std::string text = world(kTail);
  const size_t from = text.find("{ name = \"node-1\"");
  text.erase(from, text.find("{ name = \"node-2\"") - from);
  gateway_.apply(text);
  EXPECT_FALSE(serves());
  EXPECT_EQ(gateway_.dropped(Reason::kNoSession), 1u);
  EXPECT_TRUE(gateway_.receive("underlay", question()).empty());
  EXPECT_EQ(gateway_.dropped(Reason::kTunnelUnknownNode), 1u);
  EXPECT_EQ(gateway_.receive("underlay", web_question()).size(), 1u);
}

}  // namespace
}  // namespace postern::test
