// Names through the gateway: new addresses take their turn among the changes and come into the
// tables.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/unit/control/gateway_world.h"

namespace postern {
namespace {

class GatewayNamesTest : public GatewayWorld {
 protected:
  static std::shared_ptr<const NameAddresses> names(std::string_view one) {
    return std::make_shared<const NameAddresses>(NameAddresses{{"db.example.com", {address(one)}}});
  }
};

// Names change by themselves: a client that read the configuration before may still change it.
TEST_F(GatewayNamesTest, NewAddressesOfNamesAreNoNewGeneration) {
  const Snapshot* before = published_.current();
  std::optional<ChangeResult> result;
  gateway_.names_changed(names("203.0.113.9"), [&](ChangeResult r) { result = std::move(r); });
  EXPECT_EQ(published_.current(), before) << "made on the helper thread";
  settle();
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->status.ok());
  EXPECT_NE(published_.current(), before);
  EXPECT_EQ(published_.current()->sources, gateway_.snapshot().sources);
  EXPECT_EQ(gateway_.generation(), 1u);
  const PodPatch one{.add = {{"payments", {"10.128.0.70"}}}, .remove = {}};
  EXPECT_EQ(patch(one, {.if_generation = 1}).generation, 2u);
  EXPECT_EQ(owner("10.128.0.70"), "payments");
  EXPECT_EQ(resolver_.generations.size(), 1u) << "next hops are as they were";
}

// What names stand for is in the tables by their numbers, whatever was changed in between.
TEST_F(GatewayNamesTest, AddressesOfNamesAreInTheTables) {
  EXPECT_EQ(published_.current()->names, nullptr) << "no names, no table";
  const std::string router = R"(egress_routers = (
    { name = "db"; namespaces = [ "payments" ]; listen = "10.131.255.10"; source = "192.0.2.70";
      mode = "dns-proxy"; destinations = [ "80 other.example.com", "81 DB.example.com" ]; } );)";
  ASSERT_TRUE(apply(head() + kBody + router).status.ok());
  const auto known = [this](NameIndex name) {
    const auto addresses = published_.current()->names->addresses(name);
    return std::vector<Ipv4Address>(addresses.begin(), addresses.end());
  };
  EXPECT_TRUE(known(1).empty());
  gateway_.names_changed(names("203.0.113.9"), {});
  settle();
  EXPECT_TRUE(known(0).empty());
  EXPECT_EQ(known(1), std::vector<Ipv4Address>{address("203.0.113.9")});
  add("payments", {"10.128.0.70"});
  ASSERT_TRUE(apply(head("debug") + kBody + router).status.ok());
  EXPECT_EQ(known(1), std::vector<Ipv4Address>{address("203.0.113.9")}) << "over a change";
  gateway_.names_changed(names("203.0.113.10"), {});
  settle();
  EXPECT_EQ(known(1), std::vector<Ipv4Address>{address("203.0.113.10")});
  EXPECT_EQ(owner("10.128.0.70"), "payments");
}

TEST_F(GatewayNamesTest, RulesByNameMatchWhatTheirNamesStandFor) {
  const auto body = [](std::string_view rules) {
    return replaced(kBody, "firewall : { default = \"allow\"; };",
                    "firewall : { rules = ( " + std::string(rules) + " ); };");
  };
  const std::string by_name = R"(
    { namespace = "shop"; action = "allow"; to = [ "198.51.100.7" ]; },
    { namespace = "payments"; action = "allow"; to = [ "198.51.100.7" ];
      to_names = [ "DB.example.com", "other.example.com" ]; ports = [ "tcp/443" ]; })";
  ASSERT_TRUE(apply(head() + body(by_name)).status.ok());
  const auto rule_for = [this](std::string_view name, std::string_view destination,
                               uint16_t port = 443) {
    const NamespaceIndex index = *gateway_.books().namespaces.find(std::string(name));
    return gateway_.snapshot().policy.firewall.first_match(index, address(destination), 6, port);
  };
  EXPECT_EQ(rule_for("payments", "203.0.113.9"), kNoRule) << "not resolved";
  EXPECT_EQ(rule_for("payments", "198.51.100.7"), 1u) << "its prefixes count at once";
  const auto of_shop =
      gateway_.snapshot()
          .policy.firewall.own[*gateway_.books().namespaces.find(std::string("shop"))];
  gateway_.names_changed(names("203.0.113.9"), {});
  settle();
  EXPECT_EQ(rule_for("payments", "203.0.113.9"), 1u);
  EXPECT_EQ(rule_for("payments", "203.0.113.9", 80), kNoRule);
  EXPECT_EQ(rule_for("payments", "203.0.113.10"), kNoRule);
  EXPECT_EQ(rule_for("payments", "198.51.100.7"), 1u);
  EXPECT_EQ(rule_for("shop", "203.0.113.9"), kNoRule);
  EXPECT_EQ(gateway_.snapshot()
                .policy.firewall.own[*gateway_.books().namespaces.find(std::string("shop"))],
            of_shop)
      << "nothing of it changed";
  gateway_.names_changed(names("203.0.113.10"), {});
  settle();
  EXPECT_EQ(rule_for("payments", "203.0.113.9"), kNoRule);
  EXPECT_EQ(rule_for("payments", "203.0.113.10"), 1u);
  ASSERT_TRUE(apply(head("debug") + body(by_name)).status.ok());
  EXPECT_EQ(rule_for("payments", "203.0.113.10"), 1u) << "over a change";
}

TEST_F(GatewayNamesTest, OfNamesThatWaitForTheirTurnTheLastCount) {
  std::vector<int> order;
  gateway_.apply({true, head() + kBody}, {}, [&](const ChangeResult&) { order.push_back(1); });
  for (int i = 2; i < 5; ++i) {
    gateway_.names_changed(names("203.0.113.9"),
                           [&, i](const ChangeResult&) { order.push_back(i); });
  }
  for (int i = 0; i < 3; ++i) settle();
  EXPECT_EQ(order, (std::vector<int>{1, 4}));
  gateway_.names_changed(names("203.0.113.9"), [&](const ChangeResult&) { order.push_back(5); });
  settle();
  EXPECT_EQ(order.back(), 5);
  EXPECT_EQ(gateway_.generation(), 2u);
}

}  // namespace
}  // namespace postern
