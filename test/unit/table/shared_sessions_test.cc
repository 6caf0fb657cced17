// Limits of several workers together.
#include "dataplane/table/shared_sessions.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "dataplane/table/sessions.h"
#include "test/unit/table/session_fixture.h"

namespace postern {
namespace {

constexpr NamespaceIndex kName = 1;
constexpr NamespaceIndex kOther = 2;

// Workers that share sessions, in one thread.
class Fleet {
 public:
  Fleet(uint32_t workers, uint32_t max_sessions)
      : shared({.owners = {.workers = workers, .key = {1, 2}},
                .max_sessions = max_sessions,
                .namespaces = 4}) {
    records.store(0, {.node = 0, .namespace_index = kName, .epoch = 0}, 0);
    records.store(1, {.node = 0, .namespace_index = kOther, .epoch = 0}, 0);
    for (uint32_t i = 0; i < workers; ++i) {
      const auto worker = static_cast<WorkerIndex>(i);
      SessionTableConfig config =
          config_of(SharedSessions::table_size(max_sessions, shared.owners(), worker));
      config.shard_bits = shared.owners().shard_bits();
      config.owned_shards = shared.owners().owned_shards(worker);
      of.push_back(std::make_unique<One>(config, *this, worker));
    }
  }

  struct One {
    One(const SessionTableConfig& config, Fleet& fleet, WorkerIndex worker)
        : table(config),
          sessions(table.table, fleet.records, accounts, counters, fleet.shared, worker) {}
    TestTable table;
    SessionAccounts accounts{4, 4};
    Counters counters;
    Sessions sessions;
  };

  // On its own worker.
  Created open(uint32_t n, Now now, uint32_t source_slot = 0) {
    NewSession session = flow(n);
    session.source_slot_epoch = source_slot;
    return of[owner(n)]->sessions.open(std::move(session), now);
  }
  [[nodiscard]] WorkerIndex owner(uint32_t n) const {
    return shared.owners().outbound(flow(n).key);
  }
  [[nodiscard]] NewSession flow(uint32_t n) const {
    NewSession session = to_one_remote(n, kTcp);
    session.key.remote_ip = Be32(0xcb007101 + n % remotes);
    return session;
  }

  uint32_t remotes = 8;
  SourceRecords records{16};
  SharedSessions shared;
  std::vector<std::unique_ptr<One>> of;
};

void make_half_open(Fleet& fleet, uint32_t n, const Created& created) {
  fleet.of[fleet.owner(n)]->table.table.entry(created.handle).flags |= kSessionHalfOpen;
}

TEST(SharedSessions, TheMostHoldsForTheSum) {
  for (const uint32_t workers : {1U, 2U, 3U}) {
    Fleet fleet(workers, 10'000);
    uint32_t refused = 0;
    for (uint32_t n = 0; n < 12'000; ++n) {
      refused += fleet.open(n, Now{5000}).status == CreateStatus::kTableFull ? 1 : 0;
    }
    const uint64_t live = fleet.shared.live();
    EXPECT_EQ(live + refused, 12'000U);
    EXPECT_GE(live, 10'000U);
    EXPECT_LE(live, 10'000U + (workers - 1) * SharedSessions::kUnseen);
    if (workers == 1) {
      EXPECT_EQ(live, 10'000U);
    }
  }
}

TEST(SharedSessions, AnExistingSessionIsFoundWhereThereIsNoRoom) {  // nat.md M8
  Fleet fleet(2, 100);
  for (uint32_t n = 0; n < 300; ++n) fleet.open(n, Now{5000});
  EXPECT_EQ(fleet.open(0, Now{5000}).status, CreateStatus::kExists);
}

// All tables together have little more room than there may be sessions, whatever the hash does.
TEST(SharedSessions, TablesFitTheMost) {
  const OwnerMap two({.workers = 2});
  EXPECT_EQ(SharedSessions::table_size(1'048'576, two, 0), 524'288U + 64 + 4345);
  EXPECT_EQ(SharedSessions::table_size(100, two, 1), 100U);  // never more than all
  const OwnerMap one({.workers = 1});
  EXPECT_EQ(SharedSessions::table_size(1'048'576, one, 0), 1'048'576U);
  for (const uint32_t max : {1000U, 65'536U}) {
    for (const uint32_t workers : {2U, 3U, 5U}) {
      Fleet fleet(workers, max);
      for (uint32_t n = 0; fleet.shared.live() < max && n < max; ++n) {
        ASSERT_EQ(fleet.open(n, Now{5000}).status, CreateStatus::kCreated) << workers << ' ' << n;
      }
    }
  }
}

TEST(SharedSessions, T9_RoomIsAskedOfAnotherWorker) {
  Fleet fleet(2, 20);
  std::array<uint32_t, 2> of{};  // sessions of each worker
  uint32_t n = 0;
  // All sessions of worker 1 are half open, those of worker 0 established.
  for (; of[0] + of[1] < 20; ++n) {
    const WorkerIndex owner = fleet.owner(n);
    if (of[owner] == 10) continue;
    const Created created = fleet.open(n, Now{5000});
    ASSERT_EQ(created.status, CreateStatus::kCreated);
    ++of[owner];
    if (owner == 1) make_half_open(fleet, n, created);
  }
  while (fleet.owner(n) != 0) ++n;
  const Now later{8000};
  EXPECT_EQ(fleet.open(n, later).status, CreateStatus::kTableFull);
  EXPECT_EQ(fleet.shared.live(), 20U);
  fleet.of[1]->sessions.make_room_for_others(later);
  EXPECT_EQ(fleet.shared.live(), 19U);
  fleet.of[1]->sessions.make_room_for_others(later);  // it was asked once
  EXPECT_EQ(fleet.shared.live(), 19U);
  EXPECT_EQ(fleet.open(n, later).status, CreateStatus::kCreated);  // retransmitted
  EXPECT_EQ(fleet.of[0]->counters.session_deleted.read(), 0U);
}

// A table may be full while all together are not: protocols without ports belong to worker 0.
TEST(SharedSessions, T9_NobodyGivesWayToATableThatIsFullByItself) {
  Fleet fleet(2, 1000);
  uint32_t n = 0;
  while (fleet.owner(n) != 1) ++n;
  make_half_open(fleet, n, fleet.open(n, Now{5000}));
  const Sessions& full = fleet.of[0]->sessions;
  CreateStatus status = CreateStatus::kCreated;
  for (n = 0; status == CreateStatus::kCreated; ++n) {
    if (fleet.owner(n) == 0) status = fleet.open(n, Now{8000}).status;
  }
  EXPECT_EQ(status, CreateStatus::kTableFull);
  EXPECT_TRUE(full.is_full());
  EXPECT_LT(fleet.shared.live(), 1000U);
  fleet.of[1]->sessions.make_room_for_others(Now{8000});
  EXPECT_EQ(fleet.of[1]->counters.session_deleted.read(), 0U);
}

TEST(SharedSessions, T9_OnlyOfTheNamespaceThatNeedsIt) {
  Fleet fleet(2, 1000);
  // Half-open ones of worker 1, four of each namespace.
  for (uint32_t n = 0, made = 0; made < 8; ++n) {
    if (fleet.owner(n) != 1) continue;
    make_half_open(fleet, n, fleet.open(n, Now{5000}, made++ % 2));
  }
  const Now later{8000};
  Sessions& asking = fleet.of[0]->sessions;
  EXPECT_EQ(asking.limit_reached(kName, {.sessions = 5}, 40, 0, later), std::nullopt);
  EXPECT_EQ(asking.limit_reached(kName, {.sessions = 4}, 40, 0, later), Reason::kQuotaSessions);
  fleet.of[1]->sessions.make_room_for_others(later);
  EXPECT_EQ(fleet.shared.active(kName), 3U);
  EXPECT_EQ(fleet.shared.active(kOther), 4U);
  EXPECT_EQ(asking.limit_reached(kName, {.sessions = 4}, 40, 0, later), std::nullopt);
}

TEST(SharedSessions, RatesAreOneForAllWorkers) {
  Fleet fleet(3, 1000);
  const NamespaceLimits limits{.new_sessions_per_second = 100};
  Now now{5000};
  const auto begin_all = [&] {
    uint32_t begun = 0;
    for (uint32_t i = 0; i < 600; ++i) {
      Sessions& sessions = fleet.of[i % 3]->sessions;
      if (sessions.limit_reached(kName, limits, 40, 0, now)) continue;
      sessions.note_begun(kName, limits);
      ++begun;
    }
    return begun;
  };
  EXPECT_EQ(begin_all(), 100U);
  now.ms += 500;
  EXPECT_EQ(begin_all(), 50U);
  now.ms += 100'000;
  EXPECT_EQ(begin_all(), 100U);
}

// What one worker has taken ahead is lost to no namespace and adds little to any.
TEST(SharedSessions, BandwidthIsOneForAllWorkers) {
  Fleet fleet(2, 1000);
  const NamespaceLimits limits{.bytes_per_second = 10'000'000};  // a burst of 500,000 bytes
  Now now{5000};
  uint64_t passed = 0;
  const auto offer = [&](uint32_t worker, uint32_t packets) {
    Sessions& sessions = fleet.of[worker]->sessions;
    for (uint32_t i = 0; i < packets; ++i) {
      if (!sessions.within_bandwidth(kName, limits, Direction::kOutbound, 1000, now)) continue;
      sessions.note_bytes(kName, limits, Direction::kOutbound, 1000);
      passed += 1000;
    }
  };
  for (; now.ms < 6000; ++now.ms) {  // twice what is allowed, both workers alike
    offer(0, 10);
    offer(1, 10);
  }
  EXPECT_GE(passed, 9'900'000U + 500'000 - 65'536);
  EXPECT_LE(passed, 10'500'000U);
  // One worker alone gets all of it, also after the other was idle for long.
  now.ms += 10'000;
  passed = 0;
  offer(0, 1000);
  EXPECT_GE(passed, 499'000U);
  EXPECT_LE(passed, 500'000U + 500'000 / NamespaceUsage::kLeasedShare);
  // The other direction has its own.
  EXPECT_TRUE(
      fleet.of[1]->sessions.within_bandwidth(kName, limits, Direction::kInbound, 1000, now));
}

TEST(SharedSessions, ForeignShardsAreCountedWhileTheyLive) {
  Fleet fleet(2, 70'000);
  fleet.remotes = 1;
  for (uint32_t n = 0; n < 62'500; ++n) fleet.open(n, Now{5000});  // of 64,512 ports
  uint64_t foreign = 0;
  for (const auto& one : fleet.of) {
    foreign += one->accounts.foreign_shard.read();
    EXPECT_EQ(one->accounts.foreign_shard.read(), one->table.table.statistics().foreign_shard);
  }
  EXPECT_GT(foreign, 0U);
  for (const auto& one : fleet.of) {
    for (SessionHandle handle = 0; handle < one->table.table.capacity(); ++handle) {
      if (one->table.table.is_live(handle)) one->sessions.remove(handle, Now{6000});
    }
    EXPECT_EQ(one->accounts.foreign_shard.read(), 0U);
    EXPECT_EQ(one->accounts.live.read(), 0U);
  }
}

}  // namespace
}  // namespace postern
