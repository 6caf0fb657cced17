#include "control/methods/session_filter.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <string_view>

namespace postern {
namespace {

// web's pod 10.128.0.11:40000 to 203.0.113.5:443 by TCP, seen as 192.0.2.50:1024.
SessionFacts facts() {
  return {.name_space = "web",
          .node = "node-1",
          .state = "established",
          .protocol = 6,
          .source = *Ipv4Address::parse("10.128.0.11"),
          .destination = *Ipv4Address::parse("203.0.113.5"),
          .egress = *Ipv4Address::parse("192.0.2.50"),
          .source_port = 40000,
          .destination_port = 443,
          .egress_port = 1024};
}

bool fits(std::string_view text) {
  const absl::StatusOr<SessionFilter> filter = SessionFilter::parse(text);
  EXPECT_TRUE(filter.ok()) << text << ": " << filter.status();
  return filter.ok() && filter->matches(facts());
}

std::string problem(std::string_view text) {
  const absl::StatusOr<SessionFilter> filter = SessionFilter::parse(text);
  EXPECT_FALSE(filter.ok()) << text;
  return std::string(filter.status().message());
}

TEST(SessionFilter, EachConditionFitsWhatItNames) {
  for (const char* text :
       {"namespace web",
        "node node-1",
        "state established",
        "protocol tcp",
        "proto 6",
        "tcp",
        "src 10.128.0.11",
        "src host 10.128.0.11",
        "src net 10.128.0.0/23",
        "src 10.128.0.0/14",
        "dst 203.0.113.5",
        "host 203.0.113.5",
        "host 10.128.0.11",
        "net 203.0.113.0/24",
        "src port 40000",
        "dst port 443",
        "port 443",
        "port 40000",
        "port 400-500",
        "egress 192.0.2.50",
        "egress 192.0.2.48/30",
        "egress port 1024",
        "namespace web and src 10.128.0.11 and dst port 443 and protocol tcp and "
        "egress 192.0.2.50"}) {
    EXPECT_TRUE(fits(text)) << text;
    EXPECT_FALSE(fits("not (" + std::string(text) + ")")) << text;
  }
}

TEST(SessionFilter, EachConditionLeavesOutTheOthers) {
  for (const char* text : {"namespace we", "node node-2", "state new", "protocol udp", "proto 17",
                           "icmp", "src 203.0.113.5", "dst 10.128.0.11", "host 192.0.2.50",
                           "src 10.128.2.0/23", "src port 443", "dst port 40000", "port 1024",
                           "port 444-500", "egress 192.0.2.51", "egress port 443"}) {
    EXPECT_FALSE(fits(text)) << text;
  }
}

TEST(SessionFilter, AndAndOrBindAlikeFromTheLeft) {
  EXPECT_FALSE(fits("tcp or udp and udp"));  // (tcp or udp) and udp
  EXPECT_TRUE(fits("tcp or (udp and udp)"));
  EXPECT_TRUE(fits("udp and udp or tcp"));
  EXPECT_TRUE(fits("not udp and tcp"));
  EXPECT_TRUE(fits("! udp && (icmp || ! ! tcp)"));
  EXPECT_TRUE(fits("not not tcp"));
  EXPECT_FALSE(fits("not not not tcp"));
  EXPECT_TRUE(fits("((tcp)and(port 443))"));
}

TEST(SessionFilter, NestsAsDeepAsItMay) {
  std::string text = "tcp";
  for (int i = 0; i < 16; ++i) text = "udp or (" + text + ")";
  EXPECT_TRUE(fits(text));
  EXPECT_EQ(problem("(" + text + ")"), "\"(\" is nested more than 16 deep");
  EXPECT_EQ(problem(std::string(1'000'000, '(')), "\"(\" is nested more than 16 deep");
  EXPECT_TRUE(fits(std::string(100'000, '!') + "tcp"));
}

TEST(SessionFilter, ErrorsNameTheWord) {
  EXPECT_EQ(problem("colour red"),
            "\"colour\" is no condition: use one of namespace, node, protocol, state, src, dst, "
            "host, net, port, egress, or a protocol");
  EXPECT_EQ(problem("src payments"), "\"src\" takes an address or a prefix, not \"payments\"");
  EXPECT_EQ(problem("src"), "\"src\" takes an address or a prefix");
  EXPECT_EQ(problem("tcp and dst 10.0.0.1/8"), "\"10.0.0.1/8\" has host bits: write 10.0.0.0/8");
  EXPECT_EQ(problem("dst port 70000"), "\"port\" takes a port, or two as 8000-8999, not \"70000\"");
  EXPECT_EQ(problem("dst port 9-8"), "\"port\" takes a port, or two as 8000-8999, not \"9-8\"");
  EXPECT_EQ(problem("protocol gre"),
            "\"protocol\" takes tcp, udp, icmp, icmp6 or a number below 256, not \"gre\"");
  EXPECT_EQ(problem("state open"),
            "\"state\" takes one of new, established, closing, closed, active, not \"open\"");
  EXPECT_EQ(problem("namespace"), "\"namespace\" takes a name");
  EXPECT_EQ(problem("tcp dst port 443"), "\"dst\" follows a whole condition: join them by and, or");
  EXPECT_EQ(problem("tcp and"), "a condition is missing after \"and\"");
  EXPECT_EQ(problem("(tcp"), "\"(\" is not closed: \")\" is missing");
  EXPECT_EQ(problem("tcp )"), "\")\" follows a whole condition: join them by and, or");
  EXPECT_EQ(problem(" "), "the filter is empty: say as \"namespace payments and dst port 443\"");
  EXPECT_EQ(problem("\033[31m"),
            "\"?[31m\" is no condition: use one of namespace, node, protocol, "
            "state, src, dst, host, net, port, egress, or a protocol");
}

// The hint of the methods and of posternctl's help names every key, and every key is taken.
TEST(SessionFilter, NamesItsKeys) {
  EXPECT_EQ(session_filter_keys(),
            "namespace, node, protocol, state, src, dst, host, net, port, egress");
  std::istringstream keys(session_filter_keys());
  for (std::string key; std::getline(keys >> std::ws, key, ',');) {
    EXPECT_TRUE(problem(key).starts_with("\"" + key + "\" takes ")) << problem(key);
  }
}

TEST(SessionFilter, HasAMostNumberOfConditions) {
  std::string text = "tcp";
  for (int i = 1; i < 256; ++i) text += " and tcp";
  EXPECT_TRUE(fits(text));
  EXPECT_EQ(problem(text + " and udp"), "more than 256 conditions, the next is \"udp\"");
}

}  // namespace
}  // namespace postern
