// The methods about configurations: what a change would do, what it did, and what is in force.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "test/unit/control/worked_gateway.h"

namespace postern {
namespace {

using nlohmann::json;

class ConfigMethodsTest : public testing::Test {
 protected:
  static std::string edited(std::string_view what, std::string_view by) {
    std::string text = kWorkedConfig;
    const size_t at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), by);
  }
  json error(std::string_view method, const json& params) {
    json answer = gateway_.call(method, params);
    EXPECT_TRUE(answer.contains("error")) << answer;
    return answer.value("error", json::object());
  }
  static json diff(const json& added, const json& removed, const json& changed) {
    return {
        {"added", added}, {"removed", removed}, {"changed", changed}, {"needs_restart", empty()}};
  }
  static json empty() { return json::array(); }

  WorkedGateway gateway_{kWorkedConfig};
};

TEST_F(ConfigMethodsTest, DiffSaysWhatWouldChange) {
  EXPECT_EQ(gateway_.result("config.diff", {{"text", kWorkedConfig}}),
            diff(empty(), empty(), empty()));
  EXPECT_EQ(gateway_.result("config.diff", {{"text", edited("\"shop-out\"", "\"shop-in\"")}}),
            diff({"egress_ips.shop-in"}, {"egress_ips.shop-out"}, empty()));
  const json restart = gateway_.result("config.diff", {{"text", edited("gw-a", "gw-b")}});
  EXPECT_EQ(restart["needs_restart"], json({"gateway.name"}));
  EXPECT_EQ(restart["changed"], json({"gateway.name"}));
  EXPECT_EQ(gateway_.result("config.get", json::object())["generation"], 1);
}

TEST_F(ConfigMethodsTest, DiffOfABadConfigurationIsAnError) {
  const json bad = error("config.diff", {{"text", "version = 1;"}});
  EXPECT_EQ(bad["code"], 1003);
  EXPECT_EQ(bad["message"], "the configuration has 4 errors");
  EXPECT_EQ(bad["data"]["errors"].size(), 4u);
  EXPECT_EQ(error("config.diff", {{"text", ""}, {"path", "/x"}})["code"], kRpcInvalidParams);
  EXPECT_EQ(error("config.diff", {{"path", "/no/such"}})["data"]["errors"][0]["file"], "/no/such");
}

// More errors than anybody reads: the first ones, and how many more, in an answer that arrives.
TEST_F(ConfigMethodsTest, VeryManyErrorsAreToldInBounds) {
  const std::vector<std::string> bad(2500, "10.128.0.300");
  const json errors = error("namespaces.patch", {{"add", {{"shop", bad}}}})["data"]["errors"];
  ASSERT_EQ(errors.size(), 1001u);
  EXPECT_EQ(errors[999]["path"], "add.shop[999]");
  EXPECT_EQ(errors[1000]["text"], "and 1500 more");
}

TEST_F(ConfigMethodsTest, ApplyAnswersWithTheDiff) {
  const std::string text = edited("192.0.2.50", "192.0.2.51");
  json tried = gateway_.result("config.apply", {{"text", text}, {"dry_run", true}});
  EXPECT_EQ(tried["diff"], diff(empty(), empty(), {"egress_ips.payments-out"}));
  EXPECT_EQ(tried["generation"], 1);
  json applied = gateway_.result("config.apply", {{"text", text}});
  EXPECT_EQ(applied["diff"], tried["diff"]);
  EXPECT_EQ(applied["generation"], 2);
  applied = gateway_.result("config.apply", {{"text", text}});
  EXPECT_EQ(applied["diff"], diff(empty(), empty(), empty()));
}

TEST_F(ConfigMethodsTest, GetAnswersWithWhatIsInForce) {
  gateway_.result("namespaces.patch", {{"add", {{"payments", {"10.128.0.99"}}}}});
  const json got = gateway_.result("config.get", json::object());
  EXPECT_EQ(got["generation"], 2);
  const std::string text = got["text"];
  EXPECT_NE(text.find("10.128.0.12"), std::string::npos);
  EXPECT_EQ(text.find("10.128.0.99"), std::string::npos) << "of the layer";
  const json again = gateway_.result("config.apply", {{"text", text}});
  EXPECT_EQ(again["diff"], diff(empty(), empty(), empty()));
}

}  // namespace
}  // namespace postern
