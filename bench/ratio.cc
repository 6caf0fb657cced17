#include "bench/ratio.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace postern::bench {
namespace {

// Reorders `values`.
double median_in_place(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// Blocks from anywhere, end joined to beginning, until there are as many as in `from`.
void resample(std::span<const double> from, std::mt19937_64& random, std::vector<double>& to) {
  const auto block = static_cast<size_t>(std::sqrt(static_cast<double>(from.size())));
  std::uniform_int_distribution<size_t> start(0, from.size() - 1);
  to.clear();
  while (to.size() < from.size()) {
    size_t at = start(random);
    for (size_t i = 0; i < block && to.size() < from.size(); ++i) {
      to.push_back(from[at]);
      if (++at == from.size()) at = 0;
    }
  }
}

// Samples drawn in all, at most, as long as that is enough.
constexpr size_t kDraws = 100'000'000;

size_t resamples_for(size_t samples) {
  return std::clamp<size_t>(kDraws / samples, kFewestResamples, kResamples);
}

}  // namespace

Ratio ratio_of_medians(std::span<const double> a, std::span<const double> b, uint64_t seed) {
  std::vector<double> of_a(a.begin(), a.end());
  std::vector<double> of_b(b.begin(), b.end());
  Ratio ratio;
  ratio.value = median_in_place(of_b) / median_in_place(of_a);
  std::mt19937_64 random(seed);
  std::vector<double> ratios(resamples_for(a.size() + b.size()));
  for (double& each : ratios) {
    resample(a, random, of_a);
    resample(b, random, of_b);
    each = median_in_place(of_b) / median_in_place(of_a);
  }
  std::sort(ratios.begin(), ratios.end());
  ratio.low = std::min(ratio.value, ratios[ratios.size() * 25 / 1000]);
  ratio.high = std::max(ratio.value, ratios[ratios.size() * 975 / 1000]);
  return ratio;
}

}  // namespace postern::bench
