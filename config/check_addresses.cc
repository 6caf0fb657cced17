// No address belongs to two owners, and none of ours is somebody else's.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "config/check_parts.h"
#include "config/form.h"

namespace postern::config {
namespace {

// Who has an address in the outer networks.
enum class Owner : uint8_t {
  kPort,     // the gateway itself, on a port
  kNodeIp,   // shared by all pods: may be a port's own address
  kTenant,   // an egress address, a router's source, a node's external address
  kListen,   // where pods dial a router: may lie among the pods' addresses
  kNextHop,  // a router beside the gateway
  kVtep,     // a node's end of a tunnel
  kNode,     // a node's own address inside the overlay
};

struct Claim {
  uint32_t address;
  Owner owner;
  SourceLine line;
  std::string path;
  std::string_view tunnel;  // of a VTEP
};

using Claims = std::vector<Claim>;

void claim(Claims& claims, const At<Ipv4Address>& address, Owner owner, std::string path,
           std::string_view tunnel = {}) {
  if (address->value == 0) return;
  claims.push_back({address->value, owner, address.line, std::move(path), tunnel});
}

void claim_ports(const Model& model, Claims& claims) {
  for (size_t i = 0; i < model.ports.size(); ++i) {
    const Port& port = model.ports[i];
    const std::string path = entry_path("ports", port, i);
    for (size_t j = 0; j < port.addresses.size(); ++j) {
      const At<PortAddress>& own = port.addresses[j];
      claim(claims, {own->address, own.line}, Owner::kPort, member_path(path, "addresses", j));
    }
    if (port.gateway) claim(claims, *port.gateway, Owner::kNextHop, member_path(path, "gateway"));
  }
  for (size_t i = 0; i < model.routes.size(); ++i) {
    claim(claims, model.routes[i].via, Owner::kNextHop,
          member_path(entry_path("routes", model.routes[i], i), "via"));
  }
}

void claim_nodes(const Model& model, Claims& claims) {
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    const std::string path = entry_path("nodes", node, i);
    claim(claims, node.vtep, Owner::kVtep, member_path(path, "vtep"), node.tunnel.value);
    if (node.external_ip) {
      claim(claims, *node.external_ip, Owner::kTenant, member_path(path, "external_ip"));
    }
    for (size_t j = 0; j < node.addresses.size(); ++j) {
      claim(claims, node.addresses[j], Owner::kNode, member_path(path, "addresses", j));
    }
  }
  for (size_t i = 0; i < model.node_ip.addresses.size(); ++i) {
    claim(claims, model.node_ip.addresses[i], Owner::kNodeIp,
          member_path("node_ip", "addresses", i));
  }
}

void claim_tenants(const Model& model, Claims& claims) {
  for (size_t i = 0; i < model.egress_ips.size(); ++i) {
    const EgressIp& egress = model.egress_ips[i];
    const std::string path = entry_path("egress_ips", egress, i);
    for (size_t j = 0; j < egress.addresses.size(); ++j) {
      claim(claims, egress.addresses[j], Owner::kTenant, member_path(path, "addresses", j));
    }
  }
  for (size_t i = 0; i < model.egress_routers.size(); ++i) {
    const EgressRouter& router = model.egress_routers[i];
    const std::string path = entry_path("egress_routers", router, i);
    claim(claims, router.listen, Owner::kListen, member_path(path, "listen"));
    claim(claims, router.source, Owner::kTenant, member_path(path, "source"));
  }
}

bool is_tenant(const Claim& claim) {
  return claim.owner == Owner::kTenant || claim.owner == Owner::kListen;
}
bool is_ours(const Claim& claim) {
  return claim.owner == Owner::kPort || claim.owner == Owner::kNodeIp || is_tenant(claim);
}
bool is_node(const Claim& claim) {
  return claim.owner == Owner::kVtep || claim.owner == Owner::kNode;
}

// What is wrong with `later` beside `earlier` on the same address, or nothing.
std::string conflict(const Claim& earlier, const Claim& later) {
  if (is_ours(earlier) && is_ours(later)) {
    const bool shared = earlier.owner != later.owner && !is_tenant(earlier) && !is_tenant(later);
    return shared ? "" : "is owned twice, also by";
  }
  if (is_ours(earlier) || is_ours(later)) {
    const Claim& other = is_ours(earlier) ? later : earlier;
    if (is_ours(later)) return is_node(other) ? "is a node's:" : "is a gateway's:";
    return "is the gateway's own:";
  }
  const bool same_tunnel = earlier.owner == Owner::kVtep && later.owner == Owner::kVtep &&
                           earlier.tunnel == later.tunnel;
  return same_tunnel ? "belongs to another node of the tunnel:" : "";
}

// Complains once for each claim, naming the first that it conflicts with. `begin` to `end` are the
// claims to one address.
void judge(const Claim* begin, const Claim* end, Report& report) {
  std::vector<const Claim*> standing;
  for (const Claim* later = begin; later != end; ++later) {
    std::string problem;
    bool repeated = false;  // many routes may share a next hop: one stands for all
    for (const Claim* earlier : standing) {
      problem = conflict(*earlier, *later);
      repeated = repeated || (earlier->owner == Owner::kNextHop && later->owner == earlier->owner);
      if (problem.empty()) continue;
      report.error(later->line, later->path,
                   Ipv4Address{later->address}.text() + " " + problem + " " + earlier->path +
                       " on " + report.call(earlier->line, later->line));
      break;
    }
    if (problem.empty() && !repeated) standing.push_back(later);
  }
}

// No host answers for the addresses of a subnet that mean the subnet or all hosts of it.
void check_subnets(const Model& model, const Claims& claims, Report& report) {
  std::unordered_map<uint32_t, std::string> special;
  for (const Port& port : model.ports) {
    for (const At<PortAddress>& own : port.addresses) {
      const Ipv4Prefix subnet = own->subnet();
      if (own->address.value == 0 || subnet.length >= 31) continue;
      const Interval all = Interval::of(subnet);
      special.emplace(all.first, "the network's own address of " + subnet.text());
      special.emplace(all.last, "the broadcast address of " + subnet.text());
    }
  }
  for (const Claim& claim : claims) {
    if (claim.owner == Owner::kPort || claim.owner == Owner::kNextHop) continue;  // check_ports
    const auto found = special.find(claim.address);
    if (found == special.end()) continue;
    report.error(claim.line, claim.path,
                 Ipv4Address{claim.address}.text() + " is " + found->second);
  }
}

// Pods, by where they begin. Those of different networks may overlap.
struct PodRange {
  Interval interval;
  size_t name_space;
  size_t pod;
};

std::vector<PodRange> pods_of(const Model& model) {
  std::vector<PodRange> pods;
  for (size_t i = 0; i < model.namespaces.size(); ++i) {
    const Namespace& name_space = model.namespaces[i];
    for (size_t j = 0; j < name_space.pods.size(); ++j) {
      pods.push_back({Interval::of(name_space.pods[j].value), i, j});
    }
  }
  return pods;
}

std::string whose_pod(const Model& model, const PodRange& pods, SourceLine here,
                      const Report& report) {
  const Namespace& name_space = model.namespaces[pods.name_space];
  return " is a pod's: " +
         member_path(entry_path("namespaces", name_space, pods.name_space), "pods", pods.pod) +
         " on " + report.call(name_space.pods[pods.pod].line, here);
}

// What the gateway bears outside is no pod's address inside.
void check_pods_outside(const Model& model, const Claims& sorted, Report& report) {
  const auto less = [](const Claim& claim, uint32_t address) { return claim.address < address; };
  std::vector<bool> said(sorted.size());
  for (const PodRange& pods : pods_of(model)) {
    auto at = std::lower_bound(sorted.begin(), sorted.end(), pods.interval.first, less);
    for (; at != sorted.end() && at->address <= pods.interval.last; ++at) {
      const auto index = static_cast<size_t>(at - sorted.begin());
      if (!is_ours(*at) || at->owner == Owner::kListen || said[index]) continue;
      said[index] = true;
      report.error(at->line, at->path,
                   Ipv4Address{at->address}.text() + whose_pod(model, pods, at->line, report));
    }
  }
}

void check_outer(const Model& model, Report& report) {
  Claims claims;
  claim_ports(model, claims);
  claim_nodes(model, claims);
  claim_tenants(model, claims);
  check_subnets(model, claims, report);
  std::stable_sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
    return a.address != b.address ? a.address < b.address : before(a.line, b.line);
  });
  const Claim* const end = claims.data() + claims.size();
  for (const Claim* group = claims.data(); group != end;) {
    const Claim* next = group;
    while (next != end && next->address == group->address) ++next;
    if (next - group > 1) judge(group, next, report);
    group = next;
  }
  check_pods_outside(model, claims, report);
}

// Addresses inside a virtual network: the gateway's own there, the nodes', and single pods'. A
// prefix of pods may go round them.
void check_inner(const Model& model, const Directory& directory, Report& report) {
  struct First {
    SourceLine line;
    std::string path;
  };
  std::map<std::pair<Network, uint32_t>, First> first;
  std::map<std::pair<Network, uint32_t>, PodRange> single;
  for (const PodRange& pods : pods_of(model)) {
    const auto network = directory.network(model.namespaces[pods.name_space]);
    if (!network || pods.interval.first != pods.interval.last) continue;
    single.emplace(std::pair(*network, pods.interval.first), pods);
  }
  const auto take = [&](std::string_view tunnel, const At<Ipv4Address>& address, std::string path) {
    const auto network = directory.network(tunnel);
    if (address->value == 0 || !network) return;
    const std::pair where(*network, address->value);
    const auto [known, fresh] = first.try_emplace(where, First{address.line, path});
    if (const auto pods = single.find(where); pods != single.end()) {
      report.error(address.line, path,
                   address->text() + whose_pod(model, pods->second, address.line, report));
    }
    if (fresh) return;
    report.error(address.line, std::move(path),
                 address->text() + " is owned twice, also by " + known->second.path + " on " +
                     report.call(known->second.line, address.line));
  };
  for (size_t i = 0; i < model.tunnels.size(); ++i) {
    const Tunnel& tunnel = model.tunnels[i];
    for (size_t j = 0; j < tunnel.inner_addresses.size(); ++j) {
      take(tunnel.name.value, tunnel.inner_addresses[j],
           member_path(entry_path("tunnels", tunnel, i), "inner_addresses", j));
    }
  }
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    for (size_t j = 0; j < node.addresses.size(); ++j) {
      take(node.tunnel.value, node.addresses[j],
           member_path(entry_path("nodes", node, i), "addresses", j));
    }
  }
}

// What an egress router listens on is its own in every virtual network.
void check_listen(const Model& model, Report& report) {
  if (model.egress_routers.empty()) return;
  struct Inner {
    SourceLine line;
    std::string path;
  };
  std::unordered_map<uint32_t, Inner> inner;
  for (size_t i = 0; i < model.tunnels.size(); ++i) {
    const Tunnel& tunnel = model.tunnels[i];
    for (size_t j = 0; j < tunnel.inner_addresses.size(); ++j) {
      const At<Ipv4Address>& own = tunnel.inner_addresses[j];
      inner.try_emplace(own->value, Inner{own.line, member_path(entry_path("tunnels", tunnel, i),
                                                                "inner_addresses", j)});
    }
  }
  std::unordered_map<uint32_t, PodRange> single;
  for (const PodRange& pods : pods_of(model)) {
    if (pods.interval.first == pods.interval.last) single.emplace(pods.interval.first, pods);
  }
  for (size_t i = 0; i < model.egress_routers.size(); ++i) {
    const EgressRouter& router = model.egress_routers[i];
    const std::string path = member_path(entry_path("egress_routers", router, i), "listen");
    const At<Ipv4Address>& listen = router.listen;
    if (const auto own = inner.find(listen->value); own != inner.end() && listen->value != 0) {
      report.error(listen.line, path,
                   listen->text() + " is owned twice, also by " + own->second.path + " on " +
                       report.call(own->second.line, listen.line));
    }
    if (const auto pods = single.find(listen->value); pods != single.end()) {
      report.error(listen.line, path,
                   listen->text() + whose_pod(model, pods->second, listen.line, report));
    }
  }
}

}  // namespace

void check_addresses(const Model& model, const Directory& directory, Report& report) {
  check_outer(model, report);
  check_inner(model, directory, report);
  check_listen(model, report);
}

}  // namespace postern::config
