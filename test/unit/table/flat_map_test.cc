#include "dataplane/table/flat_map.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <unordered_map>
#include <vector>

namespace postern {
namespace {

constexpr uint64_t kHashKey = 0x2545f4914f6cdd1du;

TEST(FlatMap, FindsWhatWasInserted) {
  FlatMap map(16, kHashKey);
  EXPECT_EQ(map.find(7), FlatMap::kAbsent);
  EXPECT_TRUE(map.insert(7, 70));
  EXPECT_TRUE(map.insert(8, 0));
  EXPECT_EQ(map.find(7), 70u);
  EXPECT_EQ(map.find(8), 0u);
  EXPECT_EQ(map.find(9), FlatMap::kAbsent);
  EXPECT_EQ(map.size(), 2u);
}

TEST(FlatMap, InsertReplacesAndAssignNeedsTheKey) {
  FlatMap map(16, kHashKey);
  EXPECT_FALSE(map.assign(7, 1));
  EXPECT_EQ(map.find(7), FlatMap::kAbsent);
  EXPECT_TRUE(map.insert(7, 1));
  EXPECT_TRUE(map.insert(7, 2));
  EXPECT_EQ(map.find(7), 2u);
  EXPECT_TRUE(map.assign(7, 3));
  EXPECT_EQ(map.find(7), 3u);
  EXPECT_EQ(map.size(), 1u);
}

TEST(FlatMap, ErasedCellServesItsOwnKeyOnly) {
  FlatMap map(8, kHashKey);
  for (uint64_t key = 1; key <= map.limit(); ++key) ASSERT_TRUE(map.insert(key, key));
  EXPECT_TRUE(map.erase(2));
  EXPECT_FALSE(map.erase(2));
  EXPECT_FALSE(map.assign(2, 5));
  EXPECT_EQ(map.find(2), FlatMap::kAbsent);
  EXPECT_EQ(map.size(), map.limit() - 1);
  EXPECT_FALSE(map.insert(99, 99)) << "a new key took the cell of an erased one";
  EXPECT_EQ(map.find(99), FlatMap::kAbsent);
  EXPECT_TRUE(map.insert(2, 22));
  EXPECT_EQ(map.find(2), 22u);
  EXPECT_EQ(map.size(), map.limit());
}

TEST(FlatMap, RefusesAtHalfAndKeepsWhatItHas) {
  FlatMap map(100, kHashKey);  // 128 cells
  EXPECT_EQ(map.limit(), 64u);
  for (uint64_t key = 1; key <= 64; ++key) ASSERT_TRUE(map.insert(key << 40 | 1, key));
  EXPECT_FALSE(map.insert(1000, 1));
  EXPECT_TRUE(map.insert(uint64_t{1} << 40 | 1, 5)) << "a present key needs no cell";
  EXPECT_EQ(map.find(uint64_t{1} << 40 | 1), 5u);
  for (uint64_t key = 2; key <= 64; ++key) ASSERT_EQ(map.find(key << 40 | 1), key);

  FlatMap bigger(FlatMap::cells_for(map.size() + 1), kHashKey);
  map.for_each([&](uint64_t key, uint64_t value) { ASSERT_TRUE(bigger.insert(key, value)); });
  EXPECT_EQ(bigger.size(), 64u);
  EXPECT_TRUE(bigger.insert(1000, 1));
}

TEST(FlatMap, AgreesWithUnorderedMap) {
  std::mt19937_64 random(11);
  std::unordered_map<uint64_t, uint64_t> model;
  auto map = std::make_unique<FlatMap>(8, kHashKey);
  const auto rebuild = [&] {  // as an owner does: drops erased keys, leaves room for as many again
    auto next = std::make_unique<FlatMap>(FlatMap::cells_for(map->size() * 2 + 4), random());
    map->for_each([&](uint64_t key, uint64_t value) { ASSERT_TRUE(next->insert(key, value)); });
    map = std::move(next);
  };
  for (int step = 0; step < 200000; ++step) {
    // Neighbouring keys and keys that differ in high bits only, as addresses and VNIs do.
    const uint64_t number = random() % 600 + 1;
    const uint64_t key = number % 2 == 0 ? number : number << 48 | 1;
    const uint64_t value = random() >> 1;
    switch (random() % 4) {
      case 0:
        if (!map->insert(key, value)) {
          ASSERT_EQ(map->used(), map->limit());
          rebuild();
          ASSERT_TRUE(map->insert(key, value));
        }
        model[key] = value;
        break;
      case 1:
        ASSERT_EQ(map->erase(key), model.erase(key) == 1);
        break;
      case 2: {
        const auto found = model.find(key);
        ASSERT_EQ(map->assign(key, value), found != model.end());
        if (found != model.end()) found->second = value;
        break;
      }
      default: {
        const auto found = model.find(key);
        ASSERT_EQ(map->find(key), found == model.end() ? FlatMap::kAbsent : found->second);
      }
    }
    ASSERT_EQ(map->size(), model.size());
  }
  size_t seen = 0;
  map->for_each([&](uint64_t key, uint64_t value) {
    ++seen;
    ASSERT_EQ(model.at(key), value);
  });
  EXPECT_EQ(seen, model.size());
}

TEST(FlatMap, BulkEqualsSingle) {
  FlatMap map(4096, kHashKey);
  std::mt19937_64 random(12);
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(map.insert(random() % 4000 + 1, random() >> 1));
  for (const size_t n : {size_t{0}, size_t{1}, size_t{64}, size_t{65}, size_t{300}}) {
    std::vector<uint64_t> keys(n), values(n, 1);
    for (uint64_t& key : keys) key = random() % 4000 + 1;
    map.find_bulk(keys, values);
    for (size_t i = 0; i < n; ++i) ASSERT_EQ(values[i], map.find(keys[i]));
  }
}

TEST(FlatMap, EveryHashKeySpreadsSequentialKeys) {
  // Longest run of used cells for consecutive addresses at the highest load: linear probing stays
  // short only if the hash spreads them.
  std::mt19937_64 random(13);
  for (int trial = 0; trial < 20; ++trial) {
    const uint64_t tag = uint64_t{1} << 63;
    FlatMap map(1 << 14, random());
    for (uint64_t i = 0; i < map.limit(); ++i) ASSERT_TRUE(map.insert(tag | (0x0a800000 + i), i));
    EXPECT_EQ(map.size(), map.limit());
    EXPECT_LE(map.longest_probe(), 100u);
  }
}

// One writer inserts, changes and erases; readers must only ever see values that carry their key.
TEST(FlatMap, ReadersNeverSeeTheValueOfAnotherKey) {
  constexpr uint64_t kKeys = 4000;
  FlatMap map(FlatMap::cells_for(kKeys), kHashKey);
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> wrong = 0;
  std::atomic<uint64_t> hits = 0;
  const auto read = [&](uint64_t seed) {
    std::mt19937_64 random(seed);
    uint64_t keys[64], values[64], seen = 0;
    while (!stop.load(std::memory_order_relaxed) || seen == 0) {  // also if it starts late
      for (uint64_t& key : keys) key = random() % kKeys + 1;
      map.find_bulk(keys, values);
      for (int i = 0; i < 64; ++i) {
        if (values[i] == FlatMap::kAbsent) continue;
        ++seen;
        if (values[i] >> 32 != keys[i]) wrong.fetch_add(1);
      }
    }
    hits.fetch_add(seen);
  };
  std::vector<std::thread> readers;
  for (uint64_t seed = 1; seed <= 2; ++seed) readers.emplace_back(read, seed);
  std::mt19937_64 random(14);
  for (uint32_t step = 0; step < 300000; ++step) {
    const uint64_t key = random() % kKeys + 1;
    if (random() % 3 == 0) {
      map.erase(key);
    } else {
      ASSERT_TRUE(map.insert(key, key << 32 | step));
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GE(hits.load(), 2u);
}

// A key that stays is found by every lookup, whatever happens around it.
TEST(FlatMap, UntouchedKeysAreAlwaysFound) {
  FlatMap map(1 << 13, kHashKey);
  for (uint64_t key = 1; key <= 1000; ++key) ASSERT_TRUE(map.insert(key, key));
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> lost = 0;
  std::thread reader([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      for (uint64_t key = 1; key <= 1000; ++key) {
        if (map.find(key) != key) lost.fetch_add(1);
      }
    }
  });
  std::mt19937_64 random(15);
  for (int step = 0; step < 200000; ++step) {
    const uint64_t key = 1001 + random() % 3000;
    if (map.erase(key)) continue;
    ASSERT_TRUE(map.insert(key, static_cast<uint64_t>(step)));
  }
  stop = true;
  reader.join();
  EXPECT_EQ(lost.load(), 0u);
}

}  // namespace
}  // namespace postern
