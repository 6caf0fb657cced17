#include "dataplane/stage/classify.h"

#include <algorithm>
#include <array>

#include "dataplane/packet/burst.h"
#include "dataplane/stage/redirect.h"

namespace postern {
namespace {

// Addresses that no packet on its way out may bear (RFC 1122 3.2.1.3, RFC 1812 5.3.7).
bool has_bad_address(const Snapshot& snapshot, const Flow& flow) {
  return flow.destination.is_martian() || snapshot.is_bad_source(flow.source);
}

// True where the firewall lets the flow pass, else fills the reason.
bool passes_firewall(const Firewall& firewall, const Flow& flow, Decision& decision) {
  const RuleNumber rule = firewall.first_match(decision.namespace_index, flow.destination,
                                               flow.protocol, flow.destination_port);
  decision.rule = rule;
  decision.reason = rule == kNoRule ? Reason::kFirewallDefault : Reason::kFirewallDenied;
  return rule == kNoRule ? firewall.default_allow : firewall.rules[rule].allow;
}

uint32_t choose_policy(const PolicyTable& policy, NamespaceIndex namespace_index,
                       const Flow& flow) {
  if (namespace_index != kPlatform) {
    const uint32_t egress = policy.egress.find(namespace_index, flow.source, flow.destination);
    if (egress != kNoEgressPolicy) return egress;
  }
  return node_ip_policy(policy, namespace_index, flow.node);
}

// Who it is that sends from a slot: as find_source().
bool take_source(const Snapshot& snapshot, SourceSlot slot, NodeIndex node, Decision& decision) {
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

// Filled where it lies: a copy of what was just written would wait for the stores.
void decide(const Snapshot& snapshot, const Flow& flow, SourceSlot slot, Decision& decision) {
  decision = Decision{};
  if (has_bad_address(snapshot, flow)) {
    decision.reason = Reason::kBadAddress;
    return;
  }
  if (!take_source(snapshot, slot, flow.node, decision)) return;
  const RouterIndex router = snapshot.routers.find(flow.destination);
  if (router != kNoRouter) {
    redirect(snapshot, flow, router, decision);
    return;
  }
  decision.remote = flow.destination;
  decision.remote_port = flow.destination_port;
  if (snapshot.is_inside(flow.destination)) {
    decision.reason = Reason::kClusterDestination;
    return;
  }
  const PolicyTable& policy = snapshot.policy;
  if (!passes_firewall(policy.firewall, flow, decision)) return;
  decision.policy = choose_policy(policy, decision.namespace_index, flow);
  decision.allowed = decision.policy != kNoEgressPolicy;
  decision.reason = Reason::kNoPolicy;
  return;
}

}  // namespace

bool find_source(const Snapshot& snapshot, uint32_t vni, Ipv4Address source, NodeIndex node,
                 Decision& decision) {
  return take_source(snapshot, snapshot.find_source(node, vni, source), node, decision);
}

uint32_t node_ip_policy(const PolicyTable& policy, NamespaceIndex namespace_index, NodeIndex node) {
  if (policy.node_ip_platform_only && namespace_index != kPlatform) return kNoEgressPolicy;
  if (node < policy.node_ip_by_node.size()) return policy.node_ip_by_node[node];
  return policy.node_ip_policy;
}

// What was asked for of all is there when the first is looked at: with 16,000 pods and more, map
// and records are seldom in the nearest caches (bench/classify_bench).
void classify(const Snapshot& snapshot, std::span<const Flow> flows,
              std::span<Decision> decisions) {
  std::array<SourceSlot, kBurst> slots;
  for (size_t done = 0; done < flows.size(); done += kBurst) {
    const size_t count = std::min<size_t>(flows.size() - done, kBurst);
    const std::span<const Flow> some = flows.subspan(done, count);
    for (const Flow& flow : some) snapshot.prefetch_source(flow.node, flow.vni, flow.source);
    for (size_t i = 0; i < count; ++i) {
      slots[i] = snapshot.find_source(some[i].node, some[i].vni, some[i].source);
      if (slots[i] != kNoSource) snapshot.shared->source_records.prefetch(slots[i]);
    }
    for (size_t i = 0; i < count; ++i) {
      Decision& decision = decisions[done + i];
      decide(snapshot, some[i], slots[i], decision);
      if (!decision.allowed) continue;
      decision.mark = snapshot.policy.marks.find(decision.namespace_index, decision.remote);
    }
  }
}

}  // namespace postern
