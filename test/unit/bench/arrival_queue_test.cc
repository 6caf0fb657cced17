#include "bench/arrival_queue.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <random>
#include <vector>

namespace postern::bench {
namespace {

std::vector<uint64_t> take(ArrivalQueue& queue, size_t most) {
  std::vector<uint64_t> due(most);
  due.resize(queue.take(due));
  return due;
}

TEST(ArrivalQueue, PacketsFallDueAtTheRate) {
  ArrivalQueue queue;
  queue.schedule(1000, 10);
  queue.arrive(999);
  EXPECT_EQ(queue.waiting(), 0u);
  queue.arrive(1000);
  EXPECT_EQ(queue.waiting(), 1u);
  queue.arrive(1039);
  EXPECT_EQ(queue.waiting(), 4u);
  EXPECT_EQ(take(queue, 3), (std::vector<uint64_t>{1000, 1010, 1020}));
  EXPECT_EQ(take(queue, 64), (std::vector<uint64_t>{1030}));
  EXPECT_TRUE(take(queue, 64).empty());
}

TEST(ArrivalQueue, FractionsOfACycleAddUp) {
  ArrivalQueue queue;
  queue.schedule(0, 33.3);
  uint64_t taken = 0;
  uint64_t last = 0;
  for (uint64_t now = 0; now < 10'000'000; now += 1000) {
    queue.arrive(now);
    for (const uint64_t due : take(queue, 64)) {
      ASSERT_LE(due, now);
      ASSERT_NEAR(static_cast<double>(due), 33.3 * static_cast<double>(taken), 100);
      last = due;
      ++taken;
    }
  }
  EXPECT_GT(last, 9'998'000u);
  EXPECT_EQ(queue.lost(), 0u);
}

TEST(ArrivalQueue, NothingFallsDueAtItsEnd) {
  ArrivalQueue queue;
  queue.schedule(500, 10, 600);
  queue.arrive(100'000);
  EXPECT_EQ(queue.offered(), 10u);  // 500, 510 ... 590
  queue.arrive(200'000);
  EXPECT_EQ(queue.offered(), 10u);
  EXPECT_EQ(take(queue, 64).back(), 590u);
}

TEST(ArrivalQueue, WhatFindsTheQueueFullIsLost) {
  ArrivalQueue queue;
  queue.schedule(0, 1);
  queue.arrive(ArrivalQueue::kSlots + 9);  // kSlots + 10 packets
  EXPECT_EQ(queue.waiting(), ArrivalQueue::kSlots);
  EXPECT_EQ(queue.lost(), 10u);
  // The late ones are lost, not those that wait.
  EXPECT_EQ(take(queue, 64).front(), 0u);
  queue.arrive(ArrivalQueue::kSlots + 9 + 100);  // 100 more, 64 places
  EXPECT_EQ(queue.lost(), 10u + 36u);
  EXPECT_EQ(queue.offered(), ArrivalQueue::kSlots + 110u);
}

TEST(ArrivalQueue, ANewRateKeepsWhatWaitsAndTheCounts) {
  ArrivalQueue queue;
  queue.schedule(0, 10);
  queue.arrive(25);  // 0, 10, 20
  queue.schedule(100, 5, 111);
  queue.arrive(1000);  // 100, 105, 110
  EXPECT_EQ(queue.offered(), 6u);
  EXPECT_EQ(take(queue, 64), (std::vector<uint64_t>{0, 10, 20, 100, 105, 110}));
}

TEST(ArrivalQueue, AnEndCanBeThatOfANumberOfPackets) {
  for (const double cycles : {1.0, 1.5, 33.3, 144.44, 2600.0}) {
    for (const uint64_t count : {1u, 2u, 1000u, 16'515'072u}) {
      ArrivalQueue queue;
      queue.schedule(77, cycles, ArrivalCount::end_after(77, cycles, count));
      queue.arrive(1ull << 40);
      EXPECT_EQ(queue.offered(), count) << cycles;
    }
  }
}

TEST(ArrivalQueue, TimeThatDidNotPassMovesEverything) {
  ArrivalQueue queue;
  queue.schedule(0, 10, 100);
  queue.arrive(25);  // 0, 10, 20
  queue.postpone(1000);
  queue.arrive(1025);  // nothing new
  EXPECT_EQ(queue.waiting(), 3u);
  queue.arrive(5000);
  EXPECT_EQ(queue.offered(), 10u);
  EXPECT_EQ(take(queue, 4), (std::vector<uint64_t>{1000, 1010, 1020, 1030}));
  EXPECT_EQ(take(queue, 64).back(), 1090u);
}

// A device that looks at every cycle, against one that looks now and then.
TEST(ArrivalQueue, LookingRarelyChangesNothing) {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    const double cycles = 0.5 + 8.0 * static_cast<double>(random() % 1000) / 1000;
    ArrivalQueue queue;
    queue.schedule(7, cycles);
    std::deque<uint64_t> model;
    uint64_t lost = 0;
    uint64_t number = 0;
    uint64_t next_due = 7;
    uint64_t now = 0;
    const double exact = std::round(cycles * 65536) / 65536;
    for (int look = 0; look < 200; ++look) {
      now += random() % 2000;
      while (next_due <= now) {
        if (model.size() < ArrivalQueue::kSlots) {
          model.push_back(next_due);
        } else {
          ++lost;
        }
        next_due = 7 + static_cast<uint64_t>(exact * static_cast<double>(++number));
      }
      queue.arrive(now);
      for (const uint64_t due : take(queue, random() % 300)) {
        ASSERT_EQ(due, model.front());
        model.pop_front();
      }
      ASSERT_EQ(queue.waiting(), model.size());
      ASSERT_EQ(queue.lost(), lost);
    }
  }
}

}  // namespace
}  // namespace postern::bench
