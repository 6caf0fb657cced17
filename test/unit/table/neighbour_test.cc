// Neighbours: words in slots, and keys that find them.
#include "dataplane/table/neighbour.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <unordered_map>
#include <vector>

namespace postern {
namespace {

NeighbourKey key_of(uint32_t n) { return {static_cast<uint16_t>(n >> 16), {n & 0xffff}}; }

TEST(NeighbourTable, KeysFindTheirSlots) {
  NeighbourTable table(16, 3);
  EXPECT_EQ(table.find(key_of(1)), kNoNeighbour);
  table.bind(key_of(1), 4);
  table.bind(key_of(2), 5);
  EXPECT_EQ(table.find(key_of(1)), 4u);
  EXPECT_EQ(table.find(key_of(2)), 5u);
  EXPECT_EQ(table.find(key_of(1 << 16 | 1)), kNoNeighbour) << "on another port";
  table.unbind(key_of(1));
  table.unbind(key_of(9));
  EXPECT_EQ(table.find(key_of(1)), kNoNeighbour);
  EXPECT_EQ(table.find(key_of(2)), 5u);
}

TEST(NeighbourTable, AKeyMovesToAnotherSlotAndASlotToAnotherKey) {
  NeighbourTable table(16, 3);
  table.bind(key_of(1), 4);
  table.bind(key_of(1), 5);
  EXPECT_EQ(table.find(key_of(1)), 5u);
  table.unbind(key_of(1));
  EXPECT_EQ(table.find(key_of(1)), kNoNeighbour) << "the old slot is not found again";
  table.bind(key_of(1), 6);
  table.bind(key_of(2), 6);
  EXPECT_EQ(table.find(key_of(1)), kNoNeighbour);
  EXPECT_EQ(table.find(key_of(2)), 6u);
}

TEST(NeighbourTable, HoldsWhatAModelHoldsHoweverManyKeysThereWere) {
  constexpr uint32_t kSlots = 64;
  NeighbourTable table(kSlots, 11);
  std::unordered_map<uint32_t, uint32_t> slots;  // key to slot
  std::vector<uint32_t> keys(kSlots, 0);         // by slot
  std::mt19937 random(5);
  for (uint32_t step = 0; step < 1'000'000; ++step) {
    const auto slot = static_cast<uint32_t>(random() % kSlots);
    if (keys[slot] != 0) {
      table.unbind(key_of(keys[slot]));
      slots.erase(keys[slot]);
      keys[slot] = 0;
    }
    const auto key =
        static_cast<uint32_t>(1 + random() % 1'000'000);  // far more than there are slots
    if (random() % 8 == 0 || slots.contains(key)) continue;
    table.bind(key_of(key), slot);
    slots[key] = slot;
    keys[slot] = key;
    ASSERT_EQ(table.find(key_of(key)), slot);
  }
  ASSERT_GT(slots.size(), kSlots / 2);
  for (const auto& [key, slot] : slots) ASSERT_EQ(table.find(key_of(key)), slot);
}

// A worker looks while keys come and go around one that stays.
TEST(NeighbourTable, AReaderAlwaysFindsWhatStays) {
  NeighbourTable table(64, 7);
  table.bind(key_of(1), 0);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> lost{0};
  std::atomic<uint64_t> looked{0};
  std::thread reader([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      lost += table.find(key_of(1)) == 0 ? 0u : 1u;
      looked.fetch_add(1, std::memory_order_relaxed);
    }
  });
  for (uint32_t i = 0; i < 200'000 || looked.load() < 1000; ++i) {
    const uint32_t slot = 1 + i % 63;
    table.unbind(key_of(1'000 + slot));
    table.bind(key_of(1'000 + slot), slot);
  }
  stop = true;
  reader.join();
  EXPECT_EQ(lost, 0u);
}

TEST(NeighbourTable, WordsHoldMacAndState) {
  NeighbourTable table(4, 1);
  const MacAddress mac{{2, 3, 4, 5, 6, 7}};
  EXPECT_EQ(table.load(2).state, NeighbourState::kUnresolved);
  table.store(2, {mac, NeighbourState::kReachable});
  EXPECT_TRUE(NeighbourTable::is_reachable(table.word(2)));
  EXPECT_TRUE(NeighbourTable::is_reachable_at(table.word(2), mac));
  EXPECT_FALSE(NeighbourTable::is_reachable_at(table.word(2), MacAddress::broadcast()));
  EXPECT_EQ(table.load(2).mac, mac);
  table.store(2, {mac, NeighbourState::kFailed});
  EXPECT_TRUE(NeighbourTable::is_failed(table.word(2)));
  EXPECT_FALSE(NeighbourTable::is_reachable_at(table.word(2), mac));
}

}  // namespace
}  // namespace postern
