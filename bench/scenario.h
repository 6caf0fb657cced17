// The network that benchmarks measure in, as a configuration in the file's own syntax: nodes with
// 100 pods each, pods dealt to namespaces in turn, egress entries dealt likewise, firewall rules
// of which only the last one ever matches. Values; any thread.
#ifndef POSTERN_BENCH_SCENARIO_H_
#define POSTERN_BENCH_SCENARIO_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/wire/address.h"

namespace postern::bench {

// What nodes and gateway speak.
enum class Overlay : uint8_t {
  kVxlan,
  kGeneve,
  kGeneveOptions,  // with an option of eight bytes, as OVN sends one, in both directions
};
inline constexpr std::array<std::string_view, 3> kOverlays = {"vxlan", "geneve", "geneve-options"};

struct Scenario {
  Overlay overlay = Overlay::kVxlan;
  uint32_t mtu = 1500;       // of pods and of the uplink; underlay: 100 more
  uint32_t pods = 1000;      // at most kMaxPods
  uint32_t namespaces = 16;  // at most `pods`
  // Egress entries, at least one a namespace: the first of each is for every destination, further
  // ones for a /28 of kRemotes each, and come before it.
  uint32_t egress_entries = 16;
  uint32_t firewall_rules = 1;  // the last one allows everything, those before match nothing
  // Those before: for destinations far away, side by side; or for ports that nobody dials, at
  // prefixes of every length around the servers, one in another.
  bool nested_rules = false;
  bool rules_of_one_namespace = false;  // of the first namespace; otherwise for "*"
  uint32_t sessions = 1024;
  uint32_t more_sessions = 0;  // room for so many beside them
  uint32_t port_hold_s = 60;
  // Beside them, for changes of the configuration: pods on nodes of their own, dealt to so many
  // namespaces with an egress address and a firewall rule each. Every number of `version` gives
  // each of the pods another namespace, and each namespace another address and another rule.
  uint32_t replaced_pods = 0;
  uint32_t replaced_policies = 0;
  uint32_t version = 0;

  static constexpr uint32_t kPodsPerNode = 100;
  static constexpr uint32_t kMaxPods = 1u << 17;
  static constexpr uint32_t kMaxEgressEntries = 1u << 12;
  // Where the addresses begin that change.
  static constexpr uint32_t kReplacedAddresses = 1u << 13;

  static constexpr uint32_t kVni = 100;
  static constexpr Ipv4Address kVtep{0x0a00fffe};  // 10.0.255.254
  static constexpr MacAddress kClusterMac{{2, 0, 0, 0, 0, 0x10}};
  static constexpr MacAddress kUplinkMac{{2, 0, 0, 0, 0, 0x20}};
  static constexpr MacAddress kNextHopMac{{2, 0, 0, 0, 0, 0x99}};
  // The servers outside: RFC 2544's range for benchmarks.
  static constexpr Ipv4Prefix kRemotes{{0xc6120000}, 15};
  // Ports by index: the order in which configuration() names them.
  static constexpr uint16_t kClusterPort = 0;
  static constexpr uint16_t kUplinkPort = 1;

  [[nodiscard]] uint32_t nodes() const { return (pods + kPodsPerNode - 1) / kPodsPerNode; }
  static uint32_t node_of(uint32_t pod) { return pod / kPodsPerNode; }
  static Ipv4Address pod(uint32_t pod) {
    return {0x0a800000 + (node_of(pod) << 8) + 1 + pod % kPodsPerNode};  // in 10.128.0.0/9
  }
  static Ipv4Address node_vtep(uint32_t node) { return {0x0a000001 + node}; }
  static Ipv4Address egress_address(uint32_t entry) { return {0x64400001 + entry}; }

  // In front of the inner frame; whole options, or none.
  [[nodiscard]] std::span<const uint8_t> tunnel_options() const;
  [[nodiscard]] std::string configuration() const;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_SCENARIO_H_
