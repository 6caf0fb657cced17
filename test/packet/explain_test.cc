// What `explain` says of each way that a packet can end, with the line that decides, and that the
// data path then does the same.
#include <gtest/gtest.h>

#include "dataplane/wire/other_protocols.h"
#include "test/packet/explainer.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

using nlohmann::json;

constexpr uint8_t kTcp = kProtocolTcp;
constexpr uint8_t kUdp = kProtocolUdp;
constexpr uint8_t kIcmp = kProtocolIcmp;

constexpr std::string_view kPolicy = R"(
namespaces = (
  { name = "payments"; pods = [ "10.128.0.11", "10.128.1.0/26" ]; },
  { name = "web"; pods = [ "10.128.2.0/24" ]; },
  { name = "lab"; pods = [ "10.128.0.77" ]; },
  { name = "small"; pods = [ "10.128.0.90" ]; limits : { sessions = 1; }; },
  { name = "slow"; pods = [ "10.128.0.91" ]; limits : { new_sessions_per_second = 1; }; },
  { name = "thin"; pods = [ "10.128.0.92" ]; limits : { bandwidth = "8kbit"; }; } );
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments", "small", "slow", "thin" ];
    addresses = [ "192.0.2.50" ]; },
  { name = "web-out"; namespaces = [ "web" ]; addresses = [ "192.0.2.60", "192.0.2.61" ];
    spread = "first"; when_exhausted = "next-address"; } );
egress_routers = (
  { name = "db"; namespaces = [ "payments" ]; listen = "10.131.255.10"; source = "192.0.2.70";
    destinations = [ "# the bank", "5432 tcp 203.0.113.25 15432" ]; },
  { name = "names"; namespaces = [ "payments" ]; listen = "10.131.255.11"; source = "192.0.2.71";
    mode = "dns-proxy"; destinations = [ "443 api.example.org" ]; } );
firewall : { default = "allow"; refuse = "reject"; rules = (
  { namespace = "payments"; action = "deny"; to = [ "198.51.100.0/24" ]; ports = [ "tcp/25" ]; },
  { namespace = "*"; action = "deny"; to = [ "169.254.169.254" ]; },
  { namespace = "payments"; action = "allow"; to = [ "198.51.100.0/24" ]; } ); };
qos = ( { namespace = "payments"; to = [ "198.51.100.0/25" ]; dscp = 46; } );
sessions : { port_range = "1024-1087"; };
)";

// The line of the configuration that holds this text.
uint32_t line_of(const std::string& text, std::string_view part) {
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return 1 + static_cast<uint32_t>(std::count(text.begin(), text.begin() + at, '\n'));
}

class Explain : public ::testing::Test {
 protected:
  void expect_line(std::string_view stage, std::string_view part) {
    const json step = explainer_.step(stage);
    ASSERT_TRUE(step.is_object()) << stage << "\n" << explainer_.answer().dump(1);
    EXPECT_EQ(step.value("line", 0u), line_of(text_, part)) << step.dump();
    EXPECT_EQ(step.value("file", ""), "test.cfg");
  }
  void expect_drop(const ExplainQuestion& question, std::string_view reason, std::string_view stage,
                   std::string_view part = {}) {
    explainer_.check(question);
    EXPECT_EQ(explainer_.answer().value("reason", ""), reason) << explainer_.answer().dump(1);
    EXPECT_FALSE(explainer_.step(stage).is_null()) << explainer_.answer().dump(1);
    const std::string told = explainer_.step("drop").value("text", "");
    EXPECT_EQ(told.find(reason), 0u) << told;
    EXPECT_NE(told.find(describe(*reason_named(reason)).advice), std::string::npos) << told;
    if (!part.empty()) {
      expect_line(stage, part);
      expect_line("drop", part);
    }
  }
  // As expect_drop(), with advice that fits the packet better than the reason's own.
  void expect_advice(const ExplainQuestion& question, std::string_view reason,
                     std::string_view advice) {
    explainer_.check(question);
    EXPECT_EQ(explainer_.answer().value("reason", ""), reason) << explainer_.answer().dump(1);
    EXPECT_NE(text_of("drop").find(advice), std::string::npos) << text_of("drop");
    EXPECT_EQ(text_of("drop").find(describe(*reason_named(reason)).advice), std::string::npos);
  }
  void expect_forward(const ExplainQuestion& question) {
    explainer_.check(question);
    EXPECT_EQ(explainer_.answer().value("verdict", ""), "forward") << explainer_.answer().dump(1);
  }
  [[nodiscard]] std::string text_of(std::string_view stage) const {
    return explainer_.step(stage).value("text", "");
  }
  [[nodiscard]] json translated(const char* name) const {
    return explainer_.answer().at("translated").value(name, json());
  }
  // How many steps say so.
  [[nodiscard]] long times_told(std::string_view what) const {
    const json& steps = explainer_.answer().at("steps");
    return std::count_if(steps.begin(), steps.end(), [&](const json& step) {
      return step.value("text", "").find(what) != std::string::npos;
    });
  }
  AddressSlot slot_of(std::string_view address) const {
    return static_cast<AddressSlot>(
        gateway_.control().books().addresses.find(Ipv4Address::parse(address)->value).value());
  }

  std::string text_ = world(kPolicy);
  LiveGateway gateway_{text_};
  Explainer explainer_{gateway_};
};

TEST_F(Explain, ANewSessionWithEveryStep) {
  expect_forward(question(kPod, "198.51.100.7", kTcp, 443));
  EXPECT_EQ(explainer_.answer().at("translated"), (json{{"src", "192.0.2.50"},
                                                        {"dst", "198.51.100.7"},
                                                        {"dport", 443},
                                                        {"dscp", 46},
                                                        {"port", "uplink"}}));
  expect_line("tunnel", "name = \"node-1\"");
  expect_line("source", "\"10.128.0.11\", \"10.128.1.0/26\"");
  expect_line("firewall", "to = [ \"198.51.100.0/24\" ]; }");
  expect_line("egress", "name = \"payments-out\"");
  expect_line("address", "addresses = [ \"192.0.2.50\" ]");
  expect_line("port", "port_range");
  expect_line("qos", "dscp = 46");
  expect_line("route", "gateway = \"192.0.2.1\"");
  EXPECT_EQ(text_of("neighbour"), "the next hop 192.0.2.1 is at 02:00:00:00:00:99");
}

TEST_F(Explain, ALiveSessionIsAskedAndNoPolicy) {
  const auto asked = question(kPod, kServer, kTcp, 443, 5000);
  expect_forward(asked);
  EXPECT_TRUE(translated("sport").is_null());
  const uint16_t port = gateway_.data().only_session().egress_port.host();
  explainer_.check(asked);
  EXPECT_EQ(translated("sport"), port);
  EXPECT_NE(text_of("session").find("live session of namespace payments,"), std::string::npos);
  EXPECT_TRUE(explainer_.step("firewall").is_null());
  // A rule against it changes nothing for the session.
  std::string changed = text_;
  changed.replace(changed.find("default = \"allow\""), 17, "default = \"deny\"");
  ASSERT_TRUE(gateway_.apply(changed).status.ok());
  expect_forward(asked);
  expect_drop(question(kPod, kServer, kTcp, 443, 5001), "firewall-default", "firewall");
  // The reply finds it, too, from the outside.
  expect_forward(question(kServer, kPodAddress, kTcp, port, 443));
  EXPECT_EQ(translated("dst"), kPod);
  EXPECT_EQ(translated("dport"), 5000);
  EXPECT_EQ(translated("port"), "underlay");
  expect_drop(question(kServer, kPodAddress, kTcp, port, 444), "no-session", "session");
}

TEST_F(Explain, AConnectionThatIsOverIsOpenedAgain) {
  const auto asked = question(kPod, kServer, kTcp, 443, 5000);
  expect_forward(asked);
  const uint16_t port = gateway_.data().only_session().egress_port.host();
  expect_forward(question(kServer, kPodAddress, kTcp, port, 443));
  const SessionEntry& session = gateway_.data().only_session();
  gateway_.data().receive(
      "underlay", from_node1()
                      .ipv4(kPod, kServer)
                      .tcp(5000, 443, {.flags = 4, .sequence = session.outbound_sequence_end}));
  expect_forward(asked);
  EXPECT_NE(text_of("session").find("opens it again"), std::string::npos);
  EXPECT_EQ(translated("sport"), port);
  EXPECT_FALSE(explainer_.step("firewall").is_null());
}

TEST_F(Explain, WhereItComesFrom) {
  expect_advice(
      question("10.128.2.5", kServer, kUdp, 53, {}, "node-1"), "source-not-on-node",
      "It belongs to node node-2, and no second node can have the same prefix; a pod that "
      "moved to node node-1 is an entry of its own length (10.128.2.5/32) in that");
  expect_line("source", "name = \"node-2\"");
  EXPECT_NE(text_of("source").find("node node-2"), std::string::npos);
  expect_advice(
      question("10.0.0.1", kServer, kUdp, 53, {}, "node-2"), "source-not-on-node",
      "It belongs to node node-1, and no second node can have the same prefix; otherwise");
  expect_advice(question("10.129.0.1", kServer, kUdp, 53), "source-not-on-node",
                "`pod_cidrs` of the node that it runs on");
  EXPECT_NE(text_of("source").find("it lies in no node's pod_cidrs"), std::string::npos);
  expect_drop(question("10.128.0.200", kServer, kUdp, 53), "source-unknown", "source",
              "pod_cidrs = [ \"10.128.0.0/23\" ]");
  expect_drop(question(kPod, kServer, kUdp, 53, {}, "10.0.0.77"), "tunnel-unknown-node", "tunnel",
              "name = \"overlay\"");
  expect_forward(question("10.128.2.5", kServer, kUdp, 53, {}, "10.0.0.2"));
  expect_drop(question(kPodAddress, kServer, kUdp, 53), "bad-address", "source",
              "addresses = [ \"192.0.2.50\" ]");
  expect_drop(question(kPod, "127.0.0.1", kUdp, 53), "bad-address", "destination");
  EXPECT_EQ(explainer_.explain(question(kPod, kServer, kUdp, 53, {}, "node-3")).at("error"),
            "`node`: no node is named \"node-3\"; did you mean node-1?");
}

TEST_F(Explain, PodsOfTheLayerHaveNoLine) {
  ASSERT_TRUE(gateway_.patch({.add = {{"lab", {"10.128.0.200"}}}, .remove = {}}).status.ok());
  expect_drop(question("10.128.0.200", kServer, kUdp, 53), "no-policy", "egress");
  EXPECT_FALSE(explainer_.step("source").contains("line"));
  EXPECT_NE(text_of("source").find("by namespaces.patch"), std::string::npos);
}

TEST_F(Explain, PodsThatAPatchTookOut) {
  const auto asked = question(kPod, kServer, kUdp, 53);
  ASSERT_TRUE(gateway_.patch({.add = {}, .remove = {{"payments", {"10.128.0.11"}}}}).status.ok());
  expect_advice(asked, "source-unknown",
                "Put the pod back: posternctl namespace add payments 10.128.0.11.");
  EXPECT_EQ(text_of("source"),
            "10.128.0.11 is in namespace payments by the file, taken out by namespaces.patch");
  expect_line("source", "\"10.128.0.11\", \"10.128.1.0/26\"");
  expect_line("drop", "\"10.128.0.11\", \"10.128.1.0/26\"");
  ASSERT_TRUE(gateway_.patch({.add = {{"payments", {"10.128.0.11"}}}, .remove = {}}).status.ok());
  expect_forward(asked);
  ASSERT_TRUE(gateway_.patch({.add = {}, .remove = {{"payments", {"10.128.1.0/26"}}}}).status.ok());
  expect_advice(question("10.128.1.9", kServer, kUdp, 53), "source-unknown",
                "namespace add payments 10.128.1.0/26.");
}

TEST_F(Explain, Protocols) {
  expect_drop(question(kPod, kServer, kProtocolAh), "unsupported-protocol", "packet");
  expect_forward(question(kPod, kServer, kIcmp));
  EXPECT_FALSE(explainer_.answer().at("translated").contains("dport"));
  expect_forward(question(kPod, kServer, kIcmp, {}, 77));
  expect_forward(question(kPod, kServer, kIcmp, {}, 77));
  EXPECT_TRUE(explainer_.answer().at("translated").contains("sport"));
}

TEST_F(Explain, Destinations) {
  expect_drop(question(kPod, "10.128.2.5", kTcp, 80), "cluster-destination", "destination",
              "name = \"node-2\"");
  expect_drop(question(kPod, "172.30.0.1", kTcp, 443), "cluster-destination", "destination",
              "no_snat");
  expect_drop(question(kPod, "192.0.2.60", kTcp, 443), "cluster-destination", "destination",
              "192.0.2.60");
  expect_drop(question(kPod, "192.0.2.255", kTcp, 443), "bad-address", "destination");
}

TEST_F(Explain, Routers) {
  expect_forward(question(kPod, "10.131.255.10", kTcp, 5432));
  EXPECT_EQ(translated("src"), "192.0.2.70");
  EXPECT_EQ(translated("dst"), "203.0.113.25");
  EXPECT_EQ(translated("dport"), 15432);
  expect_line("router", "5432 tcp");
  expect_line("egress", "source = \"192.0.2.70\"");
  expect_drop(question(kPod, "10.131.255.10", kTcp, 80), "router-no-rule", "router");
  expect_drop(question("10.128.2.5", "10.131.255.10", kTcp, 5432), "router-denied", "router",
              "name = \"db\"");
  expect_drop(question(kPod, "10.131.255.11", kTcp, 443), "name-unresolved", "router",
              "api.example.org");
}

TEST_F(Explain, TheFirewall) {
  expect_drop(question(kPod, "198.51.100.7", kTcp, 25), "firewall-denied", "firewall", "tcp/25");
  EXPECT_NE(text_of("drop").find("told by a TCP reset"), std::string::npos);
  expect_drop(question("10.128.2.5", "169.254.169.254", kUdp, 80), "firewall-denied", "firewall",
              "169.254.169.254");
  EXPECT_NE(text_of("drop").find("told by an ICMP error"), std::string::npos);
}

TEST_F(Explain, Limits) {
  expect_forward(question("10.128.0.90", kServer, kUdp, 53));
  expect_drop(question("10.128.0.90", kServer, kUdp, 53), "quota-sessions", "limits",
              "sessions = 1");
  EXPECT_NE(text_of("limits").find("1 of 1 sessions"), std::string::npos);
  expect_forward(question("10.128.0.91", kServer, kUdp, 53));
  expect_drop(question("10.128.0.91", kServer, kUdp, 53), "quota-rate", "limits",
              "new_sessions_per_second = 1");
  gateway_.data().pass_seconds(2);
  expect_forward(question("10.128.0.91", kServer, kUdp, 53));
}

TEST_F(Explain, BandwidthOfASession) {
  const auto asked = question("10.128.0.92", kServer, kUdp, 53, 5000);
  expect_forward(asked);
  const auto big = from_node1().ipv4("10.128.0.92", kServer).udp(5000, 53).payload(1400);
  for (int i = 0; i < 60; ++i) gateway_.data().receive("underlay", big);
  for (int i = 0; i < 60 && explainer_.answer().at("verdict") == "forward"; ++i) {
    explainer_.check(asked);
  }
  expect_drop(asked, "quota-bandwidth", "limits", "bandwidth");
}

TEST_F(Explain, AHalfOpenSessionGivesWayAtTheLimit) {
  expect_forward(question("10.128.0.90", kServer, kTcp, 80));
  expect_drop(question("10.128.0.90", kServer, kTcp, 80), "quota-sessions", "limits");
  gateway_.data().pass_seconds(2);
  expect_forward(question("10.128.0.90", kServer, kTcp, 80));
}

TEST_F(Explain, PortsThatAreUsedUp) {
  for (int i = 0; i < 64; ++i) expect_forward(question(kPod, kServer, kUdp, 53));
  expect_drop(question(kPod, kServer, kUdp, 53), "no-port", "port", "[ \"192.0.2.50\" ]");
  EXPECT_EQ(gateway_.data().counters().port_failures.read(), 1u);  // by the packet that was sent
  expect_forward(question(kPod, kServer, kUdp, 54));
  // The next address of web-out.
  for (int i = 0; i < 64; ++i) expect_forward(question("10.128.2.5", kServer, kUdp, 53));
  EXPECT_EQ(translated("src"), "192.0.2.60");
  for (int i = 0; i < 64; ++i) expect_forward(question("10.128.2.5", kServer, kUdp, 53));
  EXPECT_EQ(translated("src"), "192.0.2.61");
  EXPECT_EQ(times_told("every port of 192.0.2.60 is in use"), 1);
  EXPECT_EQ(times_told("every port of 192.0.2.61 is in use"), 0);
  expect_drop(question("10.128.2.5", kServer, kUdp, 53), "no-port", "port");
  EXPECT_EQ(times_told("every port of"), 2);
}

TEST_F(Explain, OnlyTheAddressThatIsAskedForAPortLacksOne) {
  const std::string next = "when_exhausted = \"next-address\";";
  text_.erase(text_.find(next), next.size());
  LiveGateway gateway(text_);
  Explainer explainer(gateway);
  for (int i = 0; i < 64; ++i) explainer.check(question("10.128.2.5", kServer, kUdp, 53));
  explainer.check(question("10.128.2.5", kServer, kUdp, 53));
  EXPECT_EQ(explainer.answer().value("reason", ""), "no-port");
  const std::string told = explainer.answer().dump();
  EXPECT_NE(told.find("every port of 192.0.2.60 is in use"), std::string::npos) << told;
  EXPECT_EQ(told.find("every port of 192.0.2.61 is in use"), std::string::npos) << told;
  EXPECT_NE(told.find("192.0.2.61 is not asked for a port"), std::string::npos) << told;
}

TEST_F(Explain, NodeIpThatIsForOthers) {
  text_ +=
      "node_ip : { mode = \"gateway\"; addresses = [ \"192.0.2.10\" ]; for = \"platform\"; };\n";
  LiveGateway gateway(text_);
  Explainer explainer(gateway);
  explainer.check(question("10.128.0.77", kServer, kUdp, 53));
  EXPECT_EQ(explainer.answer().value("reason", ""), "no-policy");
  const json step = explainer.step("egress");
  EXPECT_NE(step.value("text", "").find("node_ip is for platform traffic only"), std::string::npos);
  EXPECT_EQ(step.value("line", 0u), line_of(text_, "node_ip :"));
}

TEST_F(Explain, PortsOnHoldAreTakenBackAfterASecond) {
  for (int i = 0; i < 64; ++i) expect_forward(question(kPod, kServer, kIcmp));
  SessionTable& table = gateway_.data().table();
  gateway_.data().sessions().remove(0, gateway_.data().now());
  ASSERT_EQ(table.held(), 1u);
  expect_drop(question(kPod, kServer, kIcmp), "no-port", "port");
  gateway_.data().pass_ms(1000);
  expect_forward(question(kPod, kServer, kIcmp));
}

TEST_F(Explain, ATableFullOfLiveSessions) {
  expect_forward(question(kPod, kServer, kUdp, 53, 5000));
  const SessionEntry first = gateway_.data().only_session();
  NewSession session{};
  session.key = load<OutboundKey>(&first);
  session.key.vni_protocol = OutboundKey::pack(first.vni(), kProtocolTcp);
  session.egress_ip = first.egress_ip;
  session.address_slot = first.address_slot;
  session.address_epoch = first.address_epoch;
  session.source_slot_epoch = first.source_slot_epoch;
  session.timeout_s = 300;
  const Now now = gateway_.data().now();
  for (uint32_t remote = 1;; ++remote) {
    session.key.remote_ip = Be32(remote);
    const Created created = gateway_.data().sessions().open(NewSession(session), now);
    if (created.status == CreateStatus::kTableFull) break;
    SessionEntry& entry = gateway_.data().table().entry(created.handle);
    tcp_first(entry, {.flags = TcpHeader::kSyn});
  }
  expect_drop(question(kPod, kServer, kUdp, 54), "session-table-full", "session");
  expect_forward(question(kPod, kServer, kUdp, 53, 5000));
  // Half-open ones give way when they are a second old.
  gateway_.data().pass_seconds(2);
  expect_forward(question(kPod, kServer, kUdp, 54));
  EXPECT_EQ(gateway_.data().table().live(), gateway_.data().table().capacity());
}

TEST_F(Explain, DrainedAddressesAndLinksThatAreDown) {
  AddressDrains& drains = gateway_.data().shared().drains;
  drains.set(slot_of("192.0.2.60"), true);
  expect_forward(question("10.128.2.5", kServer, kUdp, 53));
  EXPECT_EQ(translated("src"), "192.0.2.61");
  drains.set(slot_of("192.0.2.61"), true);
  expect_drop(question("10.128.2.5", kServer, kUdp, 53), "no-egress-address", "address",
              "192.0.2.61");
  EXPECT_EQ(text_of("address"), "192.0.2.61 is drained");
  drains.set(slot_of("192.0.2.61"), false);
  gateway_.data().set_link(1, false);
  expect_drop(question("10.128.2.5", kServer, kUdp, 53), "no-egress-address", "address");
  EXPECT_NE(text_of("address").find("port uplink, which is down"), std::string::npos);
}

TEST_F(Explain, NextHops) {
  gateway_.data().set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  expect_forward(question(kPod, kServer, kUdp, 53));
  EXPECT_EQ(explainer_.seen().end, "held");
  EXPECT_NE(text_of("neighbour").find("held until it is"), std::string::npos);
  for (int i = 0; i < 63; ++i) expect_forward(question(kPod, kServer, kUdp, 53));
  expect_drop(question(kPod, kServer, kUdp, 54), "neighbour-unresolved", "neighbour");
  gateway_.data().set_neighbour(1, "192.0.2.1", NeighbourState::kFailed);
  expect_drop(question(kPod, kServer, kUdp, 55), "neighbour-failed", "neighbour",
              "gateway = \"192.0.2.1\"");
  expect_forward(question(kPod, "192.0.2.99", kUdp, 53));
  EXPECT_EQ(explainer_.seen().end, "held");
  EXPECT_NE(text_of("neighbour").find("192.0.2.99 (on the link)"), std::string::npos);
}

TEST_F(Explain, FromOutside) {
  expect_forward(question(kServer, "192.0.2.10", kIcmp));
  EXPECT_EQ(explainer_.seen().end, "answered");
  expect_drop(question(kServer, "192.0.2.10", kTcp, 22), "no-session", "destination");
  expect_drop(question(kServer, kPodAddress, kTcp, 22), "no-session", "session");
  expect_drop(question(kServer, kPod, kTcp, 22), "not-for-us", "destination");
  expect_drop(question("192.0.2.60", kPodAddress, kTcp, 22), "bad-address", "source");
}

TEST_F(Explain, WithoutAWayOut) {
  const std::string gateway = "gateway = \"192.0.2.1\";";
  text_.erase(text_.find(gateway), gateway.size());
  LiveGateway lost(text_);
  Explainer explainer(lost);
  explainer.check(question(kPod, kServer, kUdp, 53));
  EXPECT_EQ(explainer.answer().value("reason", ""), "no-route");
  EXPECT_EQ(explainer.step("route").value("text", ""), "no route leads to 203.0.113.5");
  explainer.check(question(kPod, "192.0.2.99", kUdp, 53));
  EXPECT_EQ(explainer.answer().value("verdict", ""), "forward");
}

TEST_F(Explain, AConnectionWhoseAddressWentAndCameBack) {
  const auto asked = question(kPod, kServer, kTcp, 443, 5000);
  expect_forward(asked);
  const uint16_t port = gateway_.data().only_session().egress_port.host();
  expect_forward(question(kServer, kPodAddress, kTcp, port, 443));
  std::string other = text_;
  other.replace(other.find("\"192.0.2.50\""), 12, "\"192.0.2.51\"");
  ASSERT_TRUE(gateway_.apply(other).status.ok());
  ASSERT_TRUE(gateway_.apply(text_).status.ok());
  expect_drop(asked, "bad-tcp-state", "session");
  EXPECT_NE(text_of("session").find("stands no more"), std::string::npos);
}

TEST_F(Explain, ASourceThatSeveralNodesHave) {
  const std::string tunnel = "tunnels = ( {";
  text_.replace(text_.find(tunnel), tunnel.size(),
                "tunnels = ( { name = \"second\"; type = \"vxlan\"; local = \"10.0.0.254\"; "
                "vni = 200; }, {");
  const std::string nodes = "nodes = (";
  text_.replace(text_.find(nodes), nodes.size(),
                "nodes = ( { name = \"other\"; tunnel = \"second\"; vtep = \"10.0.0.9\"; "
                "pod_cidrs = [ \"10.128.0.0/24\" ]; },");
  for (const char* name : {"payments", "web", "lab", "small", "slow", "thin"}) {
    const std::string begin = std::string("{ name = \"") + name + "\"; pods";
    text_.replace(text_.find(begin), begin.size(),
                  std::string("{ name = \"") + name + "\"; tunnel = \"overlay\"; pods");
  }
  LiveGateway both(text_);
  Explainer explainer(both);
  const std::string error = explainer.explain(question(kPod, kServer, kUdp, 53)).value("error", "");
  EXPECT_NE(error.find("several nodes"), std::string::npos) << error;
  EXPECT_NE(error.find("other, node-1"), std::string::npos) << error;
  explainer.check(question(kPod, kServer, kUdp, 53, {}, "other"));
  EXPECT_EQ(explainer.answer().value("reason", ""), "source-unknown");
  explainer.check(question(kPod, kServer, kUdp, 53, {}, "10.0.0.1"));
  EXPECT_EQ(explainer.answer().value("verdict", ""), "forward");
}

TEST_F(Explain, WhatDependsOnTheSourcePort) {
  text_.replace(text_.find("spread = \"first\""), 16, "spread = \"session\"");
  ASSERT_TRUE(gateway_.apply(text_).status.ok());
  expect_forward(question("10.128.2.5", kServer, kUdp, 53));
  EXPECT_EQ(text_of("address").find("it leaves as one of 192.0.2.60, 192.0.2.61, drawn for each "),
            0u)
      << text_of("address");
  EXPECT_EQ(translated("src_one_of"), (json{"192.0.2.60", "192.0.2.61"}));
  expect_forward(question("10.128.2.5", kServer, kUdp, 53, 5000));
  EXPECT_EQ(text_of("address").find("one of"), std::string::npos);
  EXPECT_TRUE(translated("src_one_of").is_null());
  // Of two addresses of which one is drained the other is certain.
  gateway_.data().shared().drains.set(slot_of("192.0.2.60"), true);
  expect_forward(question("10.128.2.5", kServer, kUdp, 53));
  EXPECT_TRUE(translated("src_one_of").is_null());
  EXPECT_EQ(text_of("address"), "it leaves as 192.0.2.61, an address of egress_ips.web-out");
  expect_drop(question(kServer, kPodAddress, kTcp, 22), "no-session", "session");
  EXPECT_NE(text_of("packet").find("is made up"), std::string::npos);
}

TEST_F(Explain, PlatformTraffic) {
  expect_drop(question("10.0.0.1", kServer, kUdp, 123), "no-policy", "egress");
  expect_line("source", "addresses = [ \"10.0.0.1\" ]");
  std::string changed =
      text_ + "node_ip : { mode = \"gateway\"; addresses = [ \"192.0.2.80\" ]; };";
  ASSERT_TRUE(gateway_.apply(changed).status.ok());
  expect_forward(question("10.0.0.1", kServer, kUdp, 123));
  EXPECT_EQ(translated("src"), "192.0.2.80");
  EXPECT_NE(text_of("source").find("platform traffic"), std::string::npos);
}

}  // namespace
}  // namespace postern::test
