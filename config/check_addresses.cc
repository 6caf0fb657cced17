// No address belongs to two owners, and none of ours is somebody else's.
#include <algorithm>
#include <unordered_map>

#include "config/check_parts.h"
#include "config/form.h"

namespace postern::config {
namespace {

// Who has an address in the outer networks.
enum class Owner : uint8_t {
  kPort,     // the gateway itself, on a port
  kNodeIp,   // shared by all pods: may be a port's own address
  kTenant,   // an egress address, a router's addresses, a node's external address
  kNextHop,  // a router beside the gateway
  kVtep,     // a node's end of a tunnel
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
    claim(claims, router.listen, Owner::kTenant, member_path(path, "listen"));
    claim(claims, router.source, Owner::kTenant, member_path(path, "source"));
  }
}

bool is_ours(const Claim& claim) {
  return claim.owner == Owner::kPort || claim.owner == Owner::kNodeIp ||
         claim.owner == Owner::kTenant;
}

// What is wrong with `later` beside `earlier` on the same address, or nothing.
std::string conflict(const Claim& earlier, const Claim& later) {
  if (is_ours(earlier) && is_ours(later)) {
    const bool shared = earlier.owner != later.owner && earlier.owner != Owner::kTenant &&
                        later.owner != Owner::kTenant;
    return shared ? "" : "is owned twice, also by";
  }
  if (is_ours(earlier) || is_ours(later)) {
    const Claim& other = is_ours(earlier) ? later : earlier;
    if (is_ours(later)) return other.owner == Owner::kVtep ? "is a node's:" : "is a gateway's:";
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

void check_outer(const Model& model, Report& report) {
  Claims claims;
  claim_ports(model, claims);
  claim_nodes(model, claims);
  claim_tenants(model, claims);
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
}

// Addresses inside a tunnel: the gateway's own there, and the nodes'.
void check_inner(const Model& model, Report& report) {
  struct First {
    SourceLine line;
    std::string path;
  };
  std::unordered_map<std::string, First> first;  // by tunnel and address
  const auto take = [&](std::string_view tunnel, const At<Ipv4Address>& address, std::string path) {
    if (address->value == 0) return;
    const std::string where = std::string(tunnel) + " " + address->text();
    const auto [known, fresh] = first.try_emplace(where, First{address.line, path});
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

}  // namespace

void check_addresses(const Model& model, Report& report) {
  check_outer(model, report);
  check_inner(model, report);
}

}  // namespace postern::config
