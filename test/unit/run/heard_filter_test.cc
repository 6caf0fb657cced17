// What of an ARP storm the control thread hears.
#include "dataplane/run/heard_filter.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

constexpr MacAddress kMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kOther{{2, 0, 0, 0, 0, 2}};
constexpr NeighbourKey kNeighbour{1, {0xc0000201}};

class HeardFilterTest : public testing::Test {
 protected:
  HeardFilterTest() { table_.bind(kNeighbour, 3); }
  // Of so many messages a millisecond apart, how many pass.
  uint32_t passed(uint32_t messages, const MacAddress& mac) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < messages; ++i, ++now_.ms) {
      count += filter_.passes(table_, kNeighbour, mac, now_) ? 1u : 0u;
    }
    return count;
  }

  NeighbourTable table_{16, 9};
  HeardFilter filter_;
  Now now_{1000};
};

TEST_F(HeardFilterTest, StrangersDoNotPass) {
  EXPECT_FALSE(filter_.passes(table_, {1, {0xc0000202}}, kMac, now_));
  EXPECT_FALSE(filter_.passes(table_, {0, kNeighbour.address}, kMac, now_));
}

TEST_F(HeardFilterTest, AKnownNeighbourPassesTenTimesASecond) {
  table_.store(3, {kMac, NeighbourState::kReachable});
  EXPECT_EQ(passed(1000, kMac), 10u);
}

TEST_F(HeardFilterTest, NewsPassAtOnceAndAreBounded) {
  table_.store(3, {kMac, NeighbourState::kReachable});
  EXPECT_EQ(passed(1, kMac), 1u);
  EXPECT_EQ(passed(1, kOther), 1u) << "it moved, a millisecond later";
  EXPECT_EQ(passed(98, kOther), HeardFilter::kNewsPerWindow - 2);
  now_.ms += HeardFilter::kWindow_ms;
  EXPECT_EQ(passed(1, kOther), 1u);
}

TEST_F(HeardFilterTest, AnAnswerPassesWhereverTheStateIsNotReachable) {
  table_.store(3, {kMac, NeighbourState::kReachable});
  EXPECT_EQ(passed(1, kMac), 1u);
  table_.store(3, {{}, NeighbourState::kFailed});
  EXPECT_EQ(passed(1, kMac), 1u);
  table_.store(3, {});
  EXPECT_EQ(passed(1, kMac), 1u);
}

TEST_F(HeardFilterTest, OneNeighboursStormLeavesOthersTheirNews) {
  const NeighbourKey other{1, {0xc0000207}};
  table_.bind(other, 7);
  passed(99, kMac);
  EXPECT_TRUE(filter_.passes(table_, other, kMac, now_));
}

}  // namespace
}  // namespace postern
