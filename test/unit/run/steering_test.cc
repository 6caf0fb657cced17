// What NIC families are asked for, by what DPDK 22.11's documentation and drivers say that they
// take; and that the packets of all sessions come to the queues of their owners by it.
#include "dataplane/run/steering.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_thash.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>

#include "dataplane/table/toeplitz.h"

namespace postern {
namespace {

using Kind = SteeringRule::Kind;

// A family of NICs: what its driver says of it, and which rules it takes.
struct Family {
  const char* driver;
  uint64_t rss_fields;
  uint32_t key_bytes;
  uint32_t table_slots;
  bool inner_rss;     // RSS at level 2
  bool outer_rss;     // RSS at level 1, over queues that are named
  bool masked_ports;  // a queue by a part of a port
};

constexpr uint64_t kCommon = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 |
                             RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP;
constexpr Family kMlx5{"mlx5_pci", kCommon, 40, 64, true, true, true};
// Its flow director takes whole ports only; RSS rules have neither levels nor keys.
constexpr Family kIce{"net_ice", kCommon, 52, 512, false, false, false};
// With rules of its switch, which compare by masks.
constexpr Family kIceSwitch{"net_ice", kCommon, 52, 2048, false, false, true};
// Takes masks and forgets them.
constexpr Family kI40e{"net_i40e", kCommon, 52, 512, false, false, true};
constexpr Family kVirtio{"net_virtio", kCommon, 40, 128, false, false, false};
constexpr Family kVirtioWithoutRss{"net_virtio", 0, 0, 0, false, false, false};
constexpr Family kEna{"net_ena", kCommon, 40, 128, false, false, false};
constexpr std::array kFamilies = {kMlx5, kIce, kIceSwitch, kI40e, kEna, kVirtio, kVirtioWithoutRss};

const std::vector<TunnelPackets> kOverlays = {{TunnelType::kVxlan, 4789},
                                              {TunnelType::kGeneve, 6081},
                                              {TunnelType::kVxlan, 8472},
                                              {TunnelType::kVxlan, 4789}};
constexpr MacAddress kMac{{2, 0, 0, 0, 0, 1}};
constexpr Toeplitz::Key kKey = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
                                0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0};

OwnerMap owners_of(uint32_t workers, bool toeplitz, uint16_t port_high = 65535) {
  OwnerMap::Setup setup{.workers = workers, .port_high = port_high, .key = {1, 2}};
  if (toeplitz) setup.toeplitz_key = kKey;
  return OwnerMap(setup);
}

bool takes(const Family& family, const SteeringRule& rule) {
  switch (rule.kind) {
    case Kind::kInnerRss:
      return family.inner_rss;
    case Kind::kOuterRss:
      return family.outer_rss;
    case Kind::kShard:
      return family.masked_ports;
  }
  return false;
}

SteeringPlan plan(const Family& family, const OwnerMap& owners, PortRole role, uint16_t queues,
                  uint16_t vlan = 0) {
  return plan_steering(
      {.driver = family.driver,
       .rss_fields = family.rss_fields,
       .key_bytes = family.key_bytes,
       .table_slots = family.table_slots,
       .queues = queues},
      {.owners = &owners, .role = role, .vlan = vlan, .mac = kMac, .tunnels = kOverlays},
      [&](const SteeringPlan&, const SteeringRule& rule) { return takes(family, rule); });
}

// The queue that a reply gets by a plan's rules or by its table; -1: by neither.
int queue_of_reply(const SteeringPlan& plan, uint8_t protocol, uint16_t port) {
  for (const SteeringRule& rule : plan.rules) {
    if (rule.kind == Kind::kShard) {
      if (rule.protocol == protocol && (port & rule.port_mask) == rule.port) return rule.queue;
    } else if (protocol == kProtocolUdp && rule.tunnel.udp_port == port) {
      return -1;
    }
  }
  if (plan.table.empty()) return -1;
  std::array<uint32_t, 3> words = {0xcb007105, 0xc0000232, uint32_t{443} << 16 | port};
  const uint32_t hash = rte_softrss(words.data(), 3, plan.key.data());
  return plan.table[hash & (plan.table.size() - 1)];
}

// Whether the plan says that such replies are handed over, or there is nothing to spread by.
bool is_left(const SteeringPlan& plan, uint8_t protocol) {
  const char* name = protocol == kProtocolTcp ? "TCP replies" : "UDP replies";
  return std::ranges::find(plan.left, name) != plan.left.end();
}

std::map<Kind, size_t> count(const SteeringPlan& plan) {
  std::map<Kind, size_t> kinds;
  for (const SteeringRule& rule : plan.rules) ++kinds[rule.kind];
  return kinds;
}

// Whatever the family, workers and queues: what a plan brings somewhere, it brings to the owner.
TEST(Steering, BringsRepliesToTheirOwners) {
  for (const Family& family : kFamilies) {
    for (const uint32_t workers : {2U, 3U, 4U, 8U, 31U, 32U}) {
      for (const PortRole role : {PortRole::kExternal, PortRole::kBoth}) {
        const OwnerMap owners = owners_of(workers, family.inner_rss);
        const SteeringPlan made = plan(family, owners, role, static_cast<uint16_t>(workers));
        for (uint32_t port = 1024; port < 65536; port += 7) {
          if (port == 4789 || port == 6081 || port == 8472) continue;
          const auto number = static_cast<uint16_t>(port);
          for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
            const int queue = queue_of_reply(made, protocol, number);
            if (is_left(made, protocol)) {
              ASSERT_LT(queue, 0);
              continue;
            }
            ASSERT_EQ(queue, owners.inbound(protocol, Be16(number)))
                << family.driver << ", " << workers << " workers, port " << port;
          }
        }
      }
    }
  }
}

TEST(Steering, BringsTunnelPacketsToTheirOwners) {
  std::mt19937_64 random(3);
  for (const uint32_t workers : {2U, 3U, 8U, 32U}) {
    const OwnerMap owners = owners_of(workers, true);
    const SteeringPlan made =
        plan(kMlx5, owners, PortRole::kCluster, static_cast<uint16_t>(workers));
    ASSERT_EQ(made.tunnels, SteeringWay::kInnerRss);
    ASSERT_EQ(made.inner_queues.size(), 64U);
    ASSERT_EQ(made.inner_key.size(), 40U);
    for (int i = 0; i < 2000; ++i) {
      OutboundKey key{};
      key.source_ip = Be32(static_cast<uint32_t>(random()));
      key.remote_ip = Be32(static_cast<uint32_t>(random()));
      key.source_port = Be16(static_cast<uint16_t>(random()));
      key.remote_port = Be16(static_cast<uint16_t>(random()));
      key.vni_protocol = OutboundKey::pack(100, kProtocolTcp);
      std::array<uint32_t, 3> words = {
          key.source_ip.host(), key.remote_ip.host(),
          uint32_t{key.source_port.host()} << 16 | key.remote_port.host()};
      const uint32_t hash = rte_softrss(words.data(), 3, made.inner_key.data());
      ASSERT_EQ(made.inner_queues[hash & 63], owners.outbound(key)) << workers;
    }
  }
}

// ConnectX: everything is steered; one rule a tunnel, one a worker and protocol.
TEST(Steering, Mlx5) {
  const OwnerMap owners = owners_of(4, true);
  const SteeringPlan cluster = plan(kMlx5, owners, PortRole::kCluster, 4);
  EXPECT_EQ(steering_text(cluster, PortRole::kCluster), "inner-rss");
  EXPECT_EQ(count(cluster), (std::map<Kind, size_t>{{Kind::kInnerRss, 3}}));
  EXPECT_EQ(cluster.rules[1].tunnel, (TunnelPackets{TunnelType::kGeneve, 6081}));
  EXPECT_EQ(cluster.rules[2].tunnel, (TunnelPackets{TunnelType::kVxlan, 8472}));
  EXPECT_TRUE(cluster.left.empty());

  const SteeringPlan external = plan(kMlx5, owners, PortRole::kExternal, 4);
  EXPECT_EQ(steering_text(external, PortRole::kExternal), "flow-rules");
  EXPECT_EQ(count(external), (std::map<Kind, size_t>{{Kind::kShard, 8}}));
  EXPECT_EQ(external.rules[1], (SteeringRule{.kind = Kind::kShard,
                                             .mac = kMac,
                                             .protocol = kProtocolTcp,
                                             .port = 1 << 3,
                                             .port_mask = 3 << 3,
                                             .queue = 1}));
  EXPECT_TRUE(external.left.empty());

  const SteeringPlan both = plan(kMlx5, owners, PortRole::kBoth, 4, /*vlan=*/7);
  EXPECT_EQ(steering_text(both, PortRole::kBoth), "inner-rss, flow-rules");
  EXPECT_EQ(count(both), (std::map<Kind, size_t>{{Kind::kInnerRss, 3}, {Kind::kShard, 8}}));
  EXPECT_EQ(both.rules[0].kind, Kind::kInnerRss) << "before those that match its packets, too";
  EXPECT_TRUE(std::ranges::all_of(both.rules, [](const auto& rule) { return rule.vlan == 7; }));
}

// A device that takes no address of Ethernet beside ports gets its rules without.
TEST(Steering, RulesForAnyMacWhereItMustBe) {
  const OwnerMap owners = owners_of(4, true);
  const SteeringPlan made = plan_steering(
      {.driver = "a", .rss_fields = kCommon, .key_bytes = 40, .table_slots = 64, .queues = 4},
      {.owners = &owners, .role = PortRole::kBoth, .vlan = 0, .mac = kMac, .tunnels = kOverlays},
      [](const SteeringPlan&, const SteeringRule& rule) {
        return rule.mac.is_zero() || rule.kind == Kind::kInnerRss;
      });
  EXPECT_EQ(count(made), (std::map<Kind, size_t>{{Kind::kInnerRss, 3}, {Kind::kShard, 8}}));
  for (const SteeringRule& rule : made.rules) {
    EXPECT_EQ(rule.mac.is_zero(), rule.kind == Kind::kShard);
  }
}

// Where owners do not go by Toeplitz, no device can find them by inner headers.
TEST(Steering, InnerRssOnlyWithOwnersThatGoByIt) {
  const OwnerMap owners = owners_of(4, false);
  const SteeringPlan cluster = plan(kMlx5, owners, PortRole::kCluster, 4);
  EXPECT_EQ(steering_text(cluster, PortRole::kCluster), "rss");
  EXPECT_TRUE(cluster.rules.empty());
  EXPECT_EQ(cluster.left.size(), 3U);
  // With one arm tunnel packets are told from replies, and spread as they would be.
  const SteeringPlan both = plan(kMlx5, owners, PortRole::kBoth, 4);
  EXPECT_EQ(steering_text(both, PortRole::kBoth), "rss, flow-rules");
  EXPECT_EQ(count(both), (std::map<Kind, size_t>{{Kind::kOuterRss, 3}, {Kind::kShard, 8}}));
}

TEST(Steering, SomeTunnelsOnly) {
  const OwnerMap owners = owners_of(2, true);
  const SteeringNeeds needs{
      .owners = &owners, .role = PortRole::kBoth, .vlan = 0, .mac = kMac, .tunnels = kOverlays};
  const SteeringPlan made =
      plan_steering({.driver = "mlx5_pci",
                     .rss_fields = kCommon,
                     .key_bytes = 40,
                     .table_slots = 64,
                     .queues = 2},
                    needs, [](const SteeringPlan&, const SteeringRule& rule) {
                      return rule.kind == Kind::kShard || rule.tunnel.type == TunnelType::kVxlan;
                    });
  // Geneve packets cannot be told from UDP replies: those are left alone.
  EXPECT_EQ(steering_text(made, PortRole::kBoth), "inner-rss, flow-rules");
  EXPECT_EQ(made.left, (std::vector<std::string>{"geneve to UDP port 6081", "UDP replies"}));
  EXPECT_EQ(count(made), (std::map<Kind, size_t>{{Kind::kInnerRss, 2}, {Kind::kShard, 2}}));
  for (const SteeringRule& rule : made.rules) EXPECT_NE(rule.protocol, kProtocolUdp);
}

// Families that spread by a key and a table that can be set: replies get to their owners by these,
// on a port of their own. Tunnel packets are spread by their outer headers.
TEST(Steering, ByKeyAndTable) {
  const OwnerMap owners = owners_of(3, false);
  for (const Family& family : {kIce, kI40e, kVirtio, kEna}) {
    const SteeringPlan external = plan(family, owners, PortRole::kExternal, 3);
    EXPECT_EQ(steering_text(external, PortRole::kExternal), "shard-rss") << family.driver;
    EXPECT_TRUE(external.rules.empty());
    EXPECT_EQ(external.key.size(), family.key_bytes);
    EXPECT_EQ(external.table.size(), family.table_slots);
    EXPECT_TRUE(external.left.empty());
    const SteeringPlan cluster = plan(family, owners, PortRole::kCluster, 3);
    EXPECT_EQ(steering_text(cluster, PortRole::kCluster), "rss");
    EXPECT_TRUE(cluster.key.empty());
    // With such a key all tunnel packets would go to one queue.
    const SteeringPlan both = plan(family, owners, PortRole::kBoth, 3);
    EXPECT_EQ(steering_text(both, PortRole::kBoth), "rss") << family.driver;
    EXPECT_TRUE(both.key.empty() && both.rules.empty());
    EXPECT_EQ(both.left.size(), 5U);
  }
}

TEST(Steering, IceByItsSwitch) {
  const OwnerMap owners = owners_of(8, false);
  const SteeringPlan external = plan(kIceSwitch, owners, PortRole::kExternal, 8);
  EXPECT_EQ(steering_text(external, PortRole::kExternal), "flow-rules");
  EXPECT_EQ(external.rules.size(), 16U);
  // It cannot keep tunnel packets out of rules for UDP: those of TCP only.
  const SteeringPlan both = plan(kIceSwitch, owners, PortRole::kBoth, 8);
  EXPECT_EQ(steering_text(both, PortRole::kBoth), "rss, flow-rules");
  EXPECT_EQ(count(both), (std::map<Kind, size_t>{{Kind::kShard, 8}}));
}

TEST(Steering, VirtioWithoutRss) {
  const OwnerMap owners = owners_of(4, false);
  for (const PortRole role : {PortRole::kCluster, PortRole::kExternal, PortRole::kBoth}) {
    const SteeringPlan made = plan(kVirtioWithoutRss, owners, role, 4);
    EXPECT_EQ(steering_text(made, role), "none");
    EXPECT_TRUE(made.rules.empty() && made.table.empty());
  }
}

TEST(Steering, NothingForOneWorkerOrOneQueue) {
  const AcceptsRule never_asked = [](const SteeringPlan&, const SteeringRule&) {
    ADD_FAILURE() << "asked for a rule";
    return true;
  };
  const SteeringAbility mlx5{"mlx5_pci", kCommon, 40, 64, 1};
  for (const uint32_t workers : {1U, 4U}) {
    const OwnerMap owners = owners_of(workers, true);
    const SteeringPlan made =
        plan_steering(mlx5, {&owners, PortRole::kBoth, 0, kMac, kOverlays}, never_asked);
    EXPECT_EQ(steering_text(made, PortRole::kBoth), "none");
    EXPECT_TRUE(made.rules.empty() && made.table.empty());
  }
}

// One rule a worker and protocol where workers are a power of two, else one a shard.
TEST(Steering, AsFewRulesAsTellTheWorkers) {
  const std::map<uint32_t, size_t> wanted = {{2, 2}, {3, 64}, {4, 4}, {8, 8}, {16, 16}, {32, 32}};
  for (const auto& [workers, rules] : wanted) {
    const OwnerMap owners = owners_of(workers, false);
    const SteeringPlan made =
        plan(kMlx5, owners, PortRole::kExternal, static_cast<uint16_t>(workers));
    EXPECT_EQ(made.rules.size(), 2 * rules) << workers;
    for (const SteeringRule& rule : made.rules) {
      EXPECT_EQ(rule.port_mask, (rules - 1) << 3) << workers;
      EXPECT_EQ(rule.port & ~rule.port_mask, 0);
    }
  }
}

// A port range of eight blocks makes eight shards, and their bits are compared only.
TEST(Steering, FewShards) {
  const OwnerMap owners = owners_of(3, true, 1024 + 8 * 8 - 1);
  ASSERT_EQ(owners.shards(), 8U);
  const SteeringPlan made = plan(kMlx5, owners, PortRole::kBoth, 3);
  EXPECT_EQ(made.inner_queues.size(), 8U);
  EXPECT_EQ(count(made)[Kind::kShard], 16U);
  EXPECT_EQ(made.rules.back().port_mask, 7 << 3);
}

// Workers without a queue of their own on this port get their packets from the others.
TEST(Steering, FewerQueuesThanWorkers) {
  const OwnerMap owners = owners_of(8, true);
  const SteeringPlan made = plan(kMlx5, owners, PortRole::kBoth, 5);
  EXPECT_EQ(count(made)[Kind::kShard], 10U);
  for (const SteeringRule& rule : made.rules) EXPECT_LT(rule.queue, 5);
  EXPECT_EQ(*std::ranges::max_element(made.inner_queues), 4);
  const SteeringPlan by_key = plan(kEna, owners, PortRole::kExternal, 5);
  EXPECT_EQ(*std::ranges::max_element(by_key.table), 4);
  EXPECT_EQ(by_key.table.size(), 128U);
}

// Tables with fewer slots than shards, odd ones, short keys, and hashes without ports do not do.
TEST(Steering, TablesAndKeysThatDoNotDo) {
  const OwnerMap owners = owners_of(2, false);
  for (const Family& family : {Family{"a", kCommon, 40, 32, false, false, false},
                               Family{"b", kCommon, 40, 100, false, false, false},
                               Family{"c", kCommon, 16, 128, false, false, false},
                               Family{"d", RTE_ETH_RSS_IPV4, 40, 128, false, false, false}}) {
    const SteeringPlan made = plan(family, owners, PortRole::kExternal, 2);
    EXPECT_EQ(steering_text(made, PortRole::kExternal), "rss") << family.driver;
    EXPECT_EQ(made.left, (std::vector<std::string>{"TCP replies", "UDP replies"}));
  }
}

}  // namespace
}  // namespace postern
