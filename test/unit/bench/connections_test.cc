#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "bench/connections_command.h"

namespace postern::bench {
namespace {

TEST(ConnectionSearch, RatesAreFoundFromAnyStart) {
  for (const double edge : {3e3, 0.7e6, 1e6, 4.2e6, 60e6}) {
    for (const double start : {1e3, 1e6, 50e6}) {
      const Throughput found =
          search_rate(start, 1e3, 100e6, 0.01, [&](double rate) { return rate <= edge; });
      ASSERT_TRUE(found.load && found.above) << edge;
      EXPECT_LE(*found.load, edge);
      EXPECT_GT(*found.above, edge);
      EXPECT_LE(*found.above - *found.load, 0.01 * *found.above);
      EXPECT_LT(found.trials, 30u);
    }
  }
}

TEST(ConnectionSearch, RatesCanLieOutside) {
  const Throughput fast = search_rate(1e6, 1e3, 4e6, 0.01, [](double) { return true; });
  EXPECT_EQ(fast.load, 4e6);
  EXPECT_FALSE(fast.above);
  const Throughput dead = search_rate(1e6, 1e3, 4e6, 0.01, [](double) { return false; });
  EXPECT_FALSE(dead.load);
  EXPECT_EQ(dead.above, 1e3);
}

TEST(ConnectionSearch, CapacityIsFoundToTheGrain) {
  for (const uint32_t room : {64u, 1000u, 1008u, 65536u, 1'000'000u}) {
    const auto holds = [&](uint32_t count) { return count <= room; };
    const Capacity exact = search_capacity(8, 1u << 24, UINT32_MAX, holds);
    EXPECT_EQ(exact.connections, room);
    EXPECT_EQ(exact.too_many, room + 1);
    const Capacity rough = search_capacity(8, 1u << 24, 1024, holds);
    EXPECT_LE(*rough.connections, room);
    EXPECT_GT(*rough.too_many, room);
    EXPECT_LE(*rough.too_many - *rough.connections, std::max(1u, *rough.too_many / 1024));
  }
}

TEST(ConnectionSearch, CapacityCanLieOutside) {
  const Capacity all = search_capacity(100, 1600, 1024, [](uint32_t) { return true; });
  EXPECT_EQ(all.connections, 1600u);
  EXPECT_FALSE(all.too_many);
  const Capacity none = search_capacity(100, 1600, 1024, [](uint32_t) { return false; });
  EXPECT_FALSE(none.connections);
  EXPECT_EQ(none.too_many, 100u);
  const Capacity largest =
      search_capacity(1u << 31, UINT32_MAX, 1024, [](uint32_t) { return true; });
  EXPECT_EQ(largest.connections, UINT32_MAX);
}

TEST(Connections, OneMissingPacketSessionOrReplyIsNotValid) {
  const Establishment good{
      .served = {.offered = 100, .forwarded = 100}, .live = 100, .answered = 100, .replies = 100};
  EXPECT_TRUE(good.valid(100));
  EXPECT_FALSE(good.valid(101));
  Establishment bad = good;
  bad.served.forwarded = 99;
  EXPECT_FALSE(bad.valid(100));
  bad = good;
  bad.live = 99;
  EXPECT_FALSE(bad.valid(100));
  bad = good;
  bad.answered = 99;
  EXPECT_FALSE(bad.valid(100));
  bad = good;
  bad.replies = 0;
  EXPECT_FALSE(bad.valid(100));
}

TEST(Connections, OptionsAreTaken) {
  ConnectionsOptions options;
  const char* const words[] = {"connections", "--sessions",   "1M",         "--check",   "25%",
                               "--width",     "2%",           "--max-rate", "5M",        "--trial",
                               "60s",         "--tear-downs", "3",          "--retries", "0"};
  EXPECT_EQ(read_command_line(words, connections_grammar(options)).error, "");
  EXPECT_EQ(options.measuring.sessions, 1u << 20);
  EXPECT_EQ(options.check_share, 0.25);
  EXPECT_EQ(options.width, 0.02);
  EXPECT_EQ(options.max_rate, 5e6);
  EXPECT_EQ(options.trial_ms, 60'000u);
  EXPECT_EQ(options.tear_downs, 3u);
  EXPECT_EQ(options.retries, 0u);
  for (const std::vector<const char*>& bad :
       std::vector<std::vector<const char*>>{{"connections", "nat-out"},
                                             {"connections", "--check", "0"},
                                             {"connections", "--check"},
                                             {"connections", "--tear-downs", "0"},
                                             {"connections", "--sessions", "17M"}}) {
    EXPECT_NE(read_command_line(bad, connections_grammar(options)).error, "") << bad.back();
  }
}

TEST(Connections, ReportsSayWhatWasFound) {
  ConnectionsResult result;
  result.establishment = {.load = 4e6, .above = 4.04e6, .trials = 9, .seconds = 0};
  result.throughput = {.load = 15e6, .above = {}, .trials = 8, .seconds = 8};
  result.tear_downs = {{1000, 0.001}, {1000, 0.0005}, {1000, 0.002}};
  result.capacity = {.connections = 65536, .too_many = 65600, .trials = 14};
  const std::string text = connections_text(ConnectionsOptions{}, result);
  for (const char* part : {"establishment   4.000 M/s, failed at 4.040", "throughput      15.000",
                           "lost at no rate tried", "tear-down       1.000 M/s  (median of 3)",
                           "capacity        65536 connections, configured 65536"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << text;
  }
  nlohmann::ordered_json json;
  write_connections(ConnectionsOptions{}, result, json);
  EXPECT_EQ(json["maximum_connection_establishment_rate"]["per_second"], 4e6);
  EXPECT_TRUE(json["throughput"]["lost_at"].is_null());
  EXPECT_EQ(json["connection_tear_down_rate"]["per_second"], 1e6);
  EXPECT_EQ(json["connection_tracking_table_capacity"]["connections"], 65536);
}

}  // namespace
}  // namespace postern::bench
