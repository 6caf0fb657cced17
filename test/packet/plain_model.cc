#include "test/packet/plain_model.h"

#include <algorithm>

namespace postern::test {
namespace {

constexpr char kHead[] = R"(version = 1;
gateway : { name = "gw-test"; };
ports = (
  { name = "underlay"; device = "net_ring0"; role = "cluster"; addresses = [ "10.0.0.254/24" ];
    mtu = 1600; },
  { name = "uplink"; device = "net_ring1"; role = "external"; addresses = [ "192.0.2.10/24" ];
    gateway = "192.0.2.1"; } );
tunnels = ( { name = "overlay"; type = "vxlan"; local = "10.0.0.254"; vni = 100;
              inner_mac = "02:00:00:00:00:30"; } );
)";

std::string quoted(const std::string& text) { return "\"" + text + "\""; }
template <typename T>
std::string item(const T& value) {
  return quoted(value.text());
}
std::string item(const std::string& value) { return quoted(value); }
std::string item(const PlainService& service) {
  if (service.protocol == 1) return quoted("icmp");
  const std::string name = service.protocol == 6 ? "tcp" : "udp";
  if (service.first == 0) return quoted(name);
  return quoted(name + "/" + std::to_string(service.first) + "-" + std::to_string(service.last));
}
template <typename List>
std::string items(const char* key, const List& list) {
  std::string out = std::string(key) + " = [ ";
  bool first = true;
  for (const auto& value : list) {
    out += (first ? "" : ", ") + item(value);
    first = false;
  }
  return out + " ]; ";
}
template <typename List>
std::string items_if_any(const char* key, const List& list) {
  return list.empty() ? "" : items(key, list);
}
template <typename List, typename Text>
std::string groups(const char* key, const List& list, Text text) {
  std::string out = std::string(key) + " = (";
  for (size_t i = 0; i < list.size(); ++i)
    out += (i == 0 ? "\n  { " : ",\n  { ") + text(list[i]) + "}";
  return out + " );\n";
}

bool overlap(const Ipv4Prefix& a, const Ipv4Prefix& b) {
  return a.length <= b.length ? a.contains(b.address) : b.contains(a.address);
}
template <typename List>
bool any_holds(const List& prefixes, Ipv4Address address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Ipv4Prefix& prefix) { return prefix.contains(address); });
}
// The length of the longest that holds the address, or -1.
int longest(const std::vector<Ipv4Prefix>& prefixes, Ipv4Address address) {
  int length = -1;
  for (const Ipv4Prefix& prefix : prefixes) {
    if (prefix.contains(address)) length = std::max<int>(length, prefix.length);
  }
  return length;
}
template <typename T>
bool has(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

std::string PlainWorld::text() const {
  std::string out = kHead;
  out += groups("nodes", nodes, [](const PlainNode& node) {
    return "name = " + quoted(node.name) + "; tunnel = \"overlay\"; vtep = " + item(node.vtep) +
           "; " + items("pod_cidrs", node.cidrs) + items("addresses", node.addresses);
  });
  out += "cluster : { " + items("no_snat", no_snat) + "};\n";
  out += groups("namespaces", namespaces, [](const PlainNamespace& name_space) {
    return "name = " + quoted(name_space.name) + "; " + items("pods", name_space.pods);
  });
  out += "node_ip : { mode = " + quoted(node_ip) + "; " + items("addresses", node_ip_addresses) +
         "for = " + quoted(platform_only ? "platform" : "all") + "; };\n";
  out += groups("egress_ips", egress, [](const PlainEgress& entry) {
    return "name = " + quoted(entry.name) + "; " + items("namespaces", entry.namespaces) +
           items_if_any("pods", entry.pods) + items_if_any("destinations", entry.destinations) +
           items("except", entry.except) + items("addresses", entry.addresses) +
           "spread = " + quoted(entry.spread) +
           "; fallback = " + quoted(entry.fall_back ? "node-ip" : "drop") + "; ";
  });
  out += "firewall : { default = " + quoted(default_allow ? "allow" : "deny") +
         "; refuse = " + quoted(reject ? "reject" : "drop") + ";\n";
  out += groups("rules", rules, [](const PlainRule& rule) {
    return "namespace = " + quoted(rule.name_space) +
           "; action = " + quoted(rule.allow ? "allow" : "deny") + "; " +
           items_if_any("to", rule.to) + items_if_any("ports", rule.ports);
  });
  return out + "};\n";
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

std::string PlainWorld::fault() const {
  std::vector<std::pair<Ipv4Prefix, size_t>> file;
  std::vector<std::pair<Ipv4Prefix, size_t>> effective;
  for (size_t i = 0; i < namespaces.size(); ++i) {
    for (const Ipv4Prefix& pod : namespaces[i].pods) file.emplace_back(pod, i);
    for (const Ipv4Prefix& pod : pods(namespaces[i])) effective.emplace_back(pod, i);
  }
  std::vector<Ipv4Prefix> cidrs;
  std::vector<Ipv4Address> own;
  for (const PlainNode& node : nodes) {
    const std::set<Ipv4Prefix> its(node.cidrs.begin(), node.cidrs.end());
    cidrs.insert(cidrs.end(), its.begin(), its.end());
    own.insert(own.end(), node.addresses.begin(), node.addresses.end());
  }
  for (size_t i = 0; i < file.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (overlap(file[i].first, file[j].first)) return "pods overlap in the file";
    }
  }
  for (const auto& [pod, owner] : effective) {
    if (pod.length == 32 && has(own, pod.address)) return "a pod is a node's own address";
    for (const auto& [other, whose] : effective) {
      if (whose != owner && overlap(pod, other)) return "pods overlap";
    }
  }
  for (const auto& [pod, owner] : file) {
    if (pod.length == 32 && has(own, pod.address)) return "a pod is a node's own address";
  }
  std::vector<Ipv4Address> faces_all = node_ip_addresses;
  for (const PlainEgress& entry : egress) {
    faces_all.insert(faces_all.end(), entry.addresses.begin(), entry.addresses.end());
    for (const std::string& name : entry.namespaces) {
      const bool known = std::any_of(namespaces.begin(), namespaces.end(),
                                     [&](const auto& each) { return each.name == name; });
      if (!known) return "an entry for a namespace that is not there";
    }
  }
  for (const PlainRule& rule : rules) {
    const bool known = std::any_of(namespaces.begin(), namespaces.end(),
                                   [&](const auto& each) { return each.name == rule.name_space; });
    if (!known && rule.name_space != "*") return "a rule for a namespace that is not there";
  }
  if (std::set(cidrs.begin(), cidrs.end()).size() != cidrs.size()) return "a CIDR on two nodes";
  if (std::set(own.begin(), own.end()).size() != own.size()) return "a node's address twice";
  if (std::set(faces_all.begin(), faces_all.end()).size() != faces_all.size()) {
    return "an address twice";
  }
  if (node_ip == "gateway" && node_ip_addresses.empty()) return "node_ip without addresses";
  return tie();
}

// Whether for some namespace and some destination two entries of a kind match equally. What
// entries match changes at the ends of prefixes only, so looking there is enough.
std::string PlainWorld::tie() const {
  std::set<uint32_t> places = {0};
  for (const PlainEgress& entry : egress) {
    for (const auto* list : {&entry.destinations, &entry.except}) {
      for (const Ipv4Prefix& prefix : *list) {
        places.insert(prefix.address.value);
        places.insert((prefix.address.value | ~prefix.mask()) + 1);
      }
    }
  }
  const auto length = [](const PlainEgress& entry, Ipv4Address at) {
    const int most = entry.destinations.empty() ? 0 : longest(entry.destinations, at);
    return longest(entry.except, at) >= most ? -1 : most;
  };
  for (size_t i = 0; i < egress.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const PlainEgress& a = egress[i];
      const PlainEgress& b = egress[j];
      const bool meet = std::any_of(a.namespaces.begin(), a.namespaces.end(),
                                    [&](const auto& name) { return has(b.namespaces, name); });
      bool pods_meet = a.pods.empty() && b.pods.empty();
      for (const Ipv4Prefix& one : a.pods) {
        for (const Ipv4Prefix& other : b.pods) pods_meet = pods_meet || overlap(one, other);
      }
      if (!meet || !pods_meet) continue;
      for (const uint32_t place : places) {
        const int most = length(a, {place});
        if (most >= 0 && most == length(b, {place})) return "a tie";
      }
    }
  }
  return "";
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
    if (any_holds(pods(name_space), source))
      return PlainIdentity{name_space.name, name_space.birth};
  }
  return std::nullopt;
}

std::set<Ipv4Address> PlainWorld::faces() const {
  std::set<Ipv4Address> all;
  for (const PlainEgress& entry : egress)
    all.insert(entry.addresses.begin(), entry.addresses.end());
  if (node_ip == "gateway") all.insert(node_ip_addresses.begin(), node_ip_addresses.end());
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

PlainVerdict PlainWorld::judge(const PlainFlow& flow, const PlainNode& from) const {
  const PlainNode* node = node_of(flow.source);
  if (node == nullptr || node->name != from.name) return {Reason::kSourceNotOnNode, {}, ""};
  const std::optional<PlainIdentity> identity = identity_of(flow.source);
  if (!identity) return {Reason::kSourceUnknown, {}, ""};
  if (is_inside(flow.destination)) return {Reason::kClusterDestination, {}, ""};
  const std::string& name = identity->name_space;
  if (const auto refused = firewall(name, flow)) return {refused, {}, ""};

  const PlainVerdict by_node_ip{std::nullopt, node_ip_addresses, "source"};
  const bool node_ip_serves = node_ip == "gateway" && (!platform_only || name.empty());
  bool tie = false;
  const PlainEgress* entry =
      name.empty() ? nullptr : egress_for(name, flow.source, flow.destination, tie);
  if (tie) return {Reason::kShutdown, {}, "a tie was let through"};
  if (entry == nullptr)
    return node_ip_serves ? by_node_ip : PlainVerdict{Reason::kNoPolicy, {}, ""};
  if (!entry->addresses.empty()) return {std::nullopt, entry->addresses, entry->spread};
  if (entry->fall_back && node_ip_serves) return by_node_ip;
  return {Reason::kNoEgressAddress, {}, ""};
}

}  // namespace postern::test
