// What host names stand for at the moment: addresses by the number of a name.
//
// A part of its own of the snapshot: when a name's addresses change, only this is built anew; what
// refers to names (lines of egress routers) holds their numbers. Immutable once published; made by
// the control thread, read by workers.
#ifndef POSTERN_DATAPLANE_TABLE_RESOLVED_NAMES_H_
#define POSTERN_DATAPLANE_TABLE_RESOLVED_NAMES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/table/policy.h"
#include "dataplane/wire/address.h"

namespace postern {

// Number of a name.
using NameIndex = uint32_t;
inline constexpr NameIndex kNoName = ~NameIndex{0};

class ResolvedNames {
 public:
  // Control thread: the next name, numbers being given in order from 0, and its addresses.
  void add(std::span<const Ipv4Address> addresses) {
    names_.push_back(
        {static_cast<uint32_t>(addresses_.size()), static_cast<uint32_t>(addresses.size())});
    addresses_.insert(addresses_.end(), addresses.begin(), addresses.end());
  }
  // Any thread: empty while the name has no address, and for a name that is not known.
  [[nodiscard]] std::span<const Ipv4Address> addresses(NameIndex name) const {
    if (name >= names_.size()) return {};
    return {addresses_.data() + names_[name].first, names_[name].count};
  }

 private:
  std::vector<Range> names_;
  std::vector<Ipv4Address> addresses_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_RESOLVED_NAMES_H_
