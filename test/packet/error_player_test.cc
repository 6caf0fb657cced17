// Random ICMP errors from outside through the player of the fuzzer (nat.md I2, I3), on one worker
// and on several.
#include "test/packet/error_player.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace postern::test {
namespace {

class ErrorPlayers : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Workers, ErrorPlayers, testing::Values(1U, 3U));

TEST_P(ErrorPlayers, I2_I3_RandomErrorsReachWhomTheyConcernAndNobodyElse) {
  constexpr int kErrors = 30000;
  ErrorPlayer player(GetParam());
  std::mt19937 random(5508);
  for (int i = 0; i < kErrors; ++i) {
    std::vector<uint8_t> bytes(random() % 24);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    // Half of them without faults but damage, so that many pass.
    if (bytes.size() > 4 && i % 2 == 0) {
      bytes[1] = static_cast<uint8_t>(bytes[1] & 0xb0);
      bytes[4] = 4;
    }
    ASSERT_EQ(player.play(bytes), "") << i;
  }
  EXPECT_GT(player.passed(), kErrors / 20u);
}

}  // namespace
}  // namespace postern::test
