#include "dataplane/stage/revalidate.h"

#include <span>

#include "dataplane/stage/classify.h"
#include "dataplane/stage/redirect.h"
#include "dataplane/stage/route.h"

namespace postern {
namespace {

std::span<const AddressSlot> slots_of(const PolicyTable& table, const EgressPolicy& policy) {
  return {table.address_slots.data() + policy.addresses.first, policy.addresses.count};
}

bool has_address(const PolicyTable& table, const EgressPolicy& policy, AddressSlot wanted) {
  for (const AddressSlot slot : slots_of(table, policy)) {
    if (slot == wanted) return true;
  }
  return false;
}

bool has_usable_address(const Snapshot& snapshot, const EgressPolicy& policy) {
  for (const AddressSlot slot : slots_of(snapshot.policy, policy)) {
    if (!snapshot.shared->drains.holds(slot)) return true;
  }
  return false;
}

// The policy's addresses, or where none of them can be used, those that it falls back to.
bool could_get(const Snapshot& snapshot, const Decision& decision, NodeIndex node,
               AddressSlot slot) {
  const PolicyTable& table = snapshot.policy;
  const EgressPolicy& policy = table.policies[decision.policy];
  if (has_address(table, policy, slot)) return true;
  if (!policy.fall_back_to_node_ip || has_usable_address(snapshot, policy)) return false;
  const uint32_t node_ip = node_ip_policy(table, decision.namespace_index, node);
  return node_ip != kNoEgressPolicy && has_address(table, table.policies[node_ip], slot);
}

}  // namespace

bool is_still_allowed(const Snapshot& snapshot, const SessionEntry& entry,
                      const ColdSession& cold) {
  const OutboundKey key = outbound_key_of(entry, cold);
  const Ipv4Address source = Ipv4Address::from(key.source_ip);
  const SourceSlot slot =
      snapshot.find_source_again(entry.source_slot_epoch & 0xffffff, entry.vni(), source);
  if (slot == kNoSource) return false;
  const Flow flow{.source = source,
                  .destination = Ipv4Address::from(key.remote_ip),
                  .source_port = key.source_port.host(),
                  .destination_port = key.remote_port.host(),
                  .protocol = entry.protocol(),
                  .vni = entry.vni(),
                  .node = snapshot.shared->source_records.load(slot).node};
  Decision decision;
  classify(snapshot, {&flow, 1}, {&decision, 1});
  if (!decision.allowed) return false;
  if (!could_get(snapshot, decision, flow.node, entry.address_slot)) return false;
  const Ipv4Address remote = Ipv4Address::from(entry.remote_ip);
  if (!leads_to(snapshot, decision, remote, entry.remote_port.host())) return false;
  const Ipv4Address egress = snapshot.policy.addresses[entry.address_slot].address;
  const Route* route = snapshot.external_routes.find(remote, egress);
  return route != nullptr && !is_broadcast_of(*route, remote);
}

}  // namespace postern
