// What the host names of a configuration stand for, as the resolver knows it at one time. A plain
// value: made by control/serve's Names, read by the compiler, shared and never changed.
#ifndef POSTERN_CONTROL_APPLY_NAME_ADDRESSES_H_
#define POSTERN_CONTROL_APPLY_NAME_ADDRESSES_H_

#include <absl/container/btree_map.h>
#include <absl/strings/ascii.h>

#include <string>
#include <string_view>
#include <vector>

#include "dataplane/wire/address.h"

namespace postern {

// A host name as a key: letters of either case mean the same (RFC 4343), in lower case here.
inline std::string host_key(std::string_view name) {
  return absl::AsciiStrToLower(absl::string_view(name.data(), name.size()));
}

// By host_key(); addresses ascending, each once, at least one. A name that was never resolved is
// not in it.
using NameAddresses = absl::btree_map<std::string, std::vector<Ipv4Address>>;

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_NAME_ADDRESSES_H_
