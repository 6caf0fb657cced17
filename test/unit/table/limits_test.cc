#include "dataplane/table/limits.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

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

TEST(SharedBucket, IsFullAtFirstAndFillsByTheMillisecondWithoutRounding) {
  SharedBucket bucket;
  Now now{5};
  ASSERT_TRUE(bucket.has(3, 3, 3, now));
  EXPECT_FALSE(bucket.has(4, 3, 3, now));
  bucket.take(3);
  for (; now.ms < 5 + 334; ++now.ms) ASSERT_FALSE(bucket.try_take(1, 3, 3, now)) << now.ms;
  EXPECT_TRUE(bucket.try_take(1, 3, 3, now));
  EXPECT_FALSE(bucket.has(1, 3, 3, now));
}

TEST(SharedBucket, NeverHoldsMoreThanItsRoom) {
  SharedBucket bucket;
  ASSERT_TRUE(bucket.has(1, 1'000'000'000'000, 5, Now{1}));
  EXPECT_TRUE(bucket.has(5, 1'000'000'000'000, 5, Now{uint64_t{1} << 40}));
  EXPECT_FALSE(bucket.has(6, 1'000'000'000'000, 5, Now{uint64_t{1} << 41}));
  bucket.take(5);
  EXPECT_FALSE(bucket.has(1, 0, 5, Now{uint64_t{1} << 41}));
}

// The clock of one worker may be behind that of another.
TEST(SharedBucket, TimeDoesNotPassTwice) {
  SharedBucket bucket;
  ASSERT_TRUE(bucket.try_take(10, 10, 10, Now{1000}));
  EXPECT_TRUE(bucket.try_take(1, 10, 10, Now{1100}));
  EXPECT_FALSE(bucket.try_take(1, 10, 10, Now{1050}));
  EXPECT_FALSE(bucket.try_take(1, 10, 10, Now{1100}));
}

TEST(SharedBucket, FourThreadsTakeNoMoreThanThereIs) {
  SharedBucket bucket;
  std::array<uint64_t, 4> taken{};
  std::vector<std::thread> threads;
  for (uint64_t& own : taken) {
    threads.emplace_back([&bucket, &own] {
      for (uint64_t ms = 1; ms <= 2000; ++ms) {
        for (int i = 0; i < 10; ++i) own += bucket.try_take(1, 5000, 100, Now{ms}) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const uint64_t all = taken[0] + taken[1] + taken[2] + taken[3];
  EXPECT_LE(all, 100U + 5 * 1999);
  EXPECT_GE(all, 100U);
}

TEST(NamespaceUsage, WithoutALimitEverythingMay) {
  NamespaceUsage usage;
  BandwidthLease lease{};
  const NamespaceLimits none;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(usage.may_begin(none, Now{1}));
    usage.begun(none);
    ASSERT_TRUE(usage.may_pass(none, Direction::kInbound, 65535, 1, lease, Now{1}));
    NamespaceUsage::passed(none, Direction::kInbound, 65535, lease);
  }
}

TEST(NamespaceUsage, TheLargestPacketAlwaysFitsTheBurst) {
  NamespaceUsage usage;
  BandwidthLease lease{};
  const NamespaceLimits slow{.bytes_per_second = 1};
  EXPECT_TRUE(usage.may_pass(slow, Direction::kOutbound, 65535, 8, lease, Now{1}));
}

// What was leased for one packet is there for the next ones, to the last byte.
TEST(NamespaceUsage, LeasesLoseNothing) {
  NamespaceUsage usage;
  std::array<BandwidthLease, 4> leases{};
  const NamespaceLimits limits{.bytes_per_second = 1000};  // a burst of 65,536 bytes
  uint64_t passed = 0;
  uint32_t idle = 0;
  for (uint32_t i = 0; idle < 4; ++i) {
    BandwidthLease& lease = leases[i % 4];
    const bool may = usage.may_pass(limits, Direction::kOutbound, 64, 4, lease, Now{1});
    if (may) NamespaceUsage::passed(limits, Direction::kOutbound, 64, lease);
    passed += may ? 64 : 0;
    idle = may ? 0 : idle + 1;
  }
  EXPECT_EQ(passed, 65'536U);
}

}  // namespace
}  // namespace postern
