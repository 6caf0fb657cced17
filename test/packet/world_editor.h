// Makes worlds from worlds at random, for the random editor. Values come from small sets, so that
// prefixes nest, addresses collide and entries tie now and then: most changes are good, some are to
// be refused (PlainWorld::fault says which).
#ifndef POSTERN_TEST_PACKET_WORLD_EDITOR_H_
#define POSTERN_TEST_PACKET_WORLD_EDITOR_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "test/packet/plain_model.h"

namespace postern::test {

inline Ipv4Address address(const char* text) { return *Ipv4Address::parse(text); }
inline Ipv4Prefix prefix(const char* text) { return *Ipv4Prefix::parse(text); }

class WorldEditor {
 public:
  explicit WorldEditor(uint64_t seed) : random_(seed) {}

  uint32_t number(uint32_t least, uint32_t most) {
    return std::uniform_int_distribution<uint32_t>(least, most)(random_);
  }
  bool chance(uint32_t in) { return number(1, in) == 1; }
  template <typename List>
  auto& any(List& from) {
    return from[number(0, static_cast<uint32_t>(from.size() - 1))];
  }

  Ipv4Address host() { return {address("10.128.0.0").value + (number(0, 5) << 8) + number(1, 12)}; }
  Ipv4Prefix pod() {
    static constexpr uint8_t kLengths[] = {32, 32, 32, 32, 30, 28};
    const uint8_t length = kLengths[number(0, 5)];
    return {{host().value & Ipv4Prefix::mask_of(length)}, length};
  }
  Ipv4Address destination() {
    static const std::vector<const char*> kPlaces = {
        "203.0.113.1", "203.0.113.2", "203.0.113.5",  "198.51.100.1", "198.51.100.130",
        "8.8.8.8",     "8.8.4.4",     "172.30.0.1",   "198.18.0.1",   "10.128.0.3",
        "10.0.0.2",    "192.0.2.10",  "203.0.113.77", "8.8.8.9",      "198.18.0.101"};
    return address(kPlaces[number(0, static_cast<uint32_t>(kPlaces.size() - 1))]);
  }
  Ipv4Prefix destinations() {
    static const std::vector<const char*> kPlaces = {
        "0.0.0.0/0", "203.0.113.0/24", "203.0.113.0/30",    "203.0.113.2", "198.51.100.0/24",
        "8.0.0.0/8", "8.8.8.8",        "198.51.100.128/25", "8.8.8.0/24",  "203.0.113.64/26"};
    return prefix(kPlaces[number(0, static_cast<uint32_t>(kPlaces.size() - 1))]);
  }
  // Where routers listen.
  Ipv4Address listen() { return {address("172.30.255.1").value + number(0, 3)}; }
  std::string host_name() {
    static const std::vector<const char*> kNames = {"db.example.com", "api.example.com",
                                                    "in.example.com"};
    return any(kNames);
  }
  Ipv4Address face() { return {address("192.0.2.50").value + number(0, 9)}; }
  template <typename Make>
  auto some(uint32_t most, Make make) {
    std::set<decltype(make())> made;
    for (uint32_t i = number(0, most); i > 0; --i) made.insert(make());
    return std::vector(made.begin(), made.end());
  }

  PlainWorld first() {
    PlainWorld world;
    for (uint32_t i = 0; i < 3; ++i) add_node(world, i);
    for (const char* name : {"a", "b", "c"}) {
      world.namespaces.push_back({name, ++births_, {}, std::nullopt});
    }
    world.namespaces[0].pods = {prefix("10.128.0.1"), prefix("10.128.2.4/30")};
    world.namespaces[1].pods = {prefix("10.128.0.2")};
    world.no_snat = {prefix("172.30.0.0/16")};
    world.egress.push_back({.name = "first",
                            .namespaces = {"a"},
                            .pods = {},
                            .destinations = {},
                            .except = {},
                            .addresses = {address("192.0.2.50")}});
    return world;
  }

  // What a name stands for from now on: places outside, or inside, or it is not known any more.
  void edit_names(PlainWorld& world) {
    static const std::vector<const char*> kOutside = {"203.0.113.1", "203.0.113.2", "203.0.113.77",
                                                      "198.51.100.1"};
    static const std::vector<const char*> kInside = {"10.0.0.254", "192.0.2.10"};
    const std::string name = host_name();
    const auto& places = chance(6) ? kInside : kOutside;
    const auto addresses = some(3, [&] { return address(any(places)); });
    if (addresses.empty()) {
      world.names.erase(name);
    } else {
      world.names[name] = addresses;
    }
  }

  // Another file, mostly a good one.
  void edit(PlainWorld& world) {
    switch (number(0, 15)) {
      case 0:
        return edit_nodes(world);
      case 1:
      case 2:
        return edit_cidrs(world);
      case 3:
        return edit_namespaces(world);
      case 4:
      case 5:
        return edit_pods(world);
      case 6:
      case 7:
      case 8:
        return edit_egress(world);
      case 9:
      case 10:
        return edit_rules(world);
      case 11:
      case 12:
      case 13:
        return edit_routers(world);
      case 14:
        return edit_limits(world);
      default:
        return edit_rest(world);
    }
  }

 private:
  static void add_node(PlainWorld& world, uint32_t i) {
    PlainNode node;
    node.name = "node-" + std::to_string(i + 1);
    node.vtep = {address("10.0.0.1").value + i};
    node.cidrs = {{{address("10.128.0.0").value + (i << 9)}, 23}};
    node.external_ip = Ipv4Address{address("198.18.0.101").value + i};
    world.nodes.push_back(node);
  }

  void edit_nodes(PlainWorld& world) {
    if (chance(4) && world.nodes.size() > 1) {
      world.nodes.erase(world.nodes.begin() +
                        number(0, static_cast<uint32_t>(world.nodes.size()) - 1));
      return;
    }
    for (uint32_t i = 0; i < 4; ++i) {
      const std::string name = "node-" + std::to_string(i + 1);
      const bool there = std::any_of(world.nodes.begin(), world.nodes.end(),
                                     [&](const PlainNode& node) { return node.name == name; });
      if (!there) return add_node(world, i);
    }
  }
  // A pod or some move to another node and back; nodes get addresses of their own.
  void edit_cidrs(PlainWorld& world) {
    PlainNode& node = any(world.nodes);
    if (chance(8)) {
      node.external_ip = Ipv4Address{address("198.18.0.101").value + number(0, 7)};
      if (chance(4)) node.external_ip.reset();
    } else if (chance(4)) {
      node.addresses = some(1, [&] {
        return Ipv4Address{node.cidrs.empty() ? node.vtep.value : node.cidrs[0].address.value + 9};
      });
    } else if (node.cidrs.size() > 1 && chance(2)) {
      const uint32_t first = chance(6) ? 0 : 1;  // rarely the node's own
      node.cidrs.erase(node.cidrs.begin() +
                       number(first, static_cast<uint32_t>(node.cidrs.size()) - 1));
    } else {
      node.cidrs.push_back(pod());
    }
  }
  void edit_namespaces(PlainWorld& world) {
    if (chance(2) && !world.namespaces.empty()) {
      const auto gone =
          world.namespaces.begin() + number(0, static_cast<uint32_t>(world.namespaces.size()) - 1);
      const std::string name = gone->name;
      world.namespaces.erase(gone);
      if (chance(8)) return;  // entries and rules for it stay: refused, if there are any
      for (PlainEgress& entry : world.egress) std::erase(entry.namespaces, name);
      for (PlainRouter& router : world.routers) std::erase(router.namespaces, name);
      std::erase_if(world.rules, [&](const PlainRule& rule) { return rule.name_space == name; });
      return;
    }
    for (const char* name : {"a", "b", "c", "d"}) {
      const bool there = std::any_of(world.namespaces.begin(), world.namespaces.end(),
                                     [&](const auto& each) { return each.name == name; });
      if (!there) {
        world.namespaces.insert(world.namespaces.begin(),
                                {name, ++births_, some(2, [&] { return pod(); }), std::nullopt});
        return;
      }
    }
  }
  void edit_pods(PlainWorld& world) {
    if (world.namespaces.empty()) return;
    PlainNamespace& name_space = any(world.namespaces);
    if (!name_space.pods.empty() && chance(2)) {
      const Ipv4Prefix gone = any(name_space.pods);
      std::erase(name_space.pods, gone);
      if (chance(3)) any(world.namespaces).pods.push_back(gone);
    } else {
      name_space.pods.push_back(pod());
    }
  }
  void edit_egress(PlainWorld& world) {
    if (!world.egress.empty() && chance(3)) {
      world.egress.erase(world.egress.begin() +
                         number(0, static_cast<uint32_t>(world.egress.size()) - 1));
      return;
    }
    if (!world.egress.empty() && chance(3)) {
      PlainEgress& entry = any(world.egress);
      entry.addresses = some(3, [&] { return face(); });
      return;
    }
    static constexpr const char* kSpreads[] = {"source", "session", "first"};
    PlainEgress entry;
    entry.name = "out-" + std::to_string(++births_);
    for (const PlainNamespace& name_space : world.namespaces) {
      if (chance(2)) entry.namespaces.push_back(name_space.name);
    }
    if (chance(3)) entry.pods = some(3, [&] { return pod(); });
    if (!chance(4)) entry.destinations = some(2, [&] { return destinations(); });
    entry.except = some(2, [&] { return destinations(); });
    entry.addresses = some(2, [&] { return face(); });
    entry.spread = kSpreads[number(0, 2)];
    entry.fall_back = chance(2);
    if (world.egress.size() >= 6) world.egress.erase(world.egress.begin());
    world.egress.push_back(entry);
  }
  void edit_limits(PlainWorld& world) {
    if (world.namespaces.empty()) return;
    PlainNamespace& name_space = any(world.namespaces);
    name_space.most_sessions.reset();
    if (!chance(3)) name_space.most_sessions = number(1, 12);
  }
  PlainLine line(bool dns_proxy) {
    static constexpr uint16_t kPorts[] = {53, 80, 443, 8080};
    static constexpr uint16_t kRemotePorts[] = {0, 0, 5432, 8443};
    PlainLine line;
    line.protocol = dns_proxy || chance(2) ? 6 : 17;
    line.port = kPorts[number(0, 3)];
    line.address = destination();
    line.remote_port = kRemotePorts[number(0, 3)];
    if (dns_proxy && !chance(4)) line.name = host_name();
    return line;
  }
  std::vector<PlainLine> lines(bool dns_proxy) {
    std::vector<PlainLine> lines;
    for (uint32_t i = number(1, 3); i > 0; --i) {
      const PlainLine made = line(dns_proxy);
      const bool taken = std::any_of(lines.begin(), lines.end(),
                                     [&](const PlainLine& each) { return each.port == made.port; });
      if (!taken) lines.push_back(made);
    }
    if (!dns_proxy && chance(3)) lines.push_back({.port = 0, .address = destination(), .name = ""});
    return lines;
  }
  void edit_routers(PlainWorld& world) {
    if (world.routers.size() >= 4 || (!world.routers.empty() && chance(4))) {
      world.routers.erase(world.routers.begin() +
                          number(0, static_cast<uint32_t>(world.routers.size()) - 1));
      return;
    }
    if (!world.routers.empty() && chance(2)) {
      PlainRouter& router = any(world.routers);
      if (chance(3)) router.source = face();
      if (chance(4)) router.listen = listen();
      if (!chance(3)) router.lines = lines(router.dns_proxy);
      return;
    }
    PlainRouter router;
    router.name = "router-" + std::to_string(++births_);
    for (const PlainNamespace& name_space : world.namespaces) {
      if (!chance(3)) router.namespaces.push_back(name_space.name);
    }
    router.listen = listen();
    router.source = face();
    router.dns_proxy = chance(2);
    router.lines = lines(router.dns_proxy);
    world.routers.push_back(router);
  }
  PlainService service() {
    static constexpr PlainService kServices[] = {{6, 0, 65535}, {17, 53, 53},   {6, 80, 443},
                                                 {1, 0, 65535}, {17, 54, 9000}, {6, 443, 443}};
    return kServices[number(0, 5)];
  }
  void edit_rules(PlainWorld& world) {
    if (chance(6)) world.default_allow = !chance(3);
    if (!world.rules.empty() && chance(3)) {
      world.rules.erase(world.rules.begin() +
                        number(0, static_cast<uint32_t>(world.rules.size()) - 1));
      return;
    }
    PlainRule rule;
    const bool every = world.namespaces.empty() || chance(3);
    rule.name_space = every ? "*" : any(world.namespaces).name;
    rule.allow = !chance(3);
    if (chance(4)) {
      rule.to_names = {host_name()};
    } else {
      rule.to = some(2, [&] { return destinations(); });
    }
    for (uint32_t i = number(0, 2); i > 0; --i) rule.ports.push_back(service());
    world.rules.insert(world.rules.begin() + number(0, static_cast<uint32_t>(world.rules.size())),
                       rule);
    if (world.rules.size() > 6) world.rules.pop_back();
  }
  void edit_rest(PlainWorld& world) {
    switch (number(0, 3)) {
      case 0:
        world.reject = !world.reject;
        return;
      case 1:
        world.no_snat =
            some(2, [&] { return chance(2) ? prefix("172.30.0.0/16") : prefix("8.8.4.4"); });
        return;
      default:
        world.node_ip = chance(4) ? "off" : chance(2) ? "gateway" : "per-node";
        world.platform_only = chance(3);
        world.node_ip_addresses =
            some(2, [&] { return Ipv4Address{address("198.18.0.1").value + number(0, 2)}; });
    }
  }

  std::mt19937_64 random_;
  uint64_t births_ = 0;
};

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_WORLD_EDITOR_H_
