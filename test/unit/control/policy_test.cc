// Compiled firewalls and egress tables answer as the specification read aloud does
// (policy_oracle.h): random rules and entries in a small world, where much overlaps, and every kind
// of question.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "control/apply/compile_egress.h"
#include "control/apply/compile_firewall.h"
#include "test/unit/control/policy_oracle.h"

namespace postern::test {
namespace {

using config::At;

class PolicyTest : public ::testing::Test {
 protected:
  static constexpr const char* kNames[] = {"one", "two", "three"};

  PolicyTest() {
    for (const char* name : kNames) EXPECT_TRUE(books_.namespaces.take(name).has_value());
  }

  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random_()) % limit; }
  bool one_in(uint32_t n) { return below(n) == 0; }

  // Addresses that differ in few bits, at both ends of an address and of all addresses.
  Ipv4Address address() {
    constexpr uint32_t kBases[] = {0x0a000000, 0x0a0100f0, 0xcb007100, 0x00000000, 0xfffffff0};
    return {kBases[below(5)] + below(16)};
  }
  Ipv4Prefix prefix() {
    constexpr uint8_t kLengths[] = {0, 1, 7, 8, 15, 16, 24, 27, 28, 29, 30, 31, 32, 32};
    const uint8_t length = kLengths[below(14)];
    return {{address().value & Ipv4Prefix::mask_of(length)}, length};
  }
  config::ListOf<Ipv4Prefix> prefixes(uint32_t most) {
    config::ListOf<Ipv4Prefix> list(below(most + 1));
    for (auto& each : list) each = {prefix(), {}};
    return list;
  }
  uint16_t port() { return static_cast<uint16_t>(one_in(8) ? 65535 - below(3) : below(12)); }
  config::FirewallPorts ports() {
    config::FirewallPorts ports;
    ports.protocol = static_cast<config::FirewallProtocol>(below(3));
    if (ports.protocol == config::FirewallProtocol::kIcmp || one_in(4)) return ports;
    const uint16_t one = port();
    const uint16_t other = one_in(2) ? port() : uint16_t{5};
    ports.first = std::min(one, other);
    ports.last = std::max(one, other);
    return ports;
  }
  config::FirewallRule rule() {
    config::FirewallRule rule;
    rule.name_space.value = one_in(4) ? config::kEveryNamespace : kNames[below(3)];
    rule.action = one_in(2) ? config::FirewallAction::kAllow : config::FirewallAction::kDeny;
    rule.to = prefixes(3);
    if (one_in(8)) rule.to_names.push_back({"name.example.org", {}});
    for (uint32_t n = below(4); n > 0; --n) rule.ports.push_back({ports(), {}});
    return rule;
  }
  config::EgressIp entry() {
    config::EgressIp entry;
    for (const char* name : kNames) {
      if (one_in(2)) entry.namespaces.push_back({name, {}});
    }
    if (one_in(2)) entry.pods = prefixes(3);
    if (!one_in(3)) entry.destinations = prefixes(4);
    entry.except = prefixes(3);
    return entry;
  }
  Asked question() {
    constexpr uint8_t kProtocols[] = {kProtocolTcp, kProtocolUdp, kProtocolIcmp};
    Asked asked;
    asked.name_space = one_in(8) ? "" : kNames[below(3)];
    asked.source = address();
    asked.destination = one_in(4) ? Ipv4Address{static_cast<uint32_t>(random_())} : address();
    asked.protocol = kProtocols[below(3)];
    asked.port = asked.protocol == kProtocolIcmp ? uint16_t{0} : port();
    return asked;
  }
  NamespaceIndex index_of(const Asked& asked) const {
    if (asked.name_space.empty()) return kPlatform;
    return *books_.namespaces.find(std::string(asked.name_space));
  }
  void compare(const Firewall& firewall, const NamedDestinations& names, int questions) {
    for (int i = 0; i < questions; ++i) {
      const Asked asked = question();
      const RuleNumber found =
          firewall.first_match(index_of(asked), asked.destination, asked.protocol, asked.port);
      ASSERT_EQ(found, first_rule(model_, names, asked))
          << asked.name_space << " to " << asked.destination.text() << " protocol "
          << int{asked.protocol} << " port " << asked.port;
    }
  }
  NamedDestinations random_names() {
    NamedDestinations names;
    for (RuleNumber number = 0; number < model_.firewall.rules.size(); ++number) {
      if (model_.firewall.rules[number].to_names.empty() || one_in(3)) continue;
      names[number] = {{address(), 32}, {address(), 32}};
    }
    return names;
  }

  std::mt19937 random_{7};
  config::Model model_;
  Books books_;
};

TEST_F(PolicyTest, FirewallAnswersAsTheRulesReadInOrder) {
  for (int round = 0; round < 300; ++round) {
    model_.firewall.rules.clear();
    for (uint32_t n = below(round < 290 ? 30 : 600); n > 0; --n) {
      model_.firewall.rules.push_back(rule());
    }
    const NamedDestinations names = random_names();
    const auto firewall = compile_firewall(model_, books_, names);
    ASSERT_TRUE(firewall.ok()) << firewall.status();
    ASSERT_NO_FATAL_FAILURE(compare(*firewall, names, 300)) << "round " << round;
  }
}

TEST_F(PolicyTest, ManyRulesForDistinctPlacesAndPorts) {
  for (uint32_t n = 0; n < 3000; ++n) {
    config::FirewallRule rule;
    rule.name_space.value = n % 7 == 0 ? config::kEveryNamespace : kNames[0];
    rule.to = {{{{0x0a000000 + n / 2 * 16}, 28}, {}}};
    if (n % 3 == 0) rule.to.clear();
    const auto first = static_cast<uint16_t>(1 + n * 20);
    const auto last = static_cast<uint16_t>(first + 30);
    rule.ports = {{{config::FirewallProtocol::kTcp, first, last}, {}}};
    model_.firewall.rules.push_back(rule);
  }
  const auto firewall = compile_firewall(model_, books_, {});
  ASSERT_TRUE(firewall.ok()) << firewall.status();
  for (int i = 0; i < 3000; ++i) {
    Asked asked = question();
    asked.destination = {0x0a000000 + below(3000 * 8)};
    asked.port = static_cast<uint16_t>(below(65536));
    ASSERT_EQ(firewall->first_match(index_of(asked), asked.destination, asked.protocol, asked.port),
              first_rule(model_, {}, asked));
  }
}

TEST_F(PolicyTest, NamesMoveWithoutTouchingOtherNamespaces) {
  while (model_.firewall.rules.size() < 200) model_.firewall.rules.push_back(rule());
  const NamedDestinations before = random_names();
  const auto old = compile_firewall(model_, books_, before);
  ASSERT_TRUE(old.ok());
  NamedDestinations after = before;
  std::vector<RuleNumber> moved;
  for (RuleNumber number = 0; number < model_.firewall.rules.size(); ++number) {
    const config::FirewallRule& rule = model_.firewall.rules[number];
    if (rule.to_names.empty() || rule.name_space.value != "two") continue;
    after[number] = {{address(), 32}};
    moved.push_back(number);
  }
  ASSERT_FALSE(moved.empty());
  const auto now = with_names(*old, model_, books_, after, moved);
  ASSERT_TRUE(now.ok());
  ASSERT_NO_FATAL_FAILURE(compare(*now, after, 3000));
  ASSERT_NO_FATAL_FAILURE(compare(*old, before, 3000));
  EXPECT_EQ(now->for_all, old->for_all);
  EXPECT_EQ(now->own[*books_.namespaces.find("one")], old->own[*books_.namespaces.find("one")]);
  EXPECT_NE(now->own[*books_.namespaces.find("two")], old->own[*books_.namespaces.find("two")]);
}

TEST_F(PolicyTest, RulesForEverybodyAreKeptOnce) {
  constexpr uint32_t kNamespaces = 5000;
  constexpr uint32_t kRules = 10'000;
  for (uint32_t n = 0; n < kNamespaces; ++n) {
    ASSERT_TRUE(books_.namespaces.take("space-" + std::to_string(n)).has_value());
  }
  for (uint32_t n = 0; n < kRules; ++n) {
    config::FirewallRule rule;
    rule.name_space.value =
        n % 2 == 0 ? config::kEveryNamespace : "space-" + std::to_string(n / 2 % kNamespaces);
    rule.to = {{{{0x0b000000 + n * 16}, 28}, {}}};
    model_.firewall.rules.push_back(rule);
  }
  const auto firewall = compile_firewall(model_, books_, {});
  ASSERT_TRUE(firewall.ok());
  size_t own_bytes = 0;
  for (const auto& set : firewall->own) own_bytes += set == nullptr ? 0 : set->trees.bytes();
  EXPECT_LT(own_bytes, size_t{kNamespaces} * 256);
  EXPECT_EQ(firewall->for_all->places.size(), kRules / 2);
}

TEST_F(PolicyTest, TooManyPortsByDestinationsAreRefusedWithTheRule) {
  model_.files.name = {"postern.cfg"};
  for (uint32_t n = 0; n < 20; ++n) {
    config::FirewallRule rule;
    rule.line = {0, 100 + n};
    rule.name_space.value = "one";
    rule.to = {{{{0x0a000000 + n}, 32}, {}}};
    for (uint16_t at = 0; at < 10; ++at) {
      const auto only = static_cast<uint16_t>(at * 2);
      rule.ports.push_back({{config::FirewallProtocol::kTcp, only, only}, {}});
    }
    model_.firewall.rules.push_back(rule);
  }
  EXPECT_TRUE(compile_firewall(model_, books_, {}, 200).ok());
  const auto refused = compile_firewall(model_, books_, {}, 199);
  ASSERT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(refused.status().message().find("postern.cfg:119: firewall.rules[19]: ") == 0)
      << refused.status();
}

TEST_F(PolicyTest, EgressAnswersAsTheSpecificationReads) {
  for (int round = 0; round < 400; ++round) {
    model_.egress_ips.clear();
    for (uint32_t n = below(round < 390 ? 12 : 300); n > 0; --n) {
      model_.egress_ips.push_back(entry());
    }
    const uint32_t first_policy = below(2);
    const EgressTable table = compile_egress(model_, books_, first_policy);
    for (int i = 0; i < 300; ++i) {
      const Asked asked = question();
      const auto wanted = egress_entry(model_, asked);
      ASSERT_EQ(table.find(index_of(asked), asked.source, asked.destination),
                wanted ? first_policy + *wanted : kNoEgressPolicy)
          << "round " << round << ": " << asked.name_space << " " << asked.source.text() << " to "
          << asked.destination.text();
    }
  }
}

}  // namespace
}  // namespace postern::test
