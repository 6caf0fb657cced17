#include "bench/statistics.h"

#include <gtest/gtest.h>

#include <random>

#include "bench/report.h"

namespace postern::bench {
namespace {

TEST(BenchStatistics, MedianOfFewValues) {
  EXPECT_EQ(median_of({7}).value, 7);
  EXPECT_EQ(median_of({7}).low, 7);
  EXPECT_EQ(median_of({7}).high, 7);
  EXPECT_EQ(median_of({3, 1, 2}).value, 2);
  EXPECT_EQ(median_of({4, 1, 3, 2}).value, 2.5);
}

TEST(BenchStatistics, IntervalHoldsTheTrueMedian) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> uniform(0, 1);
  int held = 0;
  constexpr int kTrials = 1000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values(101);
    for (double& value : values) value = uniform(random);
    const Median median = median_of(values);
    EXPECT_LE(median.low, median.value);
    EXPECT_GE(median.high, median.value);
    held += median.low <= 0.5 && 0.5 <= median.high;
  }
  EXPECT_GT(held, kTrials * 93 / 100);
  EXPECT_LT(held, kTrials * 99 / 100);
}

TEST(BenchStatistics, FiguresAreMediansOfDifferences) {
  const std::vector<Sample> samples = {
      {.total = 150, .io = 40}, {.total = 200, .io = 41}, {.total = 160, .io = 90}};
  const Figures figures = figures_of(samples, 1'600'000'000);
  EXPECT_EQ(figures.total.value, 160);
  EXPECT_EQ(figures.io.value, 41);
  EXPECT_EQ(figures.net.value, 110);  // of 110, 159 and 70: not 160 less 41
  EXPECT_EQ(figures.packets_per_second, 10'000'000);
}

TEST(BenchStatistics, ARiseIsToldFromChanceByRanks) {
  EXPECT_EQ(chance_of_rise({}, {1}), 1);
  EXPECT_EQ(chance_of_rise({0, 0, 0}, {0, 0, 0}), 1);
  // All eight above all eight: one of C(16, 8) = 12,870 divisions.
  EXPECT_LT(chance_of_rise({1, 2, 3, 4, 5, 6, 7, 8}, {11, 12, 13, 14, 15, 16, 17, 18}), 0.001);
  EXPECT_GT(chance_of_rise({11, 12, 13, 14, 15, 16, 17, 18}, {1, 2, 3, 4, 5, 6, 7, 8}), 0.99);
  // However far above: three of three are one of twenty.
  EXPECT_NEAR(chance_of_rise({1, 2, 3}, {1e6, 1e7, 1e8}), 0.05, 0.01);
  EXPECT_NEAR(chance_of_rise({1, 3, 5, 7}, {2, 4, 6, 8}), 0.343, 0.03);
}

}  // namespace
}  // namespace postern::bench
