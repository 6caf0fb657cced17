// Whole configurations with egress routers: what OpenShift's images take loads, and every refusal
// is said in the images' words with the file and the line.
#include <string>
#include <vector>

#include "config/load.h"
#include "gtest/gtest.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

constexpr int kFirstLine = 24;  // of the router in the sample, its destinations begin there

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '\n' ? "\\n" : std::string(1, c);
  return out + "\"";
}

// The sample with a router of that mode, each destination on a line of its own.
LoadResult load_router(const std::string& mode, const std::vector<std::string>& destinations,
                       const std::string& source = "source = \"192.0.2.70\";") {
  std::string list;
  for (const std::string& each : destinations) list += (list.empty() ? "" : ",\n") + quoted(each);
  const std::string router =
      "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = \"10.131.255.10\"; " +
      source + " mode = \"" + mode + "\"; destinations = [ " + list + " ]; } );\nfirewall :";
  return load_text(edited({{"firewall :", router.c_str()}}), "f.cfg");
}

struct Refused {
  std::vector<std::string> destinations;
  size_t index;  // of the destination that the complaint is about
  std::string text;
};

// Every one is refused with exactly that complaint, besides `also`.
void expect_refused(const std::string& mode, const std::vector<Refused>& samples,
                    const std::string& also = "") {
  for (const Refused& sample : samples) {
    const LoadResult loaded = load_router(mode, sample.destinations);
    EXPECT_FALSE(loaded.model.has_value()) << sample.text;
    const std::string element = sample.destinations.empty() || sample.index == SIZE_MAX
                                    ? ""
                                    : "[" + std::to_string(sample.index) + "]";
    const size_t line = kFirstLine + (sample.index == SIZE_MAX ? 0 : sample.index);
    EXPECT_EQ(all_text(loaded.errors), also + "f.cfg:" + std::to_string(line) +
                                           ": error: egress_routers.r.destinations" + element +
                                           ": " + sample.text + "\n");
  }
}

TEST(RouterVectors, RedirectTakesWhatTheImageTakes) {
  const std::vector<std::vector<std::string>> accepted = {
      {"10.1.2.3"},
      {"80 tcp 10.4.5.6"},
      {"8080 tcp 10.7.8.9 80"},
      {"80 tcp 10.4.5.6", "8080 tcp 10.7.8.9 80", "10.1.2.3"},
      {"80 tcp 10.4.5.6\n8080 tcp 10.7.8.9 80\n10.1.2.3"},
      {"# web\n80 tcp 10.4.5.6\n\n  # admin\n  8080 tcp 10.7.8.9 80  \n\n10.1.2.3\n# the end\n\n"},
      {"80 tcp 10.4.5.6", "", "# after the fallback", "10.1.2.3", "# this", ""},
      {"53 udp 10.4.5.6 5353", "9 sctp 10.4.5.6", "10 sctp 10.4.5.6 10"},
      {"1 tcp 10.4.5.6 65535", "65535 udp 10.4.5.6 1"}};
  for (const auto& destinations : accepted) {
    const LoadResult loaded = load_router("redirect", destinations);
    EXPECT_EQ(all_text(loaded.errors), "");
    EXPECT_TRUE(loaded.model.has_value());
  }
}

TEST(RouterVectors, RedirectRefusesWithFileAndLine) {
  const std::string range = ", must be in the range 1 to 65535";
  const std::string twice = " is already used, must be unique for each destination";
  const auto invalid = [](const std::string& line) {
    return "EGRESS_DESTINATION value '" + line + "' is invalid";
  };
  const std::string last = "EGRESS_DESTINATION fallback IP must be the last line";
  expect_refused(
      "redirect",
      {{{""}, SIZE_MAX, "EGRESS_DESTINATION unspecified"},
       {{"# nothing", "  "}, SIZE_MAX, "EGRESS_DESTINATION unspecified"},
       {{"not an IP address"}, 0, invalid("not an IP address")},
       {{"10.1.2.3", "80 tcp 10.4.5.6"}, 1, last},
       {{"10.1.2.3", "# between", "10.1.2.4"}, 2, last},
       {{"80 tcp 10.4.5.6", "81 tcp", "82 tcp 10.4.5.6"}, 1, invalid("81 tcp")},
       {{"80 xctp 10.4.5.6"}, 0, invalid("80 xctp 10.4.5.6")},
       {{"80 TCP 10.4.5.6"}, 0, invalid("80 TCP 10.4.5.6")},
       {{"80 tcp 10.4.5.6 80 80"}, 0, invalid("80 tcp 10.4.5.6 80 80")},
       {{"80 tcp 10.4.5"}, 0, invalid("80 tcp 10.4.5")},
       {{"10.4.5.256"}, 0, invalid("10.4.5.256")},
       {{"10.4.5.06"}, 0, invalid("10.4.5.06")},
       {{"10.4.5.0/24"}, 0, invalid("10.4.5.0/24")},
       {{"80 tcp 224.0.0.1"}, 0, invalid("80 tcp 224.0.0.1")},
       {{"-1 tcp 10.4.5.6"}, 0, invalid("-1 tcp 10.4.5.6")},
       {{"800000 tcp 10.4.5.6"}, 0, "Invalid port: 800000" + range},
       {{"80 tcp 10.4.5.6", "0 tcp 10.4.5.6"}, 1, "Invalid port: 0" + range},
       {{"080 tcp 10.4.5.6"}, 0, "Invalid port: 080" + range},
       {{"80 tcp 10.4.5.6 65536"}, 0, "Invalid port: 65536" + range},
       {{"80 tcp 10.4.5.6", "80 tcp 10.4.5.7"}, 1, "EGRESS_DESTINATION localport 80" + twice},
       {{"80 tcp 10.4.5.6", "80 udp 10.4.5.6"}, 1, "EGRESS_DESTINATION localport 80" + twice},
       {{"9 sctp 10.4.5.6 10"}, 0, "not supported: sctp with another remote port"},
       {{"80 tcp 10.128.0.11"}, 0, "10.128.0.11 is inside the cluster"},
       {{"80 tcp 10.4.5.6", "10.131.255.10"}, 1, "10.131.255.10 is inside the cluster"},
       {{"192.0.2.70"}, 0, "192.0.2.70 is inside the cluster"},
       {{"192.0.2.10"}, 0, "192.0.2.10 is inside the cluster"}});
}

TEST(RouterVectors, DnsProxyRefusesWithFileAndLine) {
  expect_refused(
      "dns-proxy",
      {{{"# nothing"}, SIZE_MAX, "Must specify EGRESS_DNS_PROXY_DESTINATION"},
       {{"80 localhost"}, 0, "Bad destination 'localhost'"},
       {{"80 10.4.5.6", "81 10.4.5.600"}, 1, "Bad destination '10.4.5.600'"},
       {{"80 *.example.com"}, 0, "Bad destination '*.example.com'"},
       {{"db.example.com"}, 0, "Bad destination 'db.example.com'"},
       {{"80 tcp db.example.com"}, 0, "Bad destination '80 tcp db.example.com'"},
       {{"65536 db.example.com"}, 0, "Invalid port: 65536, must be in the range 1 to 65535"},
       {{"80 db.example.com 0"}, 0, "Invalid port: 0, must be in the range 1 to 65535"},
       {{"80 a.example.com", "80 b.example.com"},
        1,
        "Proxy port 80 already used, must be unique for each destination"},
       {{"80 10.128.0.11"}, 0, "10.128.0.11 is inside the cluster"}});
}

TEST(RouterVectors, HttpProxyRefusesWithFileAndLine) {
  const std::string also =
      "f.cfg:24: error: egress_routers.r.mode: not supported yet: \"http-proxy\"\n";
  expect_refused("http-proxy",
                 {{{""}, SIZE_MAX, "No EGRESS_HTTP_PROXY_DESTINATION specified"},
                  {{"*", "example.com"}, 1, "Wildcard must be last rule, if present"},
                  {{"example.com", "two words"}, 1, "Bad destination 'two words'"},
                  {{"!*"}, 0, "Bad destination '!*'"},
                  {{"192.0.2.1/24"}, 0, "Bad destination '192.0.2.1/24'"}},
                 also);
}

TEST(RouterVectors, SourceAndModeAreSaidInTheImagesWords) {
  const auto source_refused = [](const std::string& source) {
    return all_text(load_router("redirect", {"203.0.113.9"}, source).errors);
  };
  EXPECT_EQ(source_refused(""),
            "f.cfg:24: error: egress_routers.r.source: EGRESS_SOURCE unspecified or invalid: "
            "missing setting\n");
  EXPECT_EQ(source_refused("source = \"192.0.2.300\";"),
            "f.cfg:24: error: egress_routers.r.source: EGRESS_SOURCE unspecified or invalid: must "
            "be an address such as \"192.0.2.1\", is \"192.0.2.300\"\n");
  EXPECT_EQ(all_text(load_router("proxy", {"203.0.113.9"}).errors),
            "f.cfg:24: error: egress_routers.r.mode: Unrecognized EGRESS_ROUTER_MODE 'proxy': must "
            "be \"redirect\", \"dns-proxy\" or \"http-proxy\", is \"proxy\"\n");
}

TEST(RouterVectors, ListenIsNobodyElsesAddressInATunnel) {
  const LoadResult loaded = load_text(
      edited({{"vni = 100;", "vni = 100; inner_addresses = [ \"10.131.255.10\" ];"},
              {"firewall :",
               "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = "
               "\"10.131.255.10\"; source = \"192.0.2.70\"; destinations = \"203.0.113.9\"; } "
               ");\nfirewall :"}}),
      "f.cfg");
  EXPECT_EQ(all_text(loaded.errors),
            "f.cfg:24: error: egress_routers.r.listen: 10.131.255.10 is owned twice, also by "
            "tunnels.overlay.inner_addresses[0] on line 8\n");
  const LoadResult a_pods = load_text(
      edited({{"\"10.128.0.11\"", "\"10.128.0.11\", \"10.131.255.10\""},
              {"pod_cidrs = [ \"10.128.0.0/23\" ]",
               "pod_cidrs = [ \"10.128.0.0/23\", \"10.131.255.0/24\" ]"},
              {"firewall :",
               "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = "
               "\"10.131.255.10\"; source = \"192.0.2.70\"; destinations = \"203.0.113.9\"; } "
               ");\nfirewall :"}}),
      "f.cfg");
  EXPECT_EQ(all_text(a_pods.errors),
            "f.cfg:24: error: egress_routers.r.listen: 10.131.255.10 is a pod's: "
            "namespaces.payments.pods[1] on line 15\n");
}

}  // namespace
}  // namespace postern::config
