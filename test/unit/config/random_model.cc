#include "test/unit/config/random_model.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "test/unit/config/random_values.h"

namespace postern::config {
namespace {

// Every kind of address has a range of its own, so that nothing is owned twice.
constexpr uint32_t kPorts = 10u << 24;    // a /16 for each port
constexpr uint32_t kVteps = 11u << 24;    // nodes' ends of the tunnels
constexpr uint32_t kOutside = 60u << 24;  // where egress routers lead
constexpr uint32_t kPods = 100u << 24;    // a /16 for each namespace, and for each node
constexpr uint32_t kListen = 103u << 24;  // of egress routers
constexpr uint32_t kInner = 172u << 24;   // the gateway's in tunnels, 2^12 for each
constexpr uint32_t kNodes = (172u << 24) + (1u << 20);  // the nodes' own
constexpr uint32_t kSources = 192u << 24;               // what the outside sees
constexpr Ipv4Prefix kAllOutside{{kOutside}, 8};

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  Model make() {
    random_.fill(model_, kModelKeys);
    model_.gateway.name = random_.name("gw", 0);
    make_ports();
    make_tunnels();
    make_nodes();
    make_namespaces();
    make_egress();
    make_routers();
    make_cluster();
    make_rules();
    give_ports_to_workers();
    return std::move(model_);
  }

 private:
  template <typename Make>
  auto list(uint32_t count, Make make) {
    ListOf<decltype(make())> made;
    for (; count > 0; --count) made.push_back({make(), {}});
    return made;
  }
  ListOf<Ipv4Prefix> prefixes(uint32_t count) {
    return list(count, [&] { return random_.prefix(); });
  }
  // Addresses that nobody has yet.
  static Ipv4Address fresh(uint32_t range, uint32_t& used) { return {range + ++used}; }
  Ipv4Address fresh_source() {
    used_sources_ += random_.number(0, 9);
    return fresh(kSources, used_sources_);
  }

  void make_ports() {
    const uint32_t count = 2 + random_.entries();
    for (uint32_t i = 0; i < count; ++i) {
      Port port;
      random_.fill(port, kPortKeys);
      // One of each kind at least.
      if (i == 0 && port.role.value == PortRole::kExternal) port.role.value = PortRole::kCluster;
      if (i == 1 && port.role.value == PortRole::kCluster) port.role.value = PortRole::kExternal;
      port.name.value = random_.name("port", i);
      const std::string device = "net_tap" + std::to_string(i) + ",";
      port.device.value = device + random_.text(512 - device.size());
      const uint32_t net = kPorts + (i << 16);
      const uint32_t addresses = random_.entries() + (i == 0 ? 1 : 0);
      for (uint32_t j = 0; j < addresses; ++j) {
        // The first has room for routers beside it.
        const auto length = j == 0 ? uint8_t{24} : random_.any(std::vector<uint8_t>{8, 24, 31, 32});
        port.addresses.push_back({{{net + j * 256 + random_.number(1, 99)}, length}, {}});
      }
      if (!port.addresses.empty()) lead_on(port);
      model_.ports.push_back(port);
    }
  }

  void lead_on(Port& port) {
    const auto beside = [&] {
      const Ipv4Address net = port.addresses[0]->subnet().address;
      return Ipv4Address{net.value + random_.number(100, 254)};
    };
    if (random_.maybe()) port.gateway = At<Ipv4Address>{beside(), {}};
    if (random_.maybe()) return;
    for (uint32_t i = random_.entries(); i > 0; --i) {
      Route route;
      route.to.value = random_.prefix();
      route.via.value = beside();
      route.port.value = port.name.value;
      model_.routes.push_back(route);
    }
  }

  void make_tunnels() {
    const uint32_t count = 1 + random_.entries();
    std::set<std::optional<uint32_t>> taken;
    for (uint32_t i = 0; i < count; ++i) {
      Tunnel tunnel;
      do {
        random_.fill(tunnel, kTunnelKeys);
      } while (!taken.insert(tunnel.vni.value).second);
      tunnel.name.value = random_.name("tunnel", i);
      tunnel.local.value = random_.any(model_.ports[0].addresses)->address;
      // Of one type with others that end at the same place.
      for (const Tunnel& other : model_.tunnels) {
        if (other.local == tunnel.local && other.udp_port == tunnel.udp_port) {
          tunnel.type = other.type;
        }
      }
      uint32_t used = i << 12;
      tunnel.inner_addresses = list(random_.entries(), [&] { return fresh(kInner, used); });
      model_.tunnels.push_back(tunnel);
    }
  }

  void make_nodes() {
    const uint32_t count = random_.entries();
    const bool per_node = model_.node_ip.mode.value == NodeIpMode::kPerNode;
    uint32_t vteps = 0;
    uint32_t own = 0;
    for (uint32_t i = 0; i < count; ++i) {
      Node node;
      random_.fill(node, kNodeKeys);
      node.name.value = random_.name("node", i);
      const Tunnel& tunnel = random_.any(model_.tunnels);
      node.tunnel.value = tunnel.name.value;
      if (tunnel.type != TunnelType::kGeneve) node.geneve_options.value.clear();
      node.vtep.value = fresh(kVteps, vteps);
      uint32_t next = 0;
      node.pod_cidrs = list(random_.entries(), [&] {
        return Ipv4Prefix{{kPods + (i << 16) + (next++ << 9)}, 23};
      });
      node.addresses = list(random_.entries(), [&] { return fresh(kNodes, own); });
      if (per_node || random_.maybe()) node.external_ip = At<Ipv4Address>{fresh_source(), {}};
      model_.nodes.push_back(node);
    }
  }

  void make_namespaces() {
    const uint32_t count = random_.maybe() ? random_.number(1, 9) : random_.entries();
    for (uint32_t i = 0; i < count; ++i) {
      Namespace name_space;
      random_.fill(name_space, kNamespaceKeys);
      name_space.name.value = random_.name("ns", i);
      const Tunnel& tunnel = random_.any(model_.tunnels);
      name_space.tunnel.value = tunnel.name.value;
      if (name_space.vni && tunnel.vni.value) name_space.vni->value = *tunnel.vni.value;
      if (name_space.vni && is_named_beside(tunnel, name_space.vni->value)) name_space.vni.reset();
      uint32_t next = 0;
      name_space.pods = list(random_.one_in(8) ? 300 : random_.entries(), [&] {
        const auto length = static_cast<uint8_t>(random_.number(28, 32));
        return Ipv4Prefix{{kPods + (i << 16) + (next += 16)}, length};
      });
      model_.namespaces.push_back(name_space);
    }
  }

  // Whether another tunnel of the same socket names that VNI.
  [[nodiscard]] bool is_named_beside(const Tunnel& tunnel, uint32_t vni) const {
    if (tunnel.vni.value) return false;
    return std::any_of(model_.tunnels.begin(), model_.tunnels.end(), [&](const Tunnel& other) {
      return other.vni.value == vni && other.local.value == tunnel.local.value &&
             other.udp_port.value == tunnel.udp_port.value;
    });
  }

  // Namespaces that were not taken so far.
  std::vector<const Namespace*> take_namespaces(size_t& next) {
    std::vector<const Namespace*> taken;
    for (uint32_t i = random_.entries(); i > 0 && next < model_.namespaces.size(); --i) {
      taken.push_back(&model_.namespaces[next++]);
    }
    return taken;
  }
  static ListOf<std::string> names_of(const std::vector<const Namespace*>& namespaces) {
    ListOf<std::string> names;
    for (const Namespace* each : namespaces) names.push_back({each->name.value, {}});
    return names;
  }

  void make_egress() {
    const auto address = [&] { return fresh_source(); };
    const bool needs = model_.node_ip.mode.value == NodeIpMode::kGateway;
    model_.node_ip.addresses = list(random_.entries() + (needs ? 1 : 0), address);
    size_t next = 0;
    const uint32_t count = random_.entries();
    for (uint32_t i = 0; i < count; ++i) {
      EgressIp egress;
      random_.fill(egress, kEgressIpKeys);
      egress.name.value = random_.name("out", i);
      const auto namespaces = take_namespaces(next);
      egress.namespaces = names_of(namespaces);
      if (!namespaces.empty() && random_.maybe()) egress.pods = random_.any(namespaces)->pods;
      if (random_.maybe()) egress.destinations = prefixes(1 + random_.entries());
      egress.except = prefixes(random_.entries());
      egress.addresses = list(random_.entries(), address);
      model_.egress_ips.push_back(egress);
    }
  }

  void make_routers() {
    uint32_t listens = 0;
    const uint32_t count = random_.entries();
    for (uint32_t i = 0; i < count; ++i) {
      EgressRouter router;
      random_.fill(router, kEgressRouterKeys);
      router.name.value = random_.name("router", i);
      size_t next = 0;
      router.namespaces = names_of(take_namespaces(next));
      router.listen.value = fresh(kListen, listens);
      router.source.value = fresh_source();
      make_lines(router);
      model_.egress_routers.push_back(router);
    }
  }

  // Rules with comments and blanks between; what is for the rest comes last.
  void make_lines(EgressRouter& router) {
    const uint32_t count = random_.entries();
    const auto add = [&](const std::string& line) { router.destinations.push_back({line, {}}); };
    const auto pad = [&](std::string_view blanks) {
      while (random_.maybe()) add(std::string(blanks) + "# " + random_.text(60));
      if (random_.maybe()) add(std::string(blanks));
    };
    for (uint32_t i = 0; i < count; ++i) {
      pad(" \t");
      add((random_.one_in(4) ? " \t" : "") + rule(router.mode, i) +
          (random_.one_in(4) ? "\r" : ""));
    }
    pad("");
    if (count == 0 || random_.maybe()) add(rule_for_the_rest(router.mode));
    pad("\t\r");
  }

  std::string outside() { return Ipv4Address{kOutside + random_.number(1, 0xfffffe)}.text(); }
  std::string host() { return random_.maybe() ? outside() : random_.value(HostName{}); }
  std::string plain_host() {
    std::string made = host();
    return made.starts_with("*.") ? made.substr(2) : made;
  }

  std::string rule(RouterMode mode, uint32_t index) {
    const std::string port = std::to_string(index == 0 ? 65535 : index);
    const std::string remote = " " + std::to_string(random_.value(Integer{1, 65535}));
    switch (mode) {
      case RouterMode::kRedirect: {
        const char* protocol = random_.any(std::vector{"tcp", "udp", "sctp"});
        const bool other = protocol[0] != 's' && random_.maybe();
        return port + " " + protocol + "\t " + outside() + (other ? remote : "");
      }
      case RouterMode::kDnsProxy:
        return port + "  " + plain_host() + (random_.maybe() ? remote : "");
      case RouterMode::kHttpProxy:
        break;
    }
    return (random_.maybe() ? "!" : "") + (random_.one_in(4) ? kAllOutside.text() : host());
  }

  std::string rule_for_the_rest(RouterMode mode) {
    switch (mode) {
      case RouterMode::kRedirect:
        return outside();
      case RouterMode::kDnsProxy:
        return "1000 " + outside();
      case RouterMode::kHttpProxy:
        break;
    }
    return "*";
  }

  // Nothing of it is where routers lead to.
  void make_cluster() {
    for (const At<Ipv4Prefix>& prefix : prefixes(random_.entries())) {
      if (model_.egress_routers.empty() || !prefix->overlaps(kAllOutside)) {
        model_.cluster.no_snat.push_back(prefix);
      }
    }
  }

  void make_rules() {
    for (uint32_t i = random_.entries(); i > 0; --i) {
      FirewallRule rule;
      random_.fill(rule, kFirewallRuleKeys);
      const bool every = model_.namespaces.empty() || random_.maybe();
      rule.name_space.value = every ? kEveryNamespace : random_.any(model_.namespaces).name.value;
      if (random_.maybe()) rule.to = prefixes(1 + random_.entries());
      model_.firewall.rules.push_back(rule);
    }
    if (!is_supported(kModelKeys, "qos") || model_.namespaces.empty()) return;
    std::set<std::pair<std::string, Ipv4Prefix>> marked;
    for (uint32_t i = random_.entries(); i > 0; --i) {
      QosRule rule;
      random_.fill(rule, kQosKeys);
      rule.name_space.value = random_.any(model_.namespaces).name.value;
      const auto is_free = [&](const Ipv4Prefix& to) {
        return marked.emplace(rule.name_space.value, to).second;
      };
      for (const At<Ipv4Prefix>& to : prefixes(random_.entries())) {
        if (is_free(to.value)) rule.to.push_back(to);
      }
      // Without any, it is for all destinations.
      if (!rule.to.empty() || is_free(Ipv4Prefix{})) model_.qos.push_back(rule);
    }
  }

  void give_ports_to_workers() {
    PortRange& range = model_.sessions.port_range.value;
    if (range.size() < 64 * model_.workers.cpus.value.size()) range = PortRange{};
  }

  RandomValues random_;
  uint32_t used_sources_ = 0;
  Model model_;
};

}  // namespace

Model random_model(uint64_t seed) { return Maker(seed).make(); }

}  // namespace postern::config
