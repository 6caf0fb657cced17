#include "dataplane/stage/redirect.h"

#include <algorithm>
#include <span>

namespace postern {
namespace {

// SplitMix64's finaliser: spreads what differs in a flow over all bits. Not secret: who chooses its
// ports may choose among the addresses that the operator named.
uint64_t spread_of(const Flow& flow) {
  uint64_t x =
      uint64_t{flow.source.value} << 32 | uint64_t{flow.source_port} << 16 | flow.destination_port;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// What the rule's name stands for: nothing while it was never resolved.
std::span<const Ipv4Address> known_addresses(const Snapshot& snapshot, const RouterRule& rule) {
  if (snapshot.names == nullptr) return {};
  return snapshot.names->addresses(rule.name);
}

// Fills decision.remote; false while nothing is known of the rule's name.
bool find_remote(const Snapshot& snapshot, const Flow& flow, const RouterRule& rule,
                 Decision& decision) {
  decision.remote_port = rule.remote_port != 0 ? rule.remote_port : flow.destination_port;
  decision.remote = rule.address;
  if (rule.name == kNoName) return true;
  const std::span<const Ipv4Address> known = known_addresses(snapshot, rule);
  if (known.empty()) return false;
  decision.remote = known[spread_of(flow) % known.size()];
  return true;
}

// A name may come to stand for what is inside, whatever the configuration says: nobody leaves for
// there.
bool leads_outside(const Snapshot& snapshot, Decision& decision) {
  decision.reason = Reason::kBadAddress;
  if (decision.remote.is_martian()) return false;
  decision.reason = Reason::kClusterDestination;
  return !snapshot.is_inside(decision.remote);
}

}  // namespace

void redirect(const Snapshot& snapshot, const Flow& flow, RouterIndex router, Decision& decision) {
  const RouterTable& routers = snapshot.routers;
  decision.router = router;
  decision.reason = Reason::kRouterDenied;
  if (!routers.admits(router, decision.namespace_index)) return;
  decision.reason = Reason::kRouterNoRule;
  decision.router_rule = routers.rule_for(router, flow.protocol, flow.destination_port);
  if (decision.router_rule == kNoRouterRule) return;
  decision.reason = Reason::kNameUnresolved;
  if (!find_remote(snapshot, flow, routers.rules[decision.router_rule], decision)) return;
  if (!leads_outside(snapshot, decision)) return;
  decision.policy = routers.routers[router].policy;
  decision.allowed = true;
}

bool leads_to(const Snapshot& snapshot, const Decision& decision, Ipv4Address remote,
              uint16_t remote_port) {
  if (remote_port != decision.remote_port) return false;
  if (decision.router_rule == kNoRouterRule) return remote == decision.remote;
  const RouterRule& rule = snapshot.routers.rules[decision.router_rule];
  if (rule.name == kNoName) return remote == decision.remote;
  const std::span<const Ipv4Address> known = known_addresses(snapshot, rule);
  return std::find(known.begin(), known.end(), remote) != known.end();
}

}  // namespace postern
