#include "control/apply/compile.h"

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "control/apply/compile_limits.h"
#include "control/apply/compile_policy.h"
#include "control/apply/compile_routers.h"
#include "control/apply/encapsulation.h"
#include "control/apply/networks.h"
#include "control/apply/port_role.h"

namespace postern {
namespace {

constexpr uint32_t kIpv4TcpHeaderBytes = 40;

TunnelType type_of(config::TunnelType type) {
  return type == config::TunnelType::kGeneve ? TunnelType::kGeneve : TunnelType::kVxlan;
}

Ipv4Prefix host(Ipv4Address address) { return {address, 32}; }

absl::Status too_many(const char* what, uint32_t limit) {
  return absl::ResourceExhaustedError(absl::StrCat("too many ", what, ": there is room for ", limit,
                                                   ", those removed in the last seconds included"));
}

// Gives every key a number and drops those that are not named any more.
template <typename Key>
absl::Status renumber(SlotBook<Key>& book, const std::vector<Key>& wanted, const char* what,
                      uint32_t limit, std::vector<uint32_t>& cooling) {
  const absl::flat_hash_set<Key> names(wanted.begin(), wanted.end());
  cooling = book.drop_unless([&](const Key& key) { return names.contains(key); });
  for (const Key& key : wanted) {
    if (!book.take(key)) return too_many(what, limit);
  }
  return absl::OkStatus();
}

class Compiler {
 public:
  Compiler(const config::Model& model, std::span<const PortFacts> facts, const Books& books,
           uint64_t seed)
      : model_(model), facts_(facts), seed_(seed), snapshot_(std::make_unique<Snapshot>()) {
    out_.books = books;
  }

  absl::StatusOr<Compiled> compile() {
    if (absl::Status status = number_names(); !status.ok()) return status;
    add_ports();
    add_routes();
    if (absl::Status status = out_of_hops_; !status.ok()) return status;
    add_tunnels();
    add_nodes();
    if (absl::Status status = out_of_hops_; !status.ok()) return status;
    add_locals();
    add_inside();
    snapshot_->port_forms = make_port_forms(*snapshot_);
    add_times();
    number_rules();
    auto policy = compile_policy(model_, out_.books);
    if (!policy.ok()) return policy.status();
    snapshot_->policy = *std::move(policy);
    snapshot_->limits = compile_limits(model_, out_.books);
    snapshot_->routers = compile_routers(model_, out_.books, seed_, snapshot_->policy, out_.names);
    drop_next_hops();
    out_.snapshot = std::move(snapshot_);
    return std::move(out_);
  }

 private:
  absl::Status number_names() {
    std::vector<std::string> namespaces;
    for (const auto& entry : model_.namespaces) namespaces.push_back(entry.name);
    std::vector<std::string> nodes;
    for (const auto& entry : model_.nodes) nodes.push_back(entry.name);
    Books& books = out_.books;
    absl::Status status = renumber(books.namespaces, namespaces, "namespaces", kMaxNamespaces - 1,
                                   out_.cooling.namespaces);
    std::vector<std::string> fresh;
    for (const std::string& name : nodes) {
      if (!books.nodes.find(name)) fresh.push_back(name);
    }
    if (status.ok()) {
      status = renumber(books.nodes, nodes, "nodes", kMaxNodes, out_.cooling.nodes);
    }
    std::vector<std::string> wide;
    for (const auto& entry : model_.tunnels) {
      if (!entry.vni.value) wide.push_back(entry.name);
    }
    if (status.ok()) {
      status = renumber(books.wide_tunnels, wide, "tunnels with vni = \"any\"", kMaxWideNetworks,
                        out_.cooling.wide_tunnels);
    }
    if (!status.ok()) return status;
    for (const std::string& name : fresh) out_.fresh_nodes.push_back(*books.nodes.find(name));
    return number_addresses();
  }

  // An address that changes hands gets another number, as one that came back would.
  absl::Status number_addresses() {
    Books& books = out_.books;
    AddressOwners owners = address_owners(model_);
    out_.cooling.addresses = books.addresses.drop_unless([&](uint32_t address) {
      const auto owner = owners.find(address);
      return owner != owners.end() && owner->second == books.address_owners.at(address);
    });
    for (const auto& [address, owner] : owners) {
      if (!books.addresses.take(address)) return too_many("egress addresses", kMaxAddresses);
    }
    for (const uint32_t slot : out_.cooling.addresses) ++books.address_epochs[slot];
    books.address_owners = std::move(owners);
    return absl::OkStatus();
  }

  void number_rules() {
    Books& books = out_.books;
    const std::vector<config::FirewallRule>& rules = model_.firewall.rules;
    if (books.rules != nullptr && *books.rules == rules) return;
    books.rules = std::make_shared<const std::vector<config::FirewallRule>>(rules);
    ++books.rules_version;
  }

  void add_ports() {
    for (size_t i = 0; i < model_.ports.size(); ++i) {
      const config::Port& port = model_.ports[i];
      PortEntry& entry = snapshot_->ports.emplace_back();
      entry.device = facts_[i].device;
      entry.mac = facts_[i].mac;
      entry.role = role_of(port.role);
      entry.mtu_bytes = port.mtu;
      entry.vlan = port.vlan.value_or(0);
      entry.device_tags = facts_[i].puts_tags_on;
      entry.device_sums = facts_[i].judges_sums;
      entry.has_address = !port.addresses.empty();
      if (entry.has_address) entry.first_address = port.addresses[0]->address;
      ports_by_name_.emplace(port.name.value, static_cast<uint16_t>(i));
    }
  }

  // The slot of a next hop on a port's link.
  NeighbourSlot next_hop(uint16_t port, Ipv4Address address) {
    const NeighbourKey key{port, address};
    const std::optional<uint32_t> slot = out_.books.next_hops.take(key.packed());
    if (!slot) {
      out_of_hops_ = too_many("next hops", kMaxNextHops);
      return kNoNeighbour;
    }
    if (named_hops_.insert(key.packed()).second) out_.next_hops.push_back({key, *slot});
    return *slot;
  }

  // One route for each subnet of its port: of equal routes the one is taken whose subnet holds the
  // egress address.
  void add_route(Ipv4Prefix to, uint16_t port, NeighbourSlot via) {
    std::vector<Ipv4Prefix> subnets;
    for (const auto& address : model_.ports[port].addresses) subnets.push_back(address->subnet());
    if (subnets.empty()) subnets.push_back({Ipv4Address{}, 32});  // holds no address
    for (const Ipv4Prefix& subnet : subnets) {
      const Route route{to, port, via, subnet};
      if (snapshot_->ports[port].takes_replies()) external_.push_back(route);
      if (snapshot_->ports[port].takes_tunnels()) cluster_.push_back(route);
    }
  }

  void add_routes() {
    for (const config::Route& route : model_.routes) {
      const uint16_t port = ports_by_name_.at(route.port.value);
      add_route(route.to, port, next_hop(port, route.via));
    }
    for (size_t i = 0; i < model_.ports.size(); ++i) {
      const config::Port& port = model_.ports[i];
      const auto index = static_cast<uint16_t>(i);
      std::set<Ipv4Prefix> subnets;
      for (const auto& address : port.addresses) subnets.insert(address->subnet());
      for (const Ipv4Prefix& subnet : subnets) add_route(subnet, index, kNoNeighbour);
      if (port.gateway) add_route(Ipv4Prefix{}, index, next_hop(index, *port.gateway));
    }
    snapshot_->external_routes.build(std::move(external_));
    snapshot_->cluster_routes.build(std::move(cluster_));
  }

  // The ports on which packets for a tunnel's local address come: those that bear it, else those
  // whose subnet holds it, else every cluster port (an address that is routed here).
  uint64_t tunnel_ports(Ipv4Address local) const {
    uint64_t bearing = 0;
    uint64_t near = 0;
    uint64_t any = 0;
    for (size_t i = 0; i < model_.ports.size(); ++i) {
      if (!snapshot_->ports[i].takes_tunnels()) continue;
      const uint64_t bit = uint64_t{1} << i;
      any |= bit;
      for (const auto& address : model_.ports[i].addresses) {
        if (address->address == local) bearing |= bit;
        if (address->subnet().contains(local)) near |= bit;
      }
    }
    if (bearing != 0) return bearing;
    return near != 0 ? near : any;
  }

  void add_tunnels() {
    const size_t count = model_.tunnels.size();
    snapshot_->endpoints = FlatMap(FlatMap::cells_for(count + 1), seed_);
    snapshot_->tunnels_by_vni = FlatMap(FlatMap::cells_for(count + 1), seed_);
    uint64_t endpoints = 0;
    for (size_t i = 0; i < count; ++i) {
      const config::Tunnel& tunnel = model_.tunnels[i];
      TunnelEntry& entry = snapshot_->tunnels.emplace_back();
      entry.local = tunnel.local;
      entry.type = type_of(tunnel.type);
      entry.udp_port = tunnel.udp_port;
      entry.network = network_of(tunnel, out_.books);
      entry.vni = tunnel.vni.value.value_or(0);
      entry.ports = tunnel_ports(tunnel.local);
      entry.inner_mac = tunnel.inner_mac.value_or(derived_inner_mac(tunnel.name.value));
      entry.inner_addresses.assign(tunnel.inner_addresses.begin(), tunnel.inner_addresses.end());
      const uint64_t key = Snapshot::endpoint_key(entry.local, entry.udp_port);
      uint64_t endpoint = snapshot_->endpoints.find(key);
      if (endpoint == FlatMap::kAbsent) {
        endpoint = Snapshot::endpoint_of(endpoints++, entry.type);
        put(snapshot_->endpoints, key, endpoint);
      }
      const uint32_t vni = tunnel.vni.value.value_or(Snapshot::kAnyVni);
      put(snapshot_->tunnels_by_vni, Snapshot::tunnel_key(endpoint, vni), i);
      tunnels_by_name_.emplace(tunnel.name.value, static_cast<uint32_t>(i));
    }
  }

  void add_nodes() {
    snapshot_->nodes.resize(out_.books.nodes.high_water());
    snapshot_->nodes_by_vtep = FlatMap(FlatMap::cells_for(model_.nodes.size() + 1), seed_);
    for (const config::Node& node : model_.nodes) {
      const NodeIndex index = *out_.books.nodes.find(node.name.value);
      NodeEntry& entry = snapshot_->nodes[index];
      entry.tunnel = tunnels_by_name_.at(node.tunnel.value);
      entry.vtep = node.vtep;
      entry.in_use = true;
      entry.configured_mac = node.mac.value_or(MacAddress{});
      const TunnelEntry& tunnel = snapshot_->tunnels[entry.tunnel];
      const Route* route = snapshot_->cluster_routes.find(entry.vtep, tunnel.local);
      if (route != nullptr) {
        entry.port = route->port;
        entry.next_hop =
            route->via != kNoNeighbour ? route->via : next_hop(route->port, entry.vtep);
      }
      put_encapsulation(node, tunnel, snapshot_->ports[entry.port].mac, entry,
                        snapshot_->geneve_options);
      entry.mss_bytes = mss_through(entry);
      put(snapshot_->nodes_by_vtep, Snapshot::node_key(entry.tunnel, entry.vtep), index);
    }
  }

  // nat.md T7, for the pods of a node.
  [[nodiscard]] uint16_t mss_through(const NodeEntry& node) const {
    switch (model_.sessions.mss_clamp.mode) {
      case config::MssClamp::Mode::kOff:
        return 0;
      case config::MssClamp::Mode::kNumber:
        return model_.sessions.mss_clamp.mss;
      case config::MssClamp::Mode::kAuto:
        break;
    }
    uint32_t bytes = model_.ports[node.port].mtu - node.overhead_bytes();
    for (const PortEntry& port : snapshot_->ports) {
      if (port.takes_replies()) bytes = std::min(bytes, port.mtu_bytes);
    }
    return static_cast<uint16_t>(bytes - kIpv4TcpHeaderBytes);
  }

  void add_locals() {
    absl::btree_map<Ipv4Address, LocalAddress> locals;
    uint64_t external = 0;
    for (size_t i = 0; i < model_.ports.size(); ++i) {
      if (snapshot_->ports[i].takes_replies()) external |= uint64_t{1} << i;
      for (const auto& address : model_.ports[i].addresses) {
        LocalAddress& local = locals[address->address];
        local.kinds |= LocalAddress::kInterface;
        local.ports |= uint64_t{1} << i;
      }
    }
    for (const TunnelEntry& tunnel : snapshot_->tunnels) {
      LocalAddress& local = locals[tunnel.local];
      local.kinds |= LocalAddress::kVtep;
      local.ports |= tunnel.ports;
    }
    for (const auto& [address, slot] : out_.books.addresses.all()) {
      LocalAddress& local = locals[{address}];
      local.kinds |= LocalAddress::kEgress;
      local.ports |= external;
      local.slot = static_cast<AddressSlot>(slot);
    }
    snapshot_->locals_by_address = FlatMap(FlatMap::cells_for(locals.size() + 1), seed_);
    for (const auto& [address, local] : locals) {
      put(snapshot_->locals_by_address, Snapshot::local_key(address), snapshot_->locals.size());
      snapshot_->locals.push_back(local);
    }
  }

  // What never leaves by an uplink. Addresses inside a tunnel are ours, too.
  void add_inside() {
    std::set<Ipv4Prefix> inside;
    for (const config::Node& node : model_.nodes) {
      inside.insert(host(node.vtep));
      for (const auto& address : node.addresses) inside.insert(host(address));
      inside.insert(node.pod_cidrs.begin(), node.pod_cidrs.end());
    }
    for (const TunnelEntry& tunnel : snapshot_->tunnels) {
      for (const Ipv4Address address : tunnel.inner_addresses) inside.insert(host(address));
    }
    for (const config::EgressRouter& router : model_.egress_routers) {
      inside.insert(host(router.listen));
    }
    inside.insert(model_.cluster.no_snat.begin(), model_.cluster.no_snat.end());
    snapshot_->inside = PrefixSet(static_cast<uint32_t>(inside.size() + 1), seed_);
    for (const Ipv4Prefix& prefix : inside) {
      if (!snapshot_->inside.insert(prefix)) std::abort();  // sized above
    }
  }

  void add_times() {
    const config::Timeouts& times = model_.sessions.timeouts;
    snapshot_->timeouts = {
        times.tcp_established_s, times.tcp_transitory_s,     times.udp_s, times.icmp_s,
        times.other_s,           model_.sessions.port_hold_s};
    const config::Fragments& fragments = model_.sessions.fragments;
    snapshot_->fragments = {fragments.timeout_s * 1000, fragments.max, fragments.max_per_source};
  }

  void drop_next_hops() {
    out_.cooling.next_hops =
        out_.books.next_hops.drop_unless([&](uint64_t key) { return named_hops_.contains(key); });
  }

  // Maps are made large enough for what goes into them.
  static void put(FlatMap& map, uint64_t key, uint64_t value) {
    if (!map.insert(key, value)) std::abort();
  }

  const config::Model& model_;
  std::span<const PortFacts> facts_;
  uint64_t seed_;
  std::unique_ptr<Snapshot> snapshot_;
  Compiled out_;
  absl::Status out_of_hops_;
  absl::flat_hash_map<std::string, uint16_t> ports_by_name_;
  absl::flat_hash_map<std::string, uint32_t> tunnels_by_name_;
  absl::flat_hash_set<uint64_t> named_hops_;
  std::vector<Route> external_;
  std::vector<Route> cluster_;
};

}  // namespace

absl::StatusOr<Compiled> compile(const config::Model& model, std::span<const PortFacts> ports,
                                 const Books& books, uint64_t seed) {
  return Compiler(model, ports, books, seed).compile();
}

SourceInputs source_inputs(const config::Model& model, const Books& books) {
  const Networks networks(model, books);
  SourceInputs inputs;
  for (const config::Node& node : model.nodes) {
    const NodeIndex index = *books.nodes.find(node.name.value);
    const NetworkId network = networks.of(node);
    for (const auto& prefix : node.pod_cidrs) inputs.cidrs.insert({network, prefix}, index);
    for (const auto& address : node.addresses) {
      inputs.platform.insert({network, host(address)}, index);
    }
  }
  for (const config::Namespace& entry : model.namespaces) {
    const NamespaceIndex index = *books.namespaces.find(entry.name.value);
    const NetworkId network = networks.of(entry);
    for (const auto& prefix : entry.pods) inputs.pods.insert({network, prefix}, index);
  }
  return inputs;
}

MacAddress derived_inner_mac(std::string_view tunnel) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : tunnel) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  MacAddress mac = MacAddress::from_packed(hash >> 8 ^ hash << 40);
  mac.byte[0] = 0x02;  // locally administered, unicast (IEEE 802)
  return mac;
}

}  // namespace postern
