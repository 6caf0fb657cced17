// The methods about configurations: what a change would do, what it did, and what is in force.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
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

// What of a port, a group and a list of entries needs a restart: its key and its line.
TEST_F(ConfigMethodsTest, WhatNeedsARestartComesWithItsLine) {
  const auto faults = [this](const std::string& text) {
    std::string joined;
    const json refused = error("config.apply", {{"text", text}});
    EXPECT_EQ(refused["code"], 1009) << refused;
    const json errors = refused["data"]["errors"];
    for (const json& each : errors) {
      joined += each.value("file", "") + ":" + std::to_string(each.value("line", 0)) + ": " +
                each.value("path", "") + ": " + each.value("text", "") + "; " +
                each.value("hint", "") + "\n";
    }
    return joined;
  };
  const std::string cannot = ": cannot change while the gateway runs; restart it\n";
  EXPECT_EQ(faults(edited("role = \"cluster\";", "role = \"cluster\"; mtu = 1400;")),
            "text:4: ports.underlay.mtu" + cannot);
  EXPECT_EQ(faults(edited("gateway = \"192.0.2.1\"", "gateway = \"192.0.2.9\"")),
            "text:6: ports.uplink.gateway" + cannot);
  EXPECT_EQ(faults(edited("gw-a", "gw-b")), "text:2: gateway.name" + cannot);
  EXPECT_EQ(faults(edited("\"uplink\"", "\"upper\"")),
            "text:4: ports.uplink" + cannot + "text:5: ports.upper" + cannot);
  EXPECT_EQ(faults(std::string(kWorkedConfig) +
                   "sessions : {\n  max = 4096;\n  port_range = \"2048-4095\"; };\n"),
            "text:23: sessions.max" + cannot + "text:25: sessions.port_range" + cannot);
}

// Who changed what is in the log at level info; patches and trials are at debug.
TEST_F(ConfigMethodsTest, ChangesAreLogged) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_NONBLOCK), 0);
  Log log(ends[1]);
  gateway_.context().log = &log;
  const auto logged = [&ends] {
    std::array<char, 4096> buffer{};
    const ssize_t got = read(ends[0], buffer.data(), buffer.size());
    return std::string(buffer.data(), got > 0 ? static_cast<size_t>(got) : 0);
  };
  const std::string file = testing::TempDir() + "config_methods_log_" + std::to_string(getpid());
  std::ofstream(file) << edited("\"shop-out\"", "\"shop-in\"");
  const Peer peer;
  const std::string by = " by uid " + std::to_string(peer.uid) + " pid " + std::to_string(peer.pid);
  gateway_.result("config.apply", {{"path", file}, {"dry_run", true}});
  gateway_.result("namespaces.patch", {{"add", {{"shop", {"10.128.1.9"}}}}});
  EXPECT_EQ(logged(), "");
  gateway_.result("config.apply", {{"path", file}, {"confirm_timeout", "1m"}});
  EXPECT_EQ(logged(), "info: config.apply " + file + by + ": generation 3\n");
  gateway_.result("config.confirm", json::object());
  EXPECT_EQ(logged(), "info: config.confirm" + by + ": generation 3\n");
  gateway_.result("config.rollback", json::object());
  EXPECT_EQ(logged(), "info: config.rollback" + by + ": generation 4\n");
  gateway_.result("config.apply", {{"text", kWorkedConfig}});
  EXPECT_EQ(logged(), "info: config.apply of a text" + by + ": generation 5\n");
  log.set_level(config::LogLevel::kDebug);
  gateway_.result("namespaces.patch", {{"remove", {{"shop", {"10.128.1.9"}}}}});
  EXPECT_EQ(logged(), "debug: namespaces.patch" + by + ": generation 6\n");
  std::filesystem::remove(file);
  close(ends[0]);
  close(ends[1]);
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
  json expected = diff(empty(), empty(), {"egress_ips.payments-out"});
  expected["details"] = json::array({{{"path", "egress_ips.payments-out"},
                                      {"key", "addresses"},
                                      {"old", "[ \"192.0.2.50\" ]"},
                                      {"new", "[ \"192.0.2.51\" ]"}}});
  EXPECT_EQ(tried["diff"], expected);
  EXPECT_EQ(tried["generation"], 1);
  json applied = gateway_.result("config.apply", {{"text", text}});
  EXPECT_EQ(applied["diff"], tried["diff"]);
  EXPECT_EQ(applied["generation"], 2);
  applied = gateway_.result("config.apply", {{"text", text}});
  EXPECT_EQ(applied["diff"], diff(empty(), empty(), empty()));
}

// A pod that no node can have is taken, as the file's are, and told of.
TEST_F(ConfigMethodsTest, PatchesWarnOfPodsOnNoNode) {
  const auto warnings = [this](const json& params) {
    return gateway_.result("namespaces.patch", params).value("warnings", json::array());
  };
  EXPECT_EQ(warnings({{"add", {{"shop", {"10.128.3.7"}}}}}), json::array());
  const json params = {{"add", {{"shop", {"10.130.0.0/24", "10.128.3.8", "10.131.0.1"}}}}};
  json tried = params;
  tried["dry_run"] = true;
  const json warned =
      json::array({{{"file", ""},
                    {"line", 0},
                    {"path", "add.shop"},
                    {"text",
                     "2 of 3 outside of every node's pod_cidrs, first "
                     "10.130.0.0/24"},
                    {"hint", "packets from there are dropped until a node has them"}}});
  EXPECT_EQ(warnings(tried), warned);
  EXPECT_EQ(warnings(params), warned);
  EXPECT_EQ(warnings(params), json::array()) << "they are there already";
  EXPECT_EQ(warnings({{"remove", {{"shop", {"10.131.0.1"}}}}}), json::array());
  // A prefix around a node's is on that node in part.
  EXPECT_EQ(warnings({{"remove", {{"shop", {"10.130.0.0/24"}}}},
                      {"add", {{"payments", {"10.128.0.32/27"}}}}}),
            json::array());
}

// A patch that takes away what is no pod changes nothing now, but is remembered, and says so.
TEST_F(ConfigMethodsTest, PatchesWarnOfPodsThatWereNone) {
  const auto patch = [this](const json& params) {
    return gateway_.result("namespaces.patch", params);
  };
  json answer = patch({{"remove", {{"shop", {"10.128.3.9"}}}}});
  EXPECT_EQ(answer["changed"], 0);
  EXPECT_EQ(answer["warnings"],
            json::array({{{"file", ""},
                          {"line", 0},
                          {"path", "remove.shop"},
                          {"text",
                           "10.128.3.9 was no pod of shop: it stays out also where a later file "
                           "names it"},
                          {"hint", "{\"reset\": true} or adding it takes that back"}}}));
  const json many = {"10.128.3.1", "10.128.3.2", "10.128.3.3", "10.128.3.4", "10.128.3.5"};
  answer = patch({{"remove", {{"shop", many}}}});
  ASSERT_EQ(answer["warnings"].size(), 4u);
  EXPECT_EQ(answer["warnings"][3]["text"],
            "... and 2 more of 5 that were no pods stay out as well");
  // A pod that goes, even said twice, and one that comes back in the same patch, need no word.
  const json twice = {"10.128.2.0/26", "10.128.2.0/26"};
  EXPECT_FALSE(patch({{"remove", {{"shop", twice}}}}).contains("warnings"));
  EXPECT_FALSE(patch({{"remove", {{"shop", {"10.128.3.9"}}}}, {"add", {{"shop", {"10.128.3.9"}}}}})
                   .contains("warnings"));
  EXPECT_FALSE(patch({{"reset", true}}).contains("warnings"));
}

// A file that names pods which a patch took out is told of it, with their lines.
TEST_F(ConfigMethodsTest, FilesAreWarnedOfPodsThatAPatchKeepsOut) {
  std::string text = kWorkedConfig;
  const json asked = {{"text", text}};
  EXPECT_FALSE(gateway_.result("config.diff", asked).contains("warnings"));
  gateway_.result("namespaces.patch", {{"remove", {{"payments", {"10.128.0.12"}}}}});
  const auto line = 1 + std::count(text.begin(), text.begin() + text.find("\"10.128.0.12\""), '\n');
  const json warned =
      json::array({{{"file", "text"},
                    {"line", line},
                    {"path", "namespaces.payments.pods"},
                    {"text", "10.128.0.12 stays out: namespaces.patch took it out"},
                    {"hint", "put it back: posternctl namespace add payments 10.128.0.12"}}});
  EXPECT_EQ(gateway_.result("config.diff", asked)["warnings"], warned);
  EXPECT_EQ(gateway_.result("config.apply", asked)["warnings"], warned);
  EXPECT_EQ(gateway_.owner("10.128.0.12"), "-");
  // Of many the first three and how many more.
  const std::string pods =
      "\"10.128.0.12\", \"10.128.0.13\", \"10.128.0.14\", \"10.128.0.15\", "
      "\"10.128.0.16\"";
  text.replace(text.find("\"10.128.0.12\""), 13, pods);
  const json others = {"10.128.0.13", "10.128.0.14", "10.128.0.15", "10.128.0.16"};
  gateway_.result("namespaces.patch", {{"remove", {{"payments", others}}}});
  const json told = gateway_.result("config.diff", {{"text", text}})["warnings"];
  ASSERT_EQ(told.size(), 4u) << told;
  EXPECT_EQ(told[3]["text"],
            "... and 2 more of 5 pods of the file that namespaces.patch keeps out");
  gateway_.result("namespaces.patch", {{"reset", true}});
  EXPECT_FALSE(gateway_.result("config.diff", {{"text", text}}).contains("warnings"));
}

// Pods over the socket are read as the file's are, with the same words.
TEST_F(ConfigMethodsTest, PodsOfAPatchAreReadAsTheFiles) {
  const auto text = [this](const char* pod) {
    return error("namespaces.patch", {{"add", {{"shop", {pod}}}}})["data"]["errors"][0]["text"];
  };
  EXPECT_EQ(text("10.128.0.300"),
            "must be a prefix such as \"192.0.2.0/24\", or an address, is \"10.128.0.300\"");
  EXPECT_EQ(text("10.128.3.1/24"),
            "\"10.128.3.1/24\" has host bits: write \"10.128.3.1\" or \"10.128.3.0/24\"");
  EXPECT_EQ(text("2001:db8::7"), "not supported yet: IPv6 (2001:db8::7)");
  EXPECT_EQ(text("0.0.0.0"), "\"0.0.0.0\" is no host's address: write \"0.0.0.0/0\" for all");
}

TEST_F(ConfigMethodsTest, StatusCountsThePodsOfTheLayer) {
  json status = gateway_.result("status", json::object());
  EXPECT_EQ(status["pods_added"], 0);
  EXPECT_EQ(status["pods_removed"], 0);
  gateway_.result("namespaces.patch", {{"add", {{"shop", {"10.128.3.7", "10.128.3.8"}}}},
                                       {"remove", {{"payments", {"10.128.0.12"}}}}});
  status = gateway_.result("status", json::object());
  EXPECT_EQ(status["pods_added"], 2);
  EXPECT_EQ(status["pods_removed"], 1);
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
