// The list methods: entries as configured, with the names and values of the file, and live figures.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "control/methods/entry_json.h"
#include "test/unit/control/worked_gateway.h"

namespace postern {
namespace {

using nlohmann::json;

class ListMethodsTest : public testing::Test {
 protected:
  ListMethodsTest() {
    for (const bool up : {true, false}) {
      gateway_.context().ports.push_back(
          {.driver = "net_null",
           .mac = {{2, 0, 0, 0, 0, 1}},
           .steering = [] { return std::string("inner-rss"); },
           .link =
               [up] {
                 return PortLink{up, 10'000};
               },
           .statistics =
               [] { return PortStatistics{.missed = 3, .received_bytes = 70, .sent_bytes = 80}; }});
    }
    const SessionHandle first = gateway_.open("10.128.0.11", 1024, "203.0.113.5", 53, "192.0.2.50");
    gateway_.count(first, Direction::kOutbound, 100);
    gateway_.count(first, Direction::kInbound, 300);
    gateway_.open("10.128.0.12", 1025, "203.0.113.5", 53, "192.0.2.50");
    gateway_.open("10.128.2.7", 1026, "203.0.113.6", 443, "192.0.2.60", kTcp);
    for (uint16_t i = 0; i < 5; ++i) {
      gateway_.open("10.128.2.7", 2000 + i, "203.0.113.7", 443, "192.0.2.61", kTcp);
    }
  }
  json rows(const char* method, const json& params = json::object()) {
    return gateway_.result(method, params)["rows"];
  }
  json row(const char* method, const char* name) {
    const json found = rows(method, {{"name", name}});
    EXPECT_EQ(found.size(), 1u) << method << " " << name;
    return found.empty() ? json() : found[0];
  }

  WorkedGateway gateway_{kWorkedConfig};
};

TEST_F(ListMethodsTest, NamespacesHavePodsAndSessions) {
  ASSERT_EQ(rows("namespaces.list").size(), 2u);
  const json payments = row("namespaces.list", "payments");
  EXPECT_EQ(payments["pods"], (json{"10.128.0.11", "10.128.0.12"}));
  EXPECT_EQ(payments["tunnel"], "overlay");
  EXPECT_EQ(payments["sessions"], 2);
  EXPECT_EQ(payments["packets"], (json{{"out", 1}, {"in", 1}}));
  EXPECT_EQ(payments["bytes"], (json{{"out", 100}, {"in", 300}}));
  EXPECT_EQ(row("namespaces.list", "shop")["sessions"], 6);
}

// Numbers are used again, and what was counted under them is not the next one's.
TEST(NamespaceCounters, BeginAtZeroForANewNamespace) {
  WorkedGateway gateway(kWorkedConfig);
  const auto without_shop = [](std::string_view other) {
    std::string text = kWorkedConfig;
    for (const std::string_view each : {"\"shop\"; pods", "\"shop\" ]"}) {
      text.replace(text.find(each) + 1, 4, other);
    }
    return text;
  };
  const auto number = [&](const std::string& name) {
    return gateway.context().gateway->books().namespaces.find(name).value_or(kNoNamespace);
  };
  const auto refused = [&](const char* name) {
    const json rows = gateway.result("namespaces.list", {{"name", name}})["rows"];
    return rows.empty() ? json() : rows[0]["refused"];
  };
  const NamespaceIndex shops = number("shop");
  for (int i = 0; i < 3; ++i) gateway.refuse("shop");
  EXPECT_EQ(refused("shop"), 3);
  gateway.result("config.apply", {{"text", without_shop("mall")}});
  gateway.pass(std::chrono::milliseconds(500));  // the number cools
  gateway.result("config.apply", {{"text", without_shop("port")}});
  ASSERT_EQ(number("port"), shops);
  EXPECT_EQ(refused("port"), 0);
}

TEST_F(ListMethodsTest, EgressAddressesHavePortsInUse) {
  const json shop = row("egress_ips.list", "shop-out");
  EXPECT_EQ(shop["namespaces"], json{"shop"});
  EXPECT_EQ(shop["addresses"], (json{"192.0.2.60", "192.0.2.61"}));
  EXPECT_EQ(shop["spread"], "source");
  EXPECT_EQ(shop["state"], "active");
  EXPECT_EQ(shop["sessions"], 6);
  EXPECT_EQ(shop["ports_used"], (json{{"tcp", 6}, {"udp", 0}, {"icmp", 0}}));
  EXPECT_EQ(shop["fullest"][0],
            (json{{"dst", "203.0.113.7"}, {"dport", 443}, {"protocol", "tcp"}, {"ports", 5}}));
  EXPECT_EQ(shop["fullest"].size(), 2u);
  EXPECT_EQ(shop["by_address"][0]["address"], "192.0.2.60");
  EXPECT_EQ(shop["by_address"][0]["sessions"], 1);
  EXPECT_EQ(shop["by_address"][1]["ports_used"]["tcp"], 5);
}

TEST_F(ListMethodsTest, AnAddressWhosePortIsDownSaysSo) {
  gateway_.context().gateway->snapshot().shared->ports_down = 2;
  const json shop = row("egress_ips.list", "shop-out");
  EXPECT_EQ(shop["state"], "port-down");
  EXPECT_EQ(shop["by_address"][0]["state"], "port-down");
  gateway_.context().gateway->snapshot().shared->ports_down = 1;
  EXPECT_EQ(row("egress_ips.list", "shop-out")["state"], "active") << "it leaves by the uplink";
}

TEST_F(ListMethodsTest, NodesTunnelsAndPortsHaveTheirSessions) {
  EXPECT_EQ(row("nodes.list", "node-1")["sessions"], 2);
  const json node = row("nodes.list", "node-2");
  EXPECT_EQ(node["vtep"], "10.0.0.2");
  EXPECT_EQ(node["pod_cidrs"], json{"10.128.2.0/23"});
  EXPECT_EQ(node["state"], "unresolved");
  EXPECT_EQ(node["sessions"], 6);
  const json tunnel = row("tunnels.list", "overlay");
  EXPECT_EQ(tunnel["vni"], 100);
  EXPECT_EQ(tunnel["udp_port"], 4789);
  EXPECT_EQ(tunnel["nodes"], 2);
  EXPECT_EQ(tunnel["sessions"], 8);
  const json port = row("ports.list", "uplink");
  EXPECT_EQ(port["addresses"], json{"192.0.2.10/24"});
  EXPECT_EQ(port["link"], "down");
  EXPECT_EQ(port["bytes"], (json{{"out", 80}, {"in", 70}}));
  EXPECT_EQ(port["missed"], 3);
  EXPECT_EQ(port["steering"], "inner-rss");
  EXPECT_EQ(port["handed_over"], 0);
  EXPECT_EQ(port["sessions"], 8);
  EXPECT_EQ(row("ports.list", "underlay")["link"], "up");
}

TEST_F(ListMethodsTest, WorkersRulesAndRouters) {
  const json worker = row("workers.list", "0");
  EXPECT_EQ(worker["cpu"], 3);
  EXPECT_EQ(worker["sessions"], 8);
  EXPECT_EQ(worker["cycles_per_packet"], 0);
  EXPECT_EQ(rows("egress_routers.list"), json::array());
  const json firewall = gateway_.result("firewall.list", {{"name", "shop"}});
  EXPECT_EQ(firewall["default"], "allow");
  EXPECT_EQ(firewall["refuse"], "drop");
  ASSERT_EQ(firewall["rows"].size(), 1u);
  EXPECT_EQ(firewall["rows"][0], (json{{"namespace", "*"},
                                       {"action", "deny"},
                                       {"to", json{"169.254.169.254"}},
                                       {"log", false},
                                       {"rule", 0},
                                       {"hits", 0}}));
}

TEST(ListMethods, RoutersAndRulesShowWhatTheirNamesStandFor) {
  std::string text = kWorkedConfig;
  text.replace(text.find("rules = ("), 9, R"(rules = (
    { namespace = "shop"; action = "allow";
      to_names = [ "api.example.com", "API.example.com" ]; },)");
  WorkedGateway gateway(text + R"(egress_routers = (
    { name = "db"; namespaces = [ "payments" ]; listen = "10.131.255.10"; source = "192.0.2.70";
      mode = "dns-proxy"; destinations = [ "80 DB.example.com", "81 db.example.com 5432",
                                           "82 gone.example.com", "83 203.0.113.7" ]; } );)");
  const auto address = [](std::string_view dotted) { return *Ipv4Address::parse(dotted); };
  gateway.resolve({{"db.example.com", {{address("203.0.113.9"), address("203.0.113.8")}, 60, ""}},
                   {"api.example.com", {{address("203.0.113.5")}, 60, ""}}});
  const json router = gateway.result("egress_routers.list", {{"name", "db"}})["rows"][0];
  EXPECT_EQ(router["mode"], "dns-proxy");
  EXPECT_EQ(router["names"], (json{{{"name", "db.example.com"},
                                    {"state", "resolved"},
                                    {"addresses", {"203.0.113.8", "203.0.113.9"}},
                                    {"age_s", 0}},
                                   {{"name", "gone.example.com"},
                                    {"state", "unresolved"},
                                    {"addresses", json::array()},
                                    {"why", "the name does not exist"}}}));
  const json rules = gateway.result("firewall.list", {{"name", "shop"}})["rows"];
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0]["names"], json::array({{{"name", "api.example.com"},
                                             {"state", "resolved"},
                                             {"addresses", json::array({"203.0.113.5"})},
                                             {"age_s", 0}}}));
  EXPECT_FALSE(rules[1].contains("names"));
}

TEST_F(ListMethodsTest, ANameThatIsNotThereIsNotFound) {
  for (const char* method : {"ports.list", "workers.list", "tunnels.list", "nodes.list",
                             "namespaces.list", "egress_ips.list", "egress_routers.list"}) {
    const json error = gateway_.call(method, {{"name", "nobody"}})["error"];
    EXPECT_EQ(error["code"], 1005) << method;
    EXPECT_NE(error["message"].get<std::string>().find("\"nobody\""), std::string::npos);
  }
}

TEST_F(ListMethodsTest, ANameThatIsNotThereHasASuggestion) {
  const auto message = [this](const char* method, const char* name) {
    const json error = gateway_.call(method, {{"name", name}})["error"];
    EXPECT_EQ(error["code"], 1005) << method;
    return error.value("message", "");
  };
  EXPECT_EQ(message("ports.list", "uplnk"), "no port \"uplnk\"; did you mean \"uplink\"?");
  EXPECT_EQ(message("nodes.list", "xyz"), "no node \"xyz\"; there are: node-1, node-2");
  EXPECT_EQ(message("workers.list", "cpu"), "no worker \"cpu\"; there are: 0");
  EXPECT_EQ(message("egress_routers.list", "db"), "no egress router \"db\"; there are none");
  EXPECT_EQ(message("firewall.list", "shopp"), "no namespace \"shopp\"; did you mean \"shop\"?");
  EXPECT_EQ(message("firewall.list", "xyz"), "no namespace \"xyz\"; there are: payments, shop, *");
  // Those of a namespace that has none are an answer, and so are those for every one.
  EXPECT_EQ(gateway_.result("firewall.list", {{"name", "payments"}})["rows"].size(), 1u);
  EXPECT_EQ(gateway_.result("firewall.list", {{"name", "*"}})["rows"].size(), 1u);
}

TEST(ListMethods, OfManyNamesTheMethodIsNamed) {
  std::string text = kWorkedConfig;
  std::string many;
  for (int i = 10; i < 20; ++i) many += "{ name = \"ns-" + std::to_string(i) + "\"; }, ";
  text.insert(text.find("{ name = \"shop\"; pods"), many);
  WorkedGateway gateway(text);
  EXPECT_EQ(gateway.call("namespaces.list", {{"name", "xyzzy"}})["error"]["message"],
            "no namespace \"xyzzy\"; namespaces.list shows them");
  EXPECT_EQ(gateway.result("firewall.list", {{"name", "ns-12"}})["rows"].size(), 1u);
}

TEST(ScalarJson, UndoesThePrintersQuotes) {
  EXPECT_EQ(scalar_json("17"), 17);
  EXPECT_EQ(scalar_json("true"), true);
  EXPECT_EQ(scalar_json("\"2h4m\""), "2h4m");
  EXPECT_EQ(scalar_json(config::quoted("a\"b\\c\x01\x7f")), "a\"b\\c\x01\x7f");
  EXPECT_EQ(scalar_json("\"\""), "");
}

}  // namespace
}  // namespace postern
