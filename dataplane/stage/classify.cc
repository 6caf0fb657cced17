#include "dataplane/stage/classify.h"

#include <algorithm>

#include "dataplane/stage/redirect.h"

namespace postern {
namespace {

template <typename T>
std::span<const T> part(const std::vector<T>& all, Range range) {
  return {all.data() + range.first, range.count};
}

bool any_contains(std::span<const Ipv4Prefix> prefixes, Ipv4Address address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Ipv4Prefix& prefix) { return prefix.contains(address); });
}

// Addresses that no packet on its way out may bear (RFC 1122 3.2.1.3, RFC 1812 5.3.7).
bool has_bad_address(const Snapshot& snapshot, const Flow& flow) {
  return flow.destination.is_martian() || snapshot.is_bad_source(flow.source);
}

bool rule_matches(const PolicyTable& policy, const FirewallRule& rule, const Flow& flow) {
  if (rule.to.count != 0 && !any_contains(part(policy.prefixes, rule.to), flow.destination)) {
    return false;
  }
  if (rule.ports.count == 0) return true;
  const auto ranges = part(policy.port_ranges, rule.ports);
  return std::any_of(ranges.begin(), ranges.end(), [&](const PortRange& range) {
    return (range.protocol == 0 || range.protocol == flow.protocol) &&
           flow.destination_port >= range.low && flow.destination_port <= range.high;
  });
}

// True where the firewall lets the flow pass, else fills the reason.
bool passes_firewall(const PolicyTable& policy, const NamespacePolicy& rules, const Flow& flow,
                     Decision& decision) {
  for (const uint32_t index : part(policy.rule_order, rules.rules)) {
    const FirewallRule& rule = policy.rules[index];
    if (!rule_matches(policy, rule, flow)) continue;
    decision.reason = Reason::kFirewallDenied;
    return rule.allow;
  }
  decision.reason = Reason::kFirewallDefault;
  return policy.firewall_default_allow;
}

// product.md, way 4: `except` beats `destinations` at equal or longer length.
bool is_excepted(const PolicyTable& policy, const EgressMatch& match, Ipv4Address destination) {
  const auto excepts = part(policy.prefixes, match.except);
  return std::any_of(excepts.begin(), excepts.end(), [&](const Ipv4Prefix& except) {
    return except.length >= match.destination.length && except.contains(destination);
  });
}

// Rows are in the order of precedence: the first that matches decides.
uint32_t egress_policy(const PolicyTable& policy, const NamespacePolicy& rules, const Flow& flow) {
  for (const EgressMatch& match : part(policy.matches, rules.matches)) {
    if (!match.destination.contains(flow.destination)) continue;
    if (match.pods.count != 0 && !any_contains(part(policy.prefixes, match.pods), flow.source)) {
      continue;
    }
    if (!is_excepted(policy, match, flow.destination)) return match.policy;
  }
  return kNoEgressPolicy;
}

uint32_t choose_policy(const PolicyTable& policy, NamespaceIndex namespace_index,
                       const Flow& flow) {
  if (namespace_index != kPlatform) {
    const uint32_t egress = egress_policy(policy, policy.namespaces[namespace_index], flow);
    if (egress != kNoEgressPolicy) return egress;
  }
  return node_ip_policy(policy, namespace_index, flow.node);
}

Decision decide(const Snapshot& snapshot, const Flow& flow) {
  Decision decision;
  if (has_bad_address(snapshot, flow)) {
    decision.reason = Reason::kBadAddress;
    return decision;
  }
  if (!find_source(snapshot, flow.vni, flow.source, flow.node, decision)) return decision;
  const RouterIndex router = snapshot.routers.find(flow.destination);
  if (router != kNoRouter) {
    redirect(snapshot, flow, router, decision);
    return decision;
  }
  decision.remote = flow.destination;
  decision.remote_port = flow.destination_port;
  if (snapshot.is_inside(flow.destination)) {
    decision.reason = Reason::kClusterDestination;
    return decision;
  }
  const PolicyTable& policy = snapshot.policy;
  const NamespacePolicy& rules = policy.namespaces[decision.namespace_index];
  if (!passes_firewall(policy, rules, flow, decision)) return decision;
  decision.policy = choose_policy(policy, decision.namespace_index, flow);
  decision.allowed = decision.policy != kNoEgressPolicy;
  decision.reason = Reason::kNoPolicy;
  return decision;
}

}  // namespace

bool find_source(const Snapshot& snapshot, uint32_t vni, Ipv4Address source, NodeIndex node,
                 Decision& decision) {
  const SourceSlot slot = snapshot.sources->find(vni, source);
  decision.reason = Reason::kSourceNotOnNode;
  if (slot == kNoSource) return false;
  const SourceRecord record = snapshot.shared->source_records.load(slot);
  if (record.node != node) return false;
  decision.reason = Reason::kSourceUnknown;
  if (record.namespace_index == kNoNamespace) return false;
  decision.namespace_index = record.namespace_index;
  decision.source_slot_epoch = slot | uint32_t{record.epoch} << 24;
  return true;
}

uint32_t node_ip_policy(const PolicyTable& policy, NamespaceIndex namespace_index, NodeIndex node) {
  if (policy.node_ip_platform_only && namespace_index != kPlatform) return kNoEgressPolicy;
  if (node < policy.node_ip_by_node.size()) return policy.node_ip_by_node[node];
  return policy.node_ip_policy;
}

void classify(const Snapshot& snapshot, std::span<const Flow> flows,
              std::span<Decision> decisions) {
  for (size_t i = 0; i < flows.size(); ++i) decisions[i] = decide(snapshot, flows[i]);
}

}  // namespace postern
