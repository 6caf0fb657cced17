#include "bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>

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

double chance_of_rise(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.empty() || b.empty()) return 1;
  std::vector<double> all = a;
  all.insert(all.end(), b.begin(), b.end());
  std::vector<double> sorted = all;
  std::sort(sorted.begin(), sorted.end());
  // The middle of the places that a value has: whole numbers, as each counts twice.
  std::vector<ptrdiff_t> ranks;
  for (const double value : all) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
    ranks.push_back((first - sorted.begin()) + (last - sorted.begin()));
  }
  const auto sum_of_b = [&] {
    return std::accumulate(ranks.end() - static_cast<ptrdiff_t>(b.size()), ranks.end(),
                           ptrdiff_t{0});
  };
  const ptrdiff_t found = sum_of_b();
  std::mt19937_64 random(1);
  unsigned as_many = 1;  // the one that was found
  for (unsigned i = 0; i < kShuffles; ++i) {
    std::shuffle(ranks.begin(), ranks.end(), random);
    if (sum_of_b() >= found) ++as_many;
  }
  return static_cast<double>(as_many) / (kShuffles + 1);
}

}  // namespace postern::bench
