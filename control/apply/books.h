// The books: which number each named thing has over the life of the gateway. Plain values, copied
// by a transaction and taken over when it commits. How large the tables are is decided here, once.
#ifndef POSTERN_CONTROL_APPLY_BOOKS_H_
#define POSTERN_CONTROL_APPLY_BOOKS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "control/apply/address_owners.h"
#include "control/apply/slots.h"
#include "dataplane/table/neighbour.h"
#include "dataplane/table/policy.h"
#include "dataplane/table/source_table.h"

namespace postern {

// How much there is room for. Numbers of removed things cool for some seconds, so each is a
// multiple of what one configuration may hold. Next hops: dataplane/table/neighbour.h.
inline constexpr uint32_t kMaxSources = 1u << 20;     // 24 bits in sessions
inline constexpr uint32_t kMaxNamespaces = 1u << 16;  // 20 bits in source records
inline constexpr uint32_t kMaxNodes = 1u << 14;       // 20 bits in source records
inline constexpr uint32_t kMaxAddresses = 1u << 15;   // 16 bits in sessions
static_assert(kMaxSources <= kNoSource && kMaxNamespaces < kNoNamespace && kMaxNodes < kNoNode &&
              kMaxAddresses < kNoAddress);

// One next hop that the configuration names.
struct NextHop {
  NeighbourKey key;
  NeighbourSlot slot = kNoNeighbour;
  friend bool operator==(const NextHop&, const NextHop&) = default;
};

struct Books {
  SlotBook<std::string> namespaces{kMaxNamespaces - 1, kPlatform + 1};
  SlotBook<std::string> nodes{kMaxNodes};
  SlotBook<uint32_t> addresses{kMaxAddresses};              // by Ipv4Address::value
  SlotBook<uint64_t> next_hops{kMaxNextHops};               // by NeighbourKey::packed()
  SlotBook<std::string> wide_tunnels{kMaxWideNetworks, 1};  // those with vni = "any"
  AddressOwners address_owners;                             // of what `addresses` holds
  // The firewall's rules and their version, which rises when they change.
  std::shared_ptr<const std::vector<config::FirewallRule>> rules;
  uint64_t rules_version = 0;
  // By address slot. Rises when an address goes: what was translated to it is served no more.
  std::vector<uint8_t> address_epochs = std::vector<uint8_t>(kMaxAddresses);
};

// Numbers that a transaction dropped. Next hops are free as soon as every worker has passed to the
// new snapshot, the others after a purge.
struct Cooling {
  std::vector<SourceSlot> sources;
  std::vector<NamespaceIndex> namespaces;
  std::vector<NodeIndex> nodes;
  std::vector<uint32_t> addresses;
  std::vector<NeighbourSlot> next_hops;
  std::vector<uint32_t> wide_tunnels;

  // Whether sessions may remember any of them.
  [[nodiscard]] bool needs_purge() const {
    return !(sources.empty() && namespaces.empty() && nodes.empty() && addresses.empty() &&
             wide_tunnels.empty());
  }
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_BOOKS_H_
