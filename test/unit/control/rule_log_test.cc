// Lines for rules with log = true: their words, and that no flood of packets becomes one of lines.
#include "control/serve/rule_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "dataplane/wire/headers.h"

namespace postern {
namespace {

class RuleLogTest : public ::testing::Test {
 protected:
  RuleLogTest() {
    model_.files.name = {"postern.cfg"};
    model_.firewall.rules.resize(2);
    model_.firewall.rules[1].line = {0, 27};
    model_.firewall.rules[1].action = config::FirewallAction::kAllow;
  }
  ~RuleLogTest() override {
    close(ends_[0]);
    close(ends_[1]);
  }
  static std::array<int, 2> new_pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    return ends;
  }
  static RuleNote note(RuleNumber rule, uint8_t protocol = kProtocolTcp) {
    return {.packet = {.source_ip = Ipv4Address{0x0a80000b}.wire(),
                       .vni_protocol = OutboundKey::pack(100, protocol),
                       .remote_ip = Ipv4Address{0xcb007105}.wire(),
                       .remote_port = Be16(443),
                       .source_port = Be16(4242)},
            .rule = rule,
            .namespace_index = 1,
            .rules_version = 3};
  }
  // All that was written so far and not read.
  std::string written() {
    std::array<char, 65536> text{};
    log_.error("end");
    const ssize_t bytes = read(ends_[0], text.data(), text.size());
    std::string all(text.data(), static_cast<size_t>(bytes));
    return all.substr(0, all.size() - std::string("error: end\n").size());
  }
  static size_t lines(const std::string& text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  std::array<int, 2> ends_ = new_pipe();
  config::Model model_;
  Log log_{ends_[1]};
  RuleLog rules_{&log_};
};

TEST_F(RuleLogTest, SaysWhoWhereToAndByWhichLine) {
  rules_.take(note(1), model_, 3, "payments", 1000);
  EXPECT_EQ(written(),
            "info: firewall: payments 10.128.0.11:4242 to 203.0.113.5:443 tcp allowed by "
            "firewall.rules[1] (postern.cfg:27)\n");
  rules_.take(note(0, kProtocolIcmp), model_, 3, "", 1000);
  EXPECT_EQ(written(),
            "info: firewall: platform 10.128.0.11 to 203.0.113.5 icmp denied by "
            "firewall.rules[0]\n");
}

TEST_F(RuleLogTest, WritesABurstThenSoManyASecondAndCountsTheRest) {
  for (int i = 0; i < 500; ++i) rules_.take(note(1), model_, 3, "payments", 5000);
  EXPECT_EQ(lines(written()), RuleLog::kBurst);
  rules_.tick(7, 5000);
  EXPECT_EQ(written(),
            "info: firewall: 407 more first packets met rules with log = true and are "
            "not written\n");
  for (int i = 0; i < 500; ++i) rules_.take(note(1), model_, 3, "payments", 6000);
  EXPECT_EQ(lines(written()), RuleLog::kPerSecond);
  rules_.tick(7, 5999);
  EXPECT_EQ(written(), "") << "once a second";
  rules_.tick(7, 6000);
  EXPECT_EQ(lines(written()), 1u);
  rules_.tick(7, 9000);
  EXPECT_EQ(written(), "");
}

TEST_F(RuleLogTest, BlamesNoOtherRuleAfterAChange) {
  rules_.take(note(1), model_, 4, "payments", 1000);
  rules_.take(note(2), model_, 3, "payments", 1000);
  EXPECT_EQ(written(), "");
  rules_.tick(0, 1000);
  EXPECT_EQ(lines(written()), 1u);
}

}  // namespace
}  // namespace postern
