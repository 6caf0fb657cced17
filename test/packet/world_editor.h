// Makes worlds from worlds at random, for the random editor. Values come from small sets, so that
// prefixes nest, addresses collide and entries tie now and then: most changes are good, some are to
// be refused (PlainWorld::fault says which).
#ifndef POSTERN_TEST_PACKET_WORLD_EDITOR_H_
#define POSTERN_TEST_PACKET_WORLD_EDITOR_H_

#include <algorithm>
#include <cstdint>
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
  template <typename T>
  T& any(std::vector<T>& from) {
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
        "10.0.0.2",    "192.0.2.10",  "203.0.113.77", "8.8.8.9"};
    return address(kPlaces[number(0, static_cast<uint32_t>(kPlaces.size() - 1))]);
  }
  Ipv4Prefix destinations() {
    static const std::vector<const char*> kPlaces = {
        "0.0.0.0/0", "203.0.113.0/24", "203.0.113.0/30",    "203.0.113.2", "198.51.100.0/24",
        "8.0.0.0/8", "8.8.8.8",        "198.51.100.128/25", "8.8.8.0/24",  "203.0.113.64/26"};
    return prefix(kPlaces[number(0, static_cast<uint32_t>(kPlaces.size() - 1))]);
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
    for (const char* name : {"a", "b", "c"}) world.namespaces.push_back({name, ++births_, {}});
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

  // Another file, mostly a good one.
  void edit(PlainWorld& world) {
    switch (number(0, 11)) {
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
    world.nodes.push_back(node);
  }

  void edit_nodes(PlainWorld& world) {
    if (chance(2) && world.nodes.size() > 1) {
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
    if (chance(4)) {
      node.addresses = some(1, [&] {
        return Ipv4Address{node.cidrs.empty() ? node.vtep.value : node.cidrs[0].address.value + 9};
      });
    } else if (node.cidrs.size() > 1 && chance(2)) {
      node.cidrs.erase(node.cidrs.begin() +
                       number(0, static_cast<uint32_t>(node.cidrs.size()) - 1));
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
      std::erase_if(world.rules, [&](const PlainRule& rule) { return rule.name_space == name; });
      return;
    }
    for (const char* name : {"a", "b", "c", "d"}) {
      const bool there = std::any_of(world.namespaces.begin(), world.namespaces.end(),
                                     [&](const auto& each) { return each.name == name; });
      if (!there) {
        world.namespaces.insert(world.namespaces.begin(),
                                {name, ++births_, some(2, [&] { return pod(); })});
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
  PlainService service() {
    static constexpr PlainService kServices[] = {{6, 0, 65535}, {17, 53, 53},   {6, 80, 443},
                                                 {1, 0, 65535}, {17, 54, 9000}, {6, 443, 443}};
    return kServices[number(0, 5)];
  }
  void edit_rules(PlainWorld& world) {
    if (chance(6)) world.default_allow = !world.default_allow;
    if (!world.rules.empty() && chance(3)) {
      world.rules.erase(world.rules.begin() +
                        number(0, static_cast<uint32_t>(world.rules.size()) - 1));
      return;
    }
    PlainRule rule;
    const bool every = world.namespaces.empty() || chance(3);
    rule.name_space = every ? "*" : any(world.namespaces).name;
    rule.allow = !chance(3);
    rule.to = some(2, [&] { return destinations(); });
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
        world.node_ip = chance(3) ? "off" : "gateway";
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
