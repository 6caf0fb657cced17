// Which differences need a restart, one by one.
#include "control/apply/restart.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "control/apply/diff.h"

namespace postern {
namespace {

using config::Model;

Model two_ports() {
  Model model;
  model.gateway.name = "gw-a";
  model.ports.resize(2);
  model.ports[0].name.value = "underlay";
  model.ports[1].name.value = "uplink";
  return model;
}

std::string paths_after(const std::function<void(Model&)>& change) {
  Model wanted = two_ports();
  change(wanted);
  std::string joined;
  for (const std::string& path : diff(two_ports(), wanted).needs_restart) joined += path + ";";
  return joined;
}

TEST(NeedsRestart, NamesEachSettingThatDoes) {
  EXPECT_EQ(paths_after([](Model& m) { m.gateway.name = "gw-b"; }), "gateway.name;");
  EXPECT_EQ(paths_after([](Model& m) { m.gateway.control_socket = "/x"; }),
            "gateway.control_socket;");
  EXPECT_EQ(paths_after([](Model& m) { m.gateway.control_group = "ops"; }),
            "gateway.control_group;");
  EXPECT_EQ(paths_after([](Model& m) { m.gateway.control_readers = "all"; }),
            "gateway.control_readers;");
  EXPECT_EQ(paths_after([](Model& m) { m.gateway.metrics = "unix:/x"; }), "gateway.metrics;");
  EXPECT_EQ(paths_after([](Model& m) { m.gateway.state_dir = "/x"; }), "gateway.state_dir;");
  EXPECT_EQ(paths_after([](Model& m) { m.eal.memory = config::MemoryMode::kNoHuge; }),
            "eal.memory;");
  EXPECT_EQ(paths_after([](Model& m) { m.eal.memory_mb = 7; }), "eal.memory_mb;");
  EXPECT_EQ(paths_after([](Model& m) { m.eal.args.push_back({"-v", {}}); }), "eal.args;");
  EXPECT_EQ(paths_after([](Model& m) { m.workers.cpus.value = {3}; }), "workers.cpus;");
  EXPECT_EQ(paths_after([](Model& m) { m.workers.idle = config::IdleMode::kSleep; }),
            "workers.idle;");
  EXPECT_EQ(paths_after([](Model& m) { m.sessions.max = 7; }), "sessions.max;");
  EXPECT_EQ(paths_after([](Model& m) { m.sessions.port_range.value.first = 2048; }),
            "sessions.port_range;");
}

TEST(NeedsRestart, NamesThePortsThatDiffer) {
  EXPECT_EQ(paths_after([](Model& m) { m.ports[1].mtu = 9000; }), "ports.uplink;");
  EXPECT_EQ(paths_after([](Model& m) { m.ports.pop_back(); }), "ports.uplink;");
  EXPECT_EQ(paths_after([](Model& m) { m.ports.emplace_back().name.value = "third"; }),
            "ports.third;");
  EXPECT_EQ(paths_after([](Model& m) { std::swap(m.ports[0], m.ports[1]); }), "ports;");
}

TEST(NeedsRestart, LeavesTheRestAlone) {
  EXPECT_EQ(paths_after([](Model& m) {
              m.gateway.log_level = config::LogLevel::kDebug;
              m.gateway.log_format = config::LogFormat::kJson;
              m.sessions.port_hold_s = 5;
              m.sessions.timeouts.udp_s = 9;
              m.nodes.emplace_back().name.value = "node-9";
              m.namespaces.emplace_back().name.value = "shop";
              m.ports[0].line.line = 77;  // the same further down in the file
            }),
            "");
}

// Room for the default number is always there.
TEST(NeedsRestart, MoreDatagramsThanThereIsRoomFor) {
  const auto with_max = [](uint32_t max) {
    return paths_after([max](Model& model) { model.sessions.fragments.max = max; });
  };
  EXPECT_EQ(with_max(1), "");
  EXPECT_EQ(with_max(65537), "sessions.fragments.max;");
}

}  // namespace
}  // namespace postern
