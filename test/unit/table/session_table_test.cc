#include "dataplane/table/session_table.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "test/unit/table/session_fixture.h"

namespace postern {
namespace {

constexpr Now kNow{1'000'000};

TEST(SessionTable, IsFoundFromBothSides) {
  TestTable t(config_of(1000));
  NewSession wanted = session_of(key_of(0x0a000001, 4000, 0x08080808, 53));
  wanted.address_slot = 7;
  wanted.address_epoch = 9;
  wanted.source_slot_epoch = 0x03000005;
  const Created made = t.table.create(wanted, kNow);
  ASSERT_EQ(made.status, CreateStatus::kCreated);

  const SessionEntry& entry = t.table.entry(made.handle);
  EXPECT_EQ(entry.source_ip.host(), 0x0a000001U);
  EXPECT_EQ(entry.vni(), 100U);
  EXPECT_EQ(entry.protocol(), kUdp);
  EXPECT_EQ(entry.egress_ip, kEgressIp);
  EXPECT_GE(entry.egress_port.host(), 1024);
  EXPECT_EQ(entry.address_slot, 7);
  EXPECT_EQ(entry.address_epoch, 9);
  EXPECT_EQ(entry.source_slot_epoch, 0x03000005U);
  EXPECT_EQ(entry.expires_s, static_cast<uint16_t>(kNow.seconds() + 301));
  EXPECT_EQ(t.table.cold(made.handle).created_s(), kNow.seconds());
  EXPECT_TRUE(t.table.is_live(made.handle));
  EXPECT_EQ(t.table.live(), 1U);

  EXPECT_EQ(t.table.find_outbound_one(wanted.key), made.handle);
  InboundKey inbound = inbound_key_of(entry);
  EXPECT_EQ(t.table.find_inbound_one(inbound), made.handle);
  inbound.remote_port = Be16(54);
  EXPECT_EQ(t.table.find_inbound_one(inbound), kNoSession);  // M7
  OutboundKey other = wanted.key;
  other.vni_protocol = OutboundKey::pack(101, kUdp);
  EXPECT_EQ(t.table.find_outbound_one(other), kNoSession);
}

TEST(SessionTable, M8_SecondFirstPacketFindsTheSession) {
  TestTable t(config_of(1000));
  const NewSession wanted = session_of(key_of(0x0a000001, 4000, 0x08080808, 53));
  const Created first = t.table.create(wanted, kNow);
  for (int i = 0; i < 63; ++i) {
    const Created again = t.table.create(wanted, kNow);
    EXPECT_EQ(again.status, CreateStatus::kExists);
    EXPECT_EQ(again.handle, first.handle);
  }
  EXPECT_EQ(t.table.live(), 1U);
}

TEST(SessionTable, EndedSessionIsFoundByNobody) {
  for (const uint32_t hold_s : {0U, 60U}) {
    TestTable t(config_of(1000, hold_s));
    const NewSession wanted = session_of(key_of(0x0a000001, 4000, 0x08080808, 53, kTcp));
    const SessionHandle handle = t.table.create(wanted, kNow).handle;
    const InboundKey inbound = inbound_key_of(t.table.entry(handle));
    t.table.end(handle, kNow);
    EXPECT_FALSE(t.table.is_live(handle));
    EXPECT_EQ(t.table.find_outbound_one(wanted.key), kNoSession);
    EXPECT_EQ(t.table.find_inbound_one(inbound), kNoSession);
    SessionHandle found = 0;
    t.table.find_inbound({&inbound, 1}, &found);
    EXPECT_EQ(found, kNoSession);
    t.table.find_outbound({&wanted.key, 1}, &found);
    EXPECT_EQ(found, kNoSession);
    EXPECT_EQ(t.table.live(), 0U);
    EXPECT_EQ(t.table.held(), hold_s == 0 ? 0U : 1U);
  }
}

TEST(SessionTable, ReusedEntryNamesAnotherSession) {
  TestTable t(config_of(1));
  const NewSession first = session_of(key_of(0x0a000001, 4000, 0x08080808, 53));
  const NewSession second = session_of(key_of(0x0a000002, 4000, 0x08080808, 53));
  const SessionHandle stale = t.table.create(first, kNow).handle;
  t.table.end(stale, kNow);
  const SessionHandle handle = t.table.create(second, kNow).handle;
  ASSERT_EQ(handle, stale);
  EXPECT_EQ(t.table.find_outbound_one(first.key), kNoSession);
  EXPECT_EQ(t.table.find_outbound_one(second.key), handle);
  EXPECT_EQ(load<OutboundKey>(&t.table.entry(stale)), second.key);
}

TEST(SessionTable, BurstsFindWhatSingleLookupsFind) {
  TestTable t(config_of(20000));
  std::vector<OutboundKey> outbound;
  std::vector<InboundKey> inbound;
  for (uint32_t i = 0; i < 20000; ++i) {
    const NewSession wanted = session_of(key_of(0x0a000000 + i, 4000, 0x08000000 + i / 7, 53));
    const Created made = t.table.create(wanted, kNow);
    ASSERT_EQ(made.status, CreateStatus::kCreated);
    outbound.push_back(wanted.key);
    inbound.push_back(inbound_key_of(t.table.entry(made.handle)));
    if (i % 3 == 0) t.table.end(made.handle, kNow);
  }
  for (size_t size = 1; size <= SessionTable::kMaxBurst; size += 9) {
    for (size_t at = 0; at + size <= outbound.size(); at += size * 17) {
      std::array<SessionHandle, SessionTable::kMaxBurst> found;
      t.table.find_outbound({outbound.data() + at, size}, found.data());
      for (size_t i = 0; i < size; ++i) {
        EXPECT_EQ(found[i], t.table.find_outbound_one(outbound[at + i]));
        EXPECT_EQ(found[i] == kNoSession, (at + i) % 3 == 0);
      }
      t.table.find_inbound({inbound.data() + at, size}, found.data());
      for (size_t i = 0; i < size; ++i) {
        EXPECT_EQ(found[i], t.table.find_inbound_one(inbound[at + i]));
      }
    }
  }
}

TEST(SessionTable, FullOfLiveSessionsRefuses) {
  TestTable t(config_of(64));
  for (uint32_t i = 0; i < 64; ++i) {
    ASSERT_EQ(t.table.create(to_one_remote(i), kNow).status, CreateStatus::kCreated);
  }
  EXPECT_EQ(t.table.create(to_one_remote(64), kNow).status, CreateStatus::kTableFull);
  EXPECT_EQ(t.table.create(to_one_remote(3), kNow).status, CreateStatus::kExists);
  EXPECT_EQ(t.table.statistics().refused_table_full, 1U);
  EXPECT_EQ(t.table.half_open_victim(kNow), kNoSession);
}

TEST(SessionTable, T9_OldHalfOpenSessionMakesRoom) {
  TestTable t(config_of(600));
  for (uint32_t i = 0; i < 600; ++i) {
    const SessionHandle handle = t.table.create(to_one_remote(i, kTcp), kNow).handle;
    if (i == 571) t.table.entry(handle).flags |= kSessionHalfOpen;
  }
  const Now young{kNow.ms + 1000};
  const Now old{kNow.ms + 1200};
  EXPECT_EQ(t.table.half_open_victim(young), kNoSession);
  const SessionHandle victim = t.table.half_open_victim(old);
  ASSERT_NE(victim, kNoSession);
  EXPECT_EQ(t.table.find_outbound_one(to_one_remote(571, kTcp).key), victim);
  t.table.end_without_hold(victim);
  EXPECT_EQ(t.table.create(to_one_remote(600, kTcp), old).status, CreateStatus::kCreated);
  EXPECT_EQ(t.table.half_open_victim(old), kNoSession);
}

// As a connection is established: the stage tells the table that the state has changed.
void establish(SessionTable& table, SessionHandle handle) {
  table.entry(handle).flags &= static_cast<uint16_t>(~kSessionHalfOpen);
  table.touch_earlier(handle, kNow, 7440);
}

TEST(SessionTable, T9_TheOnlyHalfOpenOneIsFoundAmongAMillion) {
  constexpr uint32_t kSessions = 1 << 20;
  TestTable t(config_of(kSessions));
  for (uint32_t i = 0; i < kSessions; ++i) {
    const NewSession wanted = session_of(key_of(0x0a000001, 4000, 0x08000000 + i, 443, kTcp));
    const SessionHandle handle = t.table.create(wanted, kNow).handle;
    t.table.entry(handle).flags |= kSessionHalfOpen;
    if (i != kSessions - 5) establish(t.table, handle);
  }
  ASSERT_EQ(t.table.live(), kSessions);
  const Now old{kNow.ms + 2000};
  const SessionHandle victim = t.table.half_open_victim(old);
  EXPECT_EQ(victim, kSessions - 5);
  establish(t.table, victim);
  EXPECT_EQ(t.table.half_open_victim(old), kNoSession);
  // Each of them may become half open again.
  t.table.begin_again(7, 0, kNow);
  t.table.entry(7).flags |= kSessionHalfOpen;
  const Now later{old.ms + 300};  // it rests after a round in vain
  EXPECT_EQ(t.table.half_open_victim(later), 7U);
  t.table.end(7, later);
  EXPECT_EQ(t.table.half_open_victim(later), kNoSession);
}

TEST(SessionTable, T9_HalfOpenOnesAreFoundInTurnFromWhereverItStopped) {
  TestTable t(config_of(3000));
  for (uint32_t i = 0; i < 3000; ++i) {
    const SessionHandle handle = t.table.create(to_one_remote(i, kTcp), kNow).handle;
    t.table.entry(handle).flags |= kSessionHalfOpen;
    const bool stays = i % 64 == 63 || i % 64 == 0 || i == 511 || i == 513 || i == 2999;
    if (!stays) establish(t.table, handle);
  }
  std::set<SessionHandle> found;
  const Now old{kNow.ms + 2000};
  for (SessionHandle victim = t.table.half_open_victim(old); victim != kNoSession;
       victim = t.table.half_open_victim(old)) {
    EXPECT_TRUE(found.insert(victim).second) << victim;
    establish(t.table, victim);
  }
  EXPECT_EQ(found.size(), 46U + 47U + 2U);
}

TEST(SessionTable, T9_OldestHeldPortMakesRoom) {
  TestTable t(config_of(10, 60));
  std::vector<SessionHandle> handle;
  for (uint32_t i = 0; i < 10; ++i) {
    handle.push_back(
        t.table.create(session_of(key_of(0x0a000001, 4000, 0x08080800 + i, 53)), kNow).handle);
  }
  t.table.end(handle[6], kNow);
  t.table.end(handle[2], Now{kNow.ms + 1});
  const NewSession late = session_of(key_of(0x0a000002, 4000, 0x01010101, 53));
  const Created made = t.table.create(late, Now{kNow.ms + 2});
  EXPECT_EQ(made.status, CreateStatus::kCreated);
  EXPECT_EQ(made.handle, handle[6]);
  EXPECT_EQ(t.table.held(), 1U);
  EXPECT_EQ(t.table.statistics().held_evicted, 1U);
}

TEST(SessionTable, TakesACopyOfAnothersSessionIn) {
  TestTable theirs(config_of(1000));
  NewSession router = session_of(key_of(0x0a000001, 4000, 0x0a830001, 5432));
  router.is_router = true;
  router.translated_ip = Be32(0xcb007119);
  router.translated_port = Be16(15432);
  const SessionHandle there = theirs.table.create(router, kNow).handle;
  SessionTableConfig small = config_of(2);
  small.port_high = 1031;
  TestTable ours(small);
  const SessionHandle here =
      ours.table.adopt(theirs.table.entry(there), theirs.table.cold(there), kNow);
  ASSERT_NE(here, kNoSession);
  EXPECT_EQ(ours.table.find_outbound_one(router.key), here);
  EXPECT_EQ(ours.table.find_inbound_one(inbound_key_of(theirs.table.entry(there))), here);
  EXPECT_EQ(ours.table.entry(here).egress_port, theirs.table.entry(there).egress_port);
  EXPECT_EQ(ours.table.live(), 1U);
  EXPECT_EQ(ours.table.create(router, kNow).status, CreateStatus::kExists);
  ours.table.end(here, kNow);
  EXPECT_EQ(ours.table.find_outbound_one(router.key), kNoSession);
  EXPECT_EQ(ours.table.live(), 0U);
  for (uint32_t i = 0; i < 2; ++i) ours.table.create(to_one_remote(i), kNow);
  EXPECT_EQ(ours.table.adopt(theirs.table.entry(there), theirs.table.cold(there), kNow),
            kNoSession);
}

TEST(SessionTable, RouterSessionIsFoundByItsOriginalDestination) {
  TestTable t(config_of(1000));
  NewSession routed = session_of(key_of(0x0a000001, 4000, 0xc6336401, 80, kTcp));
  routed.is_router = true;
  routed.translated_ip = Be32(0x0a040506);
  routed.translated_port = Be16(8080);
  const Created made = t.table.create(routed, kNow);
  ASSERT_EQ(made.status, CreateStatus::kCreated);
  EXPECT_EQ(t.table.create(routed, kNow).status, CreateStatus::kExists);

  // The same pod reaches the same destination directly, from the same port: another session.
  const NewSession direct = session_of(key_of(0x0a000001, 4000, 0x0a040506, 8080, kTcp));
  EXPECT_EQ(t.table.find_outbound_one(direct.key), kNoSession);
  const Created beside = t.table.create(direct, kNow);
  ASSERT_EQ(beside.status, CreateStatus::kCreated);
  EXPECT_NE(beside.handle, made.handle);
  EXPECT_EQ(t.table.find_outbound_one(routed.key), made.handle);
  EXPECT_EQ(t.table.find_outbound_one(direct.key), beside.handle);
  EXPECT_NE(t.table.entry(made.handle).egress_port, t.table.entry(beside.handle).egress_port);

  const InboundKey inbound = inbound_key_of(t.table.entry(made.handle));
  EXPECT_EQ(inbound.remote_ip.host(), 0x0a040506U);
  EXPECT_EQ(t.table.find_inbound_one(inbound), made.handle);
  t.table.end(made.handle, kNow);
  EXPECT_EQ(t.table.find_outbound_one(routed.key), kNoSession);
  EXPECT_EQ(t.table.find_outbound_one(direct.key), beside.handle);
}

TEST(SessionEntry, CountersSpillWithoutLoss) {
  SessionEntry entry{};
  ColdSession cold{};
  uint64_t spills = 0;
  for (uint32_t i = 0; i < 200'000; ++i) {
    if (count_outbound(entry, 65'535)) {
      spill_counters(entry, cold);
      ++spills;
    }
    if (i % 3 == 0 && count_inbound(entry, 1500)) spill_counters(entry, cold);
  }
  const SessionTotals sum = totals(entry, cold);
  EXPECT_EQ(sum.outbound_packets, 200'000U);
  EXPECT_EQ(sum.outbound_bytes, 200'000ULL * 65'535);
  EXPECT_EQ(sum.inbound_packets, 66'667U);
  EXPECT_EQ(sum.inbound_bytes, 66'667ULL * 1500);
  EXPECT_EQ(spills, 3U);
}

TEST(SessionTable, MemoryStaysBelowTheTarget) {
  for (const uint32_t sessions : {64'512U, 1U << 20, 1U << 24}) {
    const double bytes = static_cast<double>(SessionTable::memory_bytes(config_of(sessions)));
    EXPECT_LE(bytes / sessions, 116.0) << sessions;
  }
}

// What the bytes a session are for: a table has an entry and a place in both indexes for each of
// its sessions, in use for a while as well as when it was new.
TEST(SessionTable, HoldsAllItsSessionsAfterChurn) {
  constexpr uint32_t kSessions = 64'512;
  TestTable t(config_of(kSessions));
  uint32_t number = 0;
  const auto create = [&] {
    const uint32_t n = number++ * 0x9e3779b1U;
    return t.table.create(
        session_of(key_of(0x0a000000 + n % 4096, static_cast<uint16_t>(1024 + number % 60'000),
                          0xc6120000 + (n >> 15), 443)),
        kNow);
  };
  while (t.table.live() < kSessions) ASSERT_EQ(create().status, CreateStatus::kCreated) << number;
  EXPECT_EQ(create().status, CreateStatus::kTableFull);
  for (uint32_t i = 0; i < 3 * kSessions; ++i) {
    const SessionHandle victim = i * 0x85ebca6bU % kSessions;
    t.table.end(victim, kNow);
    ASSERT_EQ(create().status, CreateStatus::kCreated) << i;
  }
  EXPECT_EQ(t.table.live(), kSessions);
  for (SessionHandle handle = 0; handle < kSessions; ++handle) {
    const SessionEntry& entry = t.table.entry(handle);
    ASSERT_EQ(t.table.find_outbound_one(load<OutboundKey>(&entry)), handle);
    ASSERT_EQ(t.table.find_inbound_one(inbound_key_of(entry)), handle);
  }
}

}  // namespace
}  // namespace postern
