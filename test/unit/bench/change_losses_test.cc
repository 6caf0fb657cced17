#include "bench/run/change_losses.h"

#include <gtest/gtest.h>

#include <random>

namespace postern::bench {
namespace {

constexpr uint64_t kOffered = 1'000'000;

// Rounds in which the worker lost so many by its own doing.
Rounds rounds_of(const std::vector<uint64_t>& own) {
  Rounds rounds;
  Stretch stretch;
  for (const uint64_t packets : own) {
    stretch.offered += kOffered;
    stretch.losses.all += packets;
    stretch.losses.by_full += packets;
    for (uint64_t& blamed : stretch.losses.blamed) blamed += packets;
    rounds.note(stretch);
  }
  return rounds;
}

ChangeLosses verdict(const std::vector<uint64_t>& before, const std::vector<uint64_t>& during) {
  return losses_by_change(rounds_of(before), {}, rounds_of(during), {});
}

TEST(ChangeLosses, NothingLostIsNothing) {
  EXPECT_EQ(verdict({0, 0, 0}, {0, 0, 0}).packets, 0u);
  EXPECT_EQ(verdict({}, {}).packets, 0u);
}

TEST(ChangeLosses, RoundsAreToldFromEachOther) {
  const Rounds rounds = rounds_of({10, 0, 30});
  EXPECT_EQ(rounds.offered, (std::vector<uint64_t>{kOffered, kOffered, kOffered}));
  EXPECT_EQ(rounds.losses[2].all, 30u);
  EXPECT_EQ(rounds.own_shares({}), (std::vector<double>{10e-6, 0, 30e-6}));
}

TEST(ChangeLosses, WhatIsLostAlikeWithoutAChangeIsNotTheChanges) {
  const ChangeLosses found =
      verdict({0, 900, 0, 14'000, 3, 0, 250, 0}, {0, 45'000, 0, 0, 800, 120, 0, 10});
  EXPECT_GT(found.chance, kChanceAllowed);
  EXPECT_EQ(found.packets, 0u);
}

TEST(ChangeLosses, WhatEveryChangeLosesIsTheChanges) {
  const ChangeLosses found = verdict({0, 900, 0, 14'000, 3, 0, 250, 0},
                                     {5'000, 6'000, 5'100, 19'000, 5'000, 5'400, 5'050, 5'000});
  EXPECT_LT(found.chance, kChanceAllowed);
  EXPECT_NEAR(static_cast<double>(found.packets), 55'550 - 15'153, 1);
}

TEST(ChangeLosses, FewRoundsAreNoExcuse) {
  EXPECT_EQ(verdict({0}, {700}).packets, 700u);
  EXPECT_EQ(verdict({100, 0}, {0, 50}).packets, 0u);  // less than without
}

// Of hundreds of runs in which the change does nothing, hardly any blames it; of as many in which
// each change loses a little, nearly all do.
TEST(ChangeLosses, ChanceIsToldFromTheChange) {
  std::mt19937 random(3);
  const auto losses = [&](uint64_t more) {
    std::vector<uint64_t> rounds(16);
    for (uint64_t& round : rounds) round = (random() % 3 == 0 ? random() % 20'000 : 0) + more;
    return rounds;
  };
  int blamed = 0;
  int found = 0;
  for (int i = 0; i < 200; ++i) {
    blamed += verdict(losses(0), losses(0)).packets > 0;
    found += verdict(losses(0), losses(5000)).packets > 0;
  }
  EXPECT_LE(blamed, 8);
  EXPECT_GE(found, 120);
}

}  // namespace
}  // namespace postern::bench
