#include "test/unit/config/random_model.h"

#include <random>
#include <string>
#include <string_view>

namespace postern::config {
namespace {

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  Model make() {
    make_gateway();
    make_ports();
    make_tunnels();
    make_nodes();
    make_namespaces();
    make_egress();
    make_firewall();
    make_sessions();
    return std::move(model_);
  }

 private:
  // Both ends included.
  uint32_t number(uint32_t least, uint32_t most) {
    return std::uniform_int_distribution<uint32_t>(least, most)(random_);
  }
  bool maybe() { return number(0, 1) == 1; }
  template <typename E>
  E one_of(E last) {
    return static_cast<E>(number(0, static_cast<uint32_t>(last)));
  }
  template <typename T>
  const T& any(const std::vector<T>& from) {
    return from[number(0, static_cast<uint32_t>(from.size() - 1))];
  }
  // A name that no other entry of the list has.
  std::string name(const char* kind, size_t index) {
    static constexpr char kLetters[] = "abcXYZ019._-";
    std::string made = kind + std::to_string(index) + "-";
    for (uint32_t i = number(0, 9); i > 0; --i) made += kLetters[number(0, 11)];
    return made;
  }
  // Text with what needs an escape.
  std::string text(uint32_t longest) {
    static constexpr std::string_view kLetters[] = {"a", "/", " ", ",",  ";",  "=",   "{",
                                                    "}", "(", ")", "[",  "]",  "#",   "//",
                                                    "@", "'", "*", "\"", "\\", "\\n", "\u00e4"};
    std::string made;
    for (uint32_t i = number(1, longest / 2); i > 0; --i) made += kLetters[number(0, 20)];
    return made;
  }
  MacAddress mac() { return MacAddress::from_packed(uint64_t{number(1, 0x3fffff)} << 2); }
  Ipv4Prefix prefix() {
    const auto length = static_cast<uint8_t>(number(0, 32));
    return {{number(0, 0xffffffff) & Ipv4Prefix::mask_of(length)}, length};
  }
  template <typename T, typename Make>
  ListOf<T> list(uint32_t least, uint32_t most, Make make) {
    ListOf<T> made;
    for (uint32_t i = number(least, most); i > 0; --i) made.push_back({make(), {}});
    return made;
  }
  // Addresses that nobody has yet, all over a range of 2^20.
  Ipv4Address fresh(uint32_t start, uint32_t& used) { return {start + (used += number(1, 9))}; }

  void make_gateway() {
    model_.gateway.name = name("gw", 0);
    if (maybe()) model_.gateway.control_socket = text(107);
    if (maybe()) model_.gateway.control_group = text(32);
    if (maybe()) model_.gateway.control_readers = text(32);
    model_.gateway.log_level = one_of(LogLevel::kDebug);
    model_.eal.memory = one_of(MemoryMode::kNoHuge);
    model_.eal.memory_mb = number(32, 1 << 20);
    model_.eal.args = list<std::string>(0, 3, [&] { return text(40); });
    model_.workers.cpus.value = {static_cast<uint16_t>(number(0, 1023))};
    model_.workers.idle = one_of(IdleMode::kSleep);
  }

  void make_ports() {
    const uint32_t count = number(2, 4);
    for (uint32_t i = 0; i < count; ++i) {
      Port port;
      port.name.value = name("port", i);
      port.device.value = "net_tap" + std::to_string(i) + "," + text(20);
      port.role.value = i % 2 == 0 ? PortRole::kCluster : PortRole::kExternal;
      const uint32_t net = (10u << 24) + (i << 16);
      for (uint32_t j = i % 2; j < number(1, 3); ++j) {
        port.addresses.push_back({{{net + j * 256 + number(1, 99)}, 24}, {}});
      }
      port.mtu = static_cast<uint16_t>(number(576, 9702));
      if (!port.addresses.empty() && maybe()) {
        const auto beside = [&] {
          return Ipv4Address{any(port.addresses)->subnet().address.value + number(100, 254)};
        };
        port.gateway = At<Ipv4Address>{beside(), {}};
        Route route;
        route.to.value = prefix();
        route.via.value = beside();
        route.port.value = port.name.value;
        if (maybe()) model_.routes.push_back(route);
      }
      if (i == 0 && port.addresses.empty()) port.addresses.push_back({{{net + 1}, 24}, {}});
      model_.ports.push_back(port);
    }
  }

  void make_tunnels() {
    const uint32_t count = number(1, 4);
    for (uint32_t i = 0; i < count; ++i) {
      Tunnel tunnel;
      tunnel.name.value = name("tunnel", i);
      tunnel.local.value = any(model_.ports[0].addresses)->address;
      tunnel.vni.value = number(0, 0xffffff - 4) + i;
      if (maybe()) tunnel.udp_port.value = static_cast<uint16_t>(number(1, 65535));
      uint32_t used = i << 12;
      tunnel.inner_addresses = list<Ipv4Address>(0, 3, [&] { return fresh(172u << 24, used); });
      if (maybe()) tunnel.inner_mac = mac();
      model_.tunnels.push_back(tunnel);
    }
  }

  void make_nodes() {
    const uint32_t count = number(0, 9);
    uint32_t vteps = 0;
    uint32_t own = 1 << 16;
    for (uint32_t i = 0; i < count; ++i) {
      Node node;
      node.name.value = name("node", i);
      node.tunnel.value = any(model_.tunnels).name.value;
      node.vtep.value = fresh(11u << 24, vteps);
      uint32_t next = 0;
      node.pod_cidrs = list<Ipv4Prefix>(0, 5, [&] {
        return Ipv4Prefix{{(100u << 24) + (i << 16) + (next++ << 9)}, 23};
      });
      node.addresses = list<Ipv4Address>(0, 2, [&] { return fresh(172u << 24, own); });
      if (maybe()) node.mac = mac();
      model_.nodes.push_back(node);
    }
    model_.cluster.no_snat = list<Ipv4Prefix>(0, 3, [&] { return prefix(); });
  }

  void make_namespaces() {
    const uint32_t count = number(0, 9);
    for (uint32_t i = 0; i < count; ++i) {
      Namespace name_space;
      name_space.name.value = name("ns", i);
      name_space.tunnel.value = any(model_.tunnels).name.value;
      uint32_t next = 0;
      name_space.pods = list<Ipv4Prefix>(0, 40, [&] {
        const auto length = static_cast<uint8_t>(number(28, 32));
        return Ipv4Prefix{{(100u << 24) + (i << 16) + (next += 16)}, length};
      });
      model_.namespaces.push_back(name_space);
    }
  }

  void make_egress() {
    uint32_t used = 0;
    const auto address = [&] { return fresh(192u << 24, used); };
    model_.node_ip.mode.value = maybe() ? NodeIpMode::kGateway : NodeIpMode::kOff;
    model_.node_ip.addresses = list<Ipv4Address>(1, 4, address);
    model_.node_ip.for_whom = one_of(NodeIpFor::kPlatform);
    for (size_t i = 0; i < model_.namespaces.size() && maybe(); ++i) {
      EgressIp egress;
      egress.name.value = name("out", i);
      egress.namespaces = {{model_.namespaces[i].name.value, {}}};
      if (maybe()) egress.pods = model_.namespaces[i].pods;
      if (maybe()) egress.destinations = list<Ipv4Prefix>(1, 4, [&] { return prefix(); });
      egress.except = list<Ipv4Prefix>(0, 3, [&] { return prefix(); });
      egress.addresses = list<Ipv4Address>(0, 5, address);
      egress.spread = one_of(Spread::kFirst);
      egress.when_exhausted = one_of(WhenExhausted::kNextAddress);
      egress.fallback = one_of(Fallback::kNodeIp);
      model_.egress_ips.push_back(egress);
    }
  }

  FirewallPorts service() {
    FirewallPorts ports;
    ports.protocol = one_of(FirewallProtocol::kIcmp);
    if (ports.protocol == FirewallProtocol::kIcmp || maybe()) return ports;
    ports.first = static_cast<uint16_t>(number(1, 65535));
    ports.last = static_cast<uint16_t>(number(ports.first, maybe() ? ports.first : 65535));
    return ports;
  }

  void make_firewall() {
    model_.firewall.default_action = one_of(FirewallAction::kDeny);
    model_.firewall.refuse = one_of(FirewallRefuse::kReject);
    for (uint32_t i = number(0, 20); i > 0; --i) {
      FirewallRule rule;
      const bool every = model_.namespaces.empty() || maybe();
      rule.name_space.value = every ? kEveryNamespace : any(model_.namespaces).name.value;
      rule.action = one_of(FirewallAction::kDeny);
      rule.to = list<Ipv4Prefix>(0, 3, [&] { return prefix(); });
      rule.ports = list<FirewallPorts>(0, 3, [&] { return service(); });
      model_.firewall.rules.push_back(rule);
    }
  }

  void make_sessions() {
    Sessions& sessions = model_.sessions;
    sessions.max = number(1, 1 << 27);
    const uint32_t first = number(1, 4000);
    sessions.port_range.value = {static_cast<uint16_t>(first * 8),
                                 static_cast<uint16_t>(number(first + 8, 8192) * 8 - 1)};
    sessions.port_hold_s = number(0, 600);
    sessions.mss_clamp.mode = one_of(MssClamp::Mode::kNumber);
    if (sessions.mss_clamp.mode == MssClamp::Mode::kNumber) {
      sessions.mss_clamp.mss = static_cast<uint16_t>(number(64, 65495));
    }
    for (uint32_t* timeout :
         {&sessions.timeouts.tcp_established_s, &sessions.timeouts.tcp_transitory_s,
          &sessions.timeouts.udp_s, &sessions.timeouts.icmp_s, &sessions.timeouts.other_s}) {
      *timeout = number(1, 8 * 3600);
    }
  }

  std::mt19937_64 random_;
  Model model_;
};

}  // namespace

Model random_model(uint64_t seed) { return Maker(seed).make(); }

}  // namespace postern::config
