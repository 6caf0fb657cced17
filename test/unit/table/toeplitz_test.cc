// The hash that NICs compute, against the published vectors and DPDK's own.
#include "dataplane/table/toeplitz.h"

#include <gtest/gtest.h>
#include <rte_thash.h>

#include <algorithm>
#include <array>
#include <random>

#include "dataplane/table/owner_map.h"

namespace postern {
namespace {

// DPDK's hash of an IPv4 packet, bit by bit.
uint32_t hash_of(const Toeplitz::Key& key, Be32 source, Be32 destination, Be16 source_port,
                 Be16 destination_port) {
  std::array<uint8_t, 40> whole{};
  std::ranges::copy(key, whole.begin());
  std::array<uint32_t, 3> words = {source.host(), destination.host(),
                                   uint32_t{source_port.host()} << 16 | destination_port.host()};
  return rte_softrss(words.data(), 3, whole.data());
}

// The first sixteen bytes of the key in Microsoft's "Verifying the RSS Hash Calculation".
constexpr Toeplitz::Key kPublished = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
                                      0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0};

TEST(Toeplitz, GivesThePublishedHashes) {
  ASSERT_TRUE(Toeplitz::machine_can());
  const Toeplitz toeplitz(kPublished);
  // 66.9.149.187:2794 to 161.142.100.80:1766, and without ports.
  const Be32 source(0x420995bb);
  const Be32 destination(0xa18e6450);
  EXPECT_EQ(toeplitz.low_bits_reversed(source, destination, Be16(2794), Be16(1766)),
            reversed(0x51ccc178 & 63, 6));
  EXPECT_EQ(toeplitz.low_bits_reversed(source, destination, Be16(0), Be16(0)),
            reversed(0x323e8fc2 & 63, 6));
}

TEST(Toeplitz, GivesWhatANicGives) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 50; ++round) {
    Toeplitz::Key key;
    for (uint8_t& byte : key) byte = static_cast<uint8_t>(random());
    const Toeplitz toeplitz(key);
    for (int i = 0; i < 200; ++i) {
      const Be32 source(static_cast<uint32_t>(random()));
      const Be32 destination(static_cast<uint32_t>(random()));
      const Be16 from(static_cast<uint16_t>(random()));
      const Be16 to(static_cast<uint16_t>(random()));
      ASSERT_EQ(toeplitz.low_bits_reversed(source, destination, from, to),
                reversed(hash_of(key, source, destination, from, to) & 63, 6));
    }
  }
}

// A NIC that has the key sends a pod's packet to the queue at the hash's lowest bits; the owner
// map must name the worker of that queue, whatever the VNI. ICMP is hashed without its identifier.
TEST(Toeplitz, NamesTheOwnersThatANicFinds) {
  std::mt19937_64 random(8);
  for (const uint32_t workers : {2U, 3U, 4U, 8U, 32U}) {
    for (const uint16_t port_high : {uint16_t{65535}, uint16_t{1024 + 64 * 32 - 1}}) {
      OwnerMap::Setup setup{.workers = workers, .port_high = port_high, .key = {1, 2}};
      setup.toeplitz_key = kPublished;
      const OwnerMap owners(setup);
      std::array<uint32_t, kMaxWorkers> share{};
      for (int i = 0; i < 5000; ++i) {
        OutboundKey key{};
        key.source_ip = Be32(0x0a800000 + static_cast<uint32_t>(random() % 65536));
        key.remote_ip = Be32(static_cast<uint32_t>(random()));
        key.source_port = Be16(static_cast<uint16_t>(random()));
        key.remote_port = Be16(443);
        const std::array<uint8_t, 3> protocols = {kProtocolTcp, kProtocolUdp, kProtocolIcmp};
        const uint8_t protocol = protocols[static_cast<size_t>(i) % 3];
        key.vni_protocol = OutboundKey::pack(static_cast<uint32_t>(random() % 4096), protocol);
        const bool ports = protocol != kProtocolIcmp;
        const uint32_t hash =
            hash_of(kPublished, key.source_ip, key.remote_ip, ports ? key.source_port : Be16(0),
                    ports ? key.remote_port : Be16(0));
        const uint32_t shard = reversed(hash & (owners.shards() - 1), owners.shard_bits());
        ASSERT_EQ(owners.shard_of(key), shard);
        ASSERT_EQ(owners.outbound(key), owners.worker_of(shard));
        ++share[owners.outbound(key)];
      }
      const auto [least, most] = std::minmax_element(share.begin(), share.begin() + workers);
      EXPECT_GT(*least, 5000 / workers / 3) << workers;
      EXPECT_LT(*most, 3 * 5000 / workers) << workers;
    }
  }
}

TEST(Toeplitz, OtherProtocolsStayWithTheFirstWorker) {
  OwnerMap::Setup setup{.workers = 4, .key = {1, 2}};
  setup.toeplitz_key = kPublished;
  const OwnerMap owners(setup);
  for (uint32_t pod = 0; pod < 100; ++pod) {
    OutboundKey key{};
    key.source_ip = Be32(0x0a800000 + pod);
    key.vni_protocol = OutboundKey::pack(100, /*GRE*/ 47);
    EXPECT_EQ(owners.outbound(key), 0);
  }
}

}  // namespace
}  // namespace postern
