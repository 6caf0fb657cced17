#include "test/packet/plain_model.h"

#include <algorithm>

namespace postern::test {

bool overlap(const Ipv4Prefix& a, const Ipv4Prefix& b) {
  return a.length <= b.length ? a.contains(b.address) : b.contains(a.address);
}
bool any_holds(const std::vector<Ipv4Prefix>& prefixes, Ipv4Address address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Ipv4Prefix& prefix) { return prefix.contains(address); });
}
int longest(const std::vector<Ipv4Prefix>& prefixes, Ipv4Address address) {
  int length = -1;
  for (const Ipv4Prefix& prefix : prefixes) {
    if (prefix.contains(address)) length = std::max<int>(length, prefix.length);
  }
  return length;
}

std::set<Ipv4Prefix> PlainWorld::pods(const PlainNamespace& name_space) const {
  std::set<Ipv4Prefix> all(name_space.pods.begin(), name_space.pods.end());
  if (const auto found = layer.added.find(name_space.name); found != layer.added.end()) {
    all.insert(found->second.begin(), found->second.end());
  }
  if (const auto found = layer.removed.find(name_space.name); found != layer.removed.end()) {
    for (const Ipv4Prefix& pod : found->second) all.erase(pod);
  }
  return all;
}

const PlainNode* PlainWorld::node_of(Ipv4Address source) const {
  const PlainNode* best = nullptr;
  int best_length = -1;
  for (const PlainNode& node : nodes) {
    if (has(node.addresses, source)) return &node;
    const int length = longest(node.cidrs, source);
    if (length > best_length) {
      best = &node;
      best_length = length;
    }
  }
  return best;
}

std::optional<PlainIdentity> PlainWorld::identity_of(Ipv4Address source) const {
  for (const PlainNode& node : nodes) {
    if (has(node.addresses, source)) return PlainIdentity{};
  }
  for (const PlainNamespace& name_space : namespaces) {
    for (const Ipv4Prefix& pod : pods(name_space)) {
      if (pod.contains(source)) return PlainIdentity{name_space.name, name_space.birth};
    }
  }
  return std::nullopt;
}

const PlainNamespace* PlainWorld::namespace_of(const std::string& name) const {
  for (const PlainNamespace& name_space : namespaces) {
    if (name_space.name == name) return &name_space;
  }
  return nullptr;
}

std::map<Ipv4Address, std::string> PlainWorld::faces() const {
  std::map<Ipv4Address, std::string> all;
  for (const PlainEgress& entry : egress) {
    for (const Ipv4Address address : entry.addresses) all[address] = "entries";
  }
  for (const PlainRouter& router : routers) {
    all[router.source] = "router " + router.name + " at " + router.listen.text();
  }
  if (node_ip == "gateway") {
    for (const Ipv4Address address : node_ip_addresses) all[address] = "all nodes";
  }
  if (node_ip == "per-node") {
    for (const PlainNode& node : nodes) all[*node.external_ip] = "node " + node.name;
  }
  return all;
}

bool PlainWorld::is_inside(Ipv4Address destination) const {
  for (const PlainNode& node : nodes) {
    if (node.vtep == destination || has(node.addresses, destination) ||
        any_holds(node.cidrs, destination)) {
      return true;
    }
  }
  const std::string text = destination.text();
  return any_holds(no_snat, destination) || faces().contains(destination) || text == "10.0.0.254" ||
         text == "192.0.2.10";
}

// Nothing: it passes.
std::optional<Reason> PlainWorld::firewall(const std::string& name, const PlainFlow& flow) const {
  for (const PlainRule& rule : rules) {
    if (rule.name_space != "*" && rule.name_space != name) continue;
    if (!rule.to.empty() && !any_holds(rule.to, flow.destination)) continue;
    const bool named =
        std::any_of(rule.to_names.begin(), rule.to_names.end(), [&](const std::string& each) {
          const auto known = names.find(each);
          return known != names.end() && has(known->second, flow.destination);
        });
    if (!rule.to_names.empty() && !named) continue;
    const bool fits =
        rule.ports.empty() ||
        std::any_of(rule.ports.begin(), rule.ports.end(), [&](const PlainService& service) {
          if (service.protocol != flow.protocol) return false;
          return flow.protocol == 1 ||
                 (service.first <= flow.destination_port && flow.destination_port <= service.last);
        });
    if (!fits) continue;
    if (rule.allow) return std::nullopt;
    return Reason::kFirewallDenied;
  }
  if (default_allow) return std::nullopt;
  return Reason::kFirewallDefault;
}

const PlainEgress* PlainWorld::egress_for(const std::string& name, Ipv4Address source,
                                          Ipv4Address destination, bool& tie) const {
  const PlainEgress* best = nullptr;
  int best_length = -1;
  for (const PlainEgress& entry : egress) {
    if (!has(entry.namespaces, name)) continue;
    if (!entry.pods.empty() && !any_holds(entry.pods, source)) continue;
    const int length = entry.destinations.empty() ? 0 : longest(entry.destinations, destination);
    if (length < 0 || longest(entry.except, destination) >= length) continue;
    const bool pods_first = best != nullptr && entry.pods.empty() != best->pods.empty();
    if (best == nullptr || (pods_first ? best->pods.empty() : length > best_length)) {
      best = &entry;
      best_length = length;
      tie = false;
    } else if (!pods_first && length == best_length) {
      tie = true;
    }
  }
  return best;
}

std::vector<Ipv4Address> PlainWorld::node_ips(const std::string& name,
                                              const PlainNode& node) const {
  if (platform_only && !name.empty()) return {};
  if (node_ip == "gateway") return node_ip_addresses;
  if (node_ip == "per-node") return {*node.external_ip};
  return {};
}

PlainWay PlainWorld::way_by_router(const PlainRouter& router, const std::string& name,
                                   const PlainFlow& flow) const {
  if (!has(router.namespaces, name)) return {.dropped = Reason::kRouterDenied};
  for (const PlainLine& line : router.lines) {
    const bool fits =
        line.port == 0 || (line.port == flow.destination_port && line.protocol == flow.protocol);
    if (!fits) continue;
    std::vector<Ipv4Address> remotes = {line.address};
    if (!line.name.empty()) {
      const auto known = names.find(line.name);
      if (known == names.end()) return {.dropped = Reason::kNameUnresolved};
      remotes = known->second;
    }
    // All addresses of a name are inside, or none.
    if (is_inside(remotes[0])) return {.dropped = Reason::kClusterDestination};
    return {.faces = {router.source},
            .spread = "first",
            .remotes = remotes,
            .remote_port = line.remote_port != 0 ? line.remote_port : flow.destination_port};
  }
  return {.dropped = Reason::kRouterNoRule};
}

PlainWay PlainWorld::way(const PlainFlow& flow, const PlainNode& from) const {
  const PlainNode* node = node_of(flow.source);
  if (node == nullptr || node->name != from.name) return {.dropped = Reason::kSourceNotOnNode};
  const std::optional<PlainIdentity> identity = identity_of(flow.source);
  if (!identity) return {.dropped = Reason::kSourceUnknown};
  const std::string& name = identity->name_space;
  for (const PlainRouter& router : routers) {
    if (router.listen == flow.destination) return way_by_router(router, name, flow);
  }
  if (is_inside(flow.destination)) return {.dropped = Reason::kClusterDestination};
  if (const auto refused = firewall(name, flow)) return {.dropped = refused};

  PlainWay found{
      .spread = "source", .remotes = {flow.destination}, .remote_port = flow.destination_port};
  bool tie = false;
  const PlainEgress* entry =
      name.empty() ? nullptr : egress_for(name, flow.source, flow.destination, tie);
  if (tie) return {.dropped = Reason::kShutdown, .spread = "a tie was let through"};
  if (entry == nullptr) {
    found.faces = node_ips(name, *node);
    if (found.faces.empty()) found.dropped = Reason::kNoPolicy;
    return found;
  }
  found.faces = entry->addresses;
  found.spread = entry->spread;
  if (entry->fall_back) found.fallback = node_ips(name, *node);
  return found;
}

std::vector<Ipv4Address> PlainWorld::usable(const std::vector<Ipv4Address>& addresses) const {
  std::vector<Ipv4Address> left;
  for (const Ipv4Address address : addresses) {
    if (!drained.contains(address)) left.push_back(address);
  }
  return left;
}

PlainVerdict PlainWorld::judge(const PlainFlow& flow, const PlainNode& from) const {
  const PlainWay found = way(flow, from);
  PlainVerdict verdict{.dropped = found.dropped,
                       .faces = usable(found.faces),
                       .spread = found.spread,
                       .remotes = found.remotes,
                       .remote_port = found.remote_port};
  if (verdict.dropped) return verdict;
  if (verdict.faces.empty()) {
    verdict.faces = usable(found.fallback);
    verdict.spread = "source";
  }
  if (verdict.faces.empty()) verdict.dropped = Reason::kNoEgressAddress;
  return verdict;
}

bool PlainWorld::could_begin(const PlainFlow& flow, Ipv4Address face, Ipv4Address remote,
                             uint16_t remote_port) const {
  const PlainNode* node = node_of(flow.source);
  if (node == nullptr) return false;
  const PlainWay found = way(flow, *node);
  if (found.dropped || !has(found.remotes, remote) || found.remote_port != remote_port)
    return false;
  if (has(found.faces, face)) return true;
  return usable(found.faces).empty() && has(found.fallback, face);
}

}  // namespace postern::test
