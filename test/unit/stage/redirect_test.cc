// Where an egress router leads a flow whose line says a name: one of the addresses that the name
// stands for, and nowhere inside.
#include "dataplane/stage/redirect.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string_view>
#include <vector>

namespace postern {
namespace {

constexpr NamespaceIndex kPayments = 3;
constexpr RouterIndex kRouter = 0;

Ipv4Address address(std::string_view text) { return *Ipv4Address::parse(text); }

// One router that leads port 5432 to the first name, on its port 15432.
class RedirectTest : public ::testing::Test {
 protected:
  RedirectTest() {
    RouterTable& routers = snapshot_.routers;
    routers.namespaces = {kPayments};
    routers.routers.push_back({.listen = address("10.131.255.10"),
                               .namespaces = {0, 1},
                               .policy = 5,
                               .fallback = kNoRouterRule});
    RouterRule rule;
    rule.protocol = kProtocolTcp;
    rule.remote_port = 15432;
    rule.name = 0;
    routers.rules.push_back(rule);
    EXPECT_TRUE(routers.by_port.insert(RouterTable::port_key(kRouter, 5432), 0));
    snapshot_.inside = PrefixSet(2, 1);
    EXPECT_TRUE(snapshot_.inside.insert(*Ipv4Prefix::parse("10.128.0.0/14")));
    snapshot_.locals.emplace_back();
    EXPECT_TRUE(snapshot_.locals_by_address.insert(Snapshot::local_key(address("192.0.2.10")), 0));
  }
  void resolve(const std::vector<std::string_view>& known) {
    auto names = std::make_shared<ResolvedNames>();
    std::vector<Ipv4Address> addresses;
    for (const std::string_view each : known) addresses.push_back(address(each));
    names->add(addresses);
    snapshot_.names = names;
  }
  Decision decide(uint16_t source_port, NamespaceIndex from = kPayments) {
    const Flow flow{.source = address("10.128.0.11"),
                    .destination = address("10.131.255.10"),
                    .source_port = source_port,
                    .destination_port = 5432,
                    .protocol = kProtocolTcp};
    Decision decision;
    decision.namespace_index = from;
    redirect(snapshot_, flow, kRouter, decision);
    return decision;
  }

  Snapshot snapshot_;
};

TEST_F(RedirectTest, ANameWithoutAnAddressRefuses) {
  EXPECT_EQ(decide(1).reason, Reason::kNameUnresolved) << "no names yet";
  snapshot_.names = std::make_shared<ResolvedNames>();
  EXPECT_EQ(decide(1).reason, Reason::kNameUnresolved) << "not this name";
  resolve({});
  const Decision decision = decide(1);
  EXPECT_EQ(decision.reason, Reason::kNameUnresolved);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.router_rule, 0u) << "the line that decided";
}

TEST_F(RedirectTest, FlowsAreSpreadOverAllAddressesAndEachKeepsItsOwn) {
  resolve({"203.0.113.1", "203.0.113.2", "203.0.113.3"});
  std::map<uint32_t, int> flows;
  for (uint16_t port = 1000; port < 4000; ++port) {
    const Decision decision = decide(port);
    ASSERT_TRUE(decision.allowed);
    EXPECT_EQ(decision.remote_port, 15432);
    EXPECT_EQ(decision.policy, 5u);
    EXPECT_EQ(decide(port).remote, decision.remote);
    ++flows[decision.remote.value];
  }
  ASSERT_EQ(flows.size(), 3u);
  for (const auto& [remote, count] : flows) EXPECT_NEAR(count, 1000, 150) << remote;
}

TEST_F(RedirectTest, WhatANameMustNotStandFor) {
  const std::pair<const char*, Reason> bad[] = {{"10.128.4.1", Reason::kClusterDestination},
                                                {"192.0.2.10", Reason::kClusterDestination},
                                                {"127.0.0.1", Reason::kBadAddress},
                                                {"224.0.0.1", Reason::kBadAddress}};
  for (const auto& [remote, reason] : bad) {
    resolve({remote});
    const Decision decision = decide(1);
    EXPECT_FALSE(decision.allowed) << remote;
    EXPECT_EQ(decision.reason, reason) << remote;
  }
}

TEST_F(RedirectTest, OthersLearnNothingOfTheLines) {
  resolve({"203.0.113.1"});
  const Decision decision = decide(1, kPlatform);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.reason, Reason::kRouterDenied);
  EXPECT_EQ(decision.router, kRouter);
  EXPECT_EQ(decision.router_rule, kNoRouterRule);
}

}  // namespace
}  // namespace postern
