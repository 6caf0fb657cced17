#include "control/methods/explain_places.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace postern {
namespace {

template <typename Entry>
const Entry* named(const std::vector<Entry>& entries, const std::string& name) {
  for (const Entry& entry : entries) {
    if (entry.name.value == name) return &entry;
  }
  return nullptr;
}

// The longest of the prefixes that holds the address, or null.
const config::At<Ipv4Prefix>* longest(const config::ListOf<Ipv4Prefix>& prefixes,
                                      Ipv4Address address) {
  const config::At<Ipv4Prefix>* best = nullptr;
  for (const auto& prefix : prefixes) {
    if (!prefix->contains(address)) continue;
    if (best == nullptr || prefix->length > best->value.length) best = &prefix;
  }
  return best;
}

const config::At<Ipv4Address>* one_of(const config::ListOf<Ipv4Address>& addresses,
                                      Ipv4Address address) {
  for (const auto& each : addresses) {
    if (each.value == address) return &each;
  }
  return nullptr;
}

std::optional<Ipv4Prefix> longest_of_layer(const PodLayer& layer, const std::string& name,
                                           Ipv4Address address) {
  const auto found = layer.all().find(name);
  std::optional<Ipv4Prefix> best;
  if (found == layer.all().end()) return best;
  for (const Ipv4Prefix& pod : found->second.added) {
    if (pod.contains(address) && (!best || pod.length > best->length)) best = pod;
  }
  return best;
}

}  // namespace

const config::Node* ExplainPlaces::node(NodeIndex index) const {
  return index < ground_.names.nodes.size() ? named(file_.nodes, ground_.names.nodes[index])
                                            : nullptr;
}

const config::Namespace* ExplainPlaces::name_space(NamespaceIndex index) const {
  return index < ground_.names.namespaces.size()
             ? named(file_.namespaces, ground_.names.namespaces[index])
             : nullptr;
}

ExplainPlace ExplainPlaces::pod(NamespaceIndex index, Ipv4Address address) const {
  const config::Namespace* const entry = name_space(index);
  if (entry == nullptr) return {"a pod", {}};
  const config::At<Ipv4Prefix>* const in_file = longest(entry->pods, address);
  const auto added = longest_of_layer(ground_.layer, entry->name.value, address);
  if (added && (in_file == nullptr || added->length > in_file->value.length)) {
    return {absl::StrCat("added to it as ", added->text(), " by namespaces.patch"), {}};
  }
  if (in_file == nullptr) return {"one of its pods", {}};
  return {absl::StrCat("one of its pods ", in_file->value.text()), in_file->line};
}

std::optional<ExplainPlaces::TakenOut> ExplainPlaces::taken_out(uint32_t vni,
                                                                Ipv4Address address) const {
  std::optional<TakenOut> best;
  for (const config::Namespace& entry : file_.namespaces) {
    const auto layer = ground_.layer.all().find(entry.name.value);
    if (layer == ground_.layer.all().end() || layer->second.removed.empty()) continue;
    const config::Tunnel* const tunnel = named(file_.tunnels, entry.tunnel.value);
    if (tunnel == nullptr) continue;
    const std::optional<uint32_t> own = entry.vni ? entry.vni->value : tunnel->vni.value;
    if (own && *own != vni) continue;  // without one, its pods are theirs in every VNI
    for (const auto& pod : entry.pods) {
      if (!pod->contains(address) || !layer->second.removed.contains(pod.value)) continue;
      if (best && best->pod.length >= pod->length) continue;
      best = TakenOut{entry.name.value, pod.value, pod.line};
    }
  }
  return best;
}

ExplainPlace ExplainPlaces::on_node(NodeIndex index, Ipv4Address address) const {
  const config::Node* const entry = node(index);
  if (entry == nullptr) return {};
  if (const auto* own = one_of(entry->addresses, address)) {
    return {absl::StrCat("an address of node ", entry->name.value, " itself"), own->line};
  }
  if (const auto* cidr = longest(entry->pod_cidrs, address)) {
    return {absl::StrCat("in the pod CIDR ", cidr->value.text(), " of node ", entry->name.value),
            cidr->line};
  }
  return {absl::StrCat("on node ", entry->name.value), entry->line};
}

std::optional<ExplainPlace> ExplainPlaces::own_address(Ipv4Address address) const {
  for (const config::Tunnel& tunnel : file_.tunnels) {
    if (tunnel.local.value == address) {
      return ExplainPlace{absl::StrCat("the address of tunnel ", tunnel.name.value),
                          tunnel.local.line};
    }
    if (const auto* inner = one_of(tunnel.inner_addresses, address)) {
      return ExplainPlace{absl::StrCat("the gateway's in tunnel ", tunnel.name.value), inner->line};
    }
  }
  for (const config::Port& port : file_.ports) {
    for (const auto& own : port.addresses) {
      if (own->address != address) continue;
      return ExplainPlace{absl::StrCat("the address of port ", port.name.value), own.line};
    }
  }
  for (const config::EgressRouter& router : file_.egress_routers) {
    if (router.listen.value != address) continue;
    return ExplainPlace{absl::StrCat("the address of egress router ", router.name.value),
                        router.listen.line};
  }
  ExplainPlace egress = egress_address(address);
  if (egress.what.empty()) return std::nullopt;
  return egress;
}

std::optional<ExplainPlace> ExplainPlaces::of_nodes(Ipv4Address address) const {
  const config::Node* holder = nullptr;
  const config::At<Ipv4Prefix>* best = nullptr;
  for (const config::Node& node : file_.nodes) {
    if (node.vtep.value == address) {
      return ExplainPlace{absl::StrCat("the underlay address of node ", node.name.value),
                          node.vtep.line};
    }
    if (const auto* own = one_of(node.addresses, address)) {
      return ExplainPlace{absl::StrCat("an address of node ", node.name.value), own->line};
    }
    const auto* const cidr = longest(node.pod_cidrs, address);
    if (cidr == nullptr || (best != nullptr && cidr->value.length <= best->value.length)) continue;
    holder = &node;
    best = cidr;
  }
  if (best == nullptr) return std::nullopt;
  return ExplainPlace{
      absl::StrCat("in the pod CIDR ", best->value.text(), " of node ", holder->name.value),
      best->line};
}

ExplainPlace ExplainPlaces::inside(Ipv4Address address) const {
  if (auto own = own_address(address)) return *std::move(own);
  if (auto of_a_node = of_nodes(address)) return *std::move(of_a_node);
  if (const auto* no_snat = longest(file_.cluster.no_snat, address)) {
    return {absl::StrCat("in cluster.no_snat ", no_snat->value.text()), no_snat->line};
  }
  return {"inside the cluster", {}};
}

// In the order in which the compiler numbers them (compile_policy.cc): node_ip, one or one a node
// that has an external address, then egress_ips; routers know their own.
ExplainPlace ExplainPlaces::policy(uint32_t policy, const ExplainWay& way,
                                   const Decision& decision) const {
  if (decision.router != kNoRouter) {
    const config::EgressRouter& router = file_.egress_routers[decision.router];
    return {absl::StrCat("egress router ", router.name.value), router.source.line};
  }
  const PolicyTable& table = ground_.snapshot.policy;
  if (policy == node_ip_policy(table, decision.namespace_index, way.node)) {
    const config::Node* const sender = node(way.node);
    const bool per_node = file_.node_ip.mode.value == config::NodeIpMode::kPerNode;
    if (per_node && sender != nullptr && sender->external_ip) {
      return {absl::StrCat("node_ip, with the address of node ", sender->name.value),
              sender->external_ip->line};
    }
    return {"node_ip", file_.node_ip.mode.line};
  }
  const size_t all = table.policies.size();
  const size_t behind = file_.egress_routers.size();
  const size_t first = all - behind - file_.egress_ips.size();
  if (policy < first || policy - first >= file_.egress_ips.size()) return {};
  const config::EgressIp& entry = file_.egress_ips[policy - first];
  return {absl::StrCat("egress_ips.", entry.name.value), entry.line};
}

ExplainPlace ExplainPlaces::egress_address(Ipv4Address address) const {
  for (const config::EgressIp& entry : file_.egress_ips) {
    if (const auto* own = one_of(entry.addresses, address)) {
      return {absl::StrCat("an address of egress_ips.", entry.name.value), own->line};
    }
  }
  for (const config::EgressRouter& router : file_.egress_routers) {
    if (router.source.value != address) continue;
    return {absl::StrCat("the source of egress router ", router.name.value), router.source.line};
  }
  if (const auto* own = one_of(file_.node_ip.addresses, address)) {
    return {"an address of node_ip", own->line};
  }
  for (const config::Node& node : file_.nodes) {
    if (!node.external_ip || node.external_ip->value != address) continue;
    return {absl::StrCat("the external address of node ", node.name.value), node.external_ip->line};
  }
  return {};
}

ExplainPlace ExplainPlaces::mark(NamespaceIndex index, Ipv4Address remote) const {
  const config::Namespace* const entry = name_space(index);
  if (entry == nullptr) return {};
  ExplainPlace best;
  int best_length = -1;
  for (const config::QosRule& rule : file_.qos) {
    if (rule.name_space.value != entry->name.value) continue;
    if (rule.to.empty() && best_length < 0) {
      best = {"qos for every destination", rule.line};
      best_length = 0;
    }
    const auto* const to = longest(rule.to, remote);
    if (to == nullptr || to->value.length < best_length) continue;
    best = {absl::StrCat("qos to ", to->value.text()), to->line};
    best_length = to->value.length;
  }
  return best;
}

ExplainPlace ExplainPlaces::external_route(const Route& found) const { return route(found); }

ExplainPlace ExplainPlaces::cluster_route(Ipv4Address vtep, Ipv4Address local) const {
  const Route* const found = ground_.snapshot.cluster_routes.find(vtep, local);
  return found == nullptr ? ExplainPlace{} : route(*found);
}

ExplainPlace ExplainPlaces::route(const Route& route) const {
  const config::Port& port = file_.ports[route.port];
  if (route.via == kNoNeighbour) {
    for (const auto& own : port.addresses) {
      if (own->subnet() != route.to) continue;
      return {absl::StrCat("the destination is on the link, ", route.to.text()), own.line};
    }
    return {"the destination is on the link", port.line};
  }
  const auto key_of = [&](Ipv4Address via) {
    return ground_.books.next_hops.find(NeighbourKey{route.port, via}.packed());
  };
  for (const config::Route& each : file_.routes) {
    if (each.to.value != route.to || each.port.value != port.name.value) continue;
    if (key_of(each.via.value) != route.via) continue;
    return {absl::StrCat("next hop ", each.via.value.text(), " of the route to ", route.to.text()),
            each.line};
  }
  if (!port.gateway) return {};
  return {absl::StrCat("next hop ", port.gateway->value.text(), ", the gateway of the port"),
          port.gateway->line};
}

}  // namespace postern
