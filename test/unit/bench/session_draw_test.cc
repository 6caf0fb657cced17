#include "bench/session_draw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace postern::bench {
namespace {

TEST(SessionDraw, ZipfFollowsItsLaw) {
  constexpr uint32_t kSessions = 1008;
  constexpr int kDraws = 400'000;
  SessionDraw draw(Draw::kZipf, kSessions);
  std::mt19937_64 random(5);
  std::vector<int> drawn(kSessions);
  for (int i = 0; i < kDraws; ++i) ++drawn.at(draw(random));
  double harmonic = 0;
  for (uint32_t k = 1; k <= kSessions; ++k) harmonic += 1.0 / k;
  for (const uint32_t rank : {1u, 2u, 3u, 10u, 100u, 1000u}) {
    const double expected = kDraws / (harmonic * rank);
    EXPECT_NEAR(drawn[draw.session_at(rank)], expected, 5 * std::sqrt(expected)) << rank;
  }
}

TEST(SessionDraw, EveryRankIsAnotherSession) {
  for (const uint32_t sessions : {1u, 2u, 1000u, 1008u, 65536u}) {
    const SessionDraw draw(Draw::kZipf, sessions);
    std::set<uint32_t> seen;
    for (uint32_t rank = 1; rank <= sessions; ++rank) seen.insert(draw.session_at(rank));
    EXPECT_EQ(seen.size(), sessions);
    EXPECT_LT(*seen.rbegin(), sessions);
  }
}

TEST(SessionDraw, StaysWithinTheSessionsHoweverFewOrMany) {
  std::mt19937_64 random(6);
  for (const Draw kind : {Draw::kUniform, Draw::kZipf}) {
    for (const uint32_t sessions : {1u, 2u, 16'777'216u}) {
      SessionDraw draw(kind, sessions);
      for (int i = 0; i < 20'000; ++i) ASSERT_LT(draw(random), sessions);
    }
  }
}

TEST(SessionDraw, UniformIsEven) {
  SessionDraw draw(Draw::kUniform, 100);
  std::mt19937_64 random(7);
  std::vector<int> drawn(100);
  for (int i = 0; i < 100'000; ++i) ++drawn.at(draw(random));
  for (const int count : drawn) EXPECT_NEAR(count, 1000, 200);
}

TEST(SessionDraw, NamesAreReadBack) {
  EXPECT_EQ(draw_of("uniform"), Draw::kUniform);
  EXPECT_EQ(draw_of(name_of(Draw::kZipf)), Draw::kZipf);
  EXPECT_FALSE(draw_of("normal"));
}

}  // namespace
}  // namespace postern::bench
