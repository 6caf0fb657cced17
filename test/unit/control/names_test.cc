// Keeping names resolved, without a wire: answers are made up, time is virtual.
#include "control/serve/names.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/unit/control/fake_loop.h"

namespace postern {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Ipv4Address address(std::string_view text) { return *Ipv4Address::parse(text); }

// Keeps what is asked until the test answers.
class HeldQueries : public NameQueries {
 public:
  struct Question {
    std::string name;
    Done done;
  };
  void ask(const std::string& name, Done done) override {
    asked.push_back({name, std::move(done)});
  }
  std::deque<Question> asked;
};

class HostNamesTest : public ::testing::Test {
 protected:
  using Addresses = std::vector<Ipv4Address>;

  // Lets time pass in the steps of the daemon.
  void pass(milliseconds time) {
    for (milliseconds at{0}; at < time; at += milliseconds(10)) {
      loop_.pass(milliseconds(10));
      names_.tick();
    }
  }
  void answer(Addresses addresses, uint32_t ttl_s) { respond({std::move(addresses), ttl_s, ""}); }
  void fail(const std::string& why) { respond({{}, 0, why}); }
  // Resolves one name to 203.0.113.9 and lets that be told.
  void resolve(const std::string& name, uint32_t ttl_s) {
    names_.want({name});
    pass(milliseconds(10));
    answer({address("203.0.113.9")}, ttl_s);
    pass(milliseconds(100));
    ASSERT_EQ(told_.size(), 1u);
  }
  void respond(NameAnswer answer) {
    ASSERT_FALSE(queries_.asked.empty());
    const auto question = std::move(queries_.asked.front());
    queries_.asked.pop_front();
    question.done(std::move(answer));
  }

  FakeLoop loop_;
  HeldQueries queries_;
  std::vector<std::shared_ptr<const NameAddresses>> told_;
  uint64_t unix_s_ = 1'800'000'000;  // 2027-01-15T08:00:00Z
  HostNames names_{{.loop = &loop_,
                    .queries = &queries_,
                    .unix_s = [this] { return unix_s_; },
                    .changed = [this](auto resolved) { told_.push_back(std::move(resolved)); }}};
};

TEST_F(HostNamesTest, AWantedNameIsAskedForAndToldOnce) {
  names_.want({"db.example.com"});
  pass(milliseconds(10));
  ASSERT_EQ(queries_.asked.size(), 1u);
  EXPECT_EQ(queries_.asked[0].name, "db.example.com");
  answer({address("203.0.113.9"), address("203.0.113.2"), address("203.0.113.9")}, 60);
  pass(seconds(1));
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(*told_[0],
            (NameAddresses{{"db.example.com", {address("203.0.113.2"), address("203.0.113.9")}}}));
  EXPECT_EQ(names_.view("db.example.com").addresses.size(), 2u);
  EXPECT_TRUE(names_.complaints().empty());
}

TEST_F(HostNamesTest, AnAnswerIsRenewedShortlyBeforeItsTtlEnds) {
  resolve("db.example.com", 60);
  pass(milliseconds(57'800));
  EXPECT_TRUE(queries_.asked.empty());
  EXPECT_EQ(names_.view("db.example.com").age_s, 57u);
  pass(milliseconds(200));
  ASSERT_EQ(queries_.asked.size(), 1u);
  answer({address("203.0.113.10")}, 60);
  pass(seconds(1));
  ASSERT_EQ(told_.size(), 2u);
  EXPECT_EQ(told_[1]->at("db.example.com"), Addresses{address("203.0.113.10")});
}

TEST_F(HostNamesTest, ATtlOfZeroCountsAsASecond) {
  resolve("db.example.com", 0);
  pass(milliseconds(700));
  EXPECT_TRUE(queries_.asked.empty());
  pass(milliseconds(200));
  EXPECT_EQ(queries_.asked.size(), 1u);
}

TEST_F(HostNamesTest, ALongTtlCountsAsAnHour) {
  resolve("db.example.com", 604'800);
  pass(seconds(3597));
  EXPECT_TRUE(queries_.asked.empty());
  pass(seconds(2));
  EXPECT_EQ(queries_.asked.size(), 1u);
}

TEST_F(HostNamesTest, AnotherOrderIsNoChange) {
  names_.want({"db.example.com"});
  pass(milliseconds(10));
  answer({address("203.0.113.2"), address("203.0.113.9")}, 1);
  pass(milliseconds(950));
  answer({address("203.0.113.9"), address("203.0.113.2")}, 1);
  pass(seconds(3));
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(HostNamesTest, TheLastGoodAnswerIsKeptWhileResolvingFails) {
  resolve("db.example.com", 1);
  pass(seconds(1));
  fail("no DNS server answered");
  unix_s_ += 100;
  for (int i = 0; i < 8; ++i) {
    pass(seconds(40));
    fail(i % 2 == 0 ? "the name does not exist" : "no DNS server answered");
  }
  EXPECT_EQ(told_.size(), 1u);
  EXPECT_EQ(names_.view("db.example.com").addresses, Addresses{address("203.0.113.9")});
  EXPECT_TRUE(names_.view("db.example.com").failing);
  EXPECT_GE(names_.view("db.example.com").age_s, 320u);
  EXPECT_EQ(names_.complaints(),
            std::vector<std::string>{
                "the name db.example.com has not been resolved since 2027-01-15T08:00:00Z: no DNS "
                "server answered; its last answer stays in use (1 address)"});
  EXPECT_EQ(names_.counts().failures, 9u);
}

TEST_F(HostNamesTest, AfterAFailureTheRetriesGrowRarer) {
  names_.want({"db.example.com"});
  pass(milliseconds(10));
  for (const int wait_s : {1, 2, 4, 8, 16, 30, 30}) {
    fail("no DNS server answered");
    pass(milliseconds(wait_s * 1000 - 20));
    EXPECT_TRUE(queries_.asked.empty()) << wait_s;
    pass(milliseconds(30));
    EXPECT_EQ(queries_.asked.size(), 1u) << wait_s;
  }
}

TEST_F(HostNamesTest, WhatComesBackIsToldAndNoLongerComplainedOf) {
  resolve("db.example.com", 1);
  pass(seconds(1));
  fail("no DNS server answered");
  ASSERT_EQ(names_.complaints().size(), 1u);
  pass(seconds(2));
  answer({address("203.0.113.77")}, 60);
  pass(seconds(1));
  EXPECT_TRUE(names_.complaints().empty());
  ASSERT_EQ(told_.size(), 2u);
  EXPECT_EQ(told_[1]->at("db.example.com"), Addresses{address("203.0.113.77")});
  // And the next failure waits a second again.
  pass(seconds(58));
  fail("no DNS server answered");
  pass(milliseconds(1010));
  EXPECT_EQ(queries_.asked.size(), 1u);
}

TEST_F(HostNamesTest, ANameNeverResolvedSaysSo) {
  names_.want({"db.example.com"});
  pass(milliseconds(10));
  EXPECT_TRUE(names_.complaints().empty());
  fail("the name does not exist");
  EXPECT_EQ(names_.complaints(),
            std::vector<std::string>{
                "the name db.example.com has not been resolved since 2027-01-15T08:00:00Z: the "
                "name does not exist; it has no address, what needs it is refused"});
  pass(milliseconds(100));
  EXPECT_TRUE(told_.empty());
}

TEST_F(HostNamesTest, ChangesThatComeTogetherAreToldTogether) {
  std::set<std::string> wanted;
  for (int i = 0; i < 60; ++i) wanted.insert("n" + std::to_string(i) + ".example.com");
  names_.want(wanted);
  pass(milliseconds(10));
  ASSERT_EQ(queries_.asked.size(), 60u);
  while (!queries_.asked.empty()) answer({address("203.0.113.9")}, 60);
  pass(seconds(2));
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0]->size(), 60u);
}

TEST_F(HostNamesTest, ChangesWithoutEndAreToldTwiceASecond) {
  names_.want({"a.example.com", "b.example.com", "c.example.com", "d.example.com"});
  uint32_t next = 0xcb007100;
  for (int i = 0; i < 1000; ++i) {
    pass(milliseconds(10));
    while (!queries_.asked.empty()) answer({{next++}}, 1);
  }
  EXPECT_GE(told_.size(), 9u);
  EXPECT_LE(told_.size(), 21u);
}

TEST_F(HostNamesTest, QuestionsOnTheirWayAreBounded) {
  std::set<std::string> wanted;
  for (int i = 0; i < 5000; ++i) wanted.insert("n" + std::to_string(i) + ".example.com");
  names_.want(wanted);
  pass(seconds(1));
  EXPECT_EQ(queries_.asked.size(), HostNames::kInFlight);
  fail("no DNS server answered");
  pass(milliseconds(10));
  EXPECT_EQ(queries_.asked.size(), HostNames::kInFlight);
  // Answered at once, so many a second.
  const uint64_t before = names_.counts().queries;
  for (int i = 0; i < 200; ++i) {
    while (!queries_.asked.empty()) answer({address("203.0.113.9")}, 3600);
    pass(milliseconds(10));
  }
  const uint64_t asked = names_.counts().queries - before;
  EXPECT_GE(asked, 900u);
  EXPECT_LE(asked, 2 * HostNames::kPerSecond + HostNames::kInFlight);
}

TEST_F(HostNamesTest, ANameThatGoesIsForgottenAndTold) {
  resolve("db.example.com", 60);
  names_.want({"other.example.com"});
  pass(seconds(1));
  ASSERT_EQ(told_.size(), 2u);
  EXPECT_TRUE(told_[1]->empty());
  EXPECT_EQ(names_.size(), 1u);
  EXPECT_TRUE(names_.view("db.example.com").addresses.empty());
}

TEST_F(HostNamesTest, AnAnswerForANameThatWentChangesNothing) {
  names_.want({"db.example.com"});
  pass(milliseconds(10));
  names_.want({});
  names_.want({"db.example.com"});  // asked for anew
  pass(milliseconds(10));
  ASSERT_EQ(queries_.asked.size(), 2u);
  answer({address("198.51.100.1")}, 60);  // to the first question
  EXPECT_TRUE(names_.view("db.example.com").addresses.empty());
  answer({address("203.0.113.9")}, 60);
  EXPECT_EQ(names_.view("db.example.com").addresses, Addresses{address("203.0.113.9")});
}

TEST_F(HostNamesTest, AKeptNameKeepsItsAnswerOverAChange) {
  resolve("db.example.com", 60);
  names_.want({"db.example.com", "other.example.com"});
  pass(milliseconds(10));
  ASSERT_EQ(queries_.asked.size(), 1u);
  EXPECT_EQ(queries_.asked[0].name, "other.example.com");
  EXPECT_EQ(names_.view("db.example.com").addresses.size(), 1u);
}

TEST_F(HostNamesTest, WhatFailsCanBeAskedForAtOnce) {
  resolve("db.example.com", 1);
  pass(seconds(1));
  for (int i = 0; i < 5; ++i) {
    fail("no DNS server answered");
    pass(seconds(40));
  }
  fail("no DNS server answered");
  pass(milliseconds(100));
  ASSERT_TRUE(queries_.asked.empty());
  names_.retry();
  pass(milliseconds(10));
  EXPECT_EQ(queries_.asked.size(), 1u);
}

TEST_F(HostNamesTest, TooManyAddressesAreCut) {
  names_.want({"many.example.com"});
  pass(milliseconds(10));
  Addresses many;
  for (uint32_t i = 0; i < 100; ++i) many.push_back({0xcb007100 + i});
  answer(many, 60);
  EXPECT_EQ(names_.view("many.example.com").addresses.size(), kMaxNameAddresses);
}

TEST_F(HostNamesTest, OfManyComplaintsTheFirstAreListed) {
  std::set<std::string> wanted;
  for (int i = 0; i < 60; ++i) wanted.insert("n" + std::to_string(i) + ".example.com");
  names_.want(wanted);
  pass(milliseconds(10));
  while (!queries_.asked.empty()) fail("no DNS server answered");
  const std::vector<std::string> texts = names_.complaints();
  ASSERT_EQ(texts.size(), 11u);
  EXPECT_EQ(texts.back(),
            "50 more names are not resolved: check /etc/resolv.conf of the gateway's host and the "
            "servers it names");
}

}  // namespace
}  // namespace postern
