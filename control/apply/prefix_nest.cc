#include "control/apply/prefix_nest.h"

#include <algorithm>
#include <utility>

namespace postern {

PrefixNest::PrefixNest(std::vector<Ipv4Prefix> prefixes) : prefixes_(std::move(prefixes)) {
  std::sort(prefixes_.begin(), prefixes_.end());
  prefixes_.erase(std::unique(prefixes_.begin(), prefixes_.end()), prefixes_.end());
  around_.reserve(prefixes_.size());
  uint32_t innermost = kNowhere;
  for (uint32_t number = 0; number < size(); ++number) {
    while (innermost != kNowhere && !prefixes_[innermost].contains(prefixes_[number])) {
      innermost = around_[innermost];
    }
    around_.push_back(innermost);
    innermost = number;
  }
}

uint32_t PrefixNest::number(const Ipv4Prefix& prefix) const {
  const auto found = std::lower_bound(prefixes_.begin(), prefixes_.end(), prefix);
  return static_cast<uint32_t>(found - prefixes_.begin());
}

}  // namespace postern
