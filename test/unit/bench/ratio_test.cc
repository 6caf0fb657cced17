#include "bench/ratio.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace postern::bench {
namespace {

std::vector<double> noisy(double centre, double spread, size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(centre, spread);
  std::vector<double> values(count);
  for (double& value : values) value = normal(random);
  return values;
}

TEST(BenchRatio, IsOfTheMedians) {
  const std::vector<double> a = {1, 2, 3, 100};
  const std::vector<double> b = {5, 5, 5, 1};
  const Ratio ratio = ratio_of_medians(a, b);
  EXPECT_EQ(ratio.value, 2);
  EXPECT_LE(ratio.low, 2);
  EXPECT_GE(ratio.high, 2);
}

TEST(BenchRatio, OneValueHasNoSpread) {
  const std::vector<double> a = {10};
  const std::vector<double> b = {11};
  const Ratio ratio = ratio_of_medians(a, b);
  EXPECT_DOUBLE_EQ(ratio.low, 1.1);
  EXPECT_DOUBLE_EQ(ratio.high, 1.1);
}

TEST(BenchRatio, SaysTheSameTwice) {
  const auto a = noisy(100, 5, 300, 1);
  const auto b = noisy(101, 5, 300, 2);
  const Ratio once = ratio_of_medians(a, b);
  const Ratio again = ratio_of_medians(a, b);
  EXPECT_EQ(once.low, again.low);
  EXPECT_EQ(once.high, again.high);
  EXPECT_NE(once.low, ratio_of_medians(a, b, 2).low);
}

TEST(BenchRatio, IntervalHoldsTheTrueRatio) {
  constexpr int kTrials = 60;
  int held = 0;
  int differs = 0;
  for (uint64_t trial = 0; trial < kTrials; ++trial) {
    const auto a = noisy(100, 8, 150, 2 * trial + 1);
    const auto b = noisy(104, 8, 150, 2 * trial + 2);
    const Ratio ratio = ratio_of_medians(a, b);
    held += ratio.low <= 1.04 && 1.04 <= ratio.high;
    differs += ratio.differs();
  }
  EXPECT_GE(held, kTrials * 85 / 100);
  EXPECT_GE(differs, kTrials * 3 / 4);
}

TEST(BenchRatio, DriftWithinARunWidensTheInterval) {
  // The same values, in order and shuffled: neighbours that are alike say less.
  std::vector<double> drifting(400);
  for (size_t i = 0; i < drifting.size(); ++i) drifting[i] = i < 200 ? 100 : 110;
  for (size_t i = 0; i < drifting.size(); ++i) drifting[i] += static_cast<double>(i % 7) / 10;
  std::vector<double> shuffled = drifting;
  std::mt19937 random(4);
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  const std::vector<double> steady = noisy(105, 0.5, 400, 9);
  const Ratio in_order = ratio_of_medians(steady, drifting);
  EXPECT_FALSE(in_order.differs());
  EXPECT_GT(in_order.high - in_order.low, 0.05);
}

TEST(BenchRatio, VeryManySamplesStillHaveAnInterval) {
  const auto a = noisy(100, 8, 100'000, 1);
  const auto b = noisy(101, 8, 100'000, 2);
  const Ratio ratio = ratio_of_medians(a, b);
  EXPECT_TRUE(ratio.differs());
  EXPECT_NEAR(ratio.low, 1.01, 0.003);
  EXPECT_NEAR(ratio.high, 1.01, 0.003);
  EXPECT_LT(ratio.low, ratio.high);
}

}  // namespace
}  // namespace postern::bench
