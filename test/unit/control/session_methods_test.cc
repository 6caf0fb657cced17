// sessions.list, count and delete against a worker's table.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "control/methods/session_top.h"
#include "test/unit/control/worked_gateway.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr int kPayments = 3000;
constexpr int kShop = 40;

class SessionMethodsTest : public testing::Test {
 protected:
  SessionMethodsTest() {
    for (int i = 0; i < kPayments; ++i) {
      gateway_.open(i % 2 == 0 ? "10.128.0.11" : "10.128.0.12", static_cast<uint16_t>(1024 + i),
                    "203.0.113.5", 53, "192.0.2.50");
    }
    for (int i = 0; i < kShop; ++i) {
      gateway_.open("10.128.2.5", static_cast<uint16_t>(1024 + i), "203.0.113.6", 443, "192.0.2.60",
                    kTcp);
    }
  }
  // The source ports of the rows that fit, read `limit` at a time.
  std::multiset<int> ports(const std::string& filter, int limit) {
    std::multiset<int> found;
    json params = {{"filter", filter}, {"limit", limit}};
    for (int pages = 0; pages < kPayments + kShop; ++pages) {
      const json page = gateway_.result("sessions.list", params);
      EXPECT_LE(page["rows"].size(), static_cast<size_t>(limit));
      for (const json& row : page["rows"]) found.insert(row["original"]["sport"].get<int>());
      if (page["cursor"].is_null()) break;
      EXPECT_EQ(page["rows"].size(), static_cast<size_t>(limit)) << "only the last page is short";
      params["cursor"] = page["cursor"];
    }
    return found;
  }
  json count(const json& params) { return gateway_.result("sessions.count", params)["count"]; }

  WorkedGateway gateway_{kWorkedConfig};
};

TEST_F(SessionMethodsTest, ListsWhatFitsPageByPage) {
  EXPECT_EQ(ports("", 997).size(), size_t{kPayments + kShop});
  const std::multiset<int> even = ports("namespace payments and src 10.128.0.11", 97);
  ASSERT_EQ(even.size(), size_t{kPayments / 2});
  EXPECT_EQ(std::set<int>(even.begin(), even.end()).size(), even.size()) << "a session twice";
  for (const int port : even) EXPECT_EQ(port % 2, 0);
  EXPECT_EQ(ports("namespace shop and src port 1030", 10), std::multiset<int>{1030});
  EXPECT_EQ(ports("state new and node node-2 and egress 192.0.2.60", 1000).size(), size_t{kShop});
  EXPECT_TRUE(ports("egress 192.0.2.61", 1000).empty());
}

TEST_F(SessionMethodsTest, CountsWhatFits) {
  EXPECT_EQ(count(json::object()), kPayments + kShop);
  EXPECT_EQ(count({{"filter", ""}}), kPayments + kShop);
  EXPECT_EQ(count({{"filter", "udp"}}), kPayments);
  EXPECT_EQ(count({{"filter", "tcp and dst port 443"}}), kShop);
}

TEST_F(SessionMethodsTest, DeletesExactlyWhatFits) {
  const json deleted =
      gateway_.result("sessions.delete", {{"filter", "src 10.128.0.12 and dst port 53"}});
  EXPECT_EQ(deleted["count"], kPayments / 2);
  EXPECT_EQ(count({{"filter", "src 10.128.0.12"}}), 0);
  EXPECT_EQ(count({{"filter", "src 10.128.0.11"}}), kPayments / 2);
  EXPECT_EQ(count({{"filter", "namespace shop"}}), kShop);
  EXPECT_EQ(gateway_.counters().session_deleted.read(), uint64_t{kPayments / 2});
  EXPECT_EQ(gateway_.result("sessions.delete", {{"all", true}})["count"], kPayments / 2 + kShop);
  EXPECT_EQ(count(json::object()), 0);
  EXPECT_EQ(gateway_.table().live(), 0u);
}

TEST_F(SessionMethodsTest, RefusesToGuessWhatToDelete) {
  for (const json& params : {json::object(), json{{"filter", ""}}, json{{"all", false}},
                             json{{"filter", "tcp"}, {"all", true}}}) {
    EXPECT_EQ(gateway_.call("sessions.delete", params)["error"]["code"], kRpcInvalidParams)
        << params;
  }
  EXPECT_EQ(gateway_.table().live(), uint32_t{kPayments + kShop});
}

TEST_F(SessionMethodsTest, NamesTheWordOfAWrongFilter) {
  for (const char* method : {"sessions.list", "sessions.count", "sessions.delete"}) {
    const json error = gateway_.call(method, {{"filter", "src nowhere"}})["error"];
    EXPECT_EQ(error["code"], kRpcInvalidParams);
    EXPECT_EQ(error["message"], "`filter`: \"src\" takes an address or a prefix, not \"nowhere\"");
    EXPECT_EQ(error["data"]["errors"][0]["path"], "filter");
  }
}

TEST_F(SessionMethodsTest, WarnsOfNamesThatStandForNothing) {
  const json expected = json::parse(R"([{"path": "filter",
      "text": "there is no namespace \"paymnts\"", "hint": "did you mean payments?"}])");
  const json params = {{"filter", "src 10.128.0.11 and not (namespace paymnts and tcp)"}};
  for (const char* method : {"sessions.list", "sessions.count"}) {
    EXPECT_EQ(gateway_.result(method, params)["warnings"], expected) << method;
  }
  EXPECT_EQ(gateway_.result("sessions.delete", {{"filter", "namespace paymnts"}}),
            (json{{"count", 0}, {"warnings", expected}}));
  const json node = gateway_.result("sessions.count", {{"filter", "node xyzzy"}});
  EXPECT_EQ(node["warnings"][0]["text"], "there is no node \"xyzzy\"");
  EXPECT_FALSE(
      gateway_.result("sessions.count", {{"filter", "namespace shop"}}).contains("warnings"));
}

TEST_F(SessionMethodsTest, TopSumsByWhatIsAskedFor) {
  const SessionHandle busy = gateway_.open("10.128.2.6", 7, "203.0.113.7", 443, "192.0.2.61", kTcp);
  gateway_.count(busy, Direction::kOutbound, 1000);
  gateway_.count(busy, Direction::kInbound, 5000);
  const auto top = [this](const json& params) {
    return gateway_.result("sessions.top", params)["rows"];
  };
  const json pods = top({{"by", "pods"}});
  ASSERT_EQ(pods.size(), 4u);
  EXPECT_EQ(pods[0], (json{{"key", "10.128.2.6"},
                           {"namespace", "shop"},
                           {"sessions", 1},
                           {"packets", {{"out", 1}, {"in", 1}}},
                           {"bytes", {{"out", 1000}, {"in", 5000}}}}));
  EXPECT_EQ(pods[1]["key"], "10.128.0.11") << "no bytes: by sessions, then by key";
  EXPECT_EQ(pods[2]["key"], "10.128.0.12");
  EXPECT_EQ(pods[2]["sessions"], kPayments / 2);
  EXPECT_EQ(pods[3]["sessions"], kShop);
  EXPECT_EQ(top(json::object()), pods) << "pods where nothing is said";
  EXPECT_EQ(top({{"limit", 2}}).size(), 2u);

  const json namespaces = top({{"by", "namespaces"}});
  ASSERT_EQ(namespaces.size(), 2u);
  EXPECT_EQ(namespaces[0]["key"], "shop");
  EXPECT_EQ(namespaces[0]["sessions"], kShop + 1);
  EXPECT_FALSE(namespaces[0].contains("namespace"));
  EXPECT_EQ(namespaces[1]["key"], "payments");
  const json destinations = top({{"by", "destinations"}});
  ASSERT_EQ(destinations.size(), 3u);
  EXPECT_EQ(destinations[0]["key"], "203.0.113.7");
  EXPECT_EQ(destinations[1]["key"], "203.0.113.5");
  const json addresses = top({{"by", "egress-ips"}});
  ASSERT_EQ(addresses.size(), 3u);
  EXPECT_EQ(addresses[0]["key"], "192.0.2.61");
  EXPECT_EQ(addresses[1]["key"], "192.0.2.50");
  EXPECT_EQ(addresses[2]["sessions"], kShop);
}

TEST_F(SessionMethodsTest, TopOfARemovedPodHasNoRow) {
  gateway_.result("namespaces.patch", {{"remove", {{"payments", {"10.128.0.11"}}}}});
  const json top = gateway_.result("sessions.top", json::object());
  for (const json& row : top["rows"]) {
    EXPECT_NE(row["key"], "10.128.0.11");
  }
}

TEST(SessionTop, KeepsTheLargestWhateverManyThereAre) {
  WorkedGateway gateway(kWorkedConfig);
  SessionTop top(TopBy::kDestinations, 100);
  const Snapshot& snapshot = gateway.context().gateway->snapshot();
  SessionCopy copy{};
  copy.entry.vni_protocol = OutboundKey::pack(100, kUdp);
  for (uint32_t i = 0; i < 100'000; ++i) {
    copy.entry.remote_ip = Ipv4Address{0xcb007100 + i}.wire();
    copy.entry.outbound_bytes = i % 1000 == 0 ? 1'000'000 + i : 10;
    top.add(snapshot, copy);
    copy.entry.remote_ip = Ipv4Address{0x01020304}.wire();
    copy.entry.outbound_bytes = 50;
    top.add(snapshot, copy);
  }
  const json rows = top.rows(gateway.context().gateway->names(), 1000);
  EXPECT_LE(rows.size(), 100u);
  EXPECT_EQ(rows[0]["key"], "1.2.3.4");
  EXPECT_EQ(rows[0]["sessions"], 100'000);
  EXPECT_EQ(rows[0]["bytes"]["out"], 5'000'000);
  EXPECT_EQ(rows[1]["bytes"]["out"], 1'099'000);
}

}  // namespace
}  // namespace postern
