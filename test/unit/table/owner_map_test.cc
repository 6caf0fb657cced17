// Whose packet: both directions of every session must lead to the worker that has it.
#include "dataplane/table/owner_map.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <initializer_list>
#include <memory>
#include <random>
#include <vector>

#include "test/unit/table/session_fixture.h"

namespace postern {
namespace {

constexpr Now kNow{1'000'000};

OwnerMap::Setup setup_of(uint32_t workers, uint16_t low = 1024, uint16_t high = 65535) {
  return {.workers = workers, .port_low = low, .port_high = high, .key = {0x5bd1e995, 77}};
}

SessionTableConfig table_config(const OwnerMap::Setup& setup, const OwnerMap& owners,
                                WorkerIndex worker, uint32_t max_sessions) {
  SessionTableConfig config = config_of(max_sessions);
  config.port_low = setup.port_low;
  config.port_high = setup.port_high;
  config.key[2] += worker;
  config.shard_bits = owners.shard_bits();
  config.owned_shards = owners.owned_shards(worker);
  return config;
}

NewSession random_session(std::mt19937_64& random) {
  constexpr std::array<uint8_t, 3> kProtocols = {kTcp, kUdp, kProtocolIcmp};
  const uint8_t protocol = kProtocols[random() % 3];
  const bool echo = protocol == kProtocolIcmp;
  NewSession session =
      session_of(key_of(static_cast<uint32_t>(random()), static_cast<uint16_t>(random()),
                        0xcb007100 + static_cast<uint32_t>(random() % 64),
                        static_cast<uint16_t>(echo ? 0 : 440 + random() % 4), protocol,
                        static_cast<uint32_t>(random() % 3 + 100)));
  if (!echo && random() % 4 == 0) {  // dialled an egress router, leads elsewhere
    session.is_router = true;
    session.translated_ip = Be32(0xc6336401);
    session.translated_port = Be16(8443);
  }
  return session;
}

// Opens random sessions on the workers of their outbound keys, with whatever port the tables give.
void expect_replies_come_back(const OwnerMap::Setup& setup, uint32_t sessions) {
  const OwnerMap owners(setup);
  std::vector<std::unique_ptr<TestTable>> tables;
  for (uint32_t worker = 0; worker < setup.workers; ++worker) {
    tables.push_back(std::make_unique<TestTable>(
        table_config(setup, owners, static_cast<WorkerIndex>(worker), sessions)));
  }
  std::mt19937_64 random(setup.workers);
  uint32_t made = 0;
  for (uint32_t i = 0; i < sessions; ++i) {
    NewSession session = random_session(random);
    const WorkerIndex worker = owners.outbound(session.key);
    ASSERT_LT(worker, setup.workers);
    session.shard = static_cast<uint8_t>(owners.shard_of(session.key));
    const Created created = tables[worker]->table.create(session, kNow);
    if (created.status != CreateStatus::kCreated) continue;  // a remote without a port left
    ++made;
    const InboundKey reply = inbound_key_of(tables[worker]->table.entry(created.handle));
    ASSERT_EQ(owners.inbound(reply.protocol, reply.egress_port), worker) << i;
  }
  EXPECT_GT(made, sessions / 2);
}

TEST(OwnerMap, ReplyAndPacketBelongToTheSameWorker) {
  for (const uint32_t workers : {1U, 2U, 3U, 5U, 8U}) {
    expect_replies_come_back(setup_of(workers), 20'000);
  }
}

TEST(OwnerMap, AlsoWithFewPortsThatRunOut) {
  for (const uint32_t workers : {2U, 3U, 7U}) {
    expect_replies_come_back(setup_of(workers, 2048, static_cast<uint16_t>(2047 + 64 * workers)),
                             4000 * workers);
  }
}

TEST(OwnerMap, EveryWorkerHasShardsAndEveryShardPorts) {
  for (uint32_t workers = 1; workers <= kMaxWorkers; ++workers) {
    for (const uint16_t low : std::initializer_list<uint16_t>{1024, 1032, 40000}) {
      const auto high = static_cast<uint16_t>(low + 64 * workers - 1);
      const OwnerMap owners(setup_of(workers, low, high));
      uint64_t all = 0;
      uint32_t least = OwnerMap::kMaxShards;
      uint32_t most = 0;
      for (uint32_t worker = 0; worker < workers; ++worker) {
        const uint64_t owned = owners.owned_shards(static_cast<WorkerIndex>(worker));
        ASSERT_NE(owned, 0U);
        ASSERT_EQ(all & owned, 0U);
        all |= owned;
        least = std::min(least, static_cast<uint32_t>(std::popcount(owned)));
        most = std::max(most, static_cast<uint32_t>(std::popcount(owned)));
      }
      EXPECT_EQ(std::popcount(all), static_cast<int>(owners.shards()));
      EXPECT_LE(most - least, 1U);
      EXPECT_LE(owners.shards(), 8 * workers);  // blocks of ports
    }
  }
}

TEST(OwnerMap, SharesAreEven) {
  std::mt19937_64 random(3);
  for (const uint32_t workers : {2U, 3U, 4U}) {
    const OwnerMap owners(setup_of(workers));
    std::vector<uint32_t> sessions(workers);
    std::vector<uint32_t> datagrams(workers);
    for (int i = 0; i < 30'000; ++i) {
      ++sessions[owners.outbound(random_session(random).key)];
      ++datagrams[owners.datagram(Be32(0x0a000001), Be32(0xcb007101),
                                  Be16(static_cast<uint16_t>(random())), kUdp)];
    }
    for (const uint32_t count : sessions) EXPECT_NEAR(count, 30'000 / workers, 900);
    for (const uint32_t count : datagrams) EXPECT_NEAR(count, 30'000 / workers, 900);
  }
}

TEST(OwnerMap, TheKeyDecides) {
  OwnerMap::Setup other = setup_of(2);
  other.key[0] ^= 1;
  const OwnerMap one(setup_of(2));
  const OwnerMap two(other);
  std::mt19937_64 random(9);
  uint32_t same = 0;
  for (int i = 0; i < 10'000; ++i) {
    const OutboundKey key = random_session(random).key;
    same += one.outbound(key) == two.outbound(key) ? 1 : 0;
  }
  EXPECT_NEAR(same, 5000, 300);
}

TEST(OwnerMap, WhatHasNoPortsBelongsToWorker0) {
  const OwnerMap owners(setup_of(3));
  std::mt19937_64 random(5);
  for (int i = 0; i < 100; ++i) {
    const auto pod = static_cast<uint32_t>(random());
    EXPECT_EQ(owners.outbound(key_of(pod, 0, 0xcb007101, 0, /*GRE*/ 47)), 0);
    EXPECT_EQ(owners.inbound(50, Be16(static_cast<uint16_t>(random()))), 0);
  }
}

}  // namespace
}  // namespace postern
