// What the lines of egress routers become in the workers' tables.
#include "control/apply/compile_routers.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "dataplane/wire/headers.h"

namespace postern {
namespace {

constexpr uint8_t kSctp = 132;

Ipv4Address address(std::string_view text) { return *Ipv4Address::parse(text); }

config::EgressRouter router(const std::string& name, std::string_view listen,
                            std::string_view source, const std::vector<std::string>& lines,
                            const std::vector<std::string>& namespaces = {"payments"}) {
  config::EgressRouter entry;
  entry.name.value = name;
  for (const std::string& each : namespaces) entry.namespaces.push_back({each, {}});
  entry.listen.value = address(listen);
  entry.source.value = address(source);
  for (const std::string& line : lines) entry.destinations.push_back({line, {}});
  return entry;
}

class CompileRoutersTest : public ::testing::Test {
 protected:
  CompileRoutersTest() {
    for (const char* name : {"web", "lab", "payments"}) EXPECT_TRUE(books_.namespaces.take(name));
  }
  RouterTable compile() {
    for (const config::EgressRouter& entry : model_.egress_routers) {
      EXPECT_TRUE(books_.addresses.take(entry.source->value));
    }
    return compile_routers(model_, books_, 42, policy_, names_);
  }
  // "ADDRESS:PORT" of the rule for a flow, "" where there is none.
  static std::string leads(const RouterTable& table, std::string_view listen, uint8_t protocol,
                           uint16_t port) {
    const RouterIndex index = table.find(address(listen));
    if (index == kNoRouter) return "no router";
    const RouterRuleIndex rule = table.rule_for(index, protocol, port);
    if (rule == kNoRouterRule) return "";
    const RouterRule& found = table.rules[rule];
    return found.address.text() + ":" +
           std::to_string(found.remote_port != 0 ? found.remote_port : port);
  }

  config::Model model_;
  Books books_;
  PolicyTable policy_;
  NameNumbers names_;
};

TEST_F(CompileRoutersTest, LinesByPortAndProtocol) {
  model_.egress_routers = {
      router("db", "10.131.255.10", "192.0.2.70",
             {"# comment", "80 tcp 203.0.113.1", "81 udp 203.0.113.2 8181", "9 sctp 203.0.113.3"}),
      router("all", "10.131.255.11", "192.0.2.71",
             {"80 tcp 203.0.113.4 8080", "203.0.113.5", "# the end"})};
  const RouterTable table = compile();
  EXPECT_EQ(leads(table, "10.131.255.10", kProtocolTcp, 80), "203.0.113.1:80");
  EXPECT_EQ(leads(table, "10.131.255.10", kProtocolUdp, 81), "203.0.113.2:8181");
  EXPECT_EQ(leads(table, "10.131.255.10", kSctp, 9), "203.0.113.3:9");
  EXPECT_EQ(leads(table, "10.131.255.10", kProtocolUdp, 80), "") << "the port's other protocol";
  EXPECT_EQ(leads(table, "10.131.255.10", kProtocolTcp, 9), "");
  EXPECT_EQ(leads(table, "10.131.255.10", kProtocolTcp, 8181), "") << "the remote's port";
  EXPECT_EQ(leads(table, "10.131.255.10", kProtocolIcmp, 0), "");
  EXPECT_EQ(leads(table, "10.131.255.11", kProtocolTcp, 80), "203.0.113.4:8080");
  EXPECT_EQ(leads(table, "10.131.255.11", kProtocolUdp, 80), "203.0.113.5:80");
  EXPECT_EQ(leads(table, "10.131.255.11", kProtocolIcmp, 0), "203.0.113.5:0");
  EXPECT_EQ(leads(table, "10.131.255.12", kProtocolTcp, 80), "no router");
  EXPECT_EQ(leads(table, "192.0.2.70", kProtocolTcp, 80), "no router") << "nobody dials a source";
}

TEST_F(CompileRoutersTest, RulesKnowTheirLine) {
  model_.egress_routers = {router("db", "10.131.255.10", "192.0.2.70",
                                  {"", "# web", "80 tcp 203.0.113.1", "", "203.0.113.5"})};
  const RouterTable table = compile();
  EXPECT_EQ(table.rules[table.rule_for(0, kProtocolTcp, 80)].line, 2u);
  EXPECT_EQ(table.rules[table.rule_for(0, kProtocolTcp, 81)].line, 4u);
}

TEST_F(CompileRoutersTest, NamespacesThatMayUseIt) {
  model_.egress_routers = {
      router("a", "10.131.255.10", "192.0.2.70", {"203.0.113.1"}, {"payments", "web"}),
      router("b", "10.131.255.11", "192.0.2.71", {"203.0.113.1"}, {"lab"}),
      router("nobody", "10.131.255.12", "192.0.2.72", {"203.0.113.1"}, {})};
  const RouterTable table = compile();
  std::string admitted;
  for (RouterIndex index = 0; index < 3; ++index) {
    for (const char* name : {"web", "lab", "payments"}) {
      if (table.admits(index, *books_.namespaces.find(name))) admitted += std::string(name) + " ";
    }
    EXPECT_FALSE(table.admits(index, kPlatform));
    admitted += "| ";
  }
  EXPECT_EQ(admitted, "web payments | lab | | ");
}

TEST_F(CompileRoutersTest, EachSourceIsAPolicyOfItsOwn) {
  policy_.policies.resize(3);
  policy_.address_slots = {7, 8};
  model_.egress_routers = {router("a", "10.131.255.10", "192.0.2.70", {"203.0.113.1"}),
                           router("b", "10.131.255.11", "192.0.2.71", {"203.0.113.1"})};
  const RouterTable table = compile();
  ASSERT_EQ(policy_.policies.size(), 5u);
  for (RouterIndex index = 0; index < 2; ++index) {
    const Range addresses = policy_.policies[table.routers[index].policy].addresses;
    ASSERT_EQ(addresses.count, 1u);
    EXPECT_EQ(policy_.address_slots[addresses.first],
              books_.addresses.find(model_.egress_routers[index].source->value));
    EXPECT_EQ(table.routers[index].listen, model_.egress_routers[index].listen.value);
  }
}

TEST_F(CompileRoutersTest, NamesAreNumberedOnceEach) {
  model_.egress_routers = {
      router("a", "10.131.255.10", "192.0.2.70", {"80 db.example.com", "81 www.example.com 8081"}),
      router("b", "10.131.255.11", "192.0.2.71", {"80 DB.example.com", "82 203.0.113.9"})};
  for (auto& entry : model_.egress_routers) entry.mode = config::RouterMode::kDnsProxy;
  const RouterTable table = compile();
  EXPECT_EQ(names_.names(), (std::vector<std::string>{"db.example.com", "www.example.com"}));
  const auto rule = [&](RouterIndex index, uint16_t port) {
    return table.rules[table.rule_for(index, kProtocolTcp, port)];
  };
  EXPECT_EQ(rule(0, 80).name, 0u);
  EXPECT_EQ(rule(0, 81).name, 1u);
  EXPECT_EQ(rule(0, 81).remote_port, 8081);
  EXPECT_EQ(rule(1, 80).name, 0u);
  EXPECT_EQ(rule(1, 82).name, kNoName);
  EXPECT_EQ(rule(1, 82).address, address("203.0.113.9"));
}

TEST_F(CompileRoutersTest, ThousandsOfRouters) {
  constexpr uint32_t kRouters = 5000;
  for (uint32_t i = 0; i < kRouters; ++i) {
    model_.egress_routers.push_back(
        router("r" + std::to_string(i), Ipv4Address{0x0a800000 + i}.text(),
               Ipv4Address{0xc6120000 + i}.text(),
               {"80 tcp " + Ipv4Address{0xcb000000 + i}.text(), "443 tcp 203.0.113.9"}));
  }
  const RouterTable table = compile();
  for (uint32_t i = 0; i < kRouters; i += 7) {
    EXPECT_EQ(leads(table, Ipv4Address{0x0a800000 + i}.text(), kProtocolTcp, 80),
              Ipv4Address{0xcb000000 + i}.text() + ":80");
  }
}

}  // namespace
}  // namespace postern
