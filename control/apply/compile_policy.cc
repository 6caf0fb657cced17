#include "control/apply/compile_policy.h"

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <utility>
#include <vector>

#include "control/apply/compile_egress.h"
#include "control/apply/compile_firewall.h"
#include "control/apply/prefix_nest.h"

namespace postern {
namespace {

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

  absl::StatusOr<PolicyTable> compile() {
    auto firewall = compile_firewall(model_, books_, {});
    if (!firewall.ok()) return firewall.status();
    table_.firewall = *std::move(firewall);
    add_addresses();
    add_node_ip();
    add_egress_ips();
    add_marks();
    return std::move(table_);
  }

 private:
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
    const auto first = static_cast<uint32_t>(table_.policies.size());
    for (const config::EgressIp& entry : model_.egress_ips) {
      table_.policies.push_back(
          {.addresses = add_policy_addresses(entry.addresses),
           .spread = spread_of(entry.spread),
           .next_address_when_exhausted =
               entry.when_exhausted == config::WhenExhausted::kNextAddress,
           .fall_back_to_node_ip = entry.fallback == config::Fallback::kNodeIp});
    }
    table_.egress = compile_egress(model_, books_, first);
  }

  // The check has refused a prefix that two entries of one namespace list.
  void add_marks() {
    absl::flat_hash_map<uint32_t, absl::btree_map<Ipv4Prefix, DscpMark>> marks;
    for (const config::QosRule& rule : model_.qos) {
      const auto index = books_.namespaces.find(rule.name_space.value);
      if (!index) continue;
      const DscpMark mark = dscp_mark(rule.dscp);
      if (rule.to.empty()) marks[*index].emplace(Ipv4Prefix{}, mark);
      for (const auto& prefix : rule.to) marks[*index].emplace(prefix.value, mark);
    }
    for (const auto& [index, by_prefix] : marks) {
      std::vector<Ipv4Prefix> prefixes;
      for (const auto& [prefix, mark] : by_prefix) prefixes.push_back(prefix);
      const PrefixNest nest(std::move(prefixes));
      const IntervalSteps steps = nest.steps([&, &of = by_prefix](uint32_t number) -> uint32_t {
        return number == PrefixNest::kNowhere ? kNoMark : of.at(nest.prefixes()[number]);
      });
      MarkTable& table = table_.marks;
      if (table.by_namespace.size() <= index) {
        table.by_namespace.resize(index + 1, IntervalTree::constant(kNoMark));
      }
      table.by_namespace[index] = table.trees.add(steps.all());
    }
  }

  const config::Model& model_;
  const Books& books_;
  PolicyTable table_;
};

}  // namespace

absl::StatusOr<PolicyTable> compile_policy(const config::Model& model, const Books& books) {
  return PolicyCompiler(model, books).compile();
}

}  // namespace postern
