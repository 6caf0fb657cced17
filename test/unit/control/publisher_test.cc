// When snapshots are freed, when the waiting is called, when a purge is over.
#include "control/apply/publisher.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <vector>

#include "test/unit/control/fake_loop.h"

namespace postern {
namespace {

using std::chrono::milliseconds;

class PublisherTest : public ::testing::Test {
 protected:
  void publish(uint64_t generation) {
    auto snapshot = std::make_unique<Snapshot>();
    snapshot->generation = generation;
    publisher_.publish(std::move(snapshot), [this, generation] { seen_.push_back(generation); });
  }

  FakeLoop loop_;
  PublishedSnapshot published_;
  FakeWorker first_{&published_};
  FakeWorker second_{&published_};
  Publisher publisher_{&loop_, &published_, {&first_.channel, &second_.channel}};
  std::vector<uint64_t> seen_;
};

TEST_F(PublisherTest, IsSeenWhenEveryWorkerHasIt) {
  publish(1);
  EXPECT_EQ(published_.current()->generation, 1u);
  loop_.pass(milliseconds(5));
  EXPECT_TRUE(seen_.empty());
  first_.turn();
  loop_.pass(milliseconds(5));
  EXPECT_TRUE(seen_.empty()) << "the second worker has not got it";
  second_.turn();
  loop_.pass(milliseconds(1));
  EXPECT_EQ(seen_, std::vector<uint64_t>{1});
  EXPECT_FALSE(loop_.has_timer()) << "nothing to look for";
}

TEST_F(PublisherTest, SeveralAreSeenInTheirOrder) {
  publish(1);
  publish(2);
  publish(3);
  EXPECT_EQ(publisher_.current()->generation, 3u);
  first_.channel.seen_generation.store(2);
  second_.channel.seen_generation.store(3);
  loop_.pass(milliseconds(1));
  EXPECT_EQ(seen_, (std::vector<uint64_t>{1, 2}));
  first_.turn();
  loop_.pass(milliseconds(1));
  EXPECT_EQ(seen_, (std::vector<uint64_t>{1, 2, 3}));
}

TEST_F(PublisherTest, APurgeIsOverWhenEveryWorkerHasSwept) {
  int done = 0;
  publisher_.purge([&] { ++done; });
  first_.obey();
  loop_.pass(milliseconds(50));
  EXPECT_EQ(done, 0);
  second_.obey();
  loop_.pass(milliseconds(50));
  EXPECT_EQ(done, 1);
}

// A purge is looked after seldom; that must not hold up who waits for a generation.
TEST_F(PublisherTest, APurgeDoesNotDelayWhatIsSeen) {
  publisher_.purge([] {});
  publish(1);
  first_.turn();
  second_.turn();
  loop_.pass(milliseconds(1));
  EXPECT_EQ(seen_, std::vector<uint64_t>{1});
}

TEST_F(PublisherTest, AChangeInPlaceIsSeenWithoutASnapshot) {
  publish(1);
  const Snapshot* snapshot = published_.current();
  publisher_.advance(2, [this] { seen_.push_back(2); });
  publisher_.when_seen([this] { seen_.push_back(22); });
  publisher_.advance(3, [this] { seen_.push_back(3); });
  EXPECT_EQ(published_.current(), snapshot);
  EXPECT_EQ(published_.generation(), 3u);
  first_.channel.seen_generation.store(2);
  second_.channel.seen_generation.store(2);
  loop_.pass(milliseconds(1));
  EXPECT_EQ(seen_, (std::vector<uint64_t>{1, 2, 22}));
  first_.turn();
  second_.turn();
  loop_.pass(milliseconds(1));
  EXPECT_EQ(seen_.back(), 3u);
  publisher_.when_seen([this] { seen_.push_back(33); });
  EXPECT_EQ(seen_.back(), 33u) << "at once";
}

TEST_F(PublisherTest, APurgeAskedForDuringAnotherGetsARoundOfItsOwn) {
  int early = 0;
  int late = 0;
  publisher_.purge([&] { ++early; });
  publisher_.purge([&] { ++late; });
  first_.obey();
  second_.obey();
  loop_.pass(milliseconds(50));
  EXPECT_EQ(early, 1);
  EXPECT_EQ(late, 0) << "the sweep began before it was asked for";
  first_.obey();
  second_.obey();
  loop_.pass(milliseconds(50));
  EXPECT_EQ(late, 1);
}

TEST_F(PublisherTest, AFullRingGetsTheCommandLater) {
  while (first_.channel.commands.push({.kind = WorkerCommand::Kind::kCopySessions})) {
  }
  int done = 0;
  publisher_.purge([&] { ++done; });
  first_.obey();
  second_.obey();
  loop_.pass(milliseconds(50));
  EXPECT_EQ(done, 0);
  first_.obey();
  loop_.pass(milliseconds(50));
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace postern
