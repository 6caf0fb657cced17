// What the rooms below are told of the configuration.
#include "control/serve/settings.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace postern {
namespace {

config::Model example() {
  config::Model model;
  model.eal.memory = config::MemoryMode::kNoHuge;
  model.eal.memory_mb = 512;
  model.eal.args.push_back({"--no-telemetry", {}});
  model.workers.cpus.value = {2, 3};
  model.ports.resize(2);
  model.ports[0].name.value = "underlay";
  model.ports[0].device.value = "0000:3b:00.0";
  model.ports[0].role.value = config::PortRole::kCluster;
  model.ports[0].mtu = 1600;
  model.ports[0].mac = MacAddress{{2, 0, 0, 0, 0, 9}};
  model.ports[1].name.value = "uplink";
  model.ports[1].role.value = config::PortRole::kBoth;
  model.ports[1].addresses.push_back({{*Ipv4Address::parse("192.0.2.10"), 24}, {}});
  model.sessions.max = 4096;
  model.sessions.port_range.value = {2048, 4095};
  model.sessions.port_hold_s = 5;
  return model;
}

TEST(Settings, OfEalHaveTheCommandLineLast) {
  const EalSettings settings = eal_settings(example(), std::vector<std::string>{"--no-pci"});
  EXPECT_EQ(settings.memory, MemoryMode::kNoHuge);
  EXPECT_EQ(settings.memory_mb, 512u);
  EXPECT_EQ(settings.args, (std::vector<std::string>{"--no-telemetry", "--no-pci"}));
  EXPECT_EQ(settings.worker_cpus, (std::vector<uint32_t>{2, 3}));
}

TEST(Settings, OfPortsHaveAQueueForEachWorker) {
  const std::vector<PortSettings> settings = port_settings(example());
  ASSERT_EQ(settings.size(), 2u);
  EXPECT_EQ(settings[0].name, "underlay");
  EXPECT_EQ(settings[0].device, "0000:3b:00.0");
  EXPECT_EQ(settings[0].mtu_bytes, 1600u);
  EXPECT_EQ(settings[0].mac, (MacAddress{{2, 0, 0, 0, 0, 9}}));
  EXPECT_FALSE(settings[1].mac);
  EXPECT_EQ(settings[1].queues, 2);
}

TEST(Settings, OfTheSessionTable) {
  config::Model model = example();
  model.workers.cpus.value = {2};
  const OwnerMap owners(shared_sessions_setup(model, {5, 6}, 10).owners);
  const SessionTableConfig config = session_table_config(model, owners, 0, {1, 2, 3, 4});
  EXPECT_EQ(config.max_sessions, 4096u);
  EXPECT_EQ(config.shard_bits, 0);
  EXPECT_EQ(config.owned_shards, 1u);
  EXPECT_EQ(config.port_low, 2048);
  EXPECT_EQ(config.port_high, 4095);
  EXPECT_EQ(config.port_hold_s, 5u);
  EXPECT_EQ(config.key, (std::array<uint64_t, 4>{1, 2, 3, 4}));
}

TEST(Settings, OfSeveralWorkersDivideSessionsAndPorts) {
  const SharedSessions::Setup setup = shared_sessions_setup(example(), {5, 6}, 10);
  EXPECT_EQ(setup.owners.workers, 2u);
  EXPECT_EQ(setup.owners.port_low, 2048);
  EXPECT_EQ(setup.owners.port_high, 4095);
  EXPECT_EQ(setup.max_sessions, 4096u);
  EXPECT_EQ(setup.namespaces, 10u);
  const OwnerMap owners(setup.owners);
  const SessionTableConfig first = session_table_config(example(), owners, 0, {1, 2, 3, 4});
  const SessionTableConfig second = session_table_config(example(), owners, 1, {1, 2, 3, 4});
  EXPECT_EQ(first.shard_bits, 6);
  EXPECT_EQ(first.owned_shards, ~second.owned_shards);
  EXPECT_EQ(first.max_sessions, second.max_sessions);
  EXPECT_GT(first.max_sessions, 2048u);
  EXPECT_LT(first.max_sessions, 2500u);
}

TEST(Settings, OfNeighboursKnowWhichPortsAreExternal) {
  const std::array<MacAddress, 2> macs = {MacAddress{{2, 0, 0, 0, 0, 9}},
                                          MacAddress{{2, 0, 0, 0, 0, 8}}};
  config::Model model = example();
  // Nodes on the link of a port of role both may be in another subnet than its first address.
  EXPECT_FALSE(neighbour_ports(model, macs)[1].external);
  model.ports[1].role.value = config::PortRole::kExternal;
  const std::vector<NeighbourPort> ports = neighbour_ports(model, macs);
  ASSERT_EQ(ports.size(), 2u);
  EXPECT_FALSE(ports[0].external);
  EXPECT_TRUE(ports[1].external);
  EXPECT_EQ(ports[1].mac, macs[1]);
  ASSERT_EQ(ports[1].addresses.size(), 1u);
  EXPECT_EQ(ports[1].addresses[0].subnet.text(), "192.0.2.0/24");
}

}  // namespace
}  // namespace postern
