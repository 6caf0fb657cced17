// The sentences of `status` that say what to look at: each one comes with its cause and goes with
// it.
#include "control/methods/attention.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "test/unit/control/worked_gateway.h"

namespace postern {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MacAddress kPeer{{2, 9, 9, 9, 9, 9}};
constexpr MacAddress kOtherPeer{{2, 8, 8, 8, 8, 8}};

// The usual configuration with few ports, and further settings.
std::string few_ports(const std::string& max = "64") {
  return std::string(kWorkedConfig) + "sessions : { max = " + max +
         "; port_range = \"1024-1087\"; };\n";
}

class AttentionTest : public testing::Test {
 protected:
  void start(const std::string& text) {
    gateway_ = std::make_unique<WorkedGateway>(text);
    for (size_t i = 0; i < 2; ++i) {
      gateway_->context().ports.push_back({.driver = "net_null",
                                           .mac = {},
                                           .steering = [] { return std::string("inner-rss"); },
                                           .link =
                                               [this, i] {
                                                 return PortLink{up_[i], 0};
                                               },
                                           .statistics = [] { return PortStatistics{}; }});
    }
    hear_all();
  }
  void hear(uint16_t port, const char* address, MacAddress mac = kPeer) {
    gateway_->neighbours().take({Punt::Kind::kHeard, {port, *Ipv4Address::parse(address)}, mac});
  }
  // Every next hop of the usual configuration answers.
  void hear_all() {
    hear(0, "10.0.0.1");
    hear(0, "10.0.0.2");
    hear(1, "192.0.2.1");
  }
  std::vector<std::string> texts() {
    return gateway_->result("status", json::object())["attention"];
  }
  // The one sentence that there is.
  std::string only() {
    const std::vector<std::string> all = texts();
    EXPECT_EQ(all.size(), 1u) << json(all);
    return all.empty() ? "" : all[0];
  }
  // Opens sessions of one pod to one remote, from ports of their own.
  void open(int count, const char* remote, const char* egress = "192.0.2.50") {
    for (int i = 0; i < count; ++i, ++source_port_) {
      gateway_->open("10.128.0.11", source_port_, remote, 443, egress, kTcp);
    }
  }

  std::array<bool, 2> up_{true, true};
  uint16_t source_port_ = 2000;
  std::unique_ptr<WorkedGateway> gateway_;
};

TEST_F(AttentionTest, NothingIsSaidOfAGatewayThatIsWell) {
  start(kWorkedConfig);
  open(100, "203.0.113.5");
  EXPECT_EQ(texts(), std::vector<std::string>());
}

TEST_F(AttentionTest, ALinkThatIsDown) {
  start(kWorkedConfig);
  up_[1] = false;
  EXPECT_EQ(only(),
            "the link of port uplink is down: no session can start by it; check the cable and the "
            "other end");
  up_ = {false, true};
  EXPECT_EQ(only(), "the link of port underlay is down; check the cable and the other end");
  up_[0] = true;
  EXPECT_TRUE(texts().empty());
}

TEST_F(AttentionTest, ANodeWithoutARoute) {
  std::string text = kWorkedConfig;
  text.replace(text.find("10.0.0.2\""), 8, "10.9.0.2");
  start(text);
  EXPECT_EQ(only(),
            "there is no route to the VTEP 10.9.0.2 of node node-2: give a cluster port a "
            "`gateway`");
}

TEST_F(AttentionTest, ANextHopThatDoesNotAnswerAndComesBack) {
  start(kWorkedConfig);
  for (int i = 0; i < 40; ++i) {
    gateway_->pass(seconds(1));
    hear(0, "10.0.0.1");
    hear(0, "10.0.0.2");
  }
  EXPECT_EQ(only(),
            "the next hop 192.0.2.1 on port uplink does not answer ARP: check that it is up and on "
            "that link");
  hear(1, "192.0.2.1");
  EXPECT_TRUE(texts().empty());
}

TEST_F(AttentionTest, ANextHopThatTwoDevicesClaimToBe) {
  start(kWorkedConfig);
  for (const MacAddress& mac : {kOtherPeer, kPeer, kOtherPeer}) {
    gateway_->pass(milliseconds(1500));
    hear(1, "192.0.2.1", mac);
  }
  EXPECT_EQ(only(), "the next hop 192.0.2.1 on port uplink is claimed by " + kPeer.text() +
                        " and " + kOtherPeer.text() +
                        " in turn: check that only one device has that address");
}

TEST_F(AttentionTest, PortsThatAreNearlyUsedUpTowardsOneDestination) {
  start(few_ports("4096"));
  open(40, "203.0.113.5");
  open(40, "203.0.113.6");
  EXPECT_TRUE(texts().empty()) << "80 ports in use, but 40 of 64 towards each";
  open(12, "203.0.113.5");
  EXPECT_EQ(only(),
            "egress address 192.0.2.50 has 81 % of its ports in use towards 203.0.113.5:443 (tcp): "
            "add addresses to its entry, or set when_exhausted = \"next-address\"");
  gateway_->result("sessions.delete", {{"filter", "dst 203.0.113.5"}});
  EXPECT_TRUE(texts().empty());
}

TEST_F(AttentionTest, OfManySessionsTheLastReadingIsToldAtOnce) {
  start(few_ports("1048576"));
  open(52, "203.0.113.5");
  gateway_->counters().session_created.add(kReadAtOnce);  // they seem to be many
  int answers = 0;
  json first;
  const auto attention = std::make_shared<Attention>(gateway_->context());
  for (int i = 0; i < 3; ++i) {
    attention->find([&](json texts) {
      first = std::move(texts);
      ++answers;
    });
  }
  EXPECT_EQ(answers, 3) << "nobody waits for a reading";
  EXPECT_EQ(first, json::array());
  const auto told = [&] {
    json all;
    attention->find([&all](json texts) { all = std::move(texts); });
    gateway_->pass(milliseconds(500));
    return all.empty() ? "" : all.at(0).get<std::string>();
  };
  gateway_->pass(milliseconds(500));
  EXPECT_NE(told().find("81 % of its ports in use towards 203.0.113.5:443"), std::string::npos);
  // Another destination is the fullest one now; that is found some seconds later.
  open(60, "203.0.113.6");
  EXPECT_NE(told().find("towards 203.0.113.5:443"), std::string::npos);
  EXPECT_NE(told().find("towards 203.0.113.5:443"), std::string::npos);
  for (int i = 0; i < 6; ++i) {
    gateway_->pass(seconds(1));
    hear_all();
  }
  told();
  EXPECT_NE(told().find("93 % of its ports in use towards 203.0.113.6:443"), std::string::npos);
  // What has no ports in use any more is not told of, whatever was read.
  gateway_->result("sessions.delete", {{"all", true}});
  EXPECT_EQ(told(), "");
}

// What has no such keys is not told to set them.
TEST_F(AttentionTest, ExhaustedPortsOfOtherKindsOfAddress) {
  const auto exhausted = [this](const char* address, const std::string& advice) {
    open(56, "203.0.113.5", address);
    EXPECT_EQ(only(), std::string("egress address ") + address +
                          " has 87 % of its ports in use towards 203.0.113.5:443 (tcp): " + advice);
  };
  start(few_ports("4096") + "node_ip : { mode = \"gateway\"; addresses = [ \"192.0.2.20\" ]; };\n");
  exhausted("192.0.2.20",
            "add addresses to node_ip.addresses, or give some namespaces an egress_ips entry");
  start(few_ports("4096") +
        "egress_routers = ( { name = \"r\"; namespaces = [ \"shop\" ]; listen = "
        "\"10.131.255.10\"; source = \"192.0.2.70\"; destinations = \"203.0.113.5\"; } );\n");
  exhausted("192.0.2.70",
            "an egress router has one source: give some of its namespaces or destinations to "
            "another router");
  std::string per_node = few_ports("4096") + "node_ip : { mode = \"per-node\"; };\n";
  for (const char* node : {"1", "2"}) {
    const std::string vtep = std::string("vtep = \"10.0.0.") + node + "\";";
    per_node.replace(per_node.find(vtep), vtep.size(),
                     vtep + " external_ip = \"192.0.2.10" + node + "\";");
  }
  start(per_node);
  exhausted("192.0.2.101",
            "a node has one external_ip: give some of its namespaces an egress_ips entry");
}

TEST_F(AttentionTest, ASessionTableThatIsNearlyFull) {
  start(std::string(kWorkedConfig) + "sessions : { max = 1024; };\n");
  open(900, "203.0.113.5");
  EXPECT_TRUE(texts().empty());
  open(22, "203.0.113.5");
  EXPECT_EQ(only(),
            "the session table is 90 % full: raise sessions.max and restart the gateway, or see "
            "who opens so many (posternctl top)");
}

TEST_F(AttentionTest, AnAddressThatIsDrained) {
  start(kWorkedConfig);
  open(2, "203.0.113.5");
  gateway_->result("egress_ips.drain", {{"address", "192.0.2.50"}});
  EXPECT_EQ(only(),
            "egress address 192.0.2.50 is being drained, 2 sessions are left: it takes no new ones "
            "until posternctl drain 192.0.2.50 --undo");
  gateway_->result("egress_ips.drain", {{"address", "192.0.2.50"}, {"deadline", "90s"}});
  gateway_->result("sessions.delete", {{"filter", "src port 2000"}});
  EXPECT_EQ(only(),
            "egress address 192.0.2.50 is being drained, 1 session is left and will be ended in "
            "1m30s: it takes no new ones until posternctl drain 192.0.2.50 --undo");
  gateway_->result("egress_ips.drain", {{"address", "192.0.2.50"}, {"deadline", "2s"}});
  gateway_->pass(seconds(3));
  EXPECT_EQ(only(),
            "egress address 192.0.2.50 is drained, it has no session left: take it out of the "
            "configuration, or posternctl drain 192.0.2.50 --undo");
  gateway_->result("egress_ips.drain", {{"address", "192.0.2.50"}, {"undo", true}});
  EXPECT_TRUE(texts().empty());
}

TEST_F(AttentionTest, OfManyDrainedAddressesSome) {
  std::string addresses;
  for (int i = 0; i < 12; ++i) addresses += ", \"192.0.2." + std::to_string(100 + i) + "\"";
  std::string text = kWorkedConfig;
  text.insert(text.find("\"192.0.2.60\"") + 12, addresses);
  start(text);
  for (int i = 0; i < 12; ++i) {
    gateway_->result("egress_ips.drain", {{"address", "192.0.2." + std::to_string(100 + i)}});
  }
  ASSERT_EQ(texts().size(), 9u);
  EXPECT_EQ(texts().back(), "... and 4 more drained addresses like these");
}

TEST_F(AttentionTest, OfManyNodesSome) {
  std::string nodes;
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    nodes += (i == 0 ? "" : ",") + ("{ name = \"n" + number) +
             "\"; tunnel = \"overlay\"; vtep = \"10.9.1." + std::to_string(i + 1) +
             "\"; pod_cidrs = [ \"10.200." + number + ".0/24\" ]; }";
  }
  std::string text = kWorkedConfig;
  const size_t at = text.find("nodes = (");
  text.replace(at, text.find(");", at) - at, "nodes = ( " + nodes);
  text.replace(text.find("namespaces = ("), text.find("egress_ips") - text.find("namespaces = ("),
               "namespaces = ( { name = \"payments\"; }, { name = \"shop\"; } );\n");
  start(text);
  ASSERT_EQ(texts().size(), 9u);
  EXPECT_EQ(texts().back(), "... and 12 more nodes like these");
}

}  // namespace
}  // namespace postern
