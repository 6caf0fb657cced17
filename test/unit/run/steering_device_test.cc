// Steering put into real DPDK devices: some that take flow rules (net_bonding and net_failsafe
// without members, which keep rules for those that may come), one that has a key
// and a table only (net_null), one that refuses rules (net_tap on a kernel without cls_flower, or
// for want of masks), one without anything (net_ring).
//
// rte_flow_create and rte_flow_destroy are counted on their way to DPDK, so that it can be seen
// that what was created is destroyed, and a device can be made to refuse what it validated.
#include "dataplane/run/steering_device.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_flow.h>

#include <set>

#include "test/unit/run/port_rig.h"

namespace {

std::set<const rte_flow*>& live_flows() {
  static std::set<const rte_flow*> live;
  return live;
}
uint32_t created = 0;
bool refuse_udp = false;  // rte_flow_create fails for rules of UDP

bool is_of_udp(const rte_flow_item* items) {
  for (; items->type != RTE_FLOW_ITEM_TYPE_END; ++items) {
    if (items->type == RTE_FLOW_ITEM_TYPE_UDP) return true;
  }
  return false;
}

}  // namespace

extern "C" {

rte_flow* __real_rte_flow_create(uint16_t port, const rte_flow_attr* attributes,
                                 const rte_flow_item* items, const rte_flow_action* actions,
                                 rte_flow_error* error);
int __real_rte_flow_destroy(uint16_t port, rte_flow* flow, rte_flow_error* error);

rte_flow* __wrap_rte_flow_create(uint16_t port, const rte_flow_attr* attributes,
                                 const rte_flow_item* items, const rte_flow_action* actions,
                                 rte_flow_error* error) {
  ++created;
  if (refuse_udp && is_of_udp(items)) {
    rte_errno = ENOSPC;
    return nullptr;
  }
  rte_flow* flow = __real_rte_flow_create(port, attributes, items, actions, error);
  if (flow != nullptr) live_flows().insert(flow);
  return flow;
}

int __wrap_rte_flow_destroy(uint16_t port, rte_flow* flow, rte_flow_error* error) {
  EXPECT_EQ(live_flows().erase(flow), 1U) << "destroyed twice, or never created";
  return __real_rte_flow_destroy(port, flow, error);
}
}

namespace postern {
namespace {

constexpr Toeplitz::Key kKey = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

class SteeringDeviceTest : public PortTest {
 protected:
  void SetUp() override {
    created = 0;
    refuse_udp = false;
    ASSERT_TRUE(live_flows().empty());
  }
  void TearDown() override { EXPECT_TRUE(live_flows().empty()) << "rules were left in a device"; }

  // A port with a queue for each of two workers, running.
  static Running run_two_queues(const std::string& device) {
    PortSettings settings;
    settings.name = "tested";
    settings.device = device;
    settings.queues = 2;
    Outcome<Port> port = Port::open(settings, eal_->log());
    if (!port) {
      ADD_FAILURE() << port.complaint().text();
      return {};
    }
    Running running{nullptr, std::make_unique<Port>(std::move(port).value())};
    running.pool = std::make_shared<MbufPool>(
        MbufPool::create("tested", 8191, running.port->frame_room_bytes()).value());
    EXPECT_EQ(running.port->start(*running.pool), std::nullopt);
    return running;
  }

  static OwnerMap owners(bool toeplitz) {
    OwnerMap::Setup setup{.workers = 2, .key = {1, 2}};
    if (toeplitz) setup.toeplitz_key = kKey;
    return OwnerMap(setup);
  }
  static SteeringNeeds needs(const OwnerMap& owners, PortRole role) {
    return {.owners = &owners,
            .role = role,
            .vlan = 5,
            .mac = MacAddress{{2, 0, 0, 0, 0, 1}},
            .tunnels = {{TunnelType::kVxlan, 4789}, {TunnelType::kGeneve, 6081}}};
  }
};

// Rules that a device takes are there until the port goes; new ones replace them.
TEST_F(SteeringDeviceTest, RulesAreCreatedAndDestroyed) {
  ASSERT_EQ(rte_dev_probe("net_bonding0,mode=0"), 0);
  uint16_t id = 0;
  ASSERT_EQ(rte_eth_dev_get_port_by_name("net_bonding0", &id), 0);
  const OwnerMap map = owners(true);
  {
    SteeringDevice device;
    device.steer(id, 2, needs(map, PortRole::kBoth));
    EXPECT_EQ(device.text(), "inner-rss, flow-rules");
    EXPECT_EQ(device.rules(), 6U);
    EXPECT_EQ(live_flows().size(), 6U);

    device.steer(id, 2, needs(map, PortRole::kExternal));
    EXPECT_EQ(device.text(), "flow-rules");
    EXPECT_EQ(live_flows().size(), 4U);

    // It validates rules and then does not make those for UDP: TCP's stay.
    refuse_udp = true;
    device.steer(id, 2, needs(map, PortRole::kExternal));
    EXPECT_EQ(device.text(), "flow-rules");
    EXPECT_EQ(live_flows().size(), 2U);
    EXPECT_EQ(device.plan().left, (std::vector<std::string>{"UDP replies"}));

    refuse_udp = false;
    device.steer(id, 2, needs(map, PortRole::kCluster));
    SteeringDevice moved(std::move(device));
    EXPECT_EQ(moved.rules(), 2U);
    EXPECT_EQ(device.rules(), 0U);
  }
  EXPECT_TRUE(live_flows().empty());
  EXPECT_EQ(rte_eth_dev_close(id), 0);
}

// A device without rules gets a key and a table, on a port for replies alone.
TEST_F(SteeringDeviceTest, KeyAndTableWhereThereAreNoRules) {
  const Running null = run_two_queues("net_null0");
  ASSERT_TRUE(null.port);
  const OwnerMap map = owners(true);
  null.port->steer(needs(map, PortRole::kCluster));
  EXPECT_EQ(null.port->steering().text(), "rss");
  null.port->steer(needs(map, PortRole::kExternal));
  EXPECT_EQ(null.port->steering().text(), "shard-rss");
  EXPECT_EQ(created, 0U);

  std::array<rte_eth_rss_reta_entry64, 2> table{};
  for (auto& group : table) group.mask = ~uint64_t{0};
  ASSERT_EQ(rte_eth_dev_rss_reta_query(null.port->port_id(), table.data(), 128), 0);
  for (uint32_t slot = 0; slot < 128; ++slot) {
    // Two workers take turns by the port's bit 3, which is the sixth of the hash.
    EXPECT_EQ(table[slot / 64].reta[slot % 64], slot >> 5 & 1) << slot;
  }
  std::array<uint8_t, 40> key{};
  rte_eth_rss_conf now{};
  now.rss_key = key.data();
  now.rss_key_len = key.size();
  ASSERT_EQ(rte_eth_dev_rss_hash_conf_get(null.port->port_id(), &now), 0);
  const std::vector<uint8_t> wanted = shard_key(40);
  EXPECT_TRUE(std::equal(key.begin(), key.end(), wanted.begin()));
}

TEST_F(SteeringDeviceTest, NothingWhereADeviceHasNothing) {
  const Running ring = run_two_queues("net_ring7");
  ASSERT_TRUE(ring.port);
  const OwnerMap map = owners(true);
  ring.port->steer(needs(map, PortRole::kBoth));
  EXPECT_EQ(ring.port->steering().text(), "none");
  EXPECT_EQ(ring.port->steering().rules(), 0U);
}

TEST_F(SteeringDeviceTest, RefusedRulesLeaveRss) {
  if (!own_namespace_) GTEST_SKIP() << "needs root";
  const Running tap = run_two_queues("net_tap7,iface=steered0");
  ASSERT_TRUE(tap.port);
  const OwnerMap map = owners(true);
  const SteeringPlan plan = tap.port->plan_steering(needs(map, PortRole::kBoth));
  EXPECT_NE(plan.tunnels, SteeringWay::kInnerRss);
  for (const PortRole role : {PortRole::kCluster, PortRole::kExternal, PortRole::kBoth}) {
    tap.port->steer(needs(map, role));
    EXPECT_EQ(tap.port->steering().text(), "rss");
    EXPECT_EQ(tap.port->steering().rules(), 0U);
    EXPECT_FALSE(tap.port->steering().plan().left.empty());
  }
}

// A port that goes takes its rules with it, before its device stops.
TEST_F(SteeringDeviceTest, ThePortDestroysItsRules) {
  // It stands for a device that is not there yet, and keeps rules for it.
  const Running port = run_two_queues("net_failsafe8,dev(0000:ff:1f.7)");
  ASSERT_TRUE(port.port);
  const OwnerMap map = owners(true);
  port.port->steer(needs(map, PortRole::kBoth));
  EXPECT_EQ(port.port->steering().text(), "inner-rss, flow-rules");
  EXPECT_EQ(port.port->steering().rules(), 6U);
  EXPECT_EQ(live_flows().size(), 6U);
  port.port->stop();
  EXPECT_TRUE(live_flows().empty());
}

}  // namespace
}  // namespace postern
