// How two sets of samples compare: the ratio of their medians, and how far it can be trusted.
// Pure; any thread.
#ifndef POSTERN_BENCH_RATIO_H_
#define POSTERN_BENCH_RATIO_H_

#include <cstdint>
#include <span>

namespace postern::bench {

// median(b) / median(a), with its 95 % interval.
struct Ratio {
  double value = 1;
  double low = 1;
  double high = 1;
  // Whether the difference is larger than the spread: the interval lies on one side of 1.
  [[nodiscard]] bool differs() const { return low > 1 || high < 1; }
};

// Samples in the order in which they were taken; at least one of each, all above zero.
//
// The interval is a bootstrap's (percentiles over kResamples resamples, fixed seed), circular and
// in blocks of the square root of the number of samples: neighbouring samples share what disturbed
// them, and drawn one by one they would claim a precision that is not there (Politis and Romano, A
// Circular Block-Resampling Procedure for Stationary Data, 1992).
//
// Very many samples are resampled less often, so that an answer takes seconds at most: their
// interval is narrow anyhow, and its ends are known less sharply.
inline constexpr uint32_t kResamples = 2000;
inline constexpr uint32_t kFewestResamples = 200;
[[nodiscard]] Ratio ratio_of_medians(std::span<const double> a, std::span<const double> b,
                                     uint64_t seed = 1);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RATIO_H_
