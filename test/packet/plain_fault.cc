// Which configurations the plain model refuses.
#include <algorithm>
#include <utility>

#include "test/packet/plain_model.h"

namespace postern::test {
namespace {

template <typename T>
bool has_twice(const std::vector<T>& list) {
  return std::set<T>(list.begin(), list.end()).size() != list.size();
}

}  // namespace

std::string PlainWorld::fault() const {
  for (std::string found : {pod_fault(), reference_fault(), address_fault()}) {
    if (!found.empty()) return found;
  }
  return tie();
}

// Pods of the file may not overlap, the layer's may within their namespace.
std::string PlainWorld::pod_fault() const {
  std::vector<Ipv4Prefix> file;
  std::vector<std::pair<Ipv4Prefix, size_t>> effective;
  for (size_t i = 0; i < namespaces.size(); ++i) {
    file.insert(file.end(), namespaces[i].pods.begin(), namespaces[i].pods.end());
    for (const Ipv4Prefix& pod : pods(namespaces[i])) effective.emplace_back(pod, i);
  }
  for (size_t i = 0; i < file.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (overlap(file[i], file[j])) return "pods overlap in the file";
    }
  }
  std::vector<Ipv4Prefix> all = file;
  for (const auto& [pod, owner] : effective) {
    all.push_back(pod);
    for (const auto& [other, whose] : effective) {
      if (whose != owner && overlap(pod, other)) return "pods overlap";
    }
  }
  for (const PlainNode& node : nodes) {
    for (const Ipv4Address own : node.addresses) {
      if (has(all, Ipv4Prefix{own, 32})) return "a pod is a node's own address";
    }
  }
  return "";
}

std::string PlainWorld::reference_fault() const {
  std::vector<std::string> named;
  for (const PlainEgress& entry : egress) {
    named.insert(named.end(), entry.namespaces.begin(), entry.namespaces.end());
  }
  for (const PlainRouter& router : routers) {
    named.insert(named.end(), router.namespaces.begin(), router.namespaces.end());
  }
  for (const PlainRule& rule : rules) {
    if (rule.name_space != "*") named.push_back(rule.name_space);
  }
  for (const std::string& name : named) {
    if (namespace_of(name) == nullptr) return "a namespace that is not there";
  }
  return "";
}

std::string PlainWorld::address_fault() const {
  std::vector<Ipv4Prefix> cidrs;
  std::vector<Ipv4Address> own;
  std::vector<Ipv4Address> ours = node_ip_addresses;
  for (const PlainNode& node : nodes) {
    const std::set<Ipv4Prefix> its(node.cidrs.begin(), node.cidrs.end());
    cidrs.insert(cidrs.end(), its.begin(), its.end());
    own.insert(own.end(), node.addresses.begin(), node.addresses.end());
    if (node.external_ip) ours.push_back(*node.external_ip);
    if (node_ip == "per-node" && !node.external_ip) return "a node without an external address";
  }
  if (has_twice(cidrs)) return "a CIDR on two nodes";
  if (has_twice(own)) return "a node's address twice";
  for (const PlainEgress& entry : egress) {
    ours.insert(ours.end(), entry.addresses.begin(), entry.addresses.end());
  }
  for (const PlainRouter& router : routers) ours.insert(ours.end(), {router.source, router.listen});
  if (has_twice(ours)) return "an address twice";
  if (node_ip == "gateway" && node_ip_addresses.empty()) return "node_ip without addresses";
  for (const PlainRouter& router : routers) {
    for (const PlainLine& line : router.lines) {
      if (!line.name.empty()) continue;
      if (is_inside(line.address) || has(ours, line.address)) return "a router that leads inside";
    }
  }
  return "";
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

}  // namespace postern::test
