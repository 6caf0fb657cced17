// Medians and how far they can be trusted. Pure; any thread.
#ifndef POSTERN_BENCH_STATISTICS_H_
#define POSTERN_BENCH_STATISTICS_H_

#include <vector>

namespace postern::bench {

// The median with the interval that holds the true one with 95 % probability, whatever the
// distribution (order statistics of the binomial distribution, by its normal approximation).
struct Median {
  double value = 0;
  double low = 0;
  double high = 0;
};

// Of at least one value.
[[nodiscard]] Median median_of(std::vector<double> values);

// How probable it is that values of `b` lie above those of `a` as much as they do, or more, where
// both are the same in truth: by their ranks (Mann and Whitney 1947), over `kShuffles` random
// divisions of all values (fixed seed), equal values sharing their ranks. 1 where there is none of
// either.
inline constexpr unsigned kShuffles = 10'000;
[[nodiscard]] double chance_of_rise(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_STATISTICS_H_
