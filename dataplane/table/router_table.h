// The egress routers: which address pods dial, who may, and where each local port leads.
//
//   listen ------> router: namespaces, policy (its source address), fallback
//   router, port -> rule: protocol, remote address or name, remote port
//
// Two maps, so a new session costs two probes whatever the number of routers. A local port has one
// rule, whatever its protocol; what matches no rule goes to the fallback, where there is one.
// Routers are in the file's order and a rule knows its line, so a decision can be told as one.
// Immutable once published; made by the control thread, read by workers.
#ifndef POSTERN_DATAPLANE_TABLE_ROUTER_TABLE_H_
#define POSTERN_DATAPLANE_TABLE_ROUTER_TABLE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dataplane/table/flat_map.h"
#include "dataplane/table/policy.h"
#include "dataplane/table/resolved_names.h"
#include "dataplane/table/source_table.h"
#include "dataplane/wire/address.h"

namespace postern {

// Index into RouterTable::routers, which is the file's order.
using RouterIndex = uint32_t;
inline constexpr RouterIndex kNoRouter = ~RouterIndex{0};
// Index into RouterTable::rules.
using RouterRuleIndex = uint32_t;
inline constexpr RouterRuleIndex kNoRouterRule = ~RouterRuleIndex{0};

struct RouterRule {
  uint8_t protocol = 0;      // of a rule with a local port
  uint16_t remote_port = 0;  // host order; 0: the port that was dialled
  Ipv4Address address;       // where it leads, unless a name says so
  NameIndex name = kNoName;
  uint32_t line = 0;  // index into the entry's `destinations`
};

struct RouterEntry {
  Ipv4Address listen;
  Range namespaces;                          // into RouterTable::namespaces, ascending
  uint32_t policy = kNoEgressPolicy;         // with the source address alone
  RouterRuleIndex fallback = kNoRouterRule;  // for every other port and protocol
};

struct RouterTable {
  std::vector<RouterEntry> routers;
  std::vector<RouterRule> rules;
  std::vector<NamespaceIndex> namespaces;
  FlatMap by_listen{2, 0};  // listen_key(listen) -> RouterIndex
  FlatMap by_port{2, 0};    // port_key(router, local port) -> RouterRuleIndex

  static uint64_t listen_key(Ipv4Address listen) { return uint64_t{1} << 63 | listen.value; }
  static uint64_t port_key(RouterIndex router, uint16_t port) {
    return uint64_t{1} << 63 | uint64_t{router} << 16 | port;
  }

  // The router that listens on that address, or kNoRouter.
  [[nodiscard]] RouterIndex find(Ipv4Address listen) const {
    const uint64_t index = by_listen.find(listen_key(listen));
    return index == FlatMap::kAbsent ? kNoRouter : static_cast<RouterIndex>(index);
  }
  [[nodiscard]] bool admits(RouterIndex router, NamespaceIndex namespace_index) const {
    const Range range = routers[router].namespaces;
    const auto first = namespaces.begin() + range.first;
    return std::binary_search(first, first + range.count, namespace_index);
  }
  // The rule for a flow that dialled `port` (0 where the protocol has none), or kNoRouterRule.
  [[nodiscard]] RouterRuleIndex rule_for(RouterIndex router, uint8_t protocol,
                                         uint16_t port) const {
    const uint64_t rule = by_port.find(port_key(router, port));
    if (rule != FlatMap::kAbsent && rules[rule].protocol == protocol) {
      return static_cast<RouterRuleIndex>(rule);
    }
    return routers[router].fallback;
  }
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_ROUTER_TABLE_H_
