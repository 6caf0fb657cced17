// What product.md says of firewall rules and egress entries, asked of the model one entry after the
// other: slow, and short enough to be read against the specification. Compiled tables must never
// answer differently.
#ifndef POSTERN_TEST_UNIT_CONTROL_POLICY_ORACLE_H_
#define POSTERN_TEST_UNIT_CONTROL_POLICY_ORACLE_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "config/model.h"
#include "control/apply/compile_firewall.h"
#include "dataplane/wire/headers.h"

namespace postern::test {

struct Asked {
  std::string_view name_space;  // "": platform traffic
  Ipv4Address source;
  Ipv4Address destination;
  uint8_t protocol = kProtocolTcp;
  uint16_t port = 0;
};

inline bool any_holds(const config::ListOf<Ipv4Prefix>& prefixes, Ipv4Address address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const auto& prefix) { return prefix->contains(address); });
}

inline bool has_port(const config::FirewallRule& rule, const Asked& asked) {
  using enum config::FirewallProtocol;
  return rule.ports.empty() ||
         std::any_of(rule.ports.begin(), rule.ports.end(), [&](const auto& ports) {
           const uint8_t protocol = ports->protocol == kTcp   ? kProtocolTcp
                                    : ports->protocol == kUdp ? kProtocolUdp
                                                              : kProtocolIcmp;
           return protocol == asked.protocol && asked.port >= ports->first &&
                  asked.port <= ports->last;
         });
}

// The number of the first rule that matches, or kNoRule.
inline RuleNumber first_rule(const config::Model& model, const NamedDestinations& names,
                             const Asked& asked) {
  const auto& rules = model.firewall.rules;
  for (RuleNumber number = 0; number < rules.size(); ++number) {
    const config::FirewallRule& rule = rules[number];
    const std::string& name = rule.name_space.value;
    if (name != config::kEveryNamespace && name != asked.name_space) continue;
    bool there = any_holds(rule.to, asked.destination);
    there = there || (rule.to.empty() && rule.to_names.empty());
    if (const auto named = names.find(number); named != names.end()) {
      there = there || std::any_of(named->second.begin(), named->second.end(),
                                   [&](Ipv4Prefix p) { return p.contains(asked.destination); });
    }
    if (there && has_port(rule, asked)) return number;
  }
  return kNoRule;
}

// The longest of the prefixes that hold the address.
inline std::optional<uint8_t> longest(const config::ListOf<Ipv4Prefix>& prefixes,
                                      Ipv4Address address) {
  std::optional<uint8_t> length;
  for (const auto& prefix : prefixes) {
    if (prefix->contains(address) && (!length || prefix->length > *length)) length = prefix->length;
  }
  return length;
}

// The number of the entry, of those that name pods or of those that do not. Entries that tie are
// refused by the check; the first is taken here.
inline std::optional<uint32_t> egress_entry(const config::Model& model, const Asked& asked,
                                            bool by_pods) {
  std::optional<uint32_t> best;
  uint8_t best_length = 0;
  for (uint32_t number = 0; number < model.egress_ips.size(); ++number) {
    const config::EgressIp& entry = model.egress_ips[number];
    const bool named =
        std::any_of(entry.namespaces.begin(), entry.namespaces.end(),
                    [&](const auto& name) { return name.value == asked.name_space; });
    if (!named || entry.pods.empty() == by_pods) continue;
    if (by_pods && !any_holds(entry.pods, asked.source)) continue;
    const auto to = longest(entry.destinations, asked.destination);
    const auto except = longest(entry.except, asked.destination);
    if (!to || (except && *except >= *to)) continue;
    if (!best || *to > best_length) {
      best = number;
      best_length = *to;
    }
  }
  return best;
}

inline std::optional<uint32_t> egress_entry(const config::Model& model, const Asked& asked) {
  const auto of_pods = egress_entry(model, asked, true);
  return of_pods ? of_pods : egress_entry(model, asked, false);
}

}  // namespace postern::test

#endif  // POSTERN_TEST_UNIT_CONTROL_POLICY_ORACLE_H_
