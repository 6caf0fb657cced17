// What a namespace may do and what it looks like outside: its firewall rules, its egress policies
// and the addresses behind them, in forms whose cost does not grow with how many there are.
// Immutable parts of a snapshot: written once by the control thread's compiler, read by workers.
#ifndef POSTERN_DATAPLANE_TABLE_POLICY_H_
#define POSTERN_DATAPLANE_TABLE_POLICY_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/table/interval_trees.h"
#include "dataplane/table/rule_set.h"
#include "dataplane/table/session_entry.h"
#include "dataplane/table/source_table.h"
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
  bool in_use = false;  // some policy names it in this snapshot
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

inline constexpr uint32_t kNoEgressPolicy = ~uint32_t{0};

// Which entry of `egress_ips` is for a source and a destination (product.md, way 4), by namespace.
// One that names pods goes before one that names namespaces; among those the longest destination
// prefix decides; `except` takes an entry out at equal or longer length.
//
//   source --tree--> innermost pods --> by destination --> match
//                       | around           the higher of the two, if any; otherwise
//                       v
//   destination --tree of the entries without pods--> match
struct EgressTable {
  // A policy and the length of the destination prefix that it was found by, so that the higher
  // number is the better match: length in the high 6 bits, then policies from the first to the
  // last. 0: none.
  using Match = uint32_t;
  static constexpr unsigned kPolicyBits = 26;
  static constexpr uint32_t kMaxPolicies = (uint32_t{1} << kPolicyBits) - 1;
  static constexpr Match match(uint8_t length, uint32_t policy) {
    return uint32_t{length} << kPolicyBits | (kMaxPolicies - policy);
  }
  static constexpr uint32_t policy_of(Match match) {
    return match == 0 ? kNoEgressPolicy : kMaxPolicies - (match & kMaxPolicies);
  }

  static constexpr uint32_t kNowhere = ~uint32_t{0};
  struct Namespace {
    IntervalTree by_source = IntervalTree::constant(kNowhere);  // into `pods`: the innermost
    IntervalTree by_destination = IntervalTree::constant(0);    // Match of entries without pods
  };
  // Entries that name one prefix of pods.
  struct Pods {
    IntervalTree by_destination;  // Match
    uint32_t around = kNowhere;   // the next shorter such prefix
  };

  IntervalTrees trees;
  std::vector<Namespace> namespaces;  // by NamespaceIndex
  std::vector<Pods> pods;

  // Index into PolicyTable::policies, or kNoEgressPolicy. Any thread.
  [[nodiscard]] uint32_t find(NamespaceIndex index, Ipv4Address source,
                              Ipv4Address destination) const {
    const Namespace& entries = namespaces[index];
    Match best = 0;
    uint32_t at = trees.find(entries.by_source, source.value);
    for (; at != kNowhere; at = pods[at].around) {
      best = std::max(best, trees.find(pods[at].by_destination, destination.value));
    }
    if (best == 0) best = trees.find(entries.by_destination, destination.value);
    return policy_of(best);
  }
};

// The DSCP of new sessions (`qos`), by namespace: what the longest destination prefix says.
struct MarkTable {
  IntervalTrees trees;                     // DscpMark
  std::vector<IntervalTree> by_namespace;  // those behind the last one have no marks

  // Any thread.
  [[nodiscard]] DscpMark find(NamespaceIndex index, Ipv4Address destination) const {
    if (index >= by_namespace.size()) return kNoMark;
    return static_cast<DscpMark>(trees.find(by_namespace[index], destination.value));
  }
};

struct FirewallRule {
  bool allow = false;
  bool log = false;
  friend bool operator==(const FirewallRule&, const FirewallRule&) = default;
};

struct Firewall {
  uint64_t version = 0;             // another one for other rules
  std::vector<FirewallRule> rules;  // by RuleNumber
  // By NamespaceIndex: the namespace's own rules; null where it has none.
  std::vector<std::shared_ptr<const RuleSet>> own;
  std::shared_ptr<const RuleSet> for_all = std::make_shared<const RuleSet>();  // of "*"
  bool default_allow = false;
  bool refuse_reject = false;  // refuse = "reject"

  // The first rule of the namespace that matches, or kNoRule. Any thread.
  [[nodiscard]] RuleNumber first_match(NamespaceIndex index, Ipv4Address destination,
                                       uint8_t protocol, uint16_t port) const {
    const uint32_t service = service_number(protocol, port);
    const RuleNumber first = for_all->first_match(destination, service);
    const RuleSet* const rules_of_namespace = own[index].get();
    if (rules_of_namespace == nullptr) return first;
    return std::min(first, rules_of_namespace->first_match(destination, service));
  }
};

struct PolicyTable {
  EgressTable egress;
  Firewall firewall;
  MarkTable marks;
  std::vector<EgressPolicy> policies;
  std::vector<AddressSlot> address_slots;
  std::vector<EgressAddress> addresses;       // by AddressSlot
  uint32_t node_ip_policy = kNoEgressPolicy;  // into `policies`
  std::vector<uint32_t> node_ip_by_node;      // mode per-node: the same by NodeIndex
  bool node_ip_platform_only = false;         // node_ip.for = "platform"
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_POLICY_H_
