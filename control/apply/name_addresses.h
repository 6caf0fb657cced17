// What the host names of a configuration stand for, as the resolver knows it at one time. A plain
// value: made by control/serve's HostNames, read when tables are made, shared and never changed.
#ifndef POSTERN_CONTROL_APPLY_NAME_ADDRESSES_H_
#define POSTERN_CONTROL_APPLY_NAME_ADDRESSES_H_

#include <absl/container/btree_map.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "dataplane/wire/address.h"

namespace postern {

// A host name as a key: letters of either case mean the same (RFC 4343), in lower case here.
std::string host_key(std::string_view name);

// By host_key(); addresses ascending, each once, at least one. A name that was never resolved is
// not in it.
using NameAddresses = absl::btree_map<std::string, std::vector<Ipv4Address>>;

// The host names that a configuration needs resolved, by host_key(): those of dns-proxy lines and
// of firewall rules.
std::set<std::string> names_of(const config::Model& model);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_NAME_ADDRESSES_H_
