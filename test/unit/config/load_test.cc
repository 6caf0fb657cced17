// Reading files and what they include, lines of values, and what must not be refused.
#include "config/load.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/print.h"
#include "config/whole_file.h"
#include "gtest/gtest.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

class LoadFile : public ::testing::Test {
 protected:
  LoadFile() {
    std::string pattern = ::testing::TempDir() + "postern-config-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(dir_ + "/parts");
  }
  ~LoadFile() override { std::filesystem::remove_all(dir_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string path = dir_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  std::string dir_;
};

TEST_F(LoadFile, IncludesAreRelativeToTheirHolder) {
  write("parts/tunnels.cfg", "tunnels = (\n@include \"one-tunnel.cfg\"\n);\n");
  write("parts/one-tunnel.cfg",
        "{ name = \"overlay\"; type = \"vxlan\"; local = \"10.0.0.254\"; vni = 100; }\n");
  const std::string main = write(
      "main.cfg",
      edited({{"tunnels = ( { name = \"overlay\"; type = \"vxlan\"; local = \"10.0.0.254\"; vni = "
               "100; } );",
               "  @include \"parts/tunnels.cfg\" // and on"}}));
  const LoadResult loaded = load_file(main);
  ASSERT_EQ(all_text(loaded.errors), "");
  ASSERT_EQ(loaded.model->tunnels.size(), 1u);
  const SourceLine line = loaded.model->tunnels[0].line;
  EXPECT_EQ(loaded.model->files.name.at(line.file), dir_ + "/parts/one-tunnel.cfg");
  EXPECT_EQ(line.line, 1u);
  EXPECT_EQ(loaded.model->nodes[1].line.file, 0);
  EXPECT_EQ(loaded.model->nodes[1].line.line, 11u);
}

TEST_F(LoadFile, ErrorsNameTheIncludedFile) {
  write("parts/bad.cfg",
        "cluster : {\n  no_snat = [ \"10.128.0.1/14\" ];\n  wide = 4294967297;\n};");
  const std::string main = write(
      "main.cfg",
      edited({{"cluster : { no_snat = [ \"10.128.0.0/14\" ]; };", "@include \"parts/bad.cfg\""},
              {"max = 1000", "max = 4294967297"}}));
  const std::string part = dir_ + "/parts/bad.cfg";
  EXPECT_EQ(
      all_text(load_file(main).errors),
      main + ":30: error: sessions.max: must be an integer from 1 to 134217728, is 4294967297\n" +
          part +
          ":2: error: cluster.no_snat[0]: \"10.128.0.1/14\" has host bits: write "
          "\"10.128.0.1\" or \"10.128.0.0/14\"\n" +
          part + ":3: error: cluster.wide: unknown setting; known here: no_snat\n");
}

TEST_F(LoadFile, UnreadableFiles) {
  const std::string missing = dir_ + "/missing.cfg";
  EXPECT_EQ(all_text(load_file(missing).errors),
            missing + ": error: cannot be read: No such file or directory\n");
  EXPECT_EQ(all_text(load_file(dir_).errors), dir_ + ": error: cannot be read: Is a directory\n");
  const std::string main = write("main.cfg", "version = 1;\n@include \"missing.cfg\"\n");
  EXPECT_EQ(all_text(load_file(main).errors),
            main + ":2: error: cannot read " + missing + ": No such file or directory\n");
}

TEST_F(LoadFile, APipeThatNobodyWritesToIsGivenUp) {
  const std::string pipe = dir_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::string text;
  EXPECT_EQ(read_whole(pipe, 1000, text, 1), std::errc::stream_timeout);
}

TEST_F(LoadFile, FilesThatAreTooLarge) {
  const std::string file = write("some.cfg", "0123456789");
  std::string text;
  EXPECT_EQ(read_whole(file, 9, text), std::errc::file_too_large);
  text.clear();
  EXPECT_FALSE(read_whole(file, 10, text));
  EXPECT_EQ(text, "0123456789");
}

TEST_F(LoadFile, EndlessIncludesAreCutOff) {
  const std::string main = write("main.cfg", "\n@include \"main.cfg\"\n");
  EXPECT_EQ(all_text(load_file(main).errors),
            main + ":2: error: @include goes deeper than 10 files; does a file include itself?\n");
}

TEST(LoadText, RefusesIncludes) {
  EXPECT_EQ(all_text(load_text("version = 1;\n@include \"/etc/passwd\"\n", "text").errors),
            "text:2: error: @include is not possible in text; send the path of the file instead\n");
}

TEST(LoadText, EmptyText) {
  EXPECT_EQ(all_text(load_text("", "text").errors),
            "text:1: error: version: missing setting\n"
            "text:1: error: gateway.name: missing setting\n"
            "text:1: error: ports: missing setting\n"
            "text:1: error: tunnels: missing setting\n"
            "text:1: error: nodes: missing setting\n");
}

TEST(LoadText, KeepsTheLineOfEveryValue) {
  const LoadResult loaded = load_text(edited({{"\"192.0.2.50\", \"192.0.2.51\" ];",
                                               "\n \"192.0.2.50\" # first\n , \"192.0.2.51\"\n"
                                               " /* two\n lines */ ] ;"}}),
                                      "text");
  ASSERT_EQ(all_text(loaded.errors), "");
  const EgressIp& egress = loaded.model->egress_ips[0];
  EXPECT_EQ(egress.line.line, 20u);
  EXPECT_EQ(egress.name.line.line, 20u);
  EXPECT_EQ(egress.addresses[0].line.line, 22u);
  EXPECT_EQ(egress.addresses[1].line.line, 23u);
  EXPECT_EQ(loaded.model->ports[1].gateway->line.line, 6u);
  EXPECT_EQ(loaded.model->egress_ips[1].line.line, 26u);
}

TEST(LoadText, HexadecimalAndWideIntegersThatFit) {
  const LoadResult loaded = load_text(
      edited({{"vni = 100", "vni = 0xFFFFFF"}, {"max = 1000", "max = 0000001000LL"}}), "t");
  ASSERT_EQ(all_text(loaded.errors), "");
  EXPECT_EQ(loaded.model->tunnels[0].vni.value, 0xffffffu);
  EXPECT_EQ(loaded.model->sessions.max, 1000u);
}

// What looks odd and is meant: each of these must load.
TEST(LoadText, LegalVariations) {
  const std::vector<std::vector<Edit>> variations = {
      {},
      {{"pods = [ \"10.128.2.0/25\" ]", "pods = ( \"10.128.2.0/25\" )"}},
      {{"pods = [ \"10.128.2.0/25\" ]", "pods = [ ]"}},
      {{" pods = [ \"10.128.2.0/25\" ];", ""}},
      {{"\"192.0.2.60\"", "\"198.18.0.1\""}},  // routed to the gateway
      {{"\"192.0.2.20\"", "\"192.0.2.10\""}},  // Node IP: the port's own
      {{"[ \"10.128.2.0/23\" ]", "[ \"10.128.2.0/23\", \"10.128.0.77\" ]"}},  // nested
      {{"[ \"10.128.2.0/23\" ]", "[ \"10.128.2.0/23\", \"10.128.0.0/16\" ]"}},
      {{"gateway = \"192.0.2.1\"", "gateway = [ \"192.0.2.1\" ]"}},
      {{"gateway = \"192.0.2.1\"", "gateway = ( )"}},
      {{"\"192.0.2.10/24\"", "\"192.0.2.10/31\""}, {"\"192.0.2.1\"", "\"192.0.2.11\""}},
      {{"mode = \"gateway\"; addresses = [ \"192.0.2.20\" ];", "mode = \"off\"; addresses = [ ];"}},
      {{"ports = [ \"tcp/443\" ]", "ports = [ \"udp\", \"tcp/1-65535\", \"icmp\" ]"}},
      {{"node-2\"; tunnel = \"overlay\";",
        "node-2\"; tunnel = \"overlay\"; addresses = [ \"10.0.0.2\" ];"}},
      {{"vni = 100;", "vni = 0;"}},
      {{"namespaces = [ \"lab\" ];",
        "namespaces = [ \"lab\", \"payments\" ]; pods = [ \"10.128.1.5\" ];"}},
      {{"max = 1000;",
        "max = 1000; mss_clamp = 1360; port_hold = \"0s\"; port_range = \"1024-1087\";"}},
  };
  for (size_t i = 0; i < variations.size(); ++i) {
    const LoadResult loaded = load_text(edited(variations[i]), "text");
    EXPECT_EQ(all_text(loaded.errors), "") << "variation " << i;
  }
}

// Written by a program: every key there, empty lists, wide integers, `tunnel` on each namespace.
TEST(LoadText, AsProgramsWriteIt) {
  const LoadResult loaded = load_text(R"(version = 1;
gateway : {
  name = "gw-1f";
  control_socket = "/tmp/x/ctl.sock";
  metrics = "off";
  log_level = "info";
};
eal : { memory = "no-huge"; memory_mb = 512; };
workers : { cpus = "1"; idle = "sleep"; };
ports = (
  { name = "und"; device = "net_af_packet0,iface=und"; role = "cluster";
    addresses = [ "10.20.1.7/24" ]; mtu = 1600; },
  { name = "upl"; device = "net_af_packet1,iface=upl"; role = "external";
    addresses = [ "198.18.3.9/24" ]; gateway = "198.18.3.1"; mtu = 1500; });
tunnels = (
  { name = "ov0"; type = "vxlan"; local = "10.20.1.7"; vni = 16777215L; udp_port = 4789; },
  { name = "ov1"; type = "vxlan"; local = "10.20.1.7"; vni = 16777214; udp_port = 4789; });
nodes = (
  { name = "node-0a"; tunnel = "ov0"; vtep = "10.20.1.8"; pod_cidrs = [ "10.128.4.0/23" ]; },
  { name = "node-1b"; tunnel = "ov1"; vtep = "10.20.1.9"; pod_cidrs = [ "10.128.4.0/23" ]; });
cluster : { no_snat = [ "10.128.0.0/14" ]; };
namespaces = (
  { name = "web-1"; pods = [ "10.128.4.5", "10.128.4.6" ]; tunnel = "ov0"; },
  { name = "lab-2"; pods = [ "10.128.4.5", "10.128.4.6" ]; tunnel = "ov1"; });
node_ip : { mode = "off"; addresses = [ ]; };
egress_ips = ( );
routes = ( );
qos = ( );
egress_routers = ( );
firewall : { default = "allow"; refuse = "drop"; rules = ( ); };
sessions : { max = 262144; };
)",
                                      "text");
  EXPECT_EQ(all_text(loaded.errors), "");
  EXPECT_EQ(all_text(loaded.warnings, "warning"),
            "text:23: warning: namespaces: 2 namespaces have no way out (web-1, lab-2): no "
            "egress_ips entry or egress router names them, and node_ip is off or for the platform "
            "only; name them in an egress_ips entry, or switch on node_ip\n");
}

TEST(LoadText, WarnsOfWhatIsForNobody) {
  const LoadResult loaded = load_text(R"(version = 1;
gateway : { name = "gw"; };
ports = ( { name = "p"; device = "net_tap0"; role = "external"; addresses = [ "192.0.2.9/24" ]; } );
tunnels = ( );
nodes = ( );
egress_ips = ( { name = "out"; namespaces = [ ]; addresses = [ "192.0.2.50" ]; } );
)",
                                      "f");
  EXPECT_EQ(all_text(loaded.errors), "");
  EXPECT_EQ(all_text(loaded.warnings, "warning"),
            "f:1: warning: tunnels: is empty: there is no cluster to take packets from\n"
            "f:3: warning: ports.p.gateway: no external port has a gateway and no route leads out: "
            "nothing can leave, but to hosts in the subnets of external ports; write gateway = "
            "\"ADDRESS\", the router beside the port\n"
            "f:6: warning: egress_ips.out.namespaces: is empty: the entry is for nobody\n");
}

TEST(LoadText, WarnsOfDenialsByName) {
  const LoadResult loaded = load_text(
      edited({{"namespace = \"payments\"; action", "namespace = \"*\"; action"},
              {"action = \"deny\";", "action = \"deny\"; to_names = [ \"api.example.com\" ];"}}),
      "f");
  ASSERT_EQ(all_text(loaded.errors), "");
  EXPECT_EQ(all_text(loaded.warnings, "warning"),
            "f:27: warning: firewall.rules[1].to_names: denies only the addresses that the gateway "
            "knows of the name, none before it is resolved; where that is not enough, deny by "
            "default and allow what is wanted\n");
}

TEST(LoadText, Warnings) {
  const LoadResult loaded =
      load_text(edited({{"\"10.128.2.0/25\"", "\"10.128.2.0/25\", \"10.129.0.1\""},
                        {"[ \"10.128.2.0/23\" ]", "[ \"10.128.2.0/23\", \"10.128.2.0/23\" ]"},
                        {"addresses = [ \"192.0.2.60\" ];",
                         "addresses = [ ]; pods = [ \"10.128.0.11\" ]; fallback = \"node-ip\";"},
                        {"mode = \"gateway\"", "mode = \"off\""}}),
                "f");
  ASSERT_EQ(all_text(loaded.errors), "");
  EXPECT_EQ(
      all_text(loaded.warnings, "warning"),
      "f:11: warning: nodes.node-2.pod_cidrs[1]: 10.128.2.0/23 is listed twice, first on line 11\n"
      "f:16: warning: namespaces.lab.pods: 1 of 2 outside of every node's pod_cidrs, first "
      "10.129.0.1\n"
      "f:22: warning: egress_ips.lab-out.addresses: is empty: the sessions of this entry are "
      "dropped\n"
      "f:22: warning: egress_ips.lab-out.fallback: node_ip is off or for the platform only: there "
      "is nothing to fall back to\n"
      "f:22: warning: egress_ips.lab-out.pods[0]: 10.128.0.11 is not within the pods of the "
      "entry's namespaces\n"
      "f:24: warning: firewall: everything is denied to 1 namespace (lab): no rule allows "
      "anything, and firewall.default is \"deny\"; write rules with action = \"allow\", or default "
      "= \"allow\"\n");
}

std::string warnings(const std::vector<Edit>& edits) {
  const LoadResult loaded = load_text(edited(edits), "f");
  EXPECT_EQ(all_text(loaded.errors), "");
  return all_text(loaded.warnings, "warning");
}

const std::string kDenied =
    ": no rule allows anything, and firewall.default is \"deny\"; write rules with action = "
    "\"allow\", or default = \"allow\"\n";

// The whole group of the sample.
const char* const kFirewall =
    "firewall : {\n  rules = (\n"
    "    { namespace = \"payments\"; action = \"allow\"; to = [ \"203.0.113.0/24\" ]; ports = "
    "[ \"tcp/443\" ]; },\n"
    "    { namespace = \"*\"; action = \"deny\"; to = [ \"169.254.169.254\" ]; }\n  );\n};\n";

TEST(LoadText, WarnsOnceOfAllThatAreDeniedEverything) {
  EXPECT_EQ(
      warnings({{kFirewall, ""}}),
      "f:1: warning: firewall: everything is denied to 2 namespaces (payments, lab)" + kDenied);
  EXPECT_EQ(
      warnings({{kFirewall, "firewall : { };\n"}}),
      "f:24: warning: firewall: everything is denied to 2 namespaces (payments, lab)" + kDenied);
  // Of many, the first ones.
  std::string many = "{ name = \"lab\"; pods = [ \"10.128.2.0/25\" ]; }";
  for (int i = 0; i < 5000; ++i) many += ", { name = \"n" + std::to_string(i) + "\"; }";
  EXPECT_EQ(warnings({{kFirewall, ""},
                      {"{ name = \"lab\"; pods = [ \"10.128.2.0/25\" ]; }", many.c_str()}}),
            "f:1: warning: firewall: everything is denied to 5002 namespaces (payments, lab, n0, "
            "...)" +
                kDenied);
}

TEST(LoadText, NoWarningWhereSomethingIsAllowedOrDenialIsWritten) {
  EXPECT_EQ(warnings({{kFirewall, "firewall : { default = \"allow\"; };\n"}}), "");
  EXPECT_EQ(warnings({{"namespace = \"payments\"; action", "namespace = \"*\"; action"}}), "");
  EXPECT_EQ(warnings({{"; to = [ \"169.254.169.254\" ]", ""}}), "");
  EXPECT_EQ(warnings({{"\"169.254.169.254\"", "\"0.0.0.0/0\""}}), "");
}

// What goes to an egress router is not judged by the firewall.
TEST(LoadText, NoWarningOfNamespacesThatOnlyDialRouters) {
  const Edit router = {"sessions :",
                       "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = "
                       "\"10.131.255.10\"; source = \"192.0.2.70\"; destinations = "
                       "\"203.0.113.9\"; } );\nsessions :"};
  const Edit no_way = {"{ name = \"lab-out\"; namespaces = [ \"lab\" ]",
                       "{ name = \"lab-out\"; namespaces = [ \"payments\" ]; pods = [ "
                       "\"10.128.0.11\" ]"};
  const Edit off = {"mode = \"gateway\"", "mode = \"off\""};
  EXPECT_EQ(warnings({router, no_way, off}), "");
  const std::string lab =
      "f:24: warning: firewall: everything is denied to 1 namespace (lab)" + kDenied;
  EXPECT_EQ(warnings({router, off}), lab);
  EXPECT_EQ(warnings({router, no_way}), lab);
}

TEST(LoadText, WarnsWhereNothingCanLeave) {
  const Edit gateway = {"gateway = \"192.0.2.1\";", ""};
  const Edit allow = {"namespace = \"payments\"; action", "namespace = \"*\"; action"};
  const auto route = [](const char* line) { return Edit{"tunnels =", line}; };
  const std::string nothing =
      "f:5: warning: ports.uplink.gateway: no external port has a gateway and no route leads out: "
      "nothing can leave, but to hosts in the subnets of external ports; write gateway = "
      "\"ADDRESS\", the router beside the port\n";
  EXPECT_EQ(warnings({allow, gateway}), nothing);
  EXPECT_EQ(warnings({allow, gateway,
                      route("routes = ( { to = \"198.51.100.0/24\"; via = \"192.0.2.2\"; port = "
                            "\"uplink\"; } );\ntunnels =")}),
            "");
  // Ways that lead to the cluster are none.
  EXPECT_EQ(warnings({allow, gateway,
                      route("routes = ( { to = \"10.129.0.0/16\"; via = \"192.0.2.2\"; port = "
                            "\"uplink\"; } );\ntunnels =")}),
            nothing);
  EXPECT_EQ(warnings({allow, gateway,
                      route("routes = ( { to = \"198.51.100.0/24\"; via = \"10.0.0.1\"; port = "
                            "\"underlay\"; } );\ntunnels =")}),
            nothing);
}

TEST(LoadText, WarnsWithoutAnExternalPort) {
  const LoadResult loaded = load_text(R"(version = 1;
gateway : { name = "gw"; };
ports = ( { name = "p"; device = "net_tap0"; role = "cluster"; addresses = [ "192.0.2.9/24" ]; } );
tunnels = ( { name = "t"; type = "vxlan"; local = "192.0.2.9"; vni = 1; } );
nodes = ( );
)",
                                      "f");
  EXPECT_EQ(all_text(loaded.errors), "");
  EXPECT_EQ(all_text(loaded.warnings, "warning"),
            "f:3: warning: ports: no port has the role \"external\": nothing can leave; sessions "
            "leave by an external port only\n");
}

// An address that the network takes to the pods instead.
TEST(LoadText, WarnsWhereRepliesStayInTheCluster) {
  const Edit allow = {"namespace = \"payments\"; action", "namespace = \"*\"; action"};
  const auto stays = [](const char* line, const char* path, const char* address,
                        const char* where) {
    return std::string("f:") + line + ": warning: " + path + ": " + address + " is inside " +
           where +
           ": replies to it stay inside the cluster; use an address that the network outside "
           "routes to the gateway\n";
  };
  const char* const cidr = "10.128.0.0/23, nodes.node-1.pod_cidrs[0] on line 10";
  const char* const no_snat = "10.128.0.0/14, cluster.no_snat[0] on line 13";
  EXPECT_EQ(warnings({allow, {"\"192.0.2.51\"", "\"10.128.0.200\""}}),
            stays("21", "egress_ips.payments-out.addresses[1]", "10.128.0.200", cidr));
  EXPECT_EQ(warnings({allow, {"\"192.0.2.20\"", "\"10.130.0.9\""}}),
            stays("18", "node_ip.addresses[0]", "10.130.0.9", no_snat));
  EXPECT_EQ(warnings({allow,
                      {"\"10.128.2.0/23\" ];",
                       "\"10.128.2.0/23\" ];\nexternal_ip = "
                       "\"10.129.0.1\";"}}),
            stays("12", "nodes.node-2.external_ip", "10.129.0.1",
                  "10.128.0.0/14, cluster.no_snat[0] on line 14"));
  EXPECT_EQ(warnings({allow,
                      {"sessions :",
                       "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = "
                       "\"10.131.255.10\";\nsource = \"10.131.255.11\"; destinations = "
                       "\"203.0.113.9\"; } );\nsessions :"}}),
            stays("31", "egress_routers.r.source", "10.131.255.11", no_snat));
}

// The gateway answers for what is in the subnet of an external port, whatever else holds it.
TEST(LoadText, NoWarningWhereTheGatewayAnswersForTheAddress) {
  const Edit wide = {"\"10.128.0.0/14\"", "\"10.128.0.0/14\", \"192.0.2.0/24\", \"10.0.0.0/24\""};
  const Edit allow = {"namespace = \"payments\"; action", "namespace = \"*\"; action"};
  EXPECT_EQ(warnings({allow, wide}), "");
}

TEST(LoadText, WarnsOnceOfNamespacesWithoutAWayOut) {
  const Edit off = {"mode = \"gateway\"", "mode = \"off\""};
  const Edit platform = {"mode = \"gateway\"", "mode = \"gateway\"; for = \"platform\""};
  const Edit only_payments = {"namespaces = [ \"lab\" ]", "namespaces = [ \"payments\" ]"};
  const Edit pods = {"addresses = [ \"192.0.2.60\" ]",
                     "pods = [ \"10.128.0.11\" ]; addresses = [ \"192.0.2.60\" ]"};
  const Edit allow = {"firewall : {", "firewall : { default = \"allow\";"};
  const std::string node_ip = ", and node_ip is off or for the platform only; name ";
  const std::string lab =
      "f:16: warning: namespaces: 1 namespace has no way out (lab): no egress_ips entry or egress "
      "router names it" +
      node_ip + "it in an egress_ips entry, or switch on node_ip\n";
  EXPECT_EQ(warnings({off, only_payments, pods, allow}), lab);
  EXPECT_EQ(warnings({platform, only_payments, pods, allow}), lab);
  EXPECT_EQ(warnings({only_payments, pods, allow}), "");
  EXPECT_EQ(warnings({off, allow}), "");
  // Nothing is allowed to it: that is said of the firewall, and is enough.
  EXPECT_EQ(warnings({off, only_payments, pods}),
            "f:24: warning: firewall: everything is denied to 1 namespace (lab)" + kDenied);
  std::string many = "{ name = \"lab\"; pods = [ \"10.128.2.0/25\" ]; }";
  for (int i = 0; i < 5000; ++i) many += ", { name = \"n" + std::to_string(i) + "\"; }";
  EXPECT_EQ(
      warnings({off, allow, {"{ name = \"lab\"; pods = [ \"10.128.2.0/25\" ]; }", many.c_str()}}),
      "f:16: warning: namespaces: 5000 namespaces have no way out (n0, n1, n2, ...): no "
      "egress_ips entry or egress router names them" +
          node_ip + "them in an egress_ips entry, or switch on node_ip\n");
}

}  // namespace
}  // namespace postern::config
