#include "bench/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace postern::bench {
namespace {

TEST(LatencyHistogram, BucketsCoverEveryValueOnce) {
  uint64_t next = 0;
  for (size_t bucket = 0; bucket < LatencyHistogram::kBuckets; ++bucket) {
    ASSERT_EQ(LatencyHistogram::bucket_low(bucket), next) << bucket;
    const uint64_t high = LatencyHistogram::bucket_high(bucket);
    ASSERT_EQ(LatencyHistogram::bucket_of(next), bucket);
    ASSERT_EQ(LatencyHistogram::bucket_of(high), bucket);
    // The error of a bucket's end is below 1/64 of the value.
    ASSERT_LE(high - next, next / LatencyHistogram::kSub);
    next = high + 1;
  }
  EXPECT_EQ(next, 0u) << "the last bucket ends with the largest number";
}

TEST(LatencyHistogram, QuantilesAreThoseOfASortedList) {
  std::mt19937_64 random(3);
  std::lognormal_distribution<double> tail(8, 1.5);
  LatencyHistogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20'001; ++i) {
    values.push_back(static_cast<uint64_t>(tail(random)));
    histogram.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double rank = std::ceil(share * static_cast<double>(values.size()));
    const uint64_t exact = values[static_cast<size_t>(std::max(rank, 1.0)) - 1];
    EXPECT_GE(histogram.quantile(share), exact) << share;
    EXPECT_LE(histogram.quantile(share), exact + exact / LatencyHistogram::kSub) << share;
  }
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_EQ(histogram.quantile(1), values.back());
}

TEST(LatencyHistogram, SummaryIsInNanoseconds) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.summary(2'000'000'000).packets, 0u);
  EXPECT_EQ(histogram.summary(2'000'000'000).p999_ns, 0);
  for (int i = 0; i < 999; ++i) histogram.add(20);
  histogram.add(60);
  const LatencySummary summary = histogram.summary(2'000'000'000);
  EXPECT_EQ(summary.packets, 1000u);
  EXPECT_EQ(summary.p50_ns, 10);
  EXPECT_EQ(summary.p999_ns, 10);
  EXPECT_EQ(summary.max_ns, 30);
  EXPECT_NEAR(summary.mean_ns, 10.02, 1e-9);
}

TEST(LatencyHistogram, MergingIsAddingUp) {
  LatencyHistogram one;
  LatencyHistogram other;
  LatencyHistogram both;
  for (uint64_t i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? one : other).add(i * i);
    both.add(i * i);
  }
  one.merge(other);
  EXPECT_EQ(one.total(), both.total());
  EXPECT_EQ(one.max(), both.max());
  EXPECT_EQ(one.mean(), both.mean());
  for (const double share : {0.1, 0.5, 0.999}) EXPECT_EQ(one.quantile(share), both.quantile(share));
  one.clear();
  EXPECT_EQ(one.total(), 0u);
  EXPECT_EQ(one.quantile(0.5), 0u);
}

TEST(LatencyHistogram, StepsRiseToOne) {
  LatencyHistogram histogram;
  for (const uint64_t value : {5u, 5u, 70u, 1'000'000u}) histogram.add(value);
  const std::vector<LatencyHistogram::Step> steps = histogram.steps();
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].up_to, 5u);
  EXPECT_EQ(steps[0].share, 0.5);
  EXPECT_EQ(steps[1].share, 0.75);
  EXPECT_EQ(steps[2].up_to, 1'000'000u);
  EXPECT_EQ(steps[2].share, 1);
}

}  // namespace
}  // namespace postern::bench
