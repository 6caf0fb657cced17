// Copies and removals of a worker's sessions, a turn at a time.
#include "dataplane/run/session_errands.h"

#include <gtest/gtest.h>

#include <vector>

#include "test/unit/table/session_fixture.h"

namespace postern {
namespace {

constexpr uint32_t kCount = 500;
constexpr uint32_t kPortHold_s = 60;

class SessionErrandsTest : public testing::Test {
 protected:
  SessionErrandsTest() {
    records_.store(0, {.node = 0, .namespace_index = 1, .epoch = 0}, 0);
    for (uint32_t n = 0; n < kCount; ++n) {
      const Created created = sessions_.open(to_one_remote(n), now_);
      EXPECT_EQ(created.status, CreateStatus::kCreated);
      noted_.push_back({created.handle, to_one_remote(n).key});
    }
  }
  // Turns until the request is done; how many it took.
  template <typename Request>
  uint32_t finish(const Request& request) {
    uint32_t turns = 0;
    while (!request.done.load() && turns < 1000) {
      errands_.turn(snapshot_, now_);
      ++turns;
    }
    EXPECT_FALSE(errands_.busy());
    return turns;
  }

  Now now_{5000};
  Snapshot snapshot_;  // not asked by copies and removals
  TestTable table_{config_of(4096, kPortHold_s)};
  SourceRecords records_{16};
  SessionAccounts accounts_{4, 4};
  Counters counters_;
  Sessions sessions_{table_.table, records_, accounts_, counters_};
  SessionErrands errands_{sessions_};
  std::vector<NotedSession> noted_;
};

TEST_F(SessionErrandsTest, CopiesEverySessionInParts) {
  std::vector<SessionCopy> out;
  out.reserve(kCount + 1);
  SessionCopyRequest request;
  request.limit = kCount + 1;
  request.out = &out;
  errands_.copy(&request);
  EXPECT_TRUE(errands_.busy());
  EXPECT_GT(finish(request), kCount / 64);
  ASSERT_EQ(out.size(), kCount);
  EXPECT_EQ(request.next, table_.table.capacity());
  EXPECT_EQ(outbound_key_of(out[0].entry, out[0].cold), noted_[0].key);
}

TEST_F(SessionErrandsTest, RemovesWhatIsNamedAndHoldsItsPort) {
  const std::vector<NotedSession> some(noted_.begin(), noted_.begin() + 100);
  SessionRemovalRequest request;
  request.sessions = some;
  errands_.remove(&request);
  EXPECT_EQ(finish(request), 4u);  // bounded: not all in one turn
  EXPECT_EQ(request.removed, 100u);
  EXPECT_EQ(table_.table.live(), kCount - 100);
  EXPECT_EQ(table_.table.held(), 100u);
  EXPECT_EQ(counters_.session_deleted.read(), 100u);
  EXPECT_EQ(counters_.session_expired.read(), 0u);
  EXPECT_EQ(accounts_.active[1].read(), kCount - 100);
  EXPECT_EQ(table_.table.find_outbound_one(noted_[0].key), kNoSession);
  EXPECT_EQ(table_.table.find_outbound_one(noted_[100].key), noted_[100].handle);
}

TEST_F(SessionErrandsTest, LeavesWhatIsNoLongerTheSession) {
  const NotedSession gone = noted_[0];
  sessions_.remove(gone.handle, now_);
  const std::vector<NotedSession> stale = {
      gone,                                          // has ended
      {noted_[1].handle, noted_[2].key},             // the handle has another session now
      {table_.table.capacity() + 7, noted_[3].key},  // no handle at all
  };
  SessionRemovalRequest request;
  request.sessions = stale;
  errands_.remove(&request);
  finish(request);
  EXPECT_EQ(request.removed, 0u);
  EXPECT_EQ(table_.table.live(), kCount - 1);
}

TEST_F(SessionErrandsTest, TellsWhoWaitsWhenTheWorkerStops) {
  SessionRemovalRequest request;
  request.sessions = noted_;
  errands_.remove(&request);
  errands_.turn(snapshot_, now_);
  EXPECT_FALSE(request.done.load());
  errands_.abandon();
  EXPECT_TRUE(request.done.load());
  EXPECT_FALSE(errands_.busy());
}

}  // namespace
}  // namespace postern
