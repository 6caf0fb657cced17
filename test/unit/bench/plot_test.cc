#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/plot_script.h"
#include "bench/plot_series.h"

namespace postern::bench {
namespace {

using nlohmann::json;

const json kWhere = {{"cpu", "Some CPU"}, {"commit", "abc"}};

json run_result(const char* name, int sessions, double net) {
  return {{"case", name},         {"sessions", sessions},
          {"port", "memory"},     {"net_cycles_per_packet", net},
          {"draw", "uniform"},    {"net_cycles_per_packet_interval", {net - 1, net + 1}},
          {"environment", kWhere}};
}

PlotInput read(const std::vector<json>& files) {
  PlotInput input;
  for (const json& file : files) read_plot_file("file.json", file.dump(), input);
  join_series(input.series);
  return input;
}

std::string complaint(const json& file) {
  const PlotInput input = read({file});
  return input.complaints.empty() ? "" : input.complaints.front();
}

TEST(PlotSeries, ResultsOfOneCaseAreOneLine) {
  const PlotInput input = read({run_result("nat-out", 65536, 120), run_result("nat-out", 1024, 100),
                                run_result("nat-in", 1024, 90)});
  EXPECT_TRUE(input.complaints.empty());
  ASSERT_EQ(input.series.size(), 2u);
  EXPECT_EQ(input.series[0].label, "nat-out, uniform");
  EXPECT_EQ(input.series[0].rows,
            (std::vector<std::vector<double>>{{1024, 100, 99, 101}, {65536, 120, 119, 121}}));
  EXPECT_EQ(input.series[0].machine, "Some CPU");
}

TEST(PlotSeries, CommitsStayApart) {
  json other = run_result("nat-out", 1024, 80);
  other["environment"]["commit"] = "def";
  const PlotInput input = read({run_result("nat-out", 1024, 100), other});
  ASSERT_EQ(input.series.size(), 2u);
  EXPECT_EQ(input.series[0].label, "nat-out, uniform, abc");
  EXPECT_EQ(input.series[1].label, "nat-out, uniform, def");
}

TEST(PlotSeries, SweepsHaveALineADraw) {
  json zipf = run_result("nat-out", 1008, 90);
  zipf["draw"] = "zipf";
  zipf["stage_cycles"] = {{"arrive", 17.5}};  // of a step among many: not drawn
  const json sweep = {{"kind", "sweep"},
                      {"case", "nat-out"},
                      {"points", {run_result("nat-out", 1008, 100), zipf}},
                      {"environment", kWhere}};
  const PlotInput input = read({sweep});
  ASSERT_EQ(input.series.size(), 2u);
  EXPECT_EQ(input.series[1].label, "nat-out, zipf");
  EXPECT_EQ(input.series[1].commit, "abc");
}

TEST(PlotSeries, PeersOfAnotherMachineAreLabelledSo) {
  const json peer = {{"name", "OVS"}, {"sessions", 1008}, {"cycles_per_packet", 1000}};
  const PlotInput input = read({{{"measured", "another machine"}, {"peers", {peer}}},
                                {{"peers",
                                  {{{"name", "linux-nft"},
                                    {"sessions", 1000},
                                    {"cycles_per_packet", 3000},
                                    {"net_cycles_per_packet", nullptr}},
                                   {{"name", "postern"},
                                    {"sessions", 1000},
                                    {"cycles_per_packet", 130},
                                    {"net_cycles_per_packet", 100},
                                    {"interval", {99, 102}}}}}}});
  ASSERT_EQ(input.series.size(), 3u);
  EXPECT_EQ(input.series[0].label, "OVS, with port I/O (another machine)");
  EXPECT_TRUE(input.series[0].peer);
  EXPECT_EQ(input.series[1].label, "linux-nft, with port I/O");
  EXPECT_EQ(input.series[2].label, "postern");
  EXPECT_EQ(input.series[2].rows, (std::vector<std::vector<double>>{{1000, 100, 99, 102}}));
}

TEST(PlotSeries, PeersWithoutSessionsAreNoneHere) {
  const PlotInput input = read({{{"peers",
                                  {{{"name", "testpmd-io"},
                                    {"case", "io"},
                                    {"sessions", 1008},
                                    {"net_cycles_per_packet", 0}},
                                   {{"name", "ovs-dpdk"},
                                    {"case", "snat"},
                                    {"sessions", 1008},
                                    {"disturbed", true},
                                    {"net_cycles_per_packet", 800}}}}}});
  EXPECT_TRUE(input.complaints.empty());
  ASSERT_EQ(input.series.size(), 1u);
  EXPECT_EQ(input.series[0].label, "ovs-dpdk, disturbed");
}

TEST(PlotSeries, StagesAreOfRunsOrOfStageBench) {
  json result = run_result("nat-out", 1024, 100);
  result["stages"] = {{"arrive", 30.5}, {"track", 40}};
  const json bench = {{"context", {{"host_name", "box"}}},
                      {"benchmarks",
                       {{{"name", "arrive/inbound/1000/burst:64/manual_time"}, {"cycles", 31}},
                        {{"name", "arrive/inbound/1000/burst:8/manual_time"}, {"cycles", 77}},
                        {{"name", "track/inbound/1000/burst:64/manual_time"}, {"cycles", 41}}}}};
  const PlotInput input = read({result, bench});
  EXPECT_TRUE(input.complaints.empty());
  ASSERT_EQ(input.series.size(), 3u);
  EXPECT_EQ(input.series[1].kind, PlotKind::kStages);
  EXPECT_EQ(input.series[1].row_names, (std::vector<std::string>{"arrive", "track"}));
  EXPECT_EQ(input.series[2].label, "inbound 1000 sessions");
  EXPECT_EQ(input.series[2].rows, (std::vector<std::vector<double>>{{31}, {41}}));
}

TEST(PlotSeries, BothDirectionsHaveStages) {
  json result = run_result("mix", 1000, 60);
  result["stage_cycles"] = {{"arrive", 17.5}};
  result["stage_cycles_inbound"] = {{"arrive", 13.5}};
  const PlotInput input = read({result});
  ASSERT_EQ(input.series.size(), 3u);
  EXPECT_EQ(input.series[1].label, "mix, uniform, outbound, 1000");
  EXPECT_EQ(input.series[2].label, "mix, uniform, inbound, 1000");
  EXPECT_EQ(input.series[2].rows, (std::vector<std::vector<double>>{{13.5}}));
}

TEST(PlotSeries, AnIntervalThatReachesZeroIsNotDrawnThere) {
  json result = run_result("nat-out", 1000, 0.5);
  const PlotInput input = read({result});
  ASSERT_EQ(input.series.size(), 1u);
  EXPECT_EQ(input.series[0].rows, (std::vector<std::vector<double>>{{1000, 0.5, 0.5, 1.5}}));
}

TEST(PlotSeries, OtherCasesHaveTheirOwnPlots) {
  const json files = {
      {{"case", "new-sessions"}, {"sessions", 1024}, {"new_sessions_per_second", 4e6}},
      {{"kind", "rfc9693"},
       {"sessions", 65536},
       {"maximum_connection_establishment_rate", {{"per_second", 3e6}}}},
      {{"case", "ports-full"},
       {"levels",
        {{{"use_percent", 99}, {"refused_while_free", 1}, {"sessions", 3}, {"cycles", 500}}}}},
      {{"case", "reload"},
       {"timeline",
        {{{"at_ms", 0},
          {"lasted_ms", 150},
          {"phase", "before"},
          {"lost", 7},
          {"sent", 1000},
          {"waited_us", 50'000}},
         {{"at_ms", 150}, {"phase", "before"}, {"lost", 9}, {"lost_own", 2}, {"sent", 900}}}}},
      {{"case", "expire"}, {"latency_steps", {{"quiet", {{1000, 0.5}, {3000, 1}}}}}},
      {{"kind", "ndr"},
       {"case", "nat-in"},
       {"latency", {{{"share_of_rate", 0.5}, {"steps", {{150, 0.5}, {900, 1}}}}}}}};
  const PlotInput input = read(files.get<std::vector<json>>());
  EXPECT_TRUE(input.complaints.empty()) << input.complaints.front();
  ASSERT_EQ(input.series.size(), 6u);
  using Rows = std::vector<std::vector<double>>;
  EXPECT_EQ(input.series[0].rows, (Rows{{1024, 4e6}}));
  EXPECT_EQ(input.series[1].rows, (Rows{{65536, 3e6}}));
  EXPECT_EQ(input.series[2].rows, (Rows{{99, 25, 500}}));
  ASSERT_EQ(input.series[3].rows.size(), 2u);
  EXPECT_EQ(input.series[3].rows[0], (std::vector<double>{0, 0, 7, 10'000}));
  EXPECT_EQ(input.series[3].rows[1][1], 2);
  EXPECT_EQ(input.series[3].rows[1][2], 7);
  EXPECT_TRUE(std::isnan(input.series[3].rows[1][3])) << "how long it lasted is unknown";
  EXPECT_EQ(input.series[4].rows, (Rows{{0.5, 1}, {1, 3}}));
  EXPECT_EQ(input.series[5].label, "nat-in at 50 % of its rate");
}

TEST(PlotSeries, WhatIsMissingIsToldNotGuessed) {
  EXPECT_NE(complaint(json::array()).find("no JSON object"), std::string::npos);
  EXPECT_NE(complaint(json::object()).find("nothing in it can be drawn"), std::string::npos);
  EXPECT_NE(complaint({{"case", "nat-out"}, {"sessions", 10}}).find("net_cycles_per_packet"),
            std::string::npos);
  EXPECT_NE(complaint({{"case", "ports-full"}}).find("\"levels\""), std::string::npos);
  EXPECT_NE(complaint({{"case", "reload"}}).find("\"timeline\""), std::string::npos);
  EXPECT_NE(complaint({{"case", "expire"}}).find("\"latency_steps\""), std::string::npos);
  EXPECT_NE(complaint({{"case", "new-sessions"}, {"sessions", 1}}).find("new_sessions_per_second"),
            std::string::npos);
  EXPECT_NE(complaint({{"kind", "ndr"}}).find("\"latency\""), std::string::npos);
  EXPECT_NE(complaint(run_result("scale", 1000, 50)).find("of scale has no plot"),
            std::string::npos);
  EXPECT_NE(complaint(run_result("nat-out", 1000, -3)).find("not above zero"), std::string::npos);
  EXPECT_NE(complaint(run_result("nat-out", 0, 60)).find("not above zero"), std::string::npos);
  EXPECT_NE(complaint({{"kind", "rfc9693"}}).find("establishment"), std::string::npos);
  EXPECT_NE(complaint({{"peers", 7}}).find("no list"), std::string::npos);
  EXPECT_NE(complaint({{"peers", {{{"name", "x"}}}}}).find("peer x"), std::string::npos);
  EXPECT_NE(complaint({{"kind", "sweep"}, {"points", json::array()}}).find("nothing"),
            std::string::npos);
  EXPECT_NE(complaint({{"case", "expire"}, {"latency_steps", {{"quiet", {1, 2}}}}}).find("pair"),
            std::string::npos);
}

TEST(PlotScript, EveryPlotIsTwoPicturesOfTheData) {
  for (const PlotKind kind : kPlotKinds) {
    Series series{.kind = kind,
                  .label = "it's a_label",
                  .commit = "abc",
                  .machine = "Some CPU",
                  .rows = {{0.5, 2, 3, 4}, {0.75, 5, 6, 7}},
                  .row_names = {"arrive", "track"}};
    const std::string script = plot_script(kind, {series}, "out/plots");
    const std::string name(name_of(kind));
    for (const std::string& part :
         {"set output 'out/plots/" + name + ".png'", "set output 'out/plots/" + name + ".svg'",
          std::string("set terminal pngcairo"), std::string("set terminal svg"),
          std::string("noenhanced"), std::string("it''s a_label"), std::string("; Some CPU'"),
          std::string("$series0 << EOD\n0.5 2 3 4 \n0.75 5 6 7 \nEOD\n")}) {
      EXPECT_NE(script.find(part), std::string::npos) << part << "\n" << script;
    }
    EXPECT_EQ(script.find("nan"), std::string::npos);
  }
}

TEST(PlotScript, BarsStandWhereTheStageIsAndMissWhereItIsNot) {
  const Series one{.kind = PlotKind::kStages,
                   .label = "one",
                   .rows = {{1}, {2}},
                   .row_names = {"arrive", "track"}};
  const Series other{
      .kind = PlotKind::kStages, .label = "other", .rows = {{3}}, .row_names = {"forward"}};
  const std::string script = plot_script(PlotKind::kStages, {one, other}, ".");
  EXPECT_NE(script.find("\"arrive\" 1 ? \n\"track\" 2 ? \n\"forward\" ? 3 \n"), std::string::npos)
      << script;
  EXPECT_NE(script.find("$stages using 2:xtic(1) title 'one'"), std::string::npos);
  EXPECT_NE(script.find("$stages using 3 title 'other'"), std::string::npos);
}

}  // namespace
}  // namespace postern::bench
