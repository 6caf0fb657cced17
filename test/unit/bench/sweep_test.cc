#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/child_run.h"
#include "bench/sweep_command.h"
#include "bench/sweep_plan.h"

namespace postern::bench {
namespace {

using Json = nlohmann::ordered_json;
using Steps = std::vector<uint32_t>;

TEST(Sweep, LaddersAreRangesOrLists) {
  EXPECT_EQ(ladder_of("1k..16M"), Steps(kCsitLadder.begin(), kCsitLadder.end()));
  EXPECT_EQ(ladder_of("64k..1M"), (Steps{64'512, 258'048, 1'032'192}));
  EXPECT_EQ(ladder_of("1008..64512"), (Steps{1'008, 64'512}));
  EXPECT_EQ(ladder_of("64k,1000,64k"), (Steps{1000, 65536}));
  for (const char* bad :
       {"", "..", "1k..", "2k..3k", "16M..1k", "1k,,2k", "1k-16M", "0", "1k..17M"}) {
    EXPECT_FALSE(ladder_of(bad)) << bad;
  }
}

TEST(Sweep, WhatDoesNotFitIsLeftOut) {
  EXPECT_LT(bytes_needed(1'008), uint64_t{300} << 20);
  EXPECT_GT(bytes_needed(16'515'072), uint64_t{1800} << 20);
  const MemoryAtHand plenty{.available_mb = 8000, .huge_mb = 0};
  const MemoryAtHand little{.available_mb = 1000, .huge_mb = 100};
  const MemoryAtHand huge{.available_mb = 1000, .huge_mb = 4000};  // the table is in huge pages
  EXPECT_EQ(why_left_out(16'515'072, plenty), "");
  EXPECT_EQ(why_left_out(16'515'072, huge), "");
  EXPECT_EQ(why_left_out(1'032'192, little), "");
  const std::string reason = why_left_out(16'515'072, little);
  EXPECT_NE(reason.find("MiB are needed"), std::string::npos) << reason;
  EXPECT_NE(reason.find("there are 1000 MiB, and 100 in huge pages"), std::string::npos) << reason;
}

// What is wrong with the words, and the options.
std::string read(std::vector<const char*> words, SweepOptions& options) {
  words.insert(words.begin(), "sweep");
  const CommandLine line = read_command_line(words, sweep_grammar(options));
  if (line.error.empty()) options.which = line.words[0];
  return line.error;
}

TEST(Sweep, OptionsAreTakenOrPassedOn) {
  SweepOptions all;
  EXPECT_EQ(read({"nat-out"}, all), "");
  EXPECT_EQ(all.sessions.size(), 6u);
  EXPECT_EQ(all.draws, (std::vector<Draw>{Draw::kUniform, Draw::kZipf}));
  SweepOptions some;
  EXPECT_EQ(read({"nat-in", "--sessions", "64k", "--draw", "zipf", "--duration", "1s", "--port",
                  "net_ring", "--json", "out.json"},
                 some),
            "");
  EXPECT_EQ(some.json, "out.json");
  EXPECT_EQ(
      words_of_point(some, Draw::kZipf, 65536, "p.json"),
      (std::vector<std::string>{"run", "nat-in", "--sessions", "65536", "--draw", "zipf",
                                "--duration", "1s", "--port", "net_ring", "--json", "p.json"}));
  EXPECT_NE(read({"nat-in", "--draw", "normal"}, some), "");
  EXPECT_NE(read({"nat-in", "--sessions", "many"}, some), "");
  EXPECT_NE(read({}, some), "");
}

TEST(Sweep, WhatRunDoesNotTakeIsAUsageError) {
  const auto status = [](std::vector<const char*> words) { return sweep_command(words); };
  EXPECT_EQ(status({"sweep", "nat-sideways"}), 2);
  EXPECT_EQ(status({"sweep", "nat-out", "--size", "63"}), 2);
  EXPECT_EQ(status({"sweep", "--help"}), 0);
  EXPECT_EQ(status({"sweep", "nat-out", "--json", "/nonexistent/x.json"}), 1);
}

TEST(Sweep, PointsAreResultsWithoutTheirSamples) {
  const Json result = {{"case", "nat-out"},
                       {"sessions", 1008},
                       {"draw", "zipf"},
                       {"net_cycles_per_packet", 101.5},
                       {"net_cycles_per_packet_interval", {100.5, 102.5}},
                       {"disturbed", true},
                       {"samples", {{{"net", 1}}, {{"net", 2}}}},
                       {"environment", {{"cpu", "X"}, {"session_pages", "huge"}}}};
  const Json point = point_of(result);
  EXPECT_EQ(point["sessions"], 1008);
  EXPECT_EQ(point["draw"], "zipf");
  EXPECT_EQ(point["samples"], 2);
  EXPECT_EQ(point["session_pages"], "huge");
  EXPECT_EQ(point["net_cycles_per_packet"], 101.5);
  EXPECT_FALSE(point.contains("environment"));
  const std::string table = table_of({{"case", "nat-out"}, {"points", {point}}});
  EXPECT_NE(table.find("zipf          1008                 101.5   100.5 to 102.5  disturbed"),
            std::string::npos)
      << table;
}

TEST(ChildRun, SaysHowItEnded) {
  const ChildEnd well = run_child({"-c", "exit 0"}, "/bin/sh");
  EXPECT_EQ(well.status, 0);
  EXPECT_EQ(well.said, "");
  const ChildEnd badly = run_child({"-c", "echo one >&2; echo two >&2; exit 3"}, "/bin/sh");
  EXPECT_EQ(badly.status, 3);
  EXPECT_EQ(badly.said, "two");
  EXPECT_EQ(run_child({"-c", "kill -9 $$"}, "/bin/sh").status, 128 + 9);
  EXPECT_EQ(run_child({}, "/nonexistent").status, 127);
}

}  // namespace
}  // namespace postern::bench
