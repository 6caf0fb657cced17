// What a namespace may do and what it looks like outside: firewall rules, egress policies and the
// addresses behind them, flattened into arrays so that a decision walks memory in order.
// Immutable parts of a snapshot: written once by the control thread's compiler, read by workers.
#ifndef POSTERN_DATAPLANE_TABLE_POLICY_H_
#define POSTERN_DATAPLANE_TABLE_POLICY_H_

#include <cstdint>
#include <vector>

#include "dataplane/wire/address.h"

namespace postern {

// A stretch of one of the flat arrays.
struct Range {
  uint32_t first = 0;
  uint32_t count = 0;
};

using AddressSlot = uint16_t;
inline constexpr AddressSlot kNoAddress = 0xffff;

// One egress address (of Egress IP, Node IP or an egress router). Slots are stable over snapshots:
// sessions note slot and epoch; an address that went away has a higher epoch (or another one in the
// slot), and what was translated to it is served no more. A slot is reused only after a full purge
// sweep.
struct EgressAddress {
  Ipv4Address address;
  uint8_t epoch = 0;
  bool in_use = false;   // some policy names it in this snapshot
  bool drained = false;  // live sessions go on, new ones do not start
};

enum class Spread : uint8_t { kSource, kSession, kFirst };

// A set of egress addresses and how new sessions are spread over them. Node IP is one, too, and
// so is the source of an egress router.
struct EgressPolicy {
  Range addresses;  // into PolicyTable::address_slots
  Spread spread = Spread::kSource;
  bool next_address_when_exhausted = false;
  bool fall_back_to_node_ip = false;
};

// One row per (entry, destination prefix), in the order in which they are asked: entries that name
// pods before entries that name namespaces, longer destinations before shorter.
struct EgressMatch {
  Ipv4Prefix destination;
  Range pods;    // into PolicyTable::prefixes; none: every pod of the namespace
  Range except;  // into PolicyTable::prefixes; counts at equal or longer length than `destination`
  uint32_t policy = 0;
};

// Ports of one protocol, both ends included. Protocol 0 is any.
struct PortRange {
  uint8_t protocol = 0;
  uint16_t low = 0;
  uint16_t high = 0xffff;
};

struct FirewallRule {
  bool allow = false;
  Range to;     // into PolicyTable::prefixes; none: everywhere
  Range ports;  // into PolicyTable::port_ranges; none: every protocol and port
};

struct NamespacePolicy {
  Range rules;    // into PolicyTable::rule_order: own rules and "*" rules, in the file's order
  Range matches;  // into PolicyTable::matches
};

inline constexpr uint32_t kNoEgressPolicy = ~uint32_t{0};

struct PolicyTable {
  std::vector<NamespacePolicy> namespaces;  // by NamespaceIndex; 0 is platform traffic
  std::vector<EgressMatch> matches;
  std::vector<EgressPolicy> policies;
  std::vector<FirewallRule> rules;
  std::vector<uint32_t> rule_order;  // indexes into `rules`
  std::vector<Ipv4Prefix> prefixes;
  std::vector<PortRange> port_ranges;
  std::vector<AddressSlot> address_slots;
  std::vector<EgressAddress> addresses;       // by AddressSlot
  uint32_t node_ip_policy = kNoEgressPolicy;  // into `policies`
  std::vector<uint32_t> node_ip_by_node;      // mode per-node: the same by NodeIndex
  bool node_ip_platform_only = false;         // node_ip.for = "platform"
  bool firewall_default_allow = false;
  bool refuse_reject = false;  // firewall.refuse = "reject"
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_POLICY_H_
