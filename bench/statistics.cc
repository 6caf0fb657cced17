#include "bench/statistics.h"

#include <algorithm>
#include <cmath>

namespace postern::bench {

Median median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t count = values.size();
  const size_t middle = count / 2;
  Median median;
  median.value = count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  // Ranks n/2 +- 1.96 sqrt(n)/2, rounded outwards.
  const double half = 0.98 * std::sqrt(static_cast<double>(count));
  const double centre = static_cast<double>(count) / 2;
  const auto last = static_cast<double>(count - 1);
  median.low = values[static_cast<size_t>(std::clamp(std::floor(centre - half), 0.0, last))];
  median.high = values[static_cast<size_t>(std::clamp(std::ceil(centre + half), 0.0, last))];
  return median;
}

}  // namespace postern::bench
