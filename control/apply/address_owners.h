// Whose each egress address is, so that it changes hands safely.
//
// Sessions note the slot of their address. When an address goes from one kind of way out to another
// in one change, or from one egress router or node to another, what was translated for the first
// must not go on under the second: the address counts as removed and added again, and gets another
// slot (books.h). Entries of egress_ips are one owner: their sessions go on while the address is
// there, until the operator asks for revalidate.
//
// Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_ADDRESS_OWNERS_H_
#define POSTERN_CONTROL_APPLY_ADDRESS_OWNERS_H_

#include <absl/container/btree_map.h>

#include <cstdint>
#include <string>

#include "config/model.h"

namespace postern {

// By Ipv4Address::value; owners are the same where their texts are equal.
using AddressOwners = absl::btree_map<uint32_t, std::string>;

// Every address that sessions may be given: those of `egress_ips`, sources of `egress_routers` and,
// where it is on, those of `node_ip`.
AddressOwners address_owners(const config::Model& model);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_ADDRESS_OWNERS_H_
