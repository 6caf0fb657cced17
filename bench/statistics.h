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

}  // namespace postern::bench

#endif  // POSTERN_BENCH_STATISTICS_H_
