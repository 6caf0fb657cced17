// The folder and the file of what survives a restart, and who keeps it up to date.
#include "control/state/layer_keeper.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "control/state/state_file.h"
#include "test/unit/control/fake_loop.h"
#include "test/unit/control/temporary_directory.h"

namespace postern {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

mode_t mode_of(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(stat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 07777;
}

std::string complaint_of(const std::string& path) {
  Outcome<StateFolder> folder = StateFolder::open(path);
  return folder ? "" : folder.complaint().text();
}

TEST(StateFolder, ReplacesItsFileWhole) {
  const TemporaryDirectory home;
  Outcome<StateFolder> folder = StateFolder::open(home.path());
  ASSERT_TRUE(folder) << folder.complaint().text();
  EXPECT_FALSE(folder.value().read()->has_value());
  ASSERT_TRUE(folder.value().write("one\n").ok());
  ASSERT_TRUE(folder.value().write("two\n").ok());
  EXPECT_EQ(folder.value().read()->value(), "two\n");
  EXPECT_EQ(content(home.path("pods.state")), "two\n");
  EXPECT_EQ(mode_of(home.path("pods.state")), 0600u);
  EXPECT_FALSE(std::filesystem::exists(home.path("pods.state.new"))) << "nothing else stays";
}

TEST(StateFolder, WhatACrashLeftBehindIsNoObstacle) {
  const TemporaryDirectory home;
  std::ofstream(home.path("pods.state.new")) << "half";
  Outcome<StateFolder> folder = StateFolder::open(home.path());
  ASSERT_TRUE(folder);
  EXPECT_FALSE(folder.value().read()->has_value());
  EXPECT_TRUE(folder.value().write("one\n").ok());
}

TEST(StateFolder, AFailureLeavesTheOldFile) {
  const TemporaryDirectory home;
  Outcome<StateFolder> folder = StateFolder::open(home.path());
  ASSERT_TRUE(folder);
  ASSERT_TRUE(folder.value().write("one\n").ok());
  std::filesystem::create_directories(home.path("pods.state.new/full"));
  const absl::Status status = folder.value().write("two\n");
  EXPECT_FALSE(status.ok());
  EXPECT_NE(std::string(status.message()).find(home.path()), std::string::npos) << status;
  EXPECT_EQ(folder.value().read()->value(), "one\n");
}

TEST(StateFolder, SaysWhatStandsInTheWay) {
  const TemporaryDirectory home;
  EXPECT_EQ(complaint_of(home.path("none")), "gateway.state_dir: " + home.path("none") +
                                                 " is not there; make it: mkdir -m 0700 -p " +
                                                 home.path("none"));
  std::ofstream(home.path("file")) << "x";
  EXPECT_NE(complaint_of(home.path("file")).find("is no directory"), std::string::npos);
  const Outcome<StateFolder> first = StateFolder::open(home.path());
  ASSERT_TRUE(first);
  EXPECT_EQ(complaint_of(home.path()),
            "gateway.state_dir: " + home.path() +
                " is in use by another gateway; give each gateway a directory of its own");
}

TEST(StateFolder, IsFreeForTheNextOneWhenItsHolderEnds) {
  const TemporaryDirectory home;
  EXPECT_EQ(complaint_of(home.path()), "");
  EXPECT_EQ(complaint_of(home.path()), "");
}

TEST(StateFolder, TakesNothingThatStrangersCanHaveWritten) {
  const TemporaryDirectory home;
  Outcome<StateFolder> folder = StateFolder::open(home.path());
  ASSERT_TRUE(folder);
  const std::string file = home.path("pods.state");
  std::ofstream(home.path("elsewhere")) << "x";
  std::filesystem::create_symlink(home.path("elsewhere"), file);
  EXPECT_FALSE(folder.value().read().ok()) << "a symlink";
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  EXPECT_FALSE(folder.value().read().ok()) << "a directory";
  std::filesystem::remove(file);
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_FALSE(folder.value().read().ok()) << "a pipe, which is not waited for";
  std::filesystem::remove(file);
  std::ofstream(file) << "x";
  ASSERT_EQ(chmod(file.c_str(), 0666), 0);
  EXPECT_FALSE(folder.value().read().ok()) << "writable by all";
  ASSERT_EQ(chmod(file.c_str(), 0644), 0);
  EXPECT_TRUE(folder.value().read().ok());
  std::filesystem::resize_file(file, kMaxStateBytes + 1);
  EXPECT_FALSE(folder.value().read().ok()) << "larger than any state";
}

TEST(ReadLayer, NamesTheFileTheLineAndTheWayOut) {
  const TemporaryDirectory home;
  Outcome<StateFolder> folder = StateFolder::open(home.path());
  ASSERT_TRUE(folder);
  const std::string file = home.path("pods.state");
  EXPECT_TRUE(read_layer(folder.value(), "gw-a")) << "nothing was kept yet";
  ASSERT_TRUE(folder.value().write("postern state 1\ngateway gw-a\npods x\n").ok());
  const Outcome<PodLayer> damaged = read_layer(folder.value(), "gw-a");
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.complaint().text(),
            file +
                ":3: a number was expected, not \"x\"; to start with the configuration file "
                "alone: mv " +
                file + " " + file + ".bad");
  ASSERT_TRUE(folder.value().write(write_state("gw-b", PodLayer())).ok());
  const Outcome<PodLayer> foreign = read_layer(folder.value(), "gw-a");
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.complaint().what,
            file + ": the file belongs to the gateway \"gw-b\", not to \"gw-a\"");
}

class LayerKeeperTest : public ::testing::Test {
 protected:
  LayerKeeperTest()
      : keeper_(&loop_, StateFolder::open(home_.path()).value(), "gw-a",
                [this](const absl::Status& status) { told_.push_back(status.ok()); }) {}

  uint64_t add(const std::string& pod) {
    return keeper_.note({{"payments", *Ipv4Prefix::parse(pod), true, false}});
  }
  // Remembers when the change is kept, and whether.
  void watch(uint64_t change) {
    keeper_.when_kept(change, [this, change](const absl::Status& status) {
      answers_.push_back(status.ok() ? static_cast<int>(change) : -static_cast<int>(change));
    });
  }
  // How many pods the file has, -1 without one.
  int on_disk() {
    if (!std::filesystem::exists(file_)) return -1;
    const absl::StatusOr<PodLayer> layer = read_state(content(file_), "gw-a");
    EXPECT_TRUE(layer.ok()) << layer.status();
    return layer.ok() ? static_cast<int>(layer->size()) : -2;
  }
  void obstruct() { std::filesystem::create_directories(home_.path("pods.state.new/full")); }
  void clear() { std::filesystem::remove_all(home_.path("pods.state.new")); }

  TemporaryDirectory home_;
  const std::string file_ = home_.path("pods.state");
  FakeLoop loop_;
  std::vector<bool> told_;
  std::vector<int> answers_;
  LayerKeeper keeper_;
};

TEST_F(LayerKeeperTest, AnswersWhenTheFileHasIt) {
  watch(add("10.0.0.1"));
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(on_disk(), -1);
  loop_.run_disk();
  EXPECT_EQ(answers_, std::vector<int>{1});
  EXPECT_EQ(on_disk(), 1);
  watch(1);
  EXPECT_EQ(answers_, (std::vector<int>{1, 1})) << "known already";
  EXPECT_TRUE(told_.empty());
}

TEST_F(LayerKeeperTest, OneWritingServesAllThatCameMeanwhile) {
  watch(add("10.0.0.1"));
  for (int i = 2; i <= 100; ++i) watch(add("10.0.0." + std::to_string(i)));
  loop_.run_disk();
  EXPECT_EQ(answers_.size(), 1u) << "the others came after it had begun";
  EXPECT_EQ(on_disk(), 1);
  loop_.pass(milliseconds(60));
  loop_.run_disk();
  EXPECT_EQ(answers_.size(), 100u);
  EXPECT_EQ(answers_.back(), 100);
  EXPECT_EQ(on_disk(), 100);
  loop_.pass(milliseconds(60));
  EXPECT_FALSE(loop_.has_timer()) << "nothing to do";
}

TEST_F(LayerKeeperTest, AFailureIsSaidAndTriedAgainUntilItSucceeds) {
  obstruct();
  watch(add("10.0.0.1"));
  loop_.run_disk();
  EXPECT_EQ(answers_, std::vector<int>{-1});
  ASSERT_EQ(keeper_.attention().size(), 1u);
  EXPECT_NE(keeper_.attention()[0].find(home_.path()), std::string::npos);
  for (int i = 0; i < 3; ++i) {
    loop_.pass(seconds(1));
    loop_.run_disk();
  }
  EXPECT_EQ(told_, std::vector<bool>{false}) << "once";
  watch(add("10.0.0.2"));
  clear();
  loop_.pass(seconds(1));
  loop_.run_disk();
  EXPECT_EQ(answers_, (std::vector<int>{-1, 2}));
  EXPECT_EQ(told_, (std::vector<bool>{false, true}));
  EXPECT_TRUE(keeper_.attention().empty());
  EXPECT_EQ(on_disk(), 2);
}

TEST_F(LayerKeeperTest, ALayerMayBeReplacedWhole) {
  add("10.0.0.1");
  PodLayer other;
  other.note("shop", *Ipv4Prefix::parse("10.9.0.0/16"), false, true);
  keeper_.replace(other);
  add("10.0.0.3");
  for (int i = 0; i < 2; ++i) {
    loop_.run_disk();
    loop_.pass(milliseconds(60));
  }
  EXPECT_EQ(content(file_), write_state("gw-a", [&] {
              PodLayer both = other;
              both.note("payments", *Ipv4Prefix::parse("10.0.0.3"), true, false);
              return both;
            }()));
}

TEST_F(LayerKeeperTest, TheEndWritesWhatIsNotWrittenYet) {
  add("10.0.0.1");
  add("10.0.0.2");
  EXPECT_TRUE(keeper_.finish().ok()) << "the writing under way was dropped";
  EXPECT_EQ(on_disk(), 2);
  std::filesystem::remove(file_);
  EXPECT_TRUE(keeper_.finish().ok());
  EXPECT_EQ(on_disk(), -1) << "nothing is written twice";
}

TEST_F(LayerKeeperTest, BeginsWithWhatWasKept) {
  PodLayer before;
  before.note("shop", *Ipv4Prefix::parse("10.9.0.0/16"), true, false);
  keeper_.begin_with(before, 1);
  EXPECT_EQ(
      keeper_.attention(),
      (std::vector<std::string>{
          "1 entry of the pods kept in gateway.state_dir did not fit the configuration at the "
          "start and was left out: see the log, patch or apply what is meant"}));
  keeper_.forget_left_out();
  EXPECT_TRUE(keeper_.attention().empty());
  EXPECT_EQ(on_disk(), -1) << "the file stays as it is until something changes";
  add("10.0.0.1");
  loop_.run_disk();
  EXPECT_EQ(on_disk(), 2);
}

}  // namespace
}  // namespace postern
