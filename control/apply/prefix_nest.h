// Prefixes and how they lie in one another: from a set of prefixes, some with others inside, to the
// stretches of addresses for which the innermost one is the same. Values; any thread.
#ifndef POSTERN_CONTROL_APPLY_PREFIX_NEST_H_
#define POSTERN_CONTROL_APPLY_PREFIX_NEST_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/table/interval_trees.h"
#include "dataplane/wire/address.h"

namespace postern {

class PrefixNest {
 public:
  static constexpr uint32_t kNowhere = ~uint32_t{0};

  // In any order; what is there twice counts once.
  explicit PrefixNest(std::vector<Ipv4Prefix> prefixes);

  // The prefixes by number: whatever lies around another has the lower number.
  [[nodiscard]] const std::vector<Ipv4Prefix>& prefixes() const { return prefixes_; }
  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(prefixes_.size()); }
  // The number of a prefix that is there.
  [[nodiscard]] uint32_t number(const Ipv4Prefix& prefix) const;
  // The longest prefix around that one, or kNowhere.
  [[nodiscard]] uint32_t around(uint32_t number) const { return around_[number]; }

  // The steps of value(innermost prefix around an address, or kNowhere) over all addresses.
  template <typename Value>
  [[nodiscard]] IntervalSteps steps(Value&& value) const;

 private:
  static uint32_t last_of(const Ipv4Prefix& prefix) {
    return prefix.address.value | ~prefix.mask();
  }

  std::vector<Ipv4Prefix> prefixes_;
  std::vector<uint32_t> around_;
};

template <typename Value>
IntervalSteps PrefixNest::steps(Value&& value) const {
  IntervalSteps steps;
  uint64_t at = 0;                // up to here all is said
  uint32_t innermost = kNowhere;  // there
  const auto advance = [&](uint64_t to) {
    if (to > at) steps.add(static_cast<uint32_t>(to - 1), value(innermost));
    at = to;
  };
  const auto leave = [&](uint64_t until) {
    while (innermost != kNowhere && last_of(prefixes_[innermost]) < until) {
      advance(uint64_t{last_of(prefixes_[innermost])} + 1);
      innermost = around_[innermost];
    }
  };
  for (uint32_t number = 0; number < size(); ++number) {
    const uint32_t first = prefixes_[number].address.value;
    leave(first);
    advance(first);
    innermost = number;
  }
  constexpr uint64_t kEnd = uint64_t{1} << 32;
  leave(kEnd);
  advance(kEnd);
  return steps;
}

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_PREFIX_NEST_H_
