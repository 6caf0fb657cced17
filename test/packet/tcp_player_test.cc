// Random lives of a TCP connection through the player of the fuzzer (nat.md T), on one worker and
// on several.
#include "test/packet/tcp_player.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace postern::test {
namespace {

class TcpPlayers : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Workers, TcpPlayers, testing::Values(1U, 3U));

TEST_P(TcpPlayers, RandomLivesAgreeWithThePlainModel) {
  TcpPlayer player(GetParam());
  std::mt19937 random(793);
  for (int list = 0; list < 3000; ++list) {
    std::vector<uint8_t> operations(random() % 300);
    for (uint8_t& byte : operations) byte = static_cast<uint8_t>(random());
    // Half of them with an orderly beginning: SYN, SYN+ACK, ACK.
    if (list % 2 == 0) {
      const uint8_t opening[] = {0, 7, 0, 7, 1, 8, 0, 7, 0, 0, 0};
      operations.insert(operations.begin(), std::begin(opening), std::end(opening));
    }
    ASSERT_EQ(player.play(operations), "") << "list " << list;
  }
  EXPECT_GT(player.tally().passed, 1000u);
  EXPECT_GT(player.tally().refused, 1000u);
  EXPECT_GT(player.tally().reopened, 20u);
  EXPECT_GT(player.tally().expired, 100u);
}

}  // namespace
}  // namespace postern::test
