// Prefixes of the overlays, in order, with the two questions that the books ask: which entry holds
// this prefix, and which entries lie within it.
//
// An ordered map over (network, address, length), and a count per length so that only lengths in
// use are tried. Values only; one thread at a time.
#ifndef POSTERN_CONTROL_APPLY_PREFIX_MAP_H_
#define POSTERN_CONTROL_APPLY_PREFIX_MAP_H_

#include <absl/container/btree_map.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "dataplane/table/source_table.h"
#include "dataplane/wire/address.h"

namespace postern {

// A prefix of inner addresses. Networks are different worlds.
struct OverlayPrefix {
  NetworkId network = 0;
  Ipv4Prefix prefix;
  auto operator<=>(const OverlayPrefix&) const = default;
};

template <typename Value>
class PrefixMap {
 public:
  using Entries = absl::btree_map<OverlayPrefix, Value>;
  using Entry = typename Entries::value_type;

  // False when the prefix is there already; its value then stays.
  bool insert(const OverlayPrefix& key, Value value) {
    if (!entries_.emplace(key, std::move(value)).second) return false;
    ++lengths_[key.prefix.length];
    return true;
  }
  void assign(const OverlayPrefix& key, Value value) {
    if (insert(key, value)) return;
    entries_.find(key)->second = std::move(value);
  }
  bool erase(const OverlayPrefix& key) {
    if (entries_.erase(key) == 0) return false;
    --lengths_[key.prefix.length];
    return true;
  }
  // The value of exactly this prefix, or null.
  [[nodiscard]] const Value* find(const OverlayPrefix& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second;
  }
  // The entry of the longest prefix that holds `key`, itself included, or null.
  [[nodiscard]] const Entry* holding(const OverlayPrefix& key) const {
    return holding(key, key.prefix.length);
  }
  // The entry of the longest prefix that holds `key` and is shorter, or null.
  [[nodiscard]] const Entry* above(const OverlayPrefix& key) const {
    return holding(key, key.prefix.length - 1);
  }
  // Calls visit(key, value) for every entry within `outer`, itself included.
  template <typename Visit>
  void for_each_within(const OverlayPrefix& outer, Visit&& visit) const {
    const uint32_t last = outer.prefix.address.value | ~outer.prefix.mask();
    for (auto at = entries_.lower_bound({outer.network, {outer.prefix.address, 0}});
         at != entries_.end(); ++at) {
      const OverlayPrefix& key = at->first;
      if (key.network != outer.network || key.prefix.address.value > last) break;
      if (key.prefix.length >= outer.prefix.length) visit(key, at->second);
    }
  }
  [[nodiscard]] const Entries& all() const { return entries_; }
  [[nodiscard]] size_t size() const { return entries_.size(); }

 private:
  [[nodiscard]] const Entry* holding(const OverlayPrefix& key, int longest) const {
    for (int length = longest; length >= 0; --length) {
      if (lengths_[static_cast<size_t>(length)] == 0) continue;
      const auto bits = static_cast<uint8_t>(length);
      const Ipv4Address network{key.prefix.address.value & Ipv4Prefix::mask_of(bits)};
      const auto found = entries_.find({key.network, {network, bits}});
      if (found != entries_.end()) return &*found;
    }
    return nullptr;
  }

  Entries entries_;
  std::array<size_t, 33> lengths_{};  // how many entries have that length
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_PREFIX_MAP_H_
