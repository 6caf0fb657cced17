#include "bench/ndr_command.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "bench/ndr_search.h"

namespace postern::bench {
namespace {

// The options of "ndr nat-in ..." and what was wrong with them.
std::string read(std::vector<const char*> words, NdrOptions& options) {
  words.insert(words.begin(), "ndr");
  const CommandLine line = read_command_line(words, ndr_grammar(options));
  if (!line.error.empty()) return line.error;
  return take_case(line.words[0], options);
}

TEST(NdrOptions, DefaultsAreBothRatesByBothMethods) {
  NdrOptions options;
  EXPECT_EQ(read({"nat-in"}, options), "");
  EXPECT_EQ(options.which, LoadCase::kNatIn);
  EXPECT_EQ(options.loss_ratios, (std::vector<double>{0, 0.005}));
  EXPECT_TRUE(options.rfc2544);
  EXPECT_TRUE(options.mlrsearch);
  EXPECT_FALSE(options.max_rate);
}

TEST(NdrOptions, EveryOptionIsTaken) {
  NdrOptions options;
  EXPECT_EQ(read({"--sessions", "64k",       "--size",    "512",  "--json",    "out.json",
                  "--memory",   "no-huge",   "--cpu",     "1",    "--loss",    "0,0.1%,1%",
                  "--method",   "mlrsearch", "--trial",   "60s",  "--initial", "2s",
                  "--sum",      "120s",      "--exceed",  "0.25", "--width",   "1%",
                  "--max-rate", "14.88M",    "--retries", "0",    "nat-out"},
                 options),
            "");
  EXPECT_EQ(options.which, LoadCase::kNatOut);
  EXPECT_EQ(options.measuring.sessions, 65536u);
  EXPECT_EQ(options.measuring.frame_bytes, 512u);
  EXPECT_EQ(options.measuring.json, "out.json");
  EXPECT_EQ(options.measuring.memory, MemoryMode::kNoHuge);
  EXPECT_EQ(options.measuring.cpu, 1u);
  EXPECT_EQ(options.loss_ratios, (std::vector<double>{0, 0.001, 0.01}));
  EXPECT_FALSE(options.rfc2544);
  EXPECT_TRUE(options.mlrsearch);
  EXPECT_EQ(options.trial_ms, 60'000u);
  EXPECT_EQ(options.initial_ms, 2000u);
  EXPECT_EQ(options.sum_ms, 120'000u);
  EXPECT_EQ(options.exceed_ratio, 0.25);
  EXPECT_EQ(options.width, 0.01);
  EXPECT_EQ(options.max_rate, 14.88e6);
  EXPECT_EQ(options.retries, 0u);
}

TEST(NdrOptions, WhatIsWrongIsNamed) {
  NdrOptions options;
  EXPECT_EQ(read({"nat-up"}, options), "there is no case \"nat-up\"");
  EXPECT_EQ(read({}, options), "say one case");
  for (const char* bad : {"", "1", "0,,1%", "0,", "2%,110%", "0,0,0,0,0,0,0,0,0"}) {
    EXPECT_NE(read({"nat-in", "--loss", bad}, options), "") << bad;
  }
  EXPECT_NE(read({"nat-in", "--width", "0"}, options), "");
  EXPECT_NE(read({"nat-in", "--method", "guess"}, options), "");
  EXPECT_NE(read({"nat-in", "--size", "63"}, options), "");
  EXPECT_NE(read({"nat-in", "--memory", "swap"}, options), "");
}

NdrResult result() {
  NdrResult found;
  found.range = {.min_load = 1e4, .max_load = 20e6, .width = 0.005};
  found.flooded = 10e6;
  found.rfc2544 = {{.load = 9e6, .above = 9.04e6, .trials = 12, .seconds = 12}, {}};
  found.rfc2544[1].load = 20e6;
  found.mlrsearch.goals = {
      {.lower = 9.9e6, .upper = 9.94e6, .conditional_throughput = 9.9e6, .regular = true},
      {.lower = 20e6, .upper = {}, .conditional_throughput = 19.95e6, .regular = false}};
  LatencyAtLoad at{.share = 0.5, .load = 4.95e6, .trial = {}, .histogram = {}};
  for (int i = 0; i < 100; ++i) at.histogram.add(2000);
  found.latencies.push_back(at);
  return found;
}

TEST(NdrReport, SaysBoundsAndWhatHasNone) {
  const std::string text = ndr_text(NdrOptions{}, result(), 1'000'000'000);
  for (const char* part :
       {"loss up to 0.000 %, RFC 2544   9.000, lost more at 9.040", "20.000, lost more at no rate",
        "loss up to 0.000 %, MLRsearch  9.900 to 9.940, forwards 9.900\n",
        "20.000 to none, forwards 19.950  (irregular)", "latency at  50 % (4.950): us 2.00 p50"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << text;
  }
}

TEST(NdrReport, JsonHasTheSame) {
  nlohmann::ordered_json json;
  write_ndr(NdrOptions{}, result(), 1'000'000'000, json);
  EXPECT_EQ(json["rfc2544"][0]["packets_per_second"], 9e6);
  EXPECT_TRUE(json["rfc2544"][1]["lost_more_at"].is_null());
  EXPECT_EQ(json["mlrsearch"][0]["upper_bound"], 9.94e6);
  EXPECT_EQ(json["mlrsearch"][1]["regular"], false);
  EXPECT_EQ(json["mlrsearch"][1]["loss_ratio"], 0.005);
  EXPECT_EQ(json["latency"][0]["p99.9_ns"], 2000);
  EXPECT_EQ(json["latency"][0]["steps"][0][1], 1);
  EXPECT_EQ(json["goals"]["exceed_ratio"], 0.5);
}

}  // namespace
}  // namespace postern::bench
