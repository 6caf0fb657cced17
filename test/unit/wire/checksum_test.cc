#include "dataplane/wire/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace postern {
namespace {

TEST(Checksum, MatchesTheExampleOfRfc1071) {
  const uint8_t words[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(static_cast<uint16_t>(~checksum_of(words, sizeof words).host()), 0xddf2);
}

TEST(Checksum, VerifiesToZeroOverItsOwnField) {
  std::mt19937 random(1);
  for (int round = 0; round < 1000; ++round) {
    std::vector<uint8_t> data(20 + random() % 50);
    for (auto& byte : data) byte = static_cast<uint8_t>(random());
    store(&data[10], Be16(0));
    const Be16 sum = checksum_of(data.data(), data.size());
    store(&data[10], sum);
    EXPECT_EQ(checksum_of(data.data(), data.size()).raw(), 0);
  }
}

TEST(Checksum, IncrementalUpdateEqualsComputingAnew) {
  std::mt19937 random(2);
  for (int round = 0; round < 10000; ++round) {
    uint8_t data[40];
    for (auto& byte : data) byte = static_cast<uint8_t>(random());
    const Be16 before = checksum_of(data, sizeof data);
    ChecksumDelta delta;
    const Be32 address(static_cast<uint32_t>(random()));
    const Be16 port(static_cast<uint16_t>(random()));
    delta.replace(load<Be32>(data + 12), address);
    delta.replace(load<Be16>(data + 22), port);
    store(data + 12, address);
    store(data + 22, port);
    EXPECT_EQ(delta.apply(before), checksum_of(data, sizeof data));
  }
}

}  // namespace
}  // namespace postern
