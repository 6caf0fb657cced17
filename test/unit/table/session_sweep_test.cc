#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "test/unit/table/session_fixture.h"

namespace postern {
namespace {

NewSession nth(uint32_t n, uint32_t timeout_s) {
  return session_of(key_of(0x0a000000 + n, 4000, 0x08080808, 53), timeout_s);
}

const auto kEndExpired = [](SessionHandle, bool expired) {
  return expired ? SweepVerdict::kEnd : SweepVerdict::kKeep;
};

// Whether a session is there after a sweep at each second of its life, also where the 16 bits of
// its expiry run over.
TEST(SessionSweep, EndsAtTheSecondAndNotBefore) {
  for (const uint32_t start_s : {10U, 65'500U, 65'535U, 131'071U, 4'000'000U}) {
    for (const uint32_t timeout_s : {1U, 30U, 63U, 64U, 65U, 300U}) {
      TestTable t(config_of(100));
      t.table.create(nth(1, timeout_s), Now{start_s * 1000ULL + 999});
      for (uint32_t s = start_s; s <= start_s + timeout_s; ++s) {
        ASSERT_EQ(t.table.sweep(Now{s * 1000ULL + 999}, ~0U, kEndExpired), 0U) << s - start_s;
      }
      ASSERT_EQ(t.table.sweep(Now{(start_s + timeout_s + 1) * 1000ULL}, ~0U, kEndExpired), 1U);
      ASSERT_EQ(t.table.live(), 0U);
    }
  }
}

TEST(SessionSweep, LongestTimeoutAndLateSweep) {
  TestTable t(config_of(100));
  const uint32_t start_s = 60'000;
  t.table.create(nth(1, kMaxSessionTimeout_s), Now{start_s * 1000ULL});
  const uint32_t last_s = start_s + kMaxSessionTimeout_s;
  for (uint32_t s = start_s; s <= last_s; s += 40) {
    ASSERT_EQ(t.table.sweep(Now{s * 1000ULL}, ~0U, kEndExpired), 0U);
  }
  // Nine hours late it is still seen as expired.
  EXPECT_TRUE(SessionTable::expired(t.table.entry(0).expires_s, Now{(last_s + 32'400) * 1000ULL}));
  EXPECT_EQ(t.table.sweep(Now{(last_s + 32'400) * 1000ULL}, ~0U, kEndExpired), 1U);
}

TEST(SessionSweep, RefreshedSessionLives) {
  TestTable t(config_of(100));
  const SessionHandle handle = t.table.create(nth(1, 30), Now{100'000}).handle;
  for (uint32_t s = 100; s < 1000; s += 10) {
    SessionTable::touch(t.table.entry(handle), Now{s * 1000ULL}, 30);
    ASSERT_EQ(t.table.sweep(Now{s * 1000ULL + 9000}, ~0U, kEndExpired), 0U);
  }
  EXPECT_EQ(t.table.sweep(Now{990'000 + 31'000}, ~0U, kEndExpired), 1U);
}

TEST(SessionSweep, ShortenedSessionEndsAtTheSecond) {
  TestTable t(config_of(100));
  const SessionHandle handle = t.table.create(nth(1, 7000), Now{100'000}).handle;
  t.table.touch_earlier(handle, Now{150'000}, 5);
  EXPECT_EQ(t.table.sweep(Now{155'999}, ~0U, kEndExpired), 0U);
  EXPECT_EQ(t.table.sweep(Now{156'000}, ~0U, kEndExpired), 1U);
  // By the hot path's store alone: at most kLookAhead_s late.
  const SessionHandle other = t.table.create(nth(2, 7000), Now{200'000}).handle;
  SessionTable::touch(t.table.entry(other), Now{201'000}, 5);
  EXPECT_EQ(t.table.sweep(Now{201'000 + SessionTable::kLookAhead_s * 1000}, ~0U, kEndExpired), 1U);
}

TEST(SessionSweep, VisitorDecides) {
  TestTable t(config_of(100));
  for (uint32_t i = 0; i < 10; ++i) t.table.create(nth(i, 30), Now{100'000});
  uint32_t asked = 0;
  const auto keep = [&](SessionHandle, bool expired) {
    EXPECT_TRUE(expired);
    ++asked;
    return SweepVerdict::kKeep;
  };
  EXPECT_EQ(t.table.sweep(Now{131'000}, ~0U, keep), 0U);
  EXPECT_EQ(asked, 10U);
  EXPECT_EQ(t.table.sweep(Now{132'000}, ~0U, keep), 0U);
  EXPECT_EQ(asked, 20U) << "asked again a second later";
  EXPECT_EQ(t.table.live(), 10U);
}

TEST(SessionSweep, BudgetIsKeptAndEverythingIsReached) {
  TestTable t(config_of(10'000));
  for (uint32_t i = 0; i < 10'000; ++i) t.table.create(nth(i, 30), Now{100'000});
  uint32_t ended = 0;
  uint32_t calls = 0;
  while (t.table.live() != 0) {
    const uint32_t now_ended = t.table.sweep(Now{200'000}, 160, kEndExpired);
    ASSERT_LE(now_ended, 160U);
    ended += now_ended;
    ASSERT_LE(++calls, 64U);
  }
  EXPECT_EQ(ended, 10'000U);
  EXPECT_GE(calls, 62U);
  EXPECT_EQ(t.table.statistics().ended, 10'000U);
}

TEST(SessionSweep, HeldPortsAreFreedWhenTheirTimeIsOver) {
  TestTable t(config_of(100, 60));
  const SessionHandle handle = t.table.create(nth(1, 30), Now{100'000}).handle;
  t.table.end(handle, Now{110'500});
  const auto nobody = [](SessionHandle, bool) {
    ADD_FAILURE() << "a held port is no session";
    return SweepVerdict::kEnd;
  };
  t.table.sweep(Now{170'999}, ~0U, nobody);
  EXPECT_EQ(t.table.held(), 1U);
  t.table.purge();
  t.table.sweep(Now{170'999}, ~0U, nobody);
  EXPECT_EQ(t.table.held(), 1U);
  t.table.sweep(Now{171'000}, ~0U, nobody);
  EXPECT_EQ(t.table.held(), 0U);
}

TEST(SessionSweep, PurgeAsksAboutEverySession) {
  TestTable t(config_of(5000));
  for (uint32_t i = 0; i < 4000; ++i) {
    t.table.entry(t.table.create(nth(i, 300), Now{100'000}).handle).source_slot_epoch = i % 4;
  }
  t.table.sweep(Now{101'000}, 1600, kEndExpired);  // somewhere in the middle of a pass
  const uint64_t ticket = t.table.purge();
  EXPECT_FALSE(t.table.purged(ticket));
  std::set<SessionHandle> asked;
  const auto purge = [&](SessionHandle handle, bool expired) {
    EXPECT_FALSE(expired);
    asked.insert(handle);
    return t.table.entry(handle).source_slot_epoch == 2 ? SweepVerdict::kEnd : SweepVerdict::kKeep;
  };
  uint32_t ended = 0;
  while (!t.table.purged(ticket)) ended += t.table.sweep(Now{101'000}, 320, purge);
  EXPECT_EQ(asked.size(), 4000U);
  EXPECT_EQ(ended, 1000U);
  EXPECT_EQ(t.table.live(), 3000U);
  // Then only who is due is asked.
  asked.clear();
  t.table.sweep(Now{102'000}, ~0U, purge);
  EXPECT_TRUE(asked.empty());
}

TEST(SessionSweep, PurgeOfAnEmptyTableIsDone) {
  TestTable t(config_of(100));
  EXPECT_TRUE(t.table.purged(t.table.purge()));
  t.table.end(t.table.create(nth(1, 30), Now{100'000}).handle, Now{100'000});
  EXPECT_TRUE(t.table.purged(t.table.purge()));
}

}  // namespace
}  // namespace postern
