// How long packets took: a histogram of counter cycles whose buckets grow with the value, so that a
// tail of milliseconds and a median of microseconds are both within 1/64 of the truth.
//
// Values below 64 have a bucket each; above, every octave is cut into 64 equal ones. Adding is a
// shift and an increment. Owned by one thread; merge histograms to sum threads up.
#ifndef POSTERN_BENCH_LATENCY_HISTOGRAM_H_
#define POSTERN_BENCH_LATENCY_HISTOGRAM_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace postern::bench {

// Percentiles in nanoseconds; all zero when nothing was counted.
struct LatencySummary {
  uint64_t packets = 0;
  double p50_ns = 0;
  double p90_ns = 0;
  double p99_ns = 0;
  double p999_ns = 0;
  double max_ns = 0;
  double mean_ns = 0;
};

class LatencyHistogram {
 public:
  static constexpr uint32_t kSubBits = 6;
  static constexpr uint64_t kSub = 1u << kSubBits;  // buckets an octave
  static constexpr size_t kBuckets = (64 - kSubBits + 1) * kSub;

  LatencyHistogram() : counts_(kBuckets) {}

  static constexpr size_t bucket_of(uint64_t value) {
    if (value < kSub) return value;
    const auto shift = static_cast<uint32_t>(std::bit_width(value)) - 1 - kSubBits;
    return (size_t{shift} + 1) * kSub + ((value >> shift) - kSub);
  }
  // The smallest and the largest value of a bucket.
  static constexpr uint64_t bucket_low(size_t bucket) {
    if (bucket < kSub) return bucket;
    return (kSub + bucket % kSub) << (bucket / kSub - 1);
  }
  static constexpr uint64_t bucket_high(size_t bucket) {
    if (bucket < kSub) return bucket;
    return bucket_low(bucket) + (uint64_t{1} << (bucket / kSub - 1)) - 1;
  }

  void add(uint64_t value) {
    ++counts_[bucket_of(value)];
    ++total_;
    sum_ += static_cast<double>(value);
    if (value > max_) max_ = value;
  }
  void merge(const LatencyHistogram& other);
  void clear();

  [[nodiscard]] uint64_t total() const { return total_; }
  [[nodiscard]] uint64_t max() const { return max_; }  // exact
  [[nodiscard]] double mean() const { return total_ == 0 ? 0 : sum_ / static_cast<double>(total_); }
  // A value that at least `share` (0 to 1) of all do not exceed: the end of their bucket, at most
  // 1/64 above the exact one, and never above max(). 0 when nothing was counted.
  [[nodiscard]] uint64_t quantile(double share) const;
  // `cycles_hz`: of the counter that the values are of.
  [[nodiscard]] LatencySummary summary(uint64_t cycles_hz) const;

  // For plots: every bucket that is not empty, rising, with the share of all values up to its end.
  struct Step {
    uint64_t up_to;
    double share;
  };
  [[nodiscard]] std::vector<Step> steps() const;

 private:
  std::vector<uint64_t> counts_;
  uint64_t total_ = 0;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_LATENCY_HISTOGRAM_H_
