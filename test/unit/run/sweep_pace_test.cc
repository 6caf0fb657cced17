#include "dataplane/run/sweep_pace.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern {
namespace {

// A table that is swept, at so many cycles a position.
struct Swept {
  explicit Swept(uint64_t each) : cycles_a_position(each) {}
  void turn(uint64_t at_ms, uint64_t capacity, bool purging = false) {
    const uint64_t before = cycles;
    pace.turn(
        Now{at_ms}, capacity, purging,
        [&](uint32_t count) {
          positions += count;
          cycles += count * cycles_a_position;
        },
        [&] { return cycles; });
    longest_turn = std::max(longest_turn, cycles - before);
  }
  SweepPace pace;
  uint64_t cycles_a_position;
  uint64_t cycles = 1;
  uint64_t positions = 0;
  uint64_t longest_turn = 0;
};

TEST(SweepPace, GoesRoundInTwoSeconds) {
  Swept swept(0);
  for (uint64_t ms = 1000; ms <= 3000; ++ms) swept.turn(ms, 1'000'000);
  EXPECT_GE(swept.positions, 1'000'000u);
  EXPECT_LE(swept.positions, 1'003'000u);
}

TEST(SweepPace, GoesRoundInHalfASecondForAPurge) {
  Swept swept(0);
  for (uint64_t ms = 1000; ms <= 1500; ++ms) swept.turn(ms, 1'000'000, /*purging=*/true);
  EXPECT_GE(swept.positions, 1'000'000u);
  EXPECT_LE(swept.positions, 1'001'000u);
}

TEST(SweepPace, ATurnIsShortHoweverDearItsPositionsAre) {
  Swept swept(150);  // all of them end
  for (uint64_t ms = 1000; ms <= 3000; ++ms) {
    for (int n = 0; n < 20; ++n) swept.turn(ms, 1'000'000);
  }
  EXPECT_LE(swept.longest_turn, 4'000u + 32 * 150);
  EXPECT_GE(swept.positions, 1'000'000u);  // what waited was made up for
}

TEST(SweepPace, AStallIsMadeUpForOnce) {
  Swept swept(0);
  swept.turn(1000, 10'000);
  swept.turn(60'000, 10'000);  // half a minute of rounds is owed
  EXPECT_EQ(swept.positions, 10'000u);
}

TEST(SweepPace, OwesNothingWithoutTime) {
  Swept swept(0);
  swept.turn(1000, 10'000);
  swept.turn(1001, 10'000);
  const uint64_t before = swept.positions;
  swept.turn(1001, 10'000);
  EXPECT_EQ(swept.positions, before);
}

}  // namespace
}  // namespace postern
