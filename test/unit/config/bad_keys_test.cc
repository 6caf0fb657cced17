// Every setting of the schema with what it must refuse, and with the last values that it takes.
#include "test/unit/config/bad_keys.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "config/load.h"
#include "config/schema.h"
#include "gtest/gtest.h"
#include "test/unit/config/every_key.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

// The paths of all settings below a table.
void collect(const std::string& above, const auto& table, std::set<std::string>& out) {
  const auto descend = [&](const auto& row) {
    const std::string path = above + std::string(row.name);
    if constexpr (requires { row.form.table(); }) {
      collect(path + ".", row.form.table(), out);
    } else if constexpr (requires { row.form.entry_table(); }) {
      // Lists that are refused as a whole have no entries yet.
      if (row.later) {
        out.insert(path);
      } else {
        collect(path + "[].", row.form.entry_table(), out);
      }
    } else {
      out.insert(path);
    }
  };
  std::apply([&](const auto&... row) { (descend(row), ...); }, table);
}

std::set<std::string> all_keys() {
  std::set<std::string> keys;
  collect("", kModelKeys, keys);
  return keys;
}

void expect_refused(const BadKey& bad) {
  SCOPED_TRACE(std::string(bad.path) + " = " + bad.value);
  const KeyEdit edit = with_key({bad.path, bad.value});
  const LoadResult loaded = load_text(edit.text, "f.cfg");
  EXPECT_FALSE(loaded.model.has_value());
  EXPECT_EQ(all_text(loaded.errors), "f.cfg:" + std::to_string(edit.line) + ": error: " +
                                         (bad.said_path != nullptr ? bad.said_path : bad.path) +
                                         ": " + bad.message + "\n");
}

TEST(BadKeys, TheConfigurationWithEveryKeyIsGood) {
  const LoadResult loaded = load_text(every_key(), "f.cfg");
  EXPECT_EQ(all_text(loaded.errors), "");
  EXPECT_EQ(all_text(loaded.warnings, "warning"), "");
}

TEST(BadKeys, EveryKeyHasALine) {
  const auto lines = every_key_paths();
  EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()), all_keys());
}

TEST(BadKeys, EveryKeyHasABadValue) {
  std::set<std::string> missing = all_keys();
  for (const BadKey& bad : bad_machine_keys()) missing.erase(general(bad.path));
  for (const BadKey& bad : bad_policy_keys()) missing.erase(general(bad.path));
  EXPECT_EQ(missing, std::set<std::string>());
}

// The same from a file, behind a comment and an include that push the lines down.
TEST(BadKeys, LinesInAFileThatIncludes) {
  std::string dir = ::testing::TempDir() + "postern-bad-keys-XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  const std::string main = dir + "/main.cfg";
  const std::string part = dir + "/part.cfg";
  std::ofstream(main) << "/* one\n two */\n@include \"part.cfg\"\n";
  for (const BadKey& bad : bad_policy_keys()) {
    const KeyEdit edit = with_key({bad.path, bad.value});
    std::ofstream(part) << edit.text;
    const LoadResult loaded = load_file(main);
    ASSERT_EQ(loaded.errors.size(), 1u) << bad.path << " = " << bad.value;
    EXPECT_EQ(loaded.errors[0].file, part);
    EXPECT_EQ(loaded.errors[0].line, edit.line) << bad.path << " = " << bad.value;
  }
  std::filesystem::remove_all(dir);
}

TEST(BadKeys, EveryComplaintInItsWordsAndLine) {
  std::set<std::pair<std::string, std::string>> distinct;
  for (const auto table : {bad_machine_keys(), bad_policy_keys()}) {
    for (const BadKey& bad : table) {
      EXPECT_TRUE(distinct.emplace(bad.path, bad.value).second) << bad.path << " " << bad.value;
      expect_refused(bad);
    }
  }
  EXPECT_GE(distinct.size(), 250u);
}

// The last values on the good side of every limit, and odd ways to write them.
constexpr KeyCase kGood[] = {
    {"version", "0x1"},
    {"gateway.name", "\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\""},
    {"gateway.name", "\"0\""},
    {"gateway.name", "\"-._\""},
    {"gateway.control_socket", "\"/run/\u00e4 \\\"b\\\" #c\""},
    {"gateway.control_group", "\"gggggggggggggggggggggggggggggggg\""},
    {"eal.memory_mb", "32"},
    {"eal.memory_mb", "1048576L"},
    {"eal.args", "[ ]"},
    {"eal.args", "( )"},
    {"workers.cpus", "\"0\""},
    {"workers.cpus", "\"1023\""},
    {"workers.cpus", "\"0-29,31,30\""},
    {"ports.uplink.mtu", "576"},
    {"ports.uplink.mtu", "9702"},
    {"ports.uplink.device", "\"0000:3b:00.0\""},
    {"ports.uplink.device", "\"net_tap1,iface=gw-up\""},
    {"ports.uplink.addresses", "[ \"192.0.2.10/24\", \"198.51.100.9/32\" ]"},
    {"ports.uplink.gateway", "( \"192.0.2.254\" )"},
    {"routes[0].to", "\"0.0.0.0/0\""},
    {"routes[0].to", "\"198.51.100.1\""},
    {"tunnels.overlay.vni", "0"},
    {"tunnels.overlay.vni", "16777215"},
    {"tunnels.overlay.udp_port", "1"},
    {"tunnels.overlay.udp_port", "65535"},
    {"tunnels.overlay.inner_addresses", "[ ]"},
    {"nodes.node-1.pod_cidrs", "[ \"10.128.0.0/23\", \"10.128.0.11\", \"10.128.0.0/16\" ]"},
    {"nodes.node-1.addresses", "[ ]"},
    {"nodes.node-1.mac", "\"0A:58:0A:80:00:01\""},
    {"cluster.no_snat", "[ ]"},
    {"cluster.no_snat", "[ \"10.128.0.7\" ]"},
    {"namespaces.payments.pods", "[ \"10.128.0.0/23\" ]"},
    {"namespaces.payments.limits.sessions", "1"},
    {"namespaces.payments.limits.sessions", "4294967295"},
    {"namespaces.payments.limits.new_sessions_per_second", "1"},
    {"namespaces.payments.limits.bandwidth", "\"1bit\""},
    {"node_ip.mode", "\"per-node\""},
    {"node_ip.for", "\"all\""},
    {"egress_routers.db.destinations", "\"1 tcp 203.0.113.9 65535\""},
    {"egress_ips.out.except", "[ ]"},
    {"egress_ips.out.destinations", "[ \"203.0.113.7\" ]"},
    {"egress_ips.out.addresses", "[ ]"},
    {"egress_ips.out.addresses", "[ \"198.18.0.1\" ]"},
    {"firewall.rules[0].namespace", "\"*\""},
    {"firewall.rules[0].ports", "[ \"tcp/1\", \"tcp/65535\", \"udp/1-65535\", \"tcp/9-9\" ]"},
    {"firewall.rules[0].to", "[ \"0.0.0.0/0\" ]"},
    {"sessions.max", "1"},
    {"sessions.max", "134217728"},
    {"sessions.max", "0x8000000L"},
    {"sessions.port_range", "\"8-71\""},
    {"sessions.port_range", "\"1024-1087\""},
    {"sessions.port_hold", "\"0s\""},
    {"sessions.port_hold", "\"10m\""},
    {"sessions.port_hold", "\"600s\""},
    {"sessions.fragments.timeout", "\"1s\""},
    {"sessions.fragments.max", "16777216"},
    {"sessions.fragments.max_per_source", "1"},
    {"sessions.mss_clamp", "64"},
    {"sessions.mss_clamp", "65495"},
    {"sessions.mss_clamp", "\"off\""},
    {"sessions.timeouts.tcp_established", "\"8h\""},
    {"sessions.timeouts.tcp_transitory", "\"480m\""},
    {"sessions.timeouts.udp", "\"1s\""},
    {"sessions.timeouts.icmp", "\"1h1m1s\""},
    {"sessions.timeouts.other", "\"28800s\""},
};

TEST(GoodKeys, TheLastGoodValueIsTaken) {
  for (const KeyCase& good : kGood) {
    const LoadResult loaded = load_text(with_key(good).text, "f.cfg");
    EXPECT_EQ(all_text(loaded.errors), "") << good.path << " = " << good.value;
  }
}

}  // namespace
}  // namespace postern::config
