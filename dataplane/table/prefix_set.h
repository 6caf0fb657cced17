// A set of IPv4 prefixes with an answer to "is this address in one of them?": one map probe per
// prefix length in use. Immutable once published; written by the control thread's compiler.
#ifndef POSTERN_DATAPLANE_TABLE_PREFIX_SET_H_
#define POSTERN_DATAPLANE_TABLE_PREFIX_SET_H_

#include <cstdint>

#include "dataplane/table/flat_map.h"
#include "dataplane/wire/address.h"

namespace postern {

class PrefixSet {
 public:
  explicit PrefixSet(uint32_t prefixes = 0, uint64_t seed = 0) : map_(prefixes * 2 + 2, seed) {}

  // False when there is no room for another one.
  bool insert(Ipv4Prefix prefix) {
    lengths_ |= uint64_t{1} << prefix.length;
    return map_.insert(key(prefix), 1);
  }
  [[nodiscard]] bool contains(Ipv4Address address) const {
    for (uint64_t rest = lengths_; rest != 0;) {
      const unsigned length = 63u - static_cast<unsigned>(__builtin_clzll(rest));
      rest &= ~(uint64_t{1} << length);
      if (map_.find(key({address, static_cast<uint8_t>(length)})) != FlatMap::kAbsent) return true;
    }
    return false;
  }

 private:
  static uint64_t key(Ipv4Prefix prefix) {
    return uint64_t{1} << 63 | uint64_t{prefix.length} << 32 |
           (prefix.address.value & prefix.mask());
  }
  FlatMap map_;
  uint64_t lengths_ = 0;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_PREFIX_SET_H_
