#include "dataplane/table/fragment_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>

namespace postern {
namespace {

struct FreeMemory {
  void operator()(std::byte* memory) const { std::free(memory); }
};

class TestTable {
 public:
  explicit TestTable(const FragmentTableConfig& config = {})
      : memory_(zeroed(FragmentTable::memory_bytes(config))),
        table(config, {memory_.get(), FragmentTable::memory_bytes(config)}) {}

  FragmentAnswer take(const Fragment& fragment) { return table.take(fragment, limits, now); }
  // Gives a chain back; how many there were.
  uint32_t give_back(EarlySlot slot) {
    uint32_t count = 0;
    while (slot != kNoEarly) {
      const EarlySlot next = table.next_early(slot);
      table.free_early(slot);
      slot = next;
      ++count;
    }
    return count;
  }

 private:
  static std::unique_ptr<std::byte, FreeMemory> zeroed(size_t bytes) {
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(64, bytes));
    std::memset(memory, 0, bytes);
    return std::unique_ptr<std::byte, FreeMemory>(memory);
  }
  std::unique_ptr<std::byte, FreeMemory> memory_;

 public:
  FragmentTable table;
  FragmentLimits limits;
  Now now{1'000'000};
};

constexpr FirstFragment kFirst{.source_port = Be16(7777), .destination_port = Be16(53)};

Fragment piece(uint16_t id, uint32_t first, uint32_t end, bool more, uint32_t source = 1) {
  Fragment fragment{};
  fragment.key.source = Be32(source);
  fragment.key.id = Be16(id);
  fragment.key.vni_protocol = 100u | 17u << 24;
  fragment.first_byte = static_cast<uint16_t>(first);
  fragment.end_byte = static_cast<uint16_t>(end);
  fragment.more = more;
  if (first == 0) fragment.first = kFirst;
  return fragment;
}

TEST(FragmentTable, F1_TheFirstTellsThePortsToThoseBehindIt) {
  TestTable given;
  EXPECT_EQ(given.take(piece(1, 0, 1480, true)).verdict, FragmentVerdict::kPass);
  const FragmentAnswer second = given.take(piece(1, 1480, 2000, false));
  EXPECT_EQ(second.verdict, FragmentVerdict::kPass);
  EXPECT_EQ(second.first.source_port, Be16(7777));
  EXPECT_EQ(given.table.size(), 0u) << "all of it has passed";
}

TEST(FragmentTable, F1_EarlyOnesWakeInTheirOrder) {
  TestTable given;
  const FragmentAnswer last = given.take(piece(1, 2960, 3000, false));
  const FragmentAnswer middle = given.take(piece(1, 1480, 2960, true));
  EXPECT_EQ(last.verdict, FragmentVerdict::kEarly);
  EXPECT_EQ(middle.verdict, FragmentVerdict::kEarly);
  const FragmentAnswer first = given.take(piece(1, 0, 1480, true));
  EXPECT_EQ(first.verdict, FragmentVerdict::kPass);
  EXPECT_EQ(first.others, last.slot);
  EXPECT_EQ(given.table.next_early(last.slot), middle.slot);
  EXPECT_EQ(given.give_back(first.others), 2u);
  EXPECT_EQ(given.table.size(), 0u);
}

TEST(FragmentTable, F1_DatagramsDifferBySourceIdProtocolVniAndDirection) {
  TestTable given;
  given.take(piece(1, 0, 8, true));
  Fragment other = piece(1, 8, 16, true);
  const auto is_early = [&given](const Fragment& fragment) {
    return given.take(fragment).verdict == FragmentVerdict::kEarly;
  };
  for (const auto change : {0, 1, 2, 3, 4}) {
    Fragment fragment = other;
    if (change == 0) fragment.key.source = Be32(2);
    if (change == 1) fragment.key.id = Be16(2);
    if (change == 2) fragment.key.vni_protocol = 100u | 6u << 24;
    if (change == 3) fragment.key.vni_protocol = 101u | 17u << 24;
    if (change == 4) fragment.key.direction = Direction::kInbound;
    EXPECT_TRUE(is_early(fragment)) << change;
  }
  EXPECT_FALSE(is_early(other));
}

TEST(FragmentTable, F1_ADatagramOfEightThousandPieces) {
  TestTable given;
  for (uint32_t unit = 0; unit < 8189; ++unit) {
    const FragmentAnswer answer = given.take(piece(1, unit * 8, unit * 8 + 8, unit != 8188));
    ASSERT_EQ(answer.verdict, FragmentVerdict::kPass) << unit;
  }
  EXPECT_EQ(given.table.size(), 0u);
}

TEST(FragmentTable, F2_AnOverlapSpoilsTheDatagramForGood) {
  TestTable given;
  given.take(piece(1, 1480, 2960, true));
  const FragmentAnswer overlap = given.take(piece(1, 1472, 2000, true));
  EXPECT_EQ(overlap.verdict, FragmentVerdict::kOverlap);
  EXPECT_EQ(given.give_back(overlap.others), 1u) << "the early one goes with it";
  EXPECT_EQ(given.take(piece(1, 0, 1472, true)).verdict, FragmentVerdict::kOverlap);
  EXPECT_EQ(given.take(piece(2, 0, 1472, true)).verdict, FragmentVerdict::kPass);
  given.now.ms += given.limits.timeout_ms;
  EarlySlot early = kNoEarly;
  EXPECT_TRUE(given.table.expire_one(given.limits, given.now, early));
  EXPECT_EQ(early, kNoEarly);
}

TEST(FragmentTable, F2_TheSameFragmentTwiceIsNoOverlap) {
  TestTable given;
  EXPECT_EQ(given.take(piece(1, 1480, 2960, true)).verdict, FragmentVerdict::kEarly);
  EXPECT_EQ(given.take(piece(1, 1480, 2960, true)).verdict, FragmentVerdict::kEarly);
  const FragmentAnswer first = given.take(piece(1, 0, 1480, true));
  EXPECT_EQ(given.give_back(first.others), 2u);
  EXPECT_EQ(given.take(piece(1, 0, 1480, true)).verdict, FragmentVerdict::kPass);
  EXPECT_EQ(given.take(piece(1, 2960, 3000, false)).verdict, FragmentVerdict::kPass);
}

TEST(FragmentTable, F2_AnotherFirstWithOtherPortsIsAnOverlap) {
  TestTable given;
  given.take(piece(1, 0, 1480, true));
  Fragment forged = piece(1, 0, 1480, true);
  forged.first.destination_port = Be16(22);
  EXPECT_EQ(given.take(forged).verdict, FragmentVerdict::kOverlap);
}

TEST(FragmentTable, F3_NothingLiesBehindTheEndAndThereIsOneEnd) {
  TestTable given;
  given.take(piece(1, 0, 1480, true));
  given.take(piece(1, 2960, 3000, false));
  EXPECT_EQ(given.take(piece(1, 3000, 3008, true)).verdict, FragmentVerdict::kBad);
  EXPECT_EQ(given.take(piece(1, 3008, 3010, false)).verdict, FragmentVerdict::kBad);
  EXPECT_EQ(given.take(piece(1, 1480, 2000, false)).verdict, FragmentVerdict::kBad);
  EXPECT_EQ(given.take(piece(1, 1480, 2960, true)).verdict, FragmentVerdict::kPass);
}

TEST(FragmentTable, F4_ASourceMeetsItsOwnBoundAndOthersDoNot) {
  TestTable given;
  given.limits.datagrams_per_source = 3;
  for (uint16_t id = 0; id < 3; ++id) {
    EXPECT_EQ(given.take(piece(id, 8, 16, true)).verdict, FragmentVerdict::kEarly);
  }
  EXPECT_EQ(given.take(piece(3, 8, 16, true)).verdict, FragmentVerdict::kLimit);
  EXPECT_EQ(given.take(piece(3, 8, 16, true, /*source=*/2)).verdict, FragmentVerdict::kEarly);
  EXPECT_EQ(given.take(piece(0, 0, 8, true)).verdict, FragmentVerdict::kPass);
}

TEST(FragmentTable, F4_LostFragmentsGiveWayToTheirSourcesNewOnes) {
  TestTable given;
  given.limits.datagrams_per_source = 1;
  given.take(piece(1, 8, 16, true));
  given.now.ms += FragmentTable::kGivesWay_ms;
  const FragmentAnswer answer = given.take(piece(2, 8, 16, true));
  EXPECT_EQ(answer.verdict, FragmentVerdict::kEarly);
  EXPECT_EQ(given.give_back(answer.evicted), 1u);
  EXPECT_EQ(given.table.size(), 1u);
}

TEST(FragmentTable, F4_InAllTheOldestGivesWay) {
  TestTable given({.datagrams = 2, .early = 16, .key = {1, 2}});
  given.take(piece(1, 8, 16, true, 1));
  given.take(piece(1, 8, 16, true, 2));
  EXPECT_EQ(given.take(piece(1, 8, 16, true, 3)).verdict, FragmentVerdict::kLimit);
  given.now.ms += FragmentTable::kGivesWay_ms;
  const FragmentAnswer answer = given.take(piece(1, 8, 16, true, 3));
  EXPECT_EQ(answer.verdict, FragmentVerdict::kEarly);
  EXPECT_EQ(given.give_back(answer.evicted), 1u);
  EXPECT_EQ(given.take(piece(1, 0, 8, true, 2)).verdict, FragmentVerdict::kPass);
}

TEST(FragmentTable, F4_EarlyFragmentsOfASourceAreBounded) {
  TestTable given;
  for (uint32_t i = 0; i < FragmentTableConfig{}.early_per_source; ++i) {
    const Fragment fragment =
        piece(static_cast<uint16_t>(i / 64), 8 + i % 64 * 8, 16 + i % 64 * 8, true);
    ASSERT_EQ(given.take(fragment).verdict, FragmentVerdict::kEarly) << i;
  }
  EXPECT_EQ(given.take(piece(99, 8, 16, true)).verdict, FragmentVerdict::kLimit);
  EXPECT_EQ(given.table.size(), 4u) << "the refused one leaves nothing behind";
  EXPECT_EQ(given.take(piece(99, 8, 16, true, 2)).verdict, FragmentVerdict::kEarly);
}

TEST(FragmentTable, F4_EarlyFragmentsThatNobodyWakesGiveWay) {
  TestTable given({.datagrams = 64, .early = 64, .early_per_source = 2, .key = {1, 2}});
  given.take(piece(1, 8, 16, true));
  given.take(piece(2, 8, 16, true));
  EXPECT_EQ(given.take(piece(3, 8, 16, true)).verdict, FragmentVerdict::kLimit);
  given.now.ms += FragmentTable::kGivesWay_ms;
  const FragmentAnswer answer = given.take(piece(3, 8, 16, true));
  EXPECT_EQ(answer.verdict, FragmentVerdict::kEarly);
  EXPECT_EQ(given.give_back(answer.evicted), 2u);
}

TEST(FragmentTable, F4_ADatagramIsForgottenWhenItsTimeIsOver) {
  TestTable given;
  given.limits.timeout_ms = 5000;
  given.take(piece(1, 8, 16, true));
  given.now.ms += 4999;
  EarlySlot early = kNoEarly;
  EXPECT_FALSE(given.table.expire_one(given.limits, given.now, early));
  given.take(piece(1, 16, 24, true));
  given.now.ms += 1;
  EXPECT_TRUE(given.table.expire_one(given.limits, given.now, early)) << "whatever came since";
  EXPECT_EQ(given.give_back(early), 2u);
  EXPECT_EQ(given.table.size(), 0u);
}

}  // namespace
}  // namespace postern
