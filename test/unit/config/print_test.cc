// What is printed loads again as the same model, and defaults are printed as they are documented.
#include "config/print.h"

#include <set>
#include <string>

#include "config/check.h"
#include "config/load.h"
#include "gtest/gtest.h"
#include "test/unit/config/key_coverage.h"
#include "test/unit/config/random_model.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

constexpr uint64_t kModels = 300;

TEST(Print, RandomModelsComeBackEqual) {
  for (uint64_t seed = 0; seed < kModels; ++seed) {
    const Model model = random_model(seed);
    const std::string text = print(model);
    const LoadResult loaded = load_text(text, "printed");
    ASSERT_EQ(all_text(loaded.errors), "") << "seed " << seed << "\n" << text;
    ASSERT_TRUE(*loaded.model == model) << "seed " << seed << "\n" << text;
    ASSERT_EQ(print(*loaded.model), text) << "seed " << seed;
    const LoadResult again = load_text(print(*loaded.model), "printed");
    ASSERT_EQ(all_text(again.warnings, ""), all_text(loaded.warnings, "")) << "seed " << seed;
  }
}

// What fails here has a setting that random_model() or RandomValues do not know how to make.
TEST(Print, RandomModelsUseEverySetting) {
  KeyCoverage coverage;
  for (uint64_t seed = 0; seed < kModels; ++seed) coverage.see(random_model(seed));
  EXPECT_EQ(coverage.missing(), std::set<std::string>());
}

TEST(Print, ASettingThatIsNeverUsedIsNamed) {
  KeyCoverage coverage;
  for (uint64_t seed = 0; seed < kModels; ++seed) {
    Model model = random_model(seed);
    model.sessions.timeouts.udp_s = 8 * 3600;
    model.firewall.refuse = FirewallRefuse::kDrop;
    for (Namespace& name_space : model.namespaces) name_space.limits.sessions.reset();
    for (EgressIp& egress : model.egress_ips) egress.except.resize(1);
    coverage.see(model);
  }
  EXPECT_EQ(coverage.missing(),
            (std::set<std::string>{
                "egress_ips[].except: at its default", "egress_ips[].except: many entries",
                "egress_ips[].except: no entry", "firewall.refuse: \"reject\"",
                "firewall.refuse: at another value", "namespaces[].limits.sessions: 1",
                "namespaces[].limits.sessions: 4294967295", "namespaces[].limits.sessions: a value",
                "namespaces[].limits.sessions: at another value", "sessions.timeouts.udp: \"1s\"",
                "sessions.timeouts.udp: at its default"}));
}

TEST(Print, ADifferentModelPrintsDifferently) {
  Model model = random_model(1);
  const std::string text = print(model);
  model.sessions.timeouts.udp_s += 1;
  EXPECT_NE(print(model), text);
}

// The defaults of the documented grammar, each as the file would say it.
TEST(Print, DefaultsOfAMinimalFile) {
  const LoadResult loaded = load_text(R"(
version = 1;
gateway : { name = "gw"; };
ports = ( { name = "p"; device = "net_tap0"; role = "cluster"; addresses = [ "10.0.0.254/24" ]; } );
tunnels = ( { name = "t"; type = "vxlan"; local = "10.0.0.254"; vni = 100; } );
nodes = ( { name = "n"; tunnel = "t"; vtep = "10.0.0.1"; pod_cidrs = [ "10.128.0.0/23" ]; } );
namespaces = ( { name = "a"; } );
)",
                                      "minimal");
  ASSERT_EQ(all_text(loaded.errors), "");
  EXPECT_EQ(print(*loaded.model), R"(version = 1;
gateway : {
  name = "gw";
  control_socket = "/run/postern/postern.sock";
  metrics = "off";
  log_level = "info";
  log_format = "text";
};
eal : {
  memory = "auto";
  memory_mb = 1024;
  args = [ ];
};
workers : {
  cpus = "1";
  idle = "poll";
};
ports = (
  {
    name = "p";
    device = "net_tap0";
    role = "cluster";
    addresses = [ "10.0.0.254/24" ];
    mtu = 1500;
  }
);
routes = ( );
tunnels = (
  {
    name = "t";
    type = "vxlan";
    local = "10.0.0.254";
    vni = 100;
    udp_port = 4789;
    inner_addresses = [ ];
  }
);
nodes = (
  {
    name = "n";
    tunnel = "t";
    vtep = "10.0.0.1";
    pod_cidrs = [ "10.128.0.0/23" ];
    addresses = [ ];
    geneve_options = "";
  }
);
cluster : {
  no_snat = [ ];
};
namespaces = (
  {
    name = "a";
    pods = [ ];
    tunnel = "t";
  }
);
node_ip : {
  mode = "off";
  addresses = [ ];
  for = "all";
};
egress_ips = ( );
egress_routers = ( );
firewall : {
  default = "deny";
  refuse = "drop";
  rules = ( );
};
qos = ( );
sessions : {
  max = 1048576;
  port_range = "1024-65535";
  port_hold = "1m";
  fragments : {
    timeout = "30s";
    max = 65536;
    max_per_source = 1024;
  };
  mss_clamp = "auto";
  timeouts : {
    tcp_established = "2h4m";
    tcp_transitory = "4m";
    udp = "5m";
    icmp = "1m";
    other = "5m";
  };
};
log_sessions : {
  target = "off";
};
)");
}

TEST(Print, LongListsAreWrapped) {
  Model model = random_model(2);
  model.cluster.no_snat.clear();
  for (uint32_t i = 0; i < 20; ++i) {
    model.cluster.no_snat.push_back({{{0x0a000000 + (i << 8)}, 24}, {}});
  }
  const std::string text = print(model);
  size_t longest = 0;
  const size_t begin = text.find("no_snat");
  const std::string list = text.substr(begin, text.find(']', begin) - begin);
  for (size_t at = 0, end = 0; end != std::string::npos; at = end + 1) {
    end = list.find('\n', at);
    longest = std::max(longest, std::min(end, list.size()) - at);
  }
  EXPECT_LE(longest, 100u);
  EXPECT_NE(list.find('\n'), std::string::npos);
  const LoadResult loaded = load_text(text, "printed");
  ASSERT_EQ(all_text(loaded.errors), "");
  EXPECT_EQ(*loaded.model, model);
}

}  // namespace
}  // namespace postern::config
