// The method itself: what it takes and refuses, what its answer looks like, and that a worker that
// is busy, or tables that change meanwhile, do not matter.
#include <gtest/gtest.h>

#include "dataplane/run/mbuf_pool.h"
#include "test/unit/control/worked_gateway.h"

namespace postern {
namespace {

using nlohmann::json;

class ExplainMethod : public ::testing::Test {
 protected:
  ExplainMethod() : pool_(MbufPool::create("explain-method", 64, 2048)) {
    EXPECT_TRUE(pool_);
    gateway_.context().pool = pool_.value().get();
    gateway_.pass(std::chrono::milliseconds(1000));
  }
  json explain(json params) { return gateway_.result("explain", params); }
  // The error's message.
  std::string refused(const json& params) {
    const json answer = gateway_.call("explain", params);
    EXPECT_TRUE(answer.contains("error")) << answer;
    const json error = answer.value("error", json::object());
    EXPECT_EQ(error.value("code", 0), kRpcInvalidParams) << error;
    return error.value("message", "");
  }

  WorkedGateway gateway_{kWorkedConfig};
  Outcome<MbufPool> pool_;
};

TEST_F(ExplainMethod, AnswersWithStepsAndTheirLines) {
  const json answer = explain(
      {{"src", "10.128.0.11"}, {"dst", "203.0.113.5"}, {"protocol", "tcp"}, {"dport", 443}});
  EXPECT_EQ(answer.at("verdict"), "forward");
  EXPECT_FALSE(answer.contains("reason"));
  EXPECT_EQ(answer.at("translated").at("src"), "192.0.2.50");
  EXPECT_EQ(answer.at("translated").at("port"), "uplink");
  ASSERT_GE(answer.at("steps").size(), 6u);
  const json steps = answer.at("steps");
  for (const json& step : steps) {
    EXPECT_TRUE(step.at("stage").is_string() && step.at("text").is_string()) << step;
    EXPECT_EQ(step.contains("file"), step.contains("line")) << step;
    EXPECT_NE(step.value("line", 1), 0) << step;
  }
  // Nobody has resolved the next hop of this gateway.
  EXPECT_EQ(steps.back().at("stage"), "neighbour");
  EXPECT_NE(steps.back().at("text").get<std::string>().find("held until"), std::string::npos);
}

TEST_F(ExplainMethod, TellsTheReasonOfADrop) {
  const json answer = explain(
      {{"src", "10.128.0.11"}, {"dst", "169.254.169.254"}, {"protocol", "6"}, {"dport", 80}});
  EXPECT_EQ(answer.at("verdict"), "drop");
  EXPECT_EQ(answer.at("reason"), "firewall-denied");
  EXPECT_FALSE(answer.contains("translated"));
}

TEST_F(ExplainMethod, FindsASessionOfTheTable) {
  gateway_.open("10.128.0.11", 5000, "203.0.113.5", 53, "192.0.2.50");
  json params = {
      {"src", "10.128.0.11"}, {"dst", "203.0.113.5"}, {"protocol", "udp"}, {"dport", 53}};
  EXPECT_FALSE(explain(params).at("translated").contains("sport"));
  params["sport"] = 5000;
  EXPECT_TRUE(explain(params).at("translated").contains("sport"));
  EXPECT_EQ(gateway_.table().live(), 1u);
}

TEST_F(ExplainMethod, LeavesNoBufferBehind) {
  for (int i = 0; i < 200; ++i) {
    explain({{"src", "10.128.0.11"}, {"dst", "203.0.113.5"}, {"protocol", "icmp"}});
  }
  EXPECT_EQ(pool_.value().in_use(), 0u);
}

TEST_F(ExplainMethod, SaysWhatIsWrongWithAQuestion) {
  const json good = {
      {"src", "10.128.0.11"}, {"dst", "203.0.113.5"}, {"protocol", "tcp"}, {"dport", 443}};
  const auto with = [&good](const char* name, const json& value) {
    json params = good;
    params[name] = value;
    if (value.is_null()) params.erase(name);
    return params;
  };
  EXPECT_EQ(refused(with("src", "10.128.0")), "`src`: \"10.128.0\" is not an IPv4 address");
  EXPECT_EQ(refused(with("dst", "2001:db8::1")),
            "`dst`: IPv6 is not supported yet: \"2001:db8::1\"");
  for (const char* const name : {"src", "dst"}) {
    EXPECT_EQ(refused(with(name, "203.0.113.10:80")),
              std::string("`") + name +
                  "`: \"203.0.113.10:80\" is an address with a port: write the port after the "
                  "protocol");
  }
  EXPECT_EQ(refused(with("dst", "203.0.113.0/24")),
            "`dst`: \"203.0.113.0/24\" is not an IPv4 address");
  EXPECT_EQ(refused(with("protocol", "tpc")), "`protocol`: \"tpc\" is no protocol");
  EXPECT_EQ(refused(with("protocol", "256")), "`protocol`: \"256\" is no protocol");
  EXPECT_EQ(refused(with("dport", nullptr)), "`dport`: tcp and udp go to a port");
  EXPECT_EQ(refused(with("protocol", "icmp")),
            "`dport`: only tcp, udp, sctp, udplite and dccp have ports");
  json gre = with("protocol", "gre");
  gre.erase("dport");
  gre["sport"] = 5;
  EXPECT_EQ(refused(gre),
            "`sport`: only tcp, udp, sctp, udplite, dccp and icmp (its identifier) have one");
  const json nobody = gateway_.call("explain", with("node", "node-9"));
  EXPECT_EQ(nobody.at("error").at("code"), kRpcStatusBase + 5) << nobody;
}

TEST_F(ExplainMethod, ChangesMeanwhileAreExplained) {
  // Between the question to the worker and its answer the pod goes.
  std::optional<json> answer;
  MethodTable table("0.1.0");
  add_explain_methods(table, gateway_.context());
  table.find("explain")->handler(
      {{"src", "10.128.0.11"}, {"dst", "203.0.113.5"}, {"protocol", "icmp"}},
      Responder("1", Peer{}, [&answer](std::string line, bool) { answer = json::parse(line); }));
  EXPECT_FALSE(answer);
  gateway_.result("namespaces.patch", {{"remove", {{"payments", {"10.128.0.11"}}}}});
  gateway_.pass(std::chrono::milliseconds(200));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->at("result").value("reason", ""), "source-unknown") << *answer;
}

}  // namespace
}  // namespace postern
