#include "dataplane/table/limits.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(TokenBucket, IsFullAtFirstAndGivesWhatItHolds) {
  TokenBucket bucket;
  const Now now{5};
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(bucket.has(1, 100, 10, now));
    bucket.take(1);
  }
  EXPECT_FALSE(bucket.has(1, 100, 10, now));
}

TEST(TokenBucket, FillsByTheMillisecondWithoutRounding) {
  TokenBucket bucket;
  Now now{5};
  ASSERT_TRUE(bucket.has(3, 3, 3, now));
  bucket.take(3);
  // Three a second: the first one is there after 334 ms, however often it is asked.
  for (; now.ms < 5 + 334; ++now.ms) ASSERT_FALSE(bucket.has(1, 3, 3, now)) << now.ms;
  EXPECT_TRUE(bucket.has(1, 3, 3, now));
}

TEST(TokenBucket, NeverHoldsMoreThanItsRoom) {
  TokenBucket bucket;
  ASSERT_TRUE(bucket.has(1, 1'000'000'000'000, 5, Now{1}));
  EXPECT_TRUE(bucket.has(5, 1'000'000'000'000, 5, Now{uint64_t{1} << 40}));
  EXPECT_FALSE(bucket.has(6, 1'000'000'000'000, 5, Now{uint64_t{1} << 41}));
  bucket.take(5);
  EXPECT_FALSE(bucket.has(1, 0, 5, Now{uint64_t{1} << 41}));
}

TEST(NamespaceUsage, WithoutALimitEverythingMay) {
  NamespaceUsage usage;
  const NamespaceLimits none;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(usage.may_begin(none, Now{1}));
    usage.begun(none);
    ASSERT_TRUE(usage.may_pass(none, Direction::kInbound, 65535, Now{1}));
    usage.passed(none, Direction::kInbound, 65535);
  }
}

TEST(NamespaceUsage, TheLargestPacketAlwaysFitsTheBurst) {
  NamespaceUsage usage;
  const NamespaceLimits slow{.bytes_per_second = 1};
  EXPECT_TRUE(usage.may_pass(slow, Direction::kOutbound, 65535, Now{1}));
}

}  // namespace
}  // namespace postern
