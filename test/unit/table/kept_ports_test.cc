// Sessions that keep their ports, or have none (nat.md O1): one for each egress address, protocol,
// port and remote.
#include <gtest/gtest.h>

#include "test/unit/table/session_fixture.h"

namespace postern {
namespace {

constexpr Now kNow{1'000'000};
constexpr uint8_t kGre = 47;
constexpr uint32_t kRemote = 0xcb007105;

NewSession gre_of(uint32_t pod, uint32_t remote = kRemote) {
  return session_of(key_of(pod, 0, remote, 0, kGre));
}
NewSession sctp_of(uint32_t pod, uint16_t port) {
  return session_of(key_of(pod, port, kRemote, 9, kProtocolSctp));
}
PortRoom room_for(TestTable& t, const NewSession& session, Now now) {
  uint32_t block = 0;
  return t.table.port_room(session.key,
                           InboundWords::of(session.key.protocol(), session.key.remote_ip,
                                            session.key.remote_port, session.egress_ip),
                           block, 16, now);
}

TEST(KeptPorts, O1_AreThoseOfThePodAndTheLookupFindsThemBothWays) {
  TestTable t(config_of(100));
  const Created gre = t.table.create(gre_of(1), kNow);
  const Created sctp = t.table.create(sctp_of(1, 5000), kNow);
  ASSERT_EQ(gre.status, CreateStatus::kCreated);
  ASSERT_EQ(sctp.status, CreateStatus::kCreated);
  EXPECT_EQ(t.table.entry(gre.handle).egress_port.host(), 0);
  EXPECT_EQ(t.table.entry(sctp.handle).egress_port.host(), 5000);
  for (const Created& each : {gre, sctp}) {
    const SessionEntry& entry = t.table.entry(each.handle);
    EXPECT_EQ(t.table.find_outbound_one(load<OutboundKey>(&entry)), each.handle);
    EXPECT_EQ(t.table.find_inbound_one(inbound_key_of(entry)), each.handle);
  }
}

TEST(KeptPorts, O1_OneSessionForEachRemoteAndPort) {
  TestTable t(config_of(100));
  ASSERT_EQ(t.table.create(gre_of(1), kNow).status, CreateStatus::kCreated);
  EXPECT_EQ(room_for(t, gre_of(2), kNow), PortRoom::kNone);
  EXPECT_EQ(t.table.create(gre_of(2), kNow).status, CreateStatus::kNoPort);
  EXPECT_EQ(t.table.create(gre_of(1), kNow).status, CreateStatus::kExists);
  EXPECT_EQ(t.table.create(gre_of(2, kRemote + 1), kNow).status, CreateStatus::kCreated);
  ASSERT_EQ(t.table.create(sctp_of(1, 5000), kNow).status, CreateStatus::kCreated);
  EXPECT_EQ(t.table.create(sctp_of(2, 5000), kNow).status, CreateStatus::kNoPort);
  EXPECT_EQ(room_for(t, sctp_of(2, 5001), kNow), PortRoom::kSome);
  EXPECT_EQ(t.table.create(sctp_of(2, 5001), kNow).status, CreateStatus::kCreated);
  EXPECT_EQ(t.table.live(), 4u);
}

TEST(KeptPorts, O1_AHeldOneIsTheSamePodsAtOnceAndAStrangersAfterASecond) {
  TestTable t(config_of(100, 60));
  const SessionHandle handle = t.table.create(gre_of(1), kNow).handle;
  t.table.end(handle, kNow);
  EXPECT_EQ(t.table.held(), 1u);
  const Now later{kNow.ms + 999};
  EXPECT_EQ(room_for(t, gre_of(2), later), PortRoom::kNone);
  EXPECT_EQ(t.table.create(gre_of(2), later).status, CreateStatus::kNoPort);
  EXPECT_EQ(room_for(t, gre_of(1), later), PortRoom::kSome);
  const Created again = t.table.create(gre_of(1), later);
  EXPECT_EQ(again.status, CreateStatus::kCreated);
  EXPECT_EQ(again.handle, handle);
  EXPECT_EQ(t.table.held(), 0u);
  t.table.end(handle, later);
  const Now second{later.ms + 1000};
  EXPECT_EQ(room_for(t, gre_of(2), second), PortRoom::kSome);
  EXPECT_EQ(t.table.create(gre_of(2), second).status, CreateStatus::kCreated);
  EXPECT_EQ(t.table.live(), 1u);
  EXPECT_EQ(t.table.held(), 0u);
}

TEST(KeptPorts, O1_WithoutAHoldAStrangerGetsItAtOnce) {
  TestTable t(config_of(100));
  t.table.end(t.table.create(gre_of(1), kNow).handle, kNow);
  EXPECT_EQ(t.table.create(gre_of(2), kNow).status, CreateStatus::kCreated);
}

TEST(KeptPorts, O1_TakeNoExternalPortFromAnybody) {
  SessionTableConfig config = config_of(200);
  config.port_high = 1024 + 63;
  TestTable t(config);
  ASSERT_EQ(t.table.create(gre_of(1), kNow).status, CreateStatus::kCreated);
  for (uint32_t n = 0; n < 64; ++n) {
    EXPECT_EQ(t.table.create(to_one_remote(n), kNow).status, CreateStatus::kCreated) << n;
  }
  EXPECT_EQ(t.table.create(to_one_remote(64), kNow).status, CreateStatus::kNoPort);
  EXPECT_EQ(t.table.create(gre_of(2, kRemote + 1), kNow).status, CreateStatus::kCreated);
}

TEST(KeptPorts, O1_ManyRemotesComeAndGo) {
  TestTable t(config_of(4096, 60));
  Now now = kNow;
  for (uint32_t round = 0; round < 4; ++round) {
    for (uint32_t n = 0; n < 4000; ++n) {
      ASSERT_EQ(t.table.create(gre_of(round, kRemote + n), now).status, CreateStatus::kCreated);
      ASSERT_EQ(t.table.create(gre_of(round + 100, kRemote + n), now).status,
                CreateStatus::kNoPort);
    }
    for (uint32_t n = 0; n < 4000; ++n) {
      const SessionHandle handle = t.table.find_outbound_one(gre_of(round, kRemote + n).key);
      ASSERT_NE(handle, kNoSession);
      t.table.end(handle, now);
    }
    EXPECT_EQ(t.table.held(), 4000u);
    now.ms += 1500;
  }
}

}  // namespace
}  // namespace postern
