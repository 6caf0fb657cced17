#include "dataplane/table/port_search.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

#include "test/unit/table/session_fixture.h"

namespace postern {
namespace {

constexpr Now kNow{1'000'000};
constexpr uint32_t kAllPorts = 64'512;

SessionTableConfig config_with_ports(uint32_t max_sessions, uint16_t low, uint16_t high,
                                     uint32_t port_hold_s = 0) {
  SessionTableConfig config = config_of(max_sessions, port_hold_s);
  config.port_low = low;
  config.port_high = high;
  return config;
}

uint16_t port_of(const TestTable& t, const Created& made) {
  return t.table.entry(made.handle).egress_port.host();
}

TEST(PortSearch, M1_M2_M4_GivesEveryPortOfARemoteExactlyOnce) {
  TestTable t(config_of(200'000));
  for (const uint8_t protocol : {kUdp, kTcp}) {
    std::vector<bool> used(65536);
    for (uint32_t i = 0; i < kAllPorts; ++i) {
      const Created made = t.table.create(to_one_remote(i, protocol), kNow);
      ASSERT_EQ(made.status, CreateStatus::kCreated) << i;
      const uint16_t port = port_of(t, made);
      ASSERT_GE(port, 1024);
      ASSERT_FALSE(used[port]);
      used[port] = true;
    }
    for (uint32_t i = 0; i < 1000; ++i) {
      ASSERT_EQ(t.table.create(to_one_remote(kAllPorts + i, protocol), kNow).status,
                CreateStatus::kNoPort);
    }
  }
  // Another remote port, and another egress address, start from nothing.
  NewSession other = to_one_remote(0);
  other.key.remote_port = Be16(444);
  EXPECT_EQ(t.table.create(other, kNow).status, CreateStatus::kCreated);
  other = to_one_remote(kAllPorts);
  other.egress_ip = Be32(0xc0000202);
  EXPECT_EQ(t.table.create(other, kNow).status, CreateStatus::kCreated);
  EXPECT_EQ(t.table.statistics().unverified_refusals, 0U);
}

TEST(PortSearch, M2_ChurnAtTheLastPortsNeverRefusesAFreeOne) {
  TestTable t(config_of(70'000));
  std::vector<SessionHandle> handle;
  for (uint32_t i = 0; i < kAllPorts; ++i) {
    handle.push_back(t.table.create(to_one_remote(i), kNow).handle);
  }
  ASSERT_EQ(t.table.create(to_one_remote(kAllPorts), kNow).status, CreateStatus::kNoPort);
  const uint64_t walks = t.table.statistics().full_walks;
  std::mt19937 random(1);
  uint32_t next = kAllPorts;
  for (int round = 0; round < 3000; ++round) {
    const auto ends = static_cast<uint32_t>(1 + random() % 5);
    for (uint32_t i = 0; i < ends; ++i) {
      const size_t victim = random() % handle.size();
      t.table.end(handle[victim], kNow);
      handle[victim] = handle.back();
      handle.pop_back();
    }
    for (uint32_t i = 0; i < ends; ++i) {
      const Created made = t.table.create(to_one_remote(next++), kNow);
      ASSERT_EQ(made.status, CreateStatus::kCreated);
      handle.push_back(made.handle);
    }
    ASSERT_EQ(t.table.create(to_one_remote(next), kNow).status, CreateStatus::kNoPort);
  }
  EXPECT_EQ(t.table.statistics().full_walks, walks) << "the record serves a scarce remote";
}

TEST(PortSearch, ManyFullRemotesInASmallRange) {
  const uint32_t remotes = 700;  // more than there are records
  TestTable t(config_with_ports(64 * remotes + 64, 2048, 2111));
  Now now = kNow;
  for (uint32_t i = 0; i < 64 * remotes; ++i) {
    now.ms += i % 16 == 0 ? 1 : 0;
    const NewSession wanted =
        session_of(key_of(0x0a000000 + i, 4000, 0x08000000 + i % remotes, 53));
    ASSERT_EQ(t.table.create(wanted, now).status, CreateStatus::kCreated) << i;
  }
  for (uint32_t i = 0; i < remotes; ++i) {
    const NewSession wanted = session_of(key_of(0x0b000000 + i, 4000, 0x08000000 + i, 53));
    ASSERT_EQ(t.table.create(wanted, now).status, CreateStatus::kNoPort) << i;
  }
  EXPECT_EQ(t.table.statistics().unverified_refusals, 0U);
}

TEST(PortSearch, ExactWalksHaveABudget) {
  constexpr uint32_t kRemotes = 9;  // one more than may be walked at one instant
  TestTable t(config_of(kRemotes * kAllPorts + 1));
  const auto nth = [](uint32_t remote, uint32_t n) {
    NewSession session = to_one_remote(n);
    session.key.remote_port = Be16(static_cast<uint16_t>(remote));
    return session;
  };
  for (uint32_t remote = 0; remote < kRemotes; ++remote) {
    uint32_t made = 0;
    while (t.table.create(nth(remote, made), kNow).status == CreateStatus::kCreated) ++made;
    if (remote + 1 < kRemotes) {
      ASSERT_EQ(made, kAllPorts);
    }
  }
  EXPECT_EQ(t.table.statistics().full_walks, kRemotes - 1);
  EXPECT_EQ(t.table.statistics().unverified_refusals, 1U);
  const Now later{kNow.ms + 20};
  for (uint32_t n = 0; n < kAllPorts; ++n) {
    const CreateStatus status = t.table.create(nth(kRemotes - 1, n), later).status;
    ASSERT_TRUE(status == CreateStatus::kExists || status == CreateStatus::kCreated);
  }
  EXPECT_EQ(t.table.live(), kRemotes * kAllPorts);
}

TEST(PortSearch, M6_HeldPortsAreHonoured) {
  TestTable t(config_with_ports(1000, 2048, 2111, 60));
  std::set<uint16_t> ended;
  std::vector<SessionHandle> handle;
  for (uint32_t i = 0; i < 64; ++i) handle.push_back(t.table.create(to_one_remote(i), kNow).handle);
  for (uint32_t i = 0; i < 10; ++i) {
    ended.insert(t.table.entry(handle[i]).egress_port.host());
    t.table.end(handle[i], Now{kNow.ms + i});
  }
  EXPECT_EQ(t.table.held(), 10U);
  // Not one of them within the first second.
  EXPECT_EQ(t.table.create(to_one_remote(100), Now{kNow.ms + 999}).status, CreateStatus::kNoPort);
  // Then the oldest first, each when it is a second old.
  for (uint32_t i = 0; i < 10; ++i) {
    const Now now{kNow.ms + 1000 + i};
    const Created made = t.table.create(to_one_remote(100 + i), now);
    ASSERT_EQ(made.status, CreateStatus::kCreated);
    EXPECT_EQ(made.handle, handle[i]);
    EXPECT_EQ(ended.erase(port_of(t, made)), 1U);
    EXPECT_EQ(t.table.create(to_one_remote(200), now).status, CreateStatus::kNoPort);
  }
  EXPECT_EQ(t.table.held(), 0U);
  EXPECT_EQ(t.table.statistics().held_taken, 10U);
}

// Asked for in pieces, as a worker does between bursts.
PortRoom room_of(const TestTable& t, const NewSession& session, Now now) {
  const auto protocol = static_cast<uint8_t>(session.key.vni_protocol >> 24);
  const InboundWords remote =
      InboundWords::of(protocol, session.key.remote_ip, session.key.remote_port, session.egress_ip);
  uint32_t block = 0;
  PortRoom room = PortRoom::kLookOn;
  while (room == PortRoom::kLookOn) room = t.table.port_room(session.key, remote, block, 16, now);
  return room;
}

TEST(PortSearch, RoomIsWhatTheNextChoiceFinds) {
  TestTable t(config_with_ports(20'000, 1024, 9215, 60));
  constexpr uint32_t kPorts = 8192;
  std::vector<SessionHandle> made;
  for (uint32_t i = 0; i < kPorts; ++i) {
    ASSERT_EQ(room_of(t, to_one_remote(i), kNow), PortRoom::kSome) << i;
    made.push_back(t.table.create(to_one_remote(i), kNow).handle);
  }
  // With the record of a scarce remote, which the last choices have made, and without one.
  EXPECT_EQ(room_of(t, to_one_remote(kPorts), kNow), PortRoom::kNone);
  NewSession other = to_one_remote(kPorts);
  other.key.remote_port = Be16(444);
  EXPECT_EQ(room_of(t, other, kNow), PortRoom::kSome);
  // A port on hold is one after a second.
  t.table.end(made[100], kNow);
  EXPECT_EQ(room_of(t, to_one_remote(kPorts), kNow), PortRoom::kNone);
  EXPECT_EQ(room_of(t, to_one_remote(kPorts), {kNow.ms + 1000}), PortRoom::kSome);
  t.table.end_without_hold(made[200]);
  EXPECT_EQ(room_of(t, to_one_remote(kPorts), kNow), PortRoom::kSome);
}

TEST(PortSearch, RoomReadsWhatIsBehindTheTags) {
  // Few ports and many remotes: a full one whose record has given way is walked.
  TestTable t(config_with_ports(60'000, 1024, 1087, 60));
  const auto session = [](uint32_t remote, uint32_t i) {
    NewSession made = to_one_remote(i);
    made.key.remote_ip = Be32(remote);
    return made;
  };
  for (uint32_t remote = 1; remote <= 600; ++remote) {
    for (uint32_t i = 0; i < 64; ++i) {
      ASSERT_EQ(t.table.create(session(remote, i), kNow).status, CreateStatus::kCreated);
    }
  }
  for (uint32_t remote = 1; remote <= 600; ++remote) {
    ASSERT_EQ(room_of(t, session(remote, 64), kNow), PortRoom::kNone) << remote;
  }
  t.table.end(0, kNow);
  EXPECT_EQ(room_of(t, session(1, 64), kNow), PortRoom::kNone);
  EXPECT_EQ(room_of(t, session(1, 64), {kNow.ms + 1000}), PortRoom::kSome);
  const SessionTableStatistics before = t.table.statistics();
  EXPECT_EQ(room_of(t, session(2, 64), kNow), PortRoom::kNone);
  EXPECT_EQ(t.table.statistics().full_walks, before.full_walks);
}

TEST(PortSearch, M6_FreePortsComeBeforeHeldOnes) {
  TestTable t(config_with_ports(1000, 2048, 2111, 60));
  std::vector<SessionHandle> handle;
  for (uint32_t i = 0; i < 32; ++i) handle.push_back(t.table.create(to_one_remote(i), kNow).handle);
  for (const SessionHandle h : handle) t.table.end(h, kNow);
  const Now later{kNow.ms + 30'000};
  for (uint32_t i = 0; i < 32; ++i) t.table.create(to_one_remote(100 + i), later);
  EXPECT_EQ(t.table.held(), 32U);
  EXPECT_EQ(t.table.statistics().held_taken, 0U);
  for (uint32_t i = 0; i < 32; ++i) {
    EXPECT_EQ(t.table.create(to_one_remote(200 + i), later).status, CreateStatus::kCreated);
  }
  EXPECT_EQ(t.table.statistics().held_taken, 32U);
}

TEST(PortSearch, M6_TableOverNinetyPerCentTakesHeldPortsOfTheRemote) {
  TestTable t(config_with_ports(100, 2048, 2111, 60));
  std::vector<SessionHandle> handle;
  for (uint32_t i = 0; i < 60; ++i) handle.push_back(t.table.create(to_one_remote(i), kNow).handle);
  for (const SessionHandle h : handle) t.table.end(h, kNow);
  for (uint32_t i = 0; i < 31; ++i) {
    t.table.create(session_of(key_of(0x0a000001, 4000, 0x08080800 + i, 53)), kNow);
  }
  ASSERT_EQ(t.table.held(), 60U);  // 91 of 100
  EXPECT_EQ(t.table.create(to_one_remote(100), Now{kNow.ms + 999}).status, CreateStatus::kCreated);
  EXPECT_EQ(t.table.statistics().held_taken, 0U);
  EXPECT_EQ(t.table.create(to_one_remote(101), Now{kNow.ms + 1000}).status, CreateStatus::kCreated);
  EXPECT_EQ(t.table.statistics().held_taken, 1U);
  EXPECT_EQ(t.table.held(), 59U);
}

TEST(PortSearch, LargeRemoteFullOfHeldPorts) {
  TestTable t(config_of(70'000, 60));
  std::vector<SessionHandle> handle;
  for (uint32_t i = 0; i < kAllPorts; ++i) {
    handle.push_back(t.table.create(to_one_remote(i), kNow).handle);
  }
  std::map<SessionHandle, uint64_t> ended_ms;
  for (uint32_t i = 0; i < 3000; ++i) {
    const Now now{kNow.ms + i};
    t.table.end(handle[i], now);
    ended_ms[handle[i]] = now.ms;
  }
  // 2.0 s after the first: those that ended in the first second may be taken, and no other.
  const Now now{kNow.ms + 2000};
  uint32_t taken = 0;
  for (uint32_t i = 0; i < 3000; ++i) {
    const Created made = t.table.create(to_one_remote(100'000 + i), now);
    if (made.status == CreateStatus::kNoPort) break;
    ASSERT_EQ(made.status, CreateStatus::kCreated);
    ASSERT_GE(now.ms - ended_ms.at(made.handle), 1000U);
    ++taken;
  }
  EXPECT_EQ(taken, 1001U);
}

// Ports must not follow from one another: what an observer of some could say about the next.
TEST(PortSearch, M3_PortsAreSpreadAndUncorrelated) {
  TestTable t(config_of(40'000));
  std::vector<uint32_t> ports;
  for (uint32_t i = 0; i < 20'000; ++i) {
    const NewSession wanted = session_of(key_of(0x0a000001, 4000, 0x08000000 + i, 53));
    ports.push_back(port_of(t, t.table.create(wanted, kNow)));
  }
  std::vector<uint32_t> sixteenths(16);
  std::vector<uint32_t> low_bits(8);
  std::map<uint32_t, uint32_t> differences;
  for (size_t i = 0; i < ports.size(); ++i) {
    ++sixteenths[(ports[i] - 1024) / 4032];
    ++low_bits[ports[i] % 8];
    if (i != 0) ++differences[(ports[i] - ports[i - 1]) & 0xffff];
  }
  for (const uint32_t count : sixteenths) EXPECT_NEAR(count, 1250, 200);
  for (const uint32_t count : low_bits) EXPECT_NEAR(count, 2500, 280);
  for (const auto& [difference, count] : differences) EXPECT_LE(count, 12U) << difference;
}

TEST(PortSearch, M3_KeyDecidesTheOrder) {
  const auto first_ports = [](uint64_t random_key) {
    SessionTableConfig config = config_of(1000);
    config.key[2] = random_key;
    TestTable t(config);
    std::vector<uint16_t> ports;
    for (uint32_t i = 0; i < 100; ++i) {
      ports.push_back(port_of(t, t.table.create(to_one_remote(i), kNow)));
    }
    return ports;
  };
  EXPECT_EQ(first_ports(1), first_ports(1));
  const std::vector<uint16_t> one = first_ports(1);
  const std::vector<uint16_t> two = first_ports(2);
  int same = 0;
  for (size_t i = 0; i < one.size(); ++i) same += one[i] == two[i] ? 1 : 0;
  EXPECT_LE(same, 3);
}

TEST(PortSearch, OwnShardFirstThenOtherOwnedOnes) {
  SessionTableConfig config = config_with_ports(1000, 1024, 2047);
  config.shard_bits = 2;
  config.owned_shards = 0b0110;
  TestTable t(config);
  const auto shard_of = [](uint16_t port) { return port / 8 % 4; };
  for (uint32_t i = 0; i < 512; ++i) {  // 1,024 ports, half of them owned
    NewSession wanted = to_one_remote(i);
    wanted.shard = 1;
    const Created made = t.table.create(wanted, kNow);
    ASSERT_EQ(made.status, CreateStatus::kCreated);
    ASSERT_EQ(shard_of(port_of(t, made)), i < 256 ? 1 : 2);
    ASSERT_EQ((t.table.entry(made.handle).flags & kSessionForeignShard) != 0, i >= 256);
  }
  EXPECT_EQ(t.table.statistics().foreign_shard, 256U);
  NewSession wanted = to_one_remote(512);
  wanted.shard = 1;
  ASSERT_EQ(t.table.create(wanted, kNow).status, CreateStatus::kNoPort);
  // With a record of the remote the rule is the same.
  SessionHandle of_shard[2];
  for (uint32_t i = 0; i < 512; ++i) {
    const SessionHandle handle = t.table.find_outbound_one(to_one_remote(i).key);
    of_shard[shard_of(t.table.entry(handle).egress_port.host()) - 1] = handle;
  }
  for (const SessionHandle handle : of_shard) t.table.end(handle, kNow);
  for (const int expected : {1, 2}) {
    wanted.key.source_port = Be16(static_cast<uint16_t>(expected));
    const Created made = t.table.create(wanted, kNow);
    ASSERT_EQ(made.status, CreateStatus::kCreated);
    EXPECT_EQ(shard_of(port_of(t, made)), expected);
  }
}

TEST(PortBlocks, WalkGoesEverywhereOnce) {
  std::mt19937 random(7);
  for (const auto& [low, high] : {std::pair{1024, 65535}, {2048, 2111}, {40, 47}, {1000, 9999}}) {
    for (const uint8_t bits : std::initializer_list<uint8_t>{0, 1, 3, 6}) {
      const PortBlocks blocks(static_cast<uint16_t>(low), static_cast<uint16_t>(high), bits, ~0ULL);
      for (int turn = 0; turn < 8; ++turn) {
        std::multiset<uint32_t> seen;
        for (uint32_t shard = 0; shard < blocks.shards(); ++shard) {
          PortBlocks::Walk walk(blocks, shard, static_cast<uint32_t>(random()));
          uint32_t block[8];
          while (const uint32_t count = walk.next(block, 8)) seen.insert(block, block + count);
        }
        ASSERT_EQ(seen.size(), blocks.last() - blocks.first() + 1);
        ASSERT_EQ(*seen.begin(), blocks.first());
        ASSERT_EQ(*seen.rbegin(), blocks.last());
        ASSERT_EQ(std::set<uint32_t>(seen.begin(), seen.end()).size(), seen.size());
      }
    }
  }
}

}  // namespace
}  // namespace postern
