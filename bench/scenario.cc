#include "bench/scenario.h"

#include <algorithm>

#include "bench/printed.h"

namespace postern::bench {
namespace {

constexpr uint32_t kTunnelRoom = 100;

// One of OVN's class, critical, with four bytes.
constexpr std::array<uint8_t, 8> kOvnOption = {0x01, 0x02, 0x80, 0x01, 0x00, 0x01, 0x00, 0x02};

std::string name(const char* kind, uint32_t number) { return kind + std::to_string(number); }
std::string quoted(const std::string& text) { return '"' + text + '"'; }

// Calls item(number) for every number below `count` and sets commas between.
template <typename Item>
std::string list(uint32_t count, Item&& item) {
  std::string text;
  for (uint32_t number = 0; number < count; ++number) {
    if (number != 0) text += ",\n  ";
    text += item(number);
  }
  return text;
}

// What every configuration of these begins with. The devices are names only: no port is opened.
std::string beginning(const Scenario& scenario) {
  const char* const type = scenario.overlay == Overlay::kVxlan ? "vxlan" : "geneve";
  return R"(version = 1;
gateway : { name = "bench"; };
ports = (
  { name = "underlay"; device = "net_null0"; role = "cluster";
    addresses = [ "10.0.255.254/16" ]; mtu = )" +
         std::to_string(scenario.mtu + kTunnelRoom) + R"(; },
  { name = "uplink"; device = "net_null1"; role = "external"; mtu = )" +
         std::to_string(scenario.mtu) + R"(;
    addresses = [ "192.0.2.10/24" ]; gateway = "192.0.2.1"; }
);
tunnels = ( { name = "overlay"; type = )" +
         quoted(type) + "; local = \"10.0.255.254\"; vni = 100; } );\n";
}

// What is sent to a node comes with the options that it sends.
std::string options_of(const Scenario& scenario) {
  std::string text;
  for (const uint8_t byte : scenario.tunnel_options()) text += printed("%02x", byte);
  return text.empty() ? "" : "; geneve_options = " + quoted(text);
}

std::string node(const Scenario& scenario, uint32_t number) {
  const Ipv4Prefix pods{{Scenario::pod(number * Scenario::kPodsPerNode).value & ~0xffu}, 24};
  return "{ name = " + quoted(name("node-", number)) +
         "; tunnel = \"overlay\"; vtep = " + quoted(Scenario::node_vtep(number).text()) +
         "; pod_cidrs = [ " + quoted(pods.text()) + " ]" + options_of(scenario) + "; }";
}

std::string namespace_of(const Scenario& scenario, uint32_t number) {
  const uint32_t pods = (scenario.pods - number + scenario.namespaces - 1) / scenario.namespaces;
  return "{ name = " + quoted(name("space-", number)) + "; pods = [ " +
         list(pods,
              [&](uint32_t i) {
                return quoted(Scenario::pod(number + i * scenario.namespaces).text());
              }) +
         " ]; }";
}

std::string egress_entry(const Scenario& scenario, uint32_t number) {
  const uint32_t round = number / scenario.namespaces;
  const Ipv4Prefix part{{Scenario::kRemotes.address.value + round * 16}, 28};
  return "{ name = " + quoted(name("out-", number)) + "; namespaces = [ " +
         quoted(name("space-", number % scenario.namespaces)) + " ]; destinations = [ " +
         quoted(round == 0 ? "0.0.0.0/0" : part.text()) + " ]; addresses = [ " +
         quoted(Scenario::egress_address(number).text()) + " ]; }";
}

std::string firewall_rule(const Scenario& scenario, uint32_t number) {
  const std::string begin =
      "{ namespace = " + quoted(scenario.rules_of_one_namespace ? name("space-", 0) : "*");
  if (number + 1 == scenario.firewall_rules) return begin + "; action = \"allow\"; }";
  Ipv4Prefix to{{0x0b000000 + number * 16}, 28};
  std::string ports = "tcp/443";
  if (scenario.nested_rules) {
    const uint32_t mixed = number * 0x9e3779b1u;
    to.length = static_cast<uint8_t>(Scenario::kRemotes.length + number % 18);
    to.address.value = Scenario::kRemotes.address.value | (mixed >> Scenario::kRemotes.length);
    to.address.value &= to.mask();
    const uint32_t first = 1000 + mixed % 60'000;
    ports = "udp/" + std::to_string(first) + "-" + std::to_string(first + number % 300);
  }
  return begin + "; action = \"deny\"; to = [ " + quoted(to.text()) + " ]; ports = [ " +
         quoted(ports) + " ]; }";
}

// Likewise of what is replaced: its pods begin on the node behind those of the others.
std::string replaced_namespace(const Scenario& scenario, uint32_t number) {
  const uint32_t all = scenario.replaced_policies;
  const uint32_t first = (number + scenario.version) % all;
  const uint32_t pods = (scenario.replaced_pods - first + all - 1) / all;
  return "{ name = " + quoted(name("changing-", number)) + "; pods = [ " +
         list(pods,
              [&](uint32_t i) {
                const uint32_t before = scenario.nodes() * Scenario::kPodsPerNode;
                return quoted(Scenario::pod(before + first + i * all).text());
              }) +
         " ]; }";
}

std::string replaced_entry(const Scenario& scenario, uint32_t number) {
  const uint32_t address =
      Scenario::kReplacedAddresses + scenario.version % 2 * scenario.replaced_policies + number;
  return "{ name = " + quoted(name("changing-out-", number)) + "; namespaces = [ " +
         quoted(name("changing-", number)) + " ]; addresses = [ " +
         quoted(Scenario::egress_address(address).text()) + " ]; }";
}

std::string replaced_rule(const Scenario& scenario, uint32_t number) {
  const Ipv4Prefix to{{0x0c000000 + (number + scenario.version) * 16}, 28};
  return "{ namespace = " + quoted(name("changing-", number)) + "; action = \"deny\"; to = [ " +
         quoted(to.text()) + " ]; }";
}

// Two lists as one.
std::string joined(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : first + ",\n  " + second;
}

}  // namespace

std::span<const uint8_t> Scenario::tunnel_options() const {
  if (overlay != Overlay::kGeneveOptions) return {};
  return kOvnOption;
}

std::string Scenario::configuration() const {
  const uint32_t entries = std::max(egress_entries, namespaces);
  const uint32_t more_nodes = (replaced_pods + kPodsPerNode - 1) / kPodsPerNode;
  const auto replaced = [&](std::string (*item)(const Scenario&, uint32_t)) {
    return list(replaced_policies, [&](uint32_t i) { return item(*this, i); });
  };
  return beginning(*this) + "nodes = ( " +
         list(nodes() + more_nodes, [&](uint32_t i) { return node(*this, i); }) +
         " );\nnamespaces = ( " +
         joined(list(namespaces, [&](uint32_t i) { return namespace_of(*this, i); }),
                replaced(replaced_namespace)) +
         " );\negress_ips = ( " +
         joined(list(entries, [&](uint32_t i) { return egress_entry(*this, i); }),
                replaced(replaced_entry)) +
         " );\nfirewall : { rules = ( " +
         joined(replaced(replaced_rule),
                list(firewall_rules, [&](uint32_t i) { return firewall_rule(*this, i); })) +
         " ); };\nsessions : { max = " + std::to_string(sessions + more_sessions) +
         "; port_hold = " + quoted(std::to_string(port_hold_s) + "s") + "; };\n";
}

}  // namespace postern::bench
