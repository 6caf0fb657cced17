// egress_ips.drain from the request to what the lists show.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "test/unit/control/worked_gateway.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr char kPaymentsOut[] = "192.0.2.50";
constexpr int kSessions = 100;

class DrainMethodsTest : public testing::Test {
 protected:
  DrainMethodsTest() {
    for (int i = 0; i < kSessions; ++i) {
      gateway_.open("10.128.0.11", static_cast<uint16_t>(1024 + i), "203.0.113.5", 53,
                    kPaymentsOut);
    }
    gateway_.open("10.128.2.5", 1024, "203.0.113.5", 53, "192.0.2.60");
  }
  json row() { return gateway_.result("egress_ips.list", {{"name", "payments-out"}})["rows"][0]; }
  // The code and the words of the refusal.
  std::string error(const json& params) {
    const json error = gateway_.call("egress_ips.drain", params)["error"];
    return std::to_string(error.value("code", 0)) + " " + error.value("message", "");
  }

  WorkedGateway gateway_{kWorkedConfig};
};

TEST_F(DrainMethodsTest, IsShownUntilNothingIsLeft) {
  EXPECT_EQ(row()["state"], "active");
  const json answer = gateway_.result("egress_ips.drain", {{"address", kPaymentsOut}});
  EXPECT_EQ(answer["sessions_left"], kSessions);
  EXPECT_EQ(row()["state"], "draining");
  EXPECT_EQ(row()["by_address"][0]["state"], "draining");
  gateway_.result("sessions.delete", {{"filter", "egress 192.0.2.50"}});
  EXPECT_EQ(row()["state"], "drained");
  EXPECT_EQ(gateway_.result("egress_ips.drain", {{"address", kPaymentsOut}})["sessions_left"], 0);
  gateway_.result("egress_ips.drain", {{"address", kPaymentsOut}, {"undo", true}});
  EXPECT_EQ(row()["state"], "active");
}

TEST_F(DrainMethodsTest, EndsWhatIsLeftAtTheDeadline) {
  gateway_.result("egress_ips.drain", {{"address", kPaymentsOut}, {"deadline", "10s"}});
  EXPECT_EQ(row()["by_address"][0]["deadline_s"], 10);
  gateway_.pass(std::chrono::seconds(9));
  EXPECT_EQ(row()["sessions"], kSessions);
  gateway_.pass(std::chrono::seconds(2));
  EXPECT_EQ(row()["sessions"], 0);
  EXPECT_EQ(gateway_.table().live(), 1u) << "the other address keeps its session";
}

TEST_F(DrainMethodsTest, UndoAndANewDeadlineCallTheOldOneOff) {
  gateway_.result("egress_ips.drain", {{"address", kPaymentsOut}, {"deadline", "10s"}});
  gateway_.result("egress_ips.drain", {{"address", kPaymentsOut}, {"deadline", "1h"}});
  gateway_.pass(std::chrono::seconds(20));
  EXPECT_EQ(row()["sessions"], kSessions);
  gateway_.result("egress_ips.drain", {{"address", kPaymentsOut}, {"undo", true}});
  gateway_.pass(std::chrono::minutes(61));
  EXPECT_EQ(row()["sessions"], kSessions);
}

TEST_F(DrainMethodsTest, OutlivesAChangeOfTheFileAsLongAsTheAddressIsThere) {
  gateway_.result("egress_ips.drain", {{"address", kPaymentsOut}});
  gateway_.result("config.apply", {{"text", std::string(kWorkedConfig)}});
  EXPECT_EQ(row()["state"], "draining");
  std::string without = kWorkedConfig;
  without.replace(without.find(kPaymentsOut), 10, "192.0.2.55");
  gateway_.result("config.apply", {{"text", without}});
  gateway_.result("config.apply", {{"text", std::string(kWorkedConfig)}});
  EXPECT_EQ(row()["state"], "active");
}

TEST_F(DrainMethodsTest, OnlyTriesWhereItIsToldSo) {
  const json answer =
      gateway_.result("egress_ips.drain", {{"address", kPaymentsOut}, {"dry_run", true}});
  EXPECT_EQ(answer["sessions_left"], kSessions);
  EXPECT_EQ(row()["state"], "active");
}

TEST_F(DrainMethodsTest, RefusesWhatItCannotDo) {
  EXPECT_EQ(error({{"address", "192.0.2.99"}}),
            "1005 192.0.2.99 is no egress address; posternctl show egress-ips shows them");
  EXPECT_EQ(error({{"address", "nonsense"}}),
            "-32602 `address`: \"nonsense\" is not an IPv4 address; write one of those that "
            "posternctl show egress-ips shows");
  EXPECT_EQ(
      error({{"address", kPaymentsOut}, {"deadline", "soon"}}),
      "-32602 `deadline`: \"soon\" is not a duration in h, m and s such as \"10m\" or \"1h30m\"");
  EXPECT_EQ(error({{"address", kPaymentsOut}, {"deadline", "1s"}, {"undo", true}}),
            "-32602 `deadline` and `undo` do not go together");
  EXPECT_EQ(error({{"address", kPaymentsOut}, {"if_generation", 77}}),
            "1009 the generation is 1, not 77; nothing was changed");
  EXPECT_EQ(row()["state"], "active");
}

}  // namespace
}  // namespace postern
