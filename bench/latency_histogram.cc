#include "bench/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace postern::bench {

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

void LatencyHistogram::clear() {
  std::fill(counts_.begin(), counts_.end(), 0);
  total_ = 0;
  max_ = 0;
  sum_ = 0;
}

uint64_t LatencyHistogram::quantile(double share) const {
  if (total_ == 0) return 0;
  const double exact_rank = std::ceil(share * static_cast<double>(total_));
  const auto rank = static_cast<uint64_t>(std::clamp(exact_rank, 1.0, static_cast<double>(total_)));
  uint64_t below = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    below += counts_[i];
    if (below >= rank) return std::min(bucket_high(i), max_);
  }
  return max_;
}

LatencySummary LatencyHistogram::summary(uint64_t cycles_hz) const {
  const double ns = 1e9 / static_cast<double>(cycles_hz);
  const auto at = [&](double share) { return static_cast<double>(quantile(share)) * ns; };
  return {.packets = total_,
          .p50_ns = at(0.5),
          .p90_ns = at(0.9),
          .p99_ns = at(0.99),
          .p999_ns = at(0.999),
          .max_ns = static_cast<double>(max_) * ns,
          .mean_ns = mean() * ns};
}

std::vector<LatencyHistogram::Step> LatencyHistogram::steps() const {
  std::vector<Step> steps;
  uint64_t below = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    if (counts_[i] == 0) continue;
    below += counts_[i];
    steps.push_back({.up_to = std::min(bucket_high(i), max_),
                     .share = static_cast<double>(below) / static_cast<double>(total_)});
  }
  return steps;
}

}  // namespace postern::bench
