#include "control/apply/compile_policy.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace postern {
namespace {

uint8_t protocol_number(config::FirewallProtocol protocol) {
  switch (protocol) {
    case config::FirewallProtocol::kTcp:
      return 6;
    case config::FirewallProtocol::kUdp:
      return 17;
    case config::FirewallProtocol::kIcmp:
      return 1;
  }
  return 0;
}

Spread spread_of(config::Spread spread) {
  switch (spread) {
    case config::Spread::kSource:
      return Spread::kSource;
    case config::Spread::kSession:
      return Spread::kSession;
    case config::Spread::kFirst:
      return Spread::kFirst;
  }
  return Spread::kSource;
}

class PolicyCompiler {
 public:
  PolicyCompiler(const config::Model& model, const Books& books) : model_(model), books_(books) {}

  PolicyTable compile() {
    table_.namespaces.resize(books_.namespaces.high_water());
    add_addresses();
    add_rules();
    add_node_ip();
    add_egress_ips();
    return std::move(table_);
  }

 private:
  struct Row {
    bool names_pods = false;
    EgressMatch match;
  };

  // Removed addresses stay in the table with their risen epoch until their slot is reused.
  void add_addresses() {
    table_.addresses.resize(books_.addresses.high_water());
    for (size_t slot = 0; slot < table_.addresses.size(); ++slot) {
      table_.addresses[slot].epoch = books_.address_epochs[slot];
    }
    for (const auto& [address, slot] : books_.addresses.all()) {
      table_.addresses[slot].address = {address};
      table_.addresses[slot].in_use = true;
    }
  }

  Range add_prefixes(const config::ListOf<Ipv4Prefix>& prefixes) {
    const Range range{static_cast<uint32_t>(table_.prefixes.size()),
                      static_cast<uint32_t>(prefixes.size())};
    for (const auto& prefix : prefixes) table_.prefixes.push_back(prefix);
    return range;
  }

  void add_rules() {
    const config::Firewall& firewall = model_.firewall;
    table_.firewall_default_allow = firewall.default_action == config::FirewallAction::kAllow;
    table_.refuse_reject = firewall.refuse == config::FirewallRefuse::kReject;
    std::vector<uint32_t> for_all;
    absl::flat_hash_map<std::string, std::vector<uint32_t>> own;
    for (const config::FirewallRule& rule : firewall.rules) {
      const auto index = static_cast<uint32_t>(table_.rules.size());
      if (rule.name_space.value == config::kEveryNamespace) {
        for_all.push_back(index);
      } else {
        own[rule.name_space.value].push_back(index);
      }
      FirewallRule& compiled = table_.rules.emplace_back();
      compiled.allow = rule.action == config::FirewallAction::kAllow;
      compiled.to = add_prefixes(rule.to);
      compiled.ports = {static_cast<uint32_t>(table_.port_ranges.size()),
                        static_cast<uint32_t>(rule.ports.size())};
      for (const auto& ports : rule.ports) {
        table_.port_ranges.push_back({protocol_number(ports->protocol), ports->first, ports->last});
      }
    }
    order_rules(for_all, own);
  }

  // Namespaces without rules of their own share one list.
  void order_rules(const std::vector<uint32_t>& for_all,
                   const absl::flat_hash_map<std::string, std::vector<uint32_t>>& own) {
    table_.rule_order = for_all;
    const Range shared{0, static_cast<uint32_t>(for_all.size())};
    for (NamespacePolicy& policy : table_.namespaces) policy.rules = shared;
    for (const auto& [name, rules] : own) {
      const auto index = books_.namespaces.find(name);
      if (!index) continue;
      Range& range = table_.namespaces[*index].rules;
      range = {static_cast<uint32_t>(table_.rule_order.size()),
               static_cast<uint32_t>(rules.size() + for_all.size())};
      std::merge(rules.begin(), rules.end(), for_all.begin(), for_all.end(),
                 std::back_inserter(table_.rule_order));
    }
  }

  Range add_policy_addresses(const config::ListOf<Ipv4Address>& addresses) {
    const Range range{static_cast<uint32_t>(table_.address_slots.size()),
                      static_cast<uint32_t>(addresses.size())};
    for (const auto& address : addresses) {
      const auto slot = books_.addresses.find(address->value);
      table_.address_slots.push_back(static_cast<AddressSlot>(slot.value_or(kNoAddress)));
    }
    return range;
  }

  void add_node_ip() {
    table_.node_ip_platform_only = model_.node_ip.for_whom == config::NodeIpFor::kPlatform;
    switch (model_.node_ip.mode.value) {
      case config::NodeIpMode::kOff:
        return;
      case config::NodeIpMode::kGateway:
        table_.node_ip_policy = static_cast<uint32_t>(table_.policies.size());
        table_.policies.push_back({.addresses = add_policy_addresses(model_.node_ip.addresses)});
        return;
      case config::NodeIpMode::kPerNode:
        break;
    }
    table_.node_ip_by_node.assign(books_.nodes.high_water(), kNoEgressPolicy);
    for (const config::Node& node : model_.nodes) {
      const auto index = books_.nodes.find(node.name.value);
      if (!index || !node.external_ip) continue;
      table_.node_ip_by_node[*index] = static_cast<uint32_t>(table_.policies.size());
      table_.policies.push_back({.addresses = add_policy_addresses({*node.external_ip})});
    }
  }

  void add_egress_ips() {
    std::vector<std::vector<Row>> rows(table_.namespaces.size());
    for (const config::EgressIp& entry : model_.egress_ips) {
      const auto policy = static_cast<uint32_t>(table_.policies.size());
      table_.policies.push_back(
          {.addresses = add_policy_addresses(entry.addresses),
           .spread = spread_of(entry.spread),
           .next_address_when_exhausted =
               entry.when_exhausted == config::WhenExhausted::kNextAddress,
           .fall_back_to_node_ip = entry.fallback == config::Fallback::kNodeIp});
      const Range pods = add_prefixes(entry.pods);
      const Range except = add_prefixes(entry.except);
      for (const auto& name : entry.namespaces) {
        const auto index = books_.namespaces.find(name);
        if (!index) continue;
        for (const auto& destination : entry.destinations) {
          rows[*index].push_back({!entry.pods.empty(), {destination, pods, except, policy}});
        }
      }
    }
    for (size_t i = 0; i < rows.size(); ++i) add_matches(table_.namespaces[i], rows[i]);
  }

  // In the order in which they are asked (product.md, way 4).
  void add_matches(NamespacePolicy& policy, std::vector<Row>& rows) {
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return std::tuple(b.names_pods, b.match.destination.length) <
             std::tuple(a.names_pods, a.match.destination.length);
    });
    policy.matches = {static_cast<uint32_t>(table_.matches.size()),
                      static_cast<uint32_t>(rows.size())};
    for (const Row& row : rows) table_.matches.push_back(row.match);
  }

  const config::Model& model_;
  const Books& books_;
  PolicyTable table_;
};

}  // namespace

PolicyTable compile_policy(const config::Model& model, const Books& books) {
  return PolicyCompiler(model, books).compile();
}

}  // namespace postern
