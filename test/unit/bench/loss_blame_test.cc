#include "bench/run/loss_blame.h"

#include <gtest/gtest.h>

#include <random>

#include "bench/run/stretch.h"

namespace postern::bench {
namespace {

constexpr uint32_t kSlots = 1024;
constexpr uint64_t kStall = 1000;
constexpr double kInterval = 10;
constexpr uint32_t kBurstSize = 64;
constexpr uint64_t kQueueCycles = 60;
constexpr uint64_t kWalkCycles = 400;
constexpr uint64_t kChoreCycles = 20;

// A worker over a queue that packets reach every ten cycles: what it does takes as long as a test
// says.
class Worker {
 public:
  Worker() : blame_(kSlots, kStall), queue_(kSlots) {
    queue_.schedule(0, kInterval);
    blame_.schedule(0, kInterval);
  }

  void turn(uint64_t queue_stall = 0, uint64_t walk_stall = 0, uint64_t chore_stall = 0) {
    queue_.arrive(now_);
    const uint32_t count = queue_.take(kBurstSize);
    blame_.taken(now_, count);
    spend(Step::kQueue, kQueueCycles + queue_stall);
    if (count != 0) spend(Step::kWalk, walk_cycles_ * count / kBurstSize + walk_stall);
    if (chore_stall != 0 || turns_ % 50 == 0) spend(Step::kChores, kChoreCycles + chore_stall);
    ++turns_;
  }
  void turns(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) turn();
  }
  // Whatever others do, for so many cycles.
  void wait(uint64_t cycles) {
    now_ += cycles;
    queue_.postpone(cycles);
    blame_.postpone(cycles);
  }
  void set_walk_cycles(uint64_t cycles) { walk_cycles_ = cycles; }

  [[nodiscard]] uint64_t lost() const { return queue_.lost(); }
  [[nodiscard]] LossCauses causes() const {
    const Losses losses = {.all = lost(), .by_full = lost(), .blamed = blame_.lost()};
    return losses.causes(blame_.times());
  }
  [[nodiscard]] const StepTimes& times() const { return blame_.times(); }

 private:
  void spend(Step step, uint64_t cycles) {
    now_ += cycles;
    blame_.spent(step, cycles);
  }

  LossBlame blame_;
  ArrivalCount queue_;  // the real one
  uint64_t now_ = 0;
  uint64_t walk_cycles_ = kWalkCycles;
  uint64_t turns_ = 0;
};

TEST(LossBlame, AWorkerThatKeepsUpLosesNothing) {
  Worker worker;
  worker.turns(10'000);
  EXPECT_EQ(worker.lost(), 0u);
  EXPECT_EQ(worker.times().long_stalls(), 0u);
  EXPECT_EQ(worker.times().chance(Step::kWalk), 1.0);
}

TEST(LossBlame, StallsBesideTheWalkAreTheMachines) {
  Worker worker;
  for (int i = 0; i < 20; ++i) {
    worker.turns(1000);
    worker.turn(/*queue_stall=*/30'000);
  }
  worker.turns(1000);
  EXPECT_GT(worker.lost(), 20'000u);
  EXPECT_EQ(worker.causes().stalled, worker.lost());
  EXPECT_EQ(worker.causes().own, 0u);
  EXPECT_EQ(worker.times().longest_stall, 30'000u);
}

// Where it strikes is chance: as often in the walk as it has of the time.
TEST(LossBlame, StallsThatStrikeAnywhereAreTheMachines) {
  Worker worker;
  std::mt19937 random(5);
  worker.turns(500);
  const StepTimes quiet = worker.times();
  const uint64_t walk = quiet[Step::kWalk].cycles;
  const uint64_t all = walk + quiet[Step::kQueue].cycles;
  for (int i = 0; i < 300; ++i) {
    worker.turns(500);
    const bool in_walk = random() % all < walk;
    worker.turn(in_walk ? 0 : 25'000, in_walk ? 25'000 : 0);
  }
  worker.turns(1000);
  EXPECT_GT(worker.times()[Step::kWalk].long_stalls, 150u);
  EXPECT_TRUE(worker.times().fair(Step::kWalk)) << worker.times().chance(Step::kWalk);
  EXPECT_GT(worker.lost(), 300'000u);
  EXPECT_EQ(worker.causes().stalled, worker.lost());
}

// The walk that is slow now and then, beside a machine that stalls, too.
TEST(LossBlame, StallsOfTheWalkAloneAreTheWorkers) {
  Worker worker;
  for (int i = 0; i < 50; ++i) {
    worker.turns(500);
    worker.turn(0, /*walk_stall=*/25'000);
    if (i % 10 == 0) worker.turn(/*queue_stall=*/25'000);
  }
  worker.turns(1000);
  EXPECT_FALSE(worker.times().fair(Step::kWalk)) << worker.times().chance(Step::kWalk);
  EXPECT_GT(worker.causes().own, worker.lost() / 2);
  EXPECT_EQ(worker.causes().own + worker.causes().stalled, worker.lost());
}

// Taking over tables, or a sweep without a bound: once is enough.
TEST(LossBlame, ALongChoreIsTheWorkers) {
  Worker worker;
  worker.turns(5000);
  worker.turn(0, 0, /*chore_stall=*/50'000);
  worker.turns(5000);
  EXPECT_GT(worker.lost(), 3'000u);
  EXPECT_EQ(worker.causes().own, worker.lost());
}

TEST(LossBlame, ALongChoreIsTheWorkersBesideAMachineThatStalls) {
  Worker worker;
  for (int i = 0; i < 5; ++i) {
    worker.turns(5000);
    worker.turn(/*queue_stall=*/40'000);
    worker.turns(5000);
    worker.turn(0, 0, /*chore_stall=*/50'000);
  }
  worker.turns(5000);
  const LossCauses causes = worker.causes();
  EXPECT_GT(causes.own, 5 * 3'000u);
  EXPECT_GT(causes.stalled, 5 * 2'000u);
  EXPECT_EQ(causes.own + causes.stalled, worker.lost());
}

TEST(LossBlame, AWorkerThatIsTooSlowLosesByItself) {
  Worker worker;
  worker.turns(2000);
  worker.set_walk_cycles(2 * kWalkCycles);
  worker.turns(2000);
  EXPECT_GT(worker.lost(), 10'000u);
  EXPECT_EQ(worker.times().long_stalls(), 0u);
  EXPECT_EQ(worker.causes().own, worker.lost());
}

// No stall is long, but after one the rest is too slow to catch up: both have their part.
TEST(LossBlame, SlownessBesideAStallIsToldApart) {
  Worker worker;
  worker.turn(/*queue_stall=*/50'000);
  const uint64_t by_stall = worker.lost();
  worker.turns(2000);
  EXPECT_EQ(worker.causes().own, 0u);
  worker.set_walk_cycles(2 * kWalkCycles);
  worker.turns(2000);
  EXPECT_GT(worker.causes().own, 10'000u);
  EXPECT_GE(worker.causes().stalled, by_stall);
  EXPECT_EQ(worker.causes().own + worker.causes().stalled, worker.lost());
}

TEST(LossBlame, TimeThatOthersHadPassesForNobody) {
  Worker worker;
  worker.turns(1000);
  worker.wait(1'000'000);
  worker.turns(1000);
  EXPECT_EQ(worker.lost(), 0u);
}

TEST(LossBlame, LossesWhileWaitingAndOfTheGatewayAreNamed) {
  const Losses losses = {.all = 100,
                         .by_full = 90 /* ten by the gateway */,
                         .blamed = {70, 70, 70},
                         .own_waiting = 30};
  const LossCauses causes = losses.causes({});
  EXPECT_EQ(causes.stalled, 20u);
  EXPECT_EQ(causes.waiting, 30u);
  EXPECT_EQ(causes.own, 50u);
  const Losses before = {.all = 60, .by_full = 55, .blamed = {50, 45, 40}, .own_waiting = 10};
  const Losses since = losses.since(before);
  EXPECT_EQ(since.all, 40u);
  EXPECT_EQ(since.by_full, 35u);
  EXPECT_EQ(since.blamed, (BlamedLosses{20, 25, 30}));
  EXPECT_EQ(since.own_waiting, 20u);
}

TEST(LossBlame, ChanceIsTheBinomialDistributions) {
  StepTimes times;
  times.of[0] = {.cycles = 500, .long_stalls = 0};
  times.of[1] = {.cycles = 500, .long_stalls = 3};
  EXPECT_NEAR(times.chance(Step::kWalk), 0.125, 1e-9);
  times.of[0].long_stalls = 1;
  EXPECT_NEAR(times.chance(Step::kWalk), 5.0 / 16, 1e-9);
  EXPECT_EQ(times.chance(Step::kChores), 1.0);
  times.of[2].long_stalls = 1;  // it takes no time otherwise
  EXPECT_EQ(times.chance(Step::kChores), 0.0);
  EXPECT_FALSE(times.fair(Step::kChores));
}

}  // namespace
}  // namespace postern::bench
