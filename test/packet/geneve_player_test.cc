// Random bytes through the player of the fuzzer: whatever options come, they are judged as RFC 8926
// says (nat.md V2).
#include "test/packet/geneve_player.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace postern::test {
namespace {

TEST(GenevePlayer, V2_RandomOptionsAreJudgedAsTheStandardSays) {
  constexpr int kPackets = 20000;
  GenevePlayer player;
  std::mt19937_64 random(8926);
  for (int i = 0; i < kPackets; ++i) {
    std::vector<uint8_t> bytes(random() % 60);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    // Mostly with right headers and few options, so that many go on.
    if (!bytes.empty() && i % 2 == 0) bytes[0] = 0;
    ASSERT_EQ(player.play(bytes), "");
  }
  EXPECT_GT(player.passed(), kPackets / 50u);
}

}  // namespace
}  // namespace postern::test
