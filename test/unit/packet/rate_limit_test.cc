#include "dataplane/packet/rate_limit.h"

#include <gtest/gtest.h>

#include <random>

namespace postern {
namespace {

constexpr uint64_t kHashKey = 0x9f4a7c15f39cc060u;
constexpr Rate kSource{.per_second = 100, .burst = 50};
constexpr Rate kAll{.per_second = 10'000, .burst = 1000};
constexpr Now kStart{.ms = 1};

uint32_t admitted(RateLimiter& limiter, uint64_t source, Now now, uint32_t tries) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < tries; ++i) count += limiter.admit(source, now);
  return count;
}

TEST(RateLimiter, BurstThenRate) {
  RateLimiter limiter(kSource, kAll, kHashKey);
  EXPECT_EQ(admitted(limiter, 7, kStart, 1000), 50u);
  EXPECT_EQ(admitted(limiter, 7, {.ms = 10}, 1000), 0u);
  EXPECT_EQ(admitted(limiter, 7, {.ms = 11}, 1000), 1u) << "one every 10 ms";
  EXPECT_EQ(admitted(limiter, 7, {.ms = 111}, 1000), 10u);
}

TEST(RateLimiter, RestFillsTheBucketAndNoMore) {
  RateLimiter limiter(kSource, kAll, kHashKey);
  EXPECT_EQ(admitted(limiter, 7, kStart, 1000), 50u);
  EXPECT_EQ(admitted(limiter, 7, {.ms = 501}, 1000), 50u) << "half a second fills it";
  EXPECT_EQ(admitted(limiter, 7, {.ms = 3'600'000}, 1000), 50u) << "an hour fills no more";
}

TEST(RateLimiter, SteadyAskerGetsItsRate) {
  RateLimiter limiter(kSource, kAll, kHashKey);
  uint32_t count = 0;
  for (uint64_t ms = 1; ms <= 10'000; ++ms) count += limiter.admit(7, {.ms = ms});
  EXPECT_GE(count, 1000u);
  EXPECT_LE(count, 1050u);
}

TEST(RateLimiter, SourcesDoNotShareTheirBuckets) {
  RateLimiter limiter(kSource, {.per_second = 1'000'000, .burst = 1'000'000}, kHashKey);
  for (uint64_t source = 0; source < 1000; ++source) {
    EXPECT_EQ(admitted(limiter, source, kStart, 100), 50u) << source;
  }
}

TEST(RateLimiter, FloodOfOtherSourcesRefusesNobodyUnjustly) {
  // Many more sources than slots, while one asks at its rate.
  RateLimiter limiter(kSource, {.per_second = 1'000'000, .burst = 1'000'000}, kHashKey);
  std::mt19937_64 random(31);
  uint32_t refused = 0;
  for (uint64_t ms = 1; ms <= 1000; ++ms) {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.admit(random(), {.ms = ms}));
    if (ms % 10 == 0) refused += !limiter.admit(7, {.ms = ms});
  }
  EXPECT_EQ(refused, 0u);
}

TEST(RateLimiter, AllTogetherAreBounded) {
  RateLimiter limiter(kSource, kAll, kHashKey);
  uint64_t source = 0;
  uint32_t count = 0;
  for (uint64_t ms = 1; ms <= 1000; ++ms) {
    for (int i = 0; i < 100; ++i) count += limiter.admit(++source, {.ms = ms});
  }
  EXPECT_GE(count, 10'000u);
  EXPECT_LE(count, 11'000u);
}

TEST(RateLimiter, RefusedByAllCostsTheSourceNothing) {
  RateLimiter limiter(kSource, {.per_second = 1000, .burst = 10}, kHashKey);
  EXPECT_EQ(admitted(limiter, 1, kStart, 10), 10u);
  EXPECT_EQ(admitted(limiter, 2, kStart, 1000), 0u);
  uint32_t count = 0;
  for (uint64_t ms = 2; ms <= 51; ++ms) count += limiter.admit(2, {.ms = ms});
  EXPECT_EQ(count, 50u) << "its burst was still whole";
}

TEST(RateLimiter, SmallestRates) {
  RateLimiter limiter({.per_second = 1, .burst = 1}, {.per_second = 1, .burst = 1}, kHashKey);
  EXPECT_TRUE(limiter.admit(0, kStart));
  EXPECT_FALSE(limiter.admit(0, {.ms = 1000}));
  EXPECT_TRUE(limiter.admit(0, {.ms = 1001}));
}

}  // namespace
}  // namespace postern
