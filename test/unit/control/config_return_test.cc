// The way back: rollback, confirmation and automatic return, and sessions judged anew.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "test/unit/control/worked_gateway.h"

namespace postern {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr std::string_view kFirst = "192.0.2.50";
constexpr std::string_view kSecond = "192.0.2.51";
constexpr std::string_view kThird = "192.0.2.52";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}
// The configuration with another address of payments.
std::string with_address(std::string_view address) {
  return replaced(kWorkedConfig, kFirst, address);
}

class ConfigReturnTest : public testing::Test {
 protected:
  json result(std::string_view method, const json& params = json::object()) {
    return gateway_.result(method, params);
  }
  json apply(const std::string& text, json params = json::object()) {
    params["text"] = text;
    return result("config.apply", params);
  }
  int error(std::string_view method, const json& params = json::object()) {
    const json answer = gateway_.call(method, params);
    EXPECT_TRUE(answer.contains("error")) << answer;
    return answer.contains("error") ? answer["error"]["code"].get<int>() : 0;
  }
  uint64_t generation() { return gateway_.context().gateway->generation(); }
  std::string attention() { return gateway_.context().gateway->attention(); }
  std::string address() {
    return gateway_.context().gateway->file().egress_ips[0].addresses[0].value.text();
  }

  WorkedGateway gateway_{kWorkedConfig};
};

// ---- rollback

TEST_F(ConfigReturnTest, RollbackGoesBackStepByStep) {
  apply(with_address(kSecond));
  apply(with_address(kThird));
  apply(with_address(kThird));  // nothing new: no step
  const json tried = result("config.rollback", {{"dry_run", true}});
  EXPECT_EQ(tried["diff"]["changed"], json({"egress_ips.payments-out"}));
  EXPECT_EQ(address(), kThird);
  EXPECT_EQ(error("config.rollback", {{"if_generation", 1}}), 1009);
  const json answer = result("config.rollback");
  EXPECT_EQ(answer["generation"], 5);
  EXPECT_EQ(answer["diff"], tried["diff"]);
  EXPECT_TRUE(answer.contains("visible_after_us"));
  EXPECT_EQ(address(), kSecond);
  result("config.rollback");
  EXPECT_EQ(address(), kFirst);
  EXPECT_EQ(error("config.rollback"), 1009);
  EXPECT_EQ(generation(), 6u);
}

TEST_F(ConfigReturnTest, RefusedAndTriedChangesAreNoSteps) {
  apply(with_address(kSecond), {{"dry_run", true}});
  error("config.apply", {{"text", "version = 1;"}});
  EXPECT_EQ(error("config.rollback"), 1009);
  EXPECT_EQ(generation(), 1u);
}

// ---- confirm_timeout

TEST_F(ConfigReturnTest, GoesBackByItself) {
  apply(with_address(kSecond), {{"confirm_timeout", "1m"}});
  gateway_.pass(seconds(20));
  EXPECT_EQ(address(), kSecond);
  EXPECT_NE(attention().find("goes back by itself in 40 s"), std::string::npos) << attention();
  EXPECT_EQ(error("config.apply", {{"text", with_address(kThird)}}), 1009);
  EXPECT_EQ(error("config.apply", {{"text", kWorkedConfig}, {"dry_run", true}}), 1009);
  result("namespaces.patch", {{"add", {{"payments", {"10.128.0.99"}}}}});
  EXPECT_EQ(generation(), 3u);
  gateway_.pass(seconds(41));
  EXPECT_EQ(address(), kFirst);
  EXPECT_EQ(generation(), 4u);
  EXPECT_EQ(gateway_.owner("10.128.0.99"), "payments") << "the layer stays";
  ASSERT_EQ(gateway_.told().size(), 1u);
  EXPECT_EQ(gateway_.told()[0], attention());
  EXPECT_NE(attention().find("went back"), std::string::npos) << attention();
  EXPECT_EQ(error("config.rollback"), 1009) << "a return takes its step off";
  apply(with_address(kThird));
  EXPECT_EQ(attention(), "");
}

TEST_F(ConfigReturnTest, StaysWhenConfirmed) {
  EXPECT_EQ(error("config.confirm"), 1009);
  apply(with_address(kSecond), {{"confirm_timeout", "10s"}});
  EXPECT_EQ(result("config.confirm")["generation"], 2);
  EXPECT_EQ(error("config.confirm"), 1009);
  gateway_.pass(seconds(11));
  EXPECT_EQ(address(), kSecond);
  EXPECT_EQ(generation(), 2u);
  EXPECT_EQ(attention(), "");
}

TEST_F(ConfigReturnTest, RollbackOfAWaitingChangeEndsTheWait) {
  apply(with_address(kSecond));
  apply(with_address(kThird), {{"confirm_timeout", "10s"}});
  result("config.rollback");
  EXPECT_EQ(address(), kSecond);
  EXPECT_EQ(attention(), "");
  // The timer of the first wait does not end another one.
  apply(with_address(kThird), {{"confirm_timeout", "1m"}});
  gateway_.pass(seconds(30));
  EXPECT_EQ(address(), kThird);
  gateway_.pass(seconds(31));
  EXPECT_EQ(address(), kSecond);
  result("config.rollback");
  EXPECT_EQ(address(), kFirst);
}

TEST_F(ConfigReturnTest, DryRunsAndRefusalsWaitForNothing) {
  apply(with_address(kSecond), {{"confirm_timeout", "5s"}, {"dry_run", true}});
  EXPECT_EQ(attention(), "");
  error("config.apply", {{"text", "version = 1;"}, {"confirm_timeout", "5s"}});
  EXPECT_EQ(error("config.confirm"), 1009);
  for (const char* bad : {"", "0s", "25h", "soon", "10"}) {
    const int code = error("config.apply", {{"text", kWorkedConfig}, {"confirm_timeout", bad}});
    EXPECT_EQ(code, kRpcInvalidParams) << bad;
  }
  EXPECT_EQ(generation(), 1u);
}

TEST_F(ConfigReturnTest, APodThatWasGivenAwayDoesNotHinderTheReturn) {
  const std::string without =
      replaced(kWorkedConfig, "\"10.128.0.11\", \"10.128.0.12\"", "\"10.128.0.11\"");
  apply(without, {{"confirm_timeout", "5s"}});
  result("namespaces.patch", {{"add", {{"shop", {"10.128.0.12", "10.128.0.13"}}}}});
  EXPECT_EQ(gateway_.owner("10.128.0.12"), "shop");
  gateway_.pass(seconds(6));
  EXPECT_EQ(gateway_.owner("10.128.0.12"), "payments");
  EXPECT_EQ(gateway_.owner("10.128.0.13"), "shop");
  ASSERT_EQ(gateway_.told().size(), 2u);
  EXPECT_NE(gateway_.told()[1].find("10.128.0.12"), std::string::npos) << gateway_.told()[1];
  // It is not in the layer any more: a file without it applies, and gives it to nobody.
  apply(without);
  EXPECT_EQ(gateway_.owner("10.128.0.12"), "-");
}

// What the layer gave to a namespace goes with it, and comes back with it.
TEST_F(ConfigReturnTest, ANamespaceThatComesBackHasItsPatchedPods) {
  std::string without = replaced(kWorkedConfig, R"(,
  { name = "shop"; pods = [ "10.128.2.0/26" ]; })",
                                 "");
  without = replaced(without, R"(,
  { name = "shop-out"; namespaces = [ "shop" ]; addresses = [ "192.0.2.60", "192.0.2.61" ]; })",
                     "");
  const json patched = {{"add", {{"shop", {"10.128.2.200"}}}},
                        {"remove", {{"shop", {"10.128.2.0/26"}}}}};
  result("namespaces.patch", patched);
  const json warnings = apply(without, {{"confirm_timeout", "5s"}})["warnings"];
  ASSERT_EQ(warnings.size(), 1u) << warnings;
  EXPECT_EQ(warnings[0]["path"], "namespaces.shop");
  EXPECT_EQ(gateway_.owner("10.128.2.200"), "-");
  gateway_.pass(seconds(6));
  EXPECT_EQ(gateway_.owner("10.128.2.200"), "shop");
  EXPECT_EQ(gateway_.owner("10.128.2.5"), "-") << "removed by the layer";

  apply(without);
  apply(with_address(kSecond));
  EXPECT_EQ(gateway_.owner("10.128.2.200"), "-") << "the namespace is another one now";
  result("config.rollback");
  result("config.rollback");
  EXPECT_EQ(gateway_.owner("10.128.2.200"), "shop");
  EXPECT_TRUE(gateway_.context().gateway->layer().all().contains("shop"));

  apply(without);
  result("namespaces.patch", {{"reset", true}, {"dry_run", true}});
  EXPECT_EQ(result("namespaces.patch", {{"reset", true}})["changed"], 0);
  result("config.rollback");
  EXPECT_EQ(gateway_.owner("10.128.2.200"), "-") << "a reset forgets it for good";
  EXPECT_EQ(gateway_.owner("10.128.2.5"), "shop");
}

// ---- revalidate

TEST_F(ConfigReturnTest, RevalidateEndsWhatTheNewRulesDeny) {
  const SessionHandle web = gateway_.open("10.128.0.11", 7777, "203.0.113.5", 443, kFirst);
  const SessionHandle dns = gateway_.open("10.128.0.11", 7777, "203.0.113.5", 53, kFirst);
  const std::string denying =
      replaced(kWorkedConfig, "rules = (", R"(rules = ( { namespace = "payments";
        action = "deny"; ports = [ "udp/53" ]; },)");
  EXPECT_EQ(apply(denying, {{"revalidate", true}, {"dry_run", true}})["ended"], 0);
  EXPECT_TRUE(gateway_.table().is_live(dns));
  EXPECT_FALSE(apply(denying).contains("ended"));
  EXPECT_TRUE(gateway_.table().is_live(dns));
  EXPECT_EQ(apply(denying, {{"revalidate", true}})["ended"], 1);
  EXPECT_TRUE(gateway_.table().is_live(web));
  EXPECT_FALSE(gateway_.table().is_live(dns));
  EXPECT_EQ(gateway_.counters().session_deleted.read(), 1u);
  EXPECT_EQ(result("config.rollback", {{"revalidate", true}})["ended"], 0);
}

}  // namespace
}  // namespace postern
