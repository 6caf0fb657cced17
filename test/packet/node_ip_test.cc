// Node IP, one address for each node: who leaves by it, and what ends its sessions.
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr std::string_view kWebPod = "10.128.2.7";
constexpr std::string_view kNode1 = "10.0.0.1";  // its own address in the overlay

// The world with an external address for each node; `policy` has the rest.
std::string per_node(const std::string& first, const std::string& second,
                     const std::string& policy = "", const std::string& moved_pod = "") {
  std::string text = world(
      "node_ip : { mode = \"per-node\"; };\n"
      "namespaces = ( { name = \"payments\"; pods = [ \"10.128.0.11\" ]; },\n"
      "  { name = \"web\"; pods = [ \"10.128.2.0/24\" ]; } );\n"
      "firewall : { default = \"allow\"; };\n" +
      policy);
  const auto replace = [&text](const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
  };
  replace("vtep = \"10.0.0.1\";", "vtep = \"10.0.0.1\"; external_ip = \"" + first + "\";");
  replace("vtep = \"10.0.0.2\";", "vtep = \"10.0.0.2\"; external_ip = \"" + second + "\";");
  if (!moved_pod.empty())
    replace("\"10.128.2.0/23\" ]", "\"10.128.2.0/23\", \"" + moved_pod + "\" ]");
  return text;
}
std::string per_node() { return per_node("192.0.2.101", "192.0.2.102"); }

Packet asked_by_payments() { return from_node1().ipv4(kPod, kServer).udp(7777, 53); }

void expect_source(const std::vector<Sent>& sent, const std::string& source) {
  const std::string out = decode(only_frame(sent, "uplink"));
  EXPECT_NE(out.find("ipv4 " + source + " > "), std::string::npos) << out;
}

TEST(NodeIp, PodsAndPlatformLeaveByTheAddressOfTheirNode) {
  Gateway gateway(per_node());
  expect_source(gateway.receive("underlay", asked_by_payments()), "192.0.2.101");
  expect_source(gateway.receive("underlay", from_node2().ipv4(kWebPod, kServer).udp(1, 53)),
                "192.0.2.102");
  expect_source(gateway.receive("underlay", from_node1().ipv4(kNode1, kServer).udp(123, 123)),
                "192.0.2.101");
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(NodeIp, TheReplyReachesThePlatformOfItsNode) {
  Gateway gateway(per_node());
  only_frame(gateway.receive("underlay", from_node1().ipv4(kNode1, kServer).udp(123, 123)),
             "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  const Bytes back = only_frame(
      gateway.receive("uplink",
                      from_outside().ipv4(kServer, "192.0.2.101").udp(123, port).payload("tick")),
      "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4(kServer, kNode1, {.ttl = 63})
                                     .udp(123, 123)
                                     .payload("tick")
                                     .bytes()));
}

TEST(NodeIp, PlatformTrafficLeavesByNothingElse) {
  const std::string policy = R"(
namespaces = ( { name = "payments"; pods = [ "10.128.0.11" ]; } );
egress_ips = ( { name = "all"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; } );
firewall : { default = "allow"; rules = ( { namespace = "*"; action = "deny";
                                            to = [ "203.0.113.66" ]; } ); };
)";
  Gateway off(world(policy));
  const auto from_platform = [](std::string_view server) {
    return from_node1().ipv4(kNode1, server).udp(123, 123);
  };
  EXPECT_TRUE(off.receive("underlay", from_platform(kServer)).empty());
  EXPECT_EQ(off.dropped(Reason::kNoPolicy), 1u);
  Gateway on(world(policy + "node_ip : { mode = \"gateway\"; addresses = [ \"192.0.2.20\" ]; "
                            "for = \"platform\"; };\n"));
  expect_source(on.receive("underlay", from_platform(kServer)), "192.0.2.20");
  EXPECT_TRUE(on.receive("underlay", from_platform("203.0.113.66")).empty()) << "rules for all";
  EXPECT_EQ(on.dropped(Reason::kFirewallDenied), 1u);
}

TEST(NodeIp, PerNodeForThePlatformIsForNoPod) {
  std::string text = per_node();
  const std::string mode = "mode = \"per-node\";";
  text.replace(text.find(mode), mode.size(), mode + " for = \"platform\";");
  Gateway gateway(text);
  expect_source(gateway.receive("underlay", from_node1().ipv4(kNode1, kServer).udp(123, 123)),
                "192.0.2.101");
  EXPECT_TRUE(gateway.receive("underlay", asked_by_payments()).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoPolicy), 1u);
}

TEST(NodeIp, AnEntryGoesBeforeItAndMayFallBackToIt) {
  Gateway gateway(per_node("192.0.2.101", "192.0.2.102", R"(
egress_ips = (
  { name = "own"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; },
  { name = "none"; namespaces = [ "web" ]; addresses = [ ]; fallback = "node-ip"; } );
)"));
  expect_source(gateway.receive("underlay", asked_by_payments()), "192.0.2.50");
  expect_source(gateway.receive("underlay", from_node2().ipv4(kWebPod, kServer).udp(1, 53)),
                "192.0.2.102");
}

TEST(NodeIp, ExternalAddressesAreTheGateways) {
  Gateway gateway(per_node());
  EXPECT_TRUE(
      gateway.receive("underlay", from_node1().ipv4(kPod, "192.0.2.102").udp(1, 53)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kClusterDestination), 1u);
  const Bytes reply = only_frame(
      gateway.receive("uplink", Packet()
                                    .ethernet(kRouterMac, MacAddress::broadcast())
                                    .arp_request(kRouterMac, "192.0.2.1", "192.0.2.102")),
      "uplink");
  EXPECT_NE(decode(reply).find("arp reply sender 02:00:00:00:00:20 192.0.2.102"), std::string::npos)
      << decode(reply);
}

TEST(NodeIp, AnExternalAddressThatIsNotInUseIsNobodys) {
  std::string text = per_node();
  text.replace(text.find("per-node"), 8, "off");
  Gateway gateway(text);
  EXPECT_TRUE(gateway
                  .receive("uplink", Packet()
                                         .ethernet(kRouterMac, MacAddress::broadcast())
                                         .arp_request(kRouterMac, "192.0.2.1", "192.0.2.102"))
                  .empty());
  EXPECT_TRUE(gateway.receive("underlay", asked_by_payments()).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoPolicy), 1u);
}

TEST(NodeIp, SessionsEndWithTheAddressOfTheirNode) {
  const std::pair<const char*, std::string> changes[] = {
      {"another address", per_node("192.0.2.103", "192.0.2.102")},
      {"the nodes changed addresses", per_node("192.0.2.102", "192.0.2.101")},
      {"the address went to an entry",
       per_node("192.0.2.103", "192.0.2.102",
                "egress_ips = ( { name = \"e\"; namespaces = [ \"web\" ]; addresses = [ "
                "\"192.0.2.101\" ]; } );\n")}};
  for (const auto& [what, after] : changes) {
    SCOPED_TRACE(what);
    Gateway gateway(per_node());
    only_frame(gateway.receive("underlay", asked_by_payments()), "uplink");
    const uint16_t port = gateway.only_session().egress_port.host();
    gateway.apply(after);
    EXPECT_TRUE(gateway.receive("uplink", from_outside().ipv4(kServer, "192.0.2.101").udp(53, port))
                    .empty());
    const std::string out =
        decode(only_frame(gateway.receive("underlay", asked_by_payments()), "uplink"));
    EXPECT_EQ(out.find("ipv4 192.0.2.101 > "), std::string::npos) << out;
    EXPECT_EQ(gateway.counters().session_deleted.read(), 1u);
  }
}

TEST(NodeIp, APodThatMovedKeepsTheTranslationOfItsSessions) {
  Gateway gateway(per_node());
  only_frame(gateway.receive("underlay", asked_by_payments()), "uplink");
  gateway.apply(per_node("192.0.2.101", "192.0.2.102", "", std::string(kPod)));
  const auto from_new_node = [](uint16_t port) {
    return from_node2().ipv4(kPod, kServer).udp(port, 53);
  };
  expect_source(gateway.receive("underlay", from_new_node(7777)), "192.0.2.101");
  expect_source(gateway.receive("underlay", from_new_node(7778)), "192.0.2.102");
}

}  // namespace
}  // namespace postern::test
