#include "control/rpc/fair_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace postern {
namespace {

TEST(FairQueue, WhoAsksLittleComesBeforeWhoAsksMuch) {
  FairQueue queue;
  queue.enqueue(1, 30000);
  queue.enqueue(2, 30000);
  queue.enqueue(3, 20);
  EXPECT_EQ(queue.take().client, 3u);
  EXPECT_EQ(queue.take().client, 1u);
  EXPECT_EQ(queue.take().client, 2u);
  EXPECT_TRUE(queue.empty());
}

TEST(FairQueue, EqualsComeInTheOrderOfTheirAsking) {
  FairQueue queue;
  queue.enqueue(9, 10);
  queue.enqueue(2, 10);
  queue.enqueue(9, 10);  // is queued already
  EXPECT_EQ(queue.take().client, 9u);
  EXPECT_EQ(queue.take().client, 2u);
  EXPECT_TRUE(queue.empty());
}

TEST(FairQueue, FloodersShareAndANewcomerComesAtOnce) {
  FairQueue queue;
  std::map<uint64_t, int> served;
  for (uint64_t client = 1; client <= 63; ++client) queue.enqueue(client, 100);
  for (int i = 0; i < 6300; ++i) {
    const uint64_t client = queue.take().client;
    ++served[client];
    // Half of them ask for three times as much: they are served a third as often.
    queue.charge(client, client % 2 == 0 ? 300 : 100);
    queue.enqueue(client, 100);
  }
  for (uint64_t client = 3; client <= 63; client += 2) {
    EXPECT_NEAR(served[client], 3 * served[2], 6) << client;
  }
  queue.enqueue(64, 10);
  EXPECT_EQ(queue.take().client, 64u);
}

TEST(FairQueue, NobodySavesUpByBeingIdle) {
  FairQueue queue;
  queue.enqueue(1, 10);
  EXPECT_EQ(queue.take().client, 1u);
  queue.charge(1, 10);
  for (int i = 0; i < 1000; ++i) {
    queue.enqueue(2, 10);
    EXPECT_EQ(queue.take().client, 2u);
    queue.charge(2, 10);
  }
  // 1 was idle for 10,000 us; now both alternate.
  std::map<uint64_t, int> served;
  queue.enqueue(1, 10);
  queue.enqueue(2, 10);
  for (int i = 0; i < 100; ++i) {
    const uint64_t client = queue.take().client;
    ++served[client];
    queue.charge(client, 10);
    queue.enqueue(client, 10);
  }
  EXPECT_NEAR(served[1], 50, 2);
}

TEST(FairQueue, ForgetsWhoLeft) {
  FairQueue queue;
  queue.enqueue(1, 10);
  queue.enqueue(2, 10);
  queue.forget(1);
  queue.forget(7);
  EXPECT_EQ(queue.take().client, 2u);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace postern
