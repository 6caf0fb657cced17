#include "test/unit/table/fragment_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace postern {
namespace {

using Operation = std::array<uint8_t, 5>;

// Datagrams cut into pieces as a sender cuts them, shuffled together, with a few duplicates,
// overlaps and pauses between.
std::vector<uint8_t> plausible_list(std::mt19937& engine) {
  const auto random = [&engine] { return static_cast<uint32_t>(engine()); };
  std::vector<Operation> list;
  for (uint32_t datagrams = 1 + random() % 6; datagrams > 0; --datagrams) {
    const auto who = static_cast<uint8_t>(random() & 0x3f);
    const uint32_t pieces = 1 + random() % 50;
    uint32_t at = 0;
    for (uint32_t piece = 0; piece < pieces && at < 250; ++piece) {
      const uint32_t length = random() % 4;
      const bool last = piece + 1 == pieces;
      const auto tail = static_cast<uint8_t>(last ? random() % 8 << 1 : 1);
      list.push_back({who, static_cast<uint8_t>(at), static_cast<uint8_t>(length), tail, 1});
      at += length + 1;
      if (random() % 64 == 0) list.push_back(list[random() % list.size()]);
      if (random() % 256 == 0) list.push_back({0x80, 255, 255, 1, 0});
    }
  }
  if (random() % 2 == 0) std::shuffle(list.begin(), list.end(), engine);
  std::vector<uint8_t> bytes;
  for (const Operation& operation : list) {
    bytes.insert(bytes.end(), operation.begin(), operation.end());
  }
  return bytes;
}

TEST(FragmentModel, PlausibleListsAgree) {
  std::mt19937 random(7);
  for (int list = 0; list < 3000; ++list) {
    ASSERT_EQ(play_fragment_operations(plausible_list(random)), "") << "list " << list;
  }
}

TEST(FragmentModel, RandomListsAgree) {
  std::mt19937 random(8);
  for (int list = 0; list < 500; ++list) {
    std::vector<uint8_t> operations(random() % 2000);
    for (uint8_t& byte : operations) byte = static_cast<uint8_t>(random());
    ASSERT_EQ(play_fragment_operations(operations), "") << "list " << list;
  }
}

}  // namespace
}  // namespace postern
