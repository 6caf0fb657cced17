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

}  // namespace
}  // namespace postern::bench
