// The grammar of OpenShift's egress router images: what they take is taken, what is wrong is said
// in their words.
#include "config/router_lines.h"

#include "gtest/gtest.h"

namespace postern::config {
namespace {

RouterLines parse(RouterMode mode, const std::vector<std::string>& lines) {
  EgressRouter router;
  router.mode = mode;
  for (const std::string& line : lines) router.destinations.push_back({line, {}});
  return parse_router_lines(router);
}

// "INDEX: TEXT" for each problem, one a line.
std::string problems(const RouterLines& parsed) {
  std::string out;
  for (const RouterProblem& problem : parsed.problems) {
    out += (problem.index ? std::to_string(*problem.index) : "-") + ": " + problem.text + "\n";
  }
  return out;
}

TEST(Redirect, RulesAndFallback) {
  const RouterLines parsed = parse(
      RouterMode::kRedirect, {"# web", "80 tcp 10.4.5.6", "", "  8080\ttcp  10.7.8.9 80 ",
                              "53 udp 10.4.5.7", "9 sctp 10.4.5.8 9", "10.1.2.3", "# end", ""});
  EXPECT_EQ(problems(parsed), "");
  ASSERT_EQ(parsed.lines.size(), 5u);
  EXPECT_EQ(parsed.lines[0].listen_port, 80);
  EXPECT_EQ(parsed.lines[0].remote_port, 80);
  EXPECT_EQ(parsed.lines[0].prefix, Ipv4Prefix::parse("10.4.5.6"));
  EXPECT_EQ(parsed.lines[1].index, 3u);
  EXPECT_EQ(parsed.lines[1].listen_port, 8080);
  EXPECT_EQ(parsed.lines[1].remote_port, 80);
  EXPECT_EQ(parsed.lines[2].protocol, RouterProtocol::kUdp);
  EXPECT_EQ(parsed.lines[3].protocol, RouterProtocol::kSctp);
  EXPECT_EQ(parsed.lines[4].listen_port, 0);
  EXPECT_EQ(parsed.lines[4].prefix, Ipv4Prefix::parse("10.1.2.3"));
}

TEST(Redirect, Refusals) {
  const auto refused = [](const std::vector<std::string>& lines) {
    return problems(parse(RouterMode::kRedirect, lines));
  };
  EXPECT_EQ(refused({}), "-: EGRESS_DESTINATION unspecified\n");
  EXPECT_EQ(refused({"", "# nothing"}), "-: EGRESS_DESTINATION unspecified\n");
  EXPECT_EQ(refused({"not an IP address"}),
            "0: EGRESS_DESTINATION value 'not an IP address' is invalid\n");
  EXPECT_EQ(refused({"name"}), "0: EGRESS_DESTINATION value 'name' is invalid\n");
  EXPECT_EQ(refused({"10.1.2.3", "80 tcp 10.4.5.6"}),
            "1: EGRESS_DESTINATION fallback IP must be the last line\n");
  EXPECT_EQ(refused({"10.1.2.3", "10.1.2.4"}),
            "1: EGRESS_DESTINATION fallback IP must be the last line\n");
  EXPECT_EQ(refused({"80 tcp 10.4.5.6", "90 tcp", "100 tcp 10.4.5.6"}),
            "1: EGRESS_DESTINATION value '90 tcp' is invalid\n");
  EXPECT_EQ(refused({"80 xctp 10.4.5.6"}),
            "0: EGRESS_DESTINATION value '80 xctp 10.4.5.6' is invalid\n");
  EXPECT_EQ(refused({"80 tcp 10.4.5.600"}),
            "0: EGRESS_DESTINATION value '80 tcp 10.4.5.600' is invalid\n");
  EXPECT_EQ(refused({"80 tcp 10.4.5.6 http"}),
            "0: EGRESS_DESTINATION value '80 tcp 10.4.5.6 http' is invalid\n");
  EXPECT_EQ(refused({"800000 tcp 10.4.5.6"}),
            "0: Invalid port: 800000, must be in the range 1 to 65535\n");
  EXPECT_EQ(refused({"0 tcp 10.4.5.6"}), "0: Invalid port: 0, must be in the range 1 to 65535\n");
  EXPECT_EQ(refused({"080 tcp 10.4.5.6"}),
            "0: Invalid port: 080, must be in the range 1 to 65535\n");
  EXPECT_EQ(refused({"80 tcp 10.4.5.6 99999999999"}),
            "0: Invalid port: 99999999999, must be in the range 1 to 65535\n");
  EXPECT_EQ(
      refused({"80 tcp 10.4.5.6", "80 udp 10.4.5.7"}),
      "1: EGRESS_DESTINATION localport 80 is already used, must be unique for each destination\n");
  EXPECT_EQ(refused({"80 sctp 10.4.5.6 81"}), "0: not supported: sctp with another remote port\n");
  EXPECT_EQ(refused({"80 tcp fd00::1"}), "0: not supported yet: IPv6 (fd00::1)\n");
}

TEST(DnsProxy, Lines) {
  const RouterLines parsed =
      parse(RouterMode::kDnsProxy,
            {"80 10.4.5.6", "# db", "5432 db.example.com", "81 db.example.com 8080"});
  EXPECT_EQ(problems(parsed), "");
  ASSERT_EQ(parsed.lines.size(), 3u);
  EXPECT_EQ(parsed.lines[0].prefix, Ipv4Prefix::parse("10.4.5.6"));
  EXPECT_EQ(parsed.lines[1].name, "db.example.com");
  EXPECT_EQ(parsed.lines[2].listen_port, 81);
  EXPECT_EQ(parsed.lines[2].remote_port, 8080);
}

TEST(DnsProxy, Refusals) {
  const auto refused = [](const std::vector<std::string>& lines) {
    return problems(parse(RouterMode::kDnsProxy, lines));
  };
  EXPECT_EQ(refused({"#"}), "-: Must specify EGRESS_DNS_PROXY_DESTINATION\n");
  EXPECT_EQ(refused({"80 localhost"}), "0: Bad destination 'localhost'\n");
  EXPECT_EQ(refused({"80 *.example.com"}), "0: Bad destination '*.example.com'\n");
  EXPECT_EQ(refused({"80 10.4.5.300"}), "0: Bad destination '10.4.5.300'\n");
  EXPECT_EQ(refused({"db.example.com"}), "0: Bad destination 'db.example.com'\n");
  EXPECT_EQ(refused({"65536 db.example.com"}),
            "0: Invalid port: 65536, must be in the range 1 to 65535\n");
  EXPECT_EQ(refused({"80 a.example.com", "80 b.example.com"}),
            "1: Proxy port 80 already used, must be unique for each destination\n");
}

TEST(HttpProxy, Lines) {
  const RouterLines parsed = parse(RouterMode::kHttpProxy,
                                   {"!192.0.2.0/24", "203.0.113.7", "198.51.100.0/24",
                                    "!bad.example.com", "*.example.com", "intra.example.org", "*"});
  EXPECT_EQ(problems(parsed), "");
  ASSERT_EQ(parsed.lines.size(), 7u);
  EXPECT_TRUE(parsed.lines[0].deny);
  EXPECT_EQ(parsed.lines[0].prefix, Ipv4Prefix::parse("192.0.2.0/24"));
  EXPECT_FALSE(parsed.lines[1].deny);
  EXPECT_EQ(parsed.lines[3].name, "bad.example.com");
  EXPECT_TRUE(parsed.lines[3].deny);
  EXPECT_EQ(parsed.lines[4].name, "*.example.com");
  EXPECT_EQ(parsed.lines[6].name, "*");
}

TEST(HttpProxy, Refusals) {
  const auto refused = [](const std::vector<std::string>& lines) {
    return problems(parse(RouterMode::kHttpProxy, lines));
  };
  EXPECT_EQ(refused({}), "-: No EGRESS_HTTP_PROXY_DESTINATION specified\n");
  EXPECT_EQ(refused({"*", "example.com"}), "1: Wildcard must be last rule, if present\n");
  EXPECT_EQ(refused({"192.0.2.1/24"}), "0: Bad destination '192.0.2.1/24'\n");
  EXPECT_EQ(refused({"two words"}), "0: Bad destination 'two words'\n");
  EXPECT_EQ(refused({"!*"}), "0: Bad destination '!*'\n");
  EXPECT_EQ(refused({"*.*.com"}), "0: Bad destination '*.*.com'\n");
}

}  // namespace
}  // namespace postern::config
