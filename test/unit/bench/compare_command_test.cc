#include "bench/compare_command.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

namespace postern::bench {
namespace {

using nlohmann::json;

json result(double centre, double spread, uint64_t seed, size_t samples = 200) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(centre, spread);
  json file = {{"case", "nat-out"},
               {"sessions", 1000},
               {"size", 64},
               {"workers", 1},
               {"port", "memory"},
               {"net_cycles_per_packet", centre},
               {"cycles_per_packet", centre + 20},
               {"net_cycles_per_packet_interval", {centre - 1, centre + 1}},
               {"samples", json::array()},
               {"environment", {{"cpu", "X"}, {"tsc_hz", 2'600'000'123}, {"commit", "abc"}}}};
  for (size_t i = 0; i < samples; ++i) {
    const double net = normal(random);
    file["samples"].push_back({{"net", net}, {"total", net + 20}, {"io", 20}});
  }
  return file;
}

ResultFile parsed(const json& file, const char* path = "file.json",
                  std::optional<Figure> figure = {}) {
  auto outcome = parse_result_file(path, file.dump(), figure);
  if (!outcome) ADD_FAILURE() << outcome.complaint().text();
  return outcome.ok() ? outcome.value() : ResultFile{};
}

std::string refused(const std::string& text) {
  auto outcome = parse_result_file("bad.json", text, {});
  return outcome.ok() ? "" : outcome.complaint().text();
}

TEST(Compare, ConcludesWhereTheDifferenceIsLarger) {
  const Comparison less =
      compare(parsed(result(120, 3, 1)), parsed(result(100, 3, 2)), CompareOptions{});
  EXPECT_TRUE(less.concluded);
  EXPECT_NE(less.text.find("B takes 16."), std::string::npos) << less.text;
  EXPECT_NE(less.text.find("% less than A"), std::string::npos) << less.text;
  EXPECT_NE(less.text.find("B / A  0.83"), std::string::npos) << less.text;
  const Comparison more =
      compare(parsed(result(100, 3, 1)), parsed(result(120, 3, 2)), CompareOptions{});
  EXPECT_NE(more.text.find("% more than A"), std::string::npos) << more.text;
}

TEST(Compare, RefusesToConcludeWhereTheSpreadIsLarger) {
  const Comparison same =
      compare(parsed(result(100, 8, 1)), parsed(result(100.2, 8, 2)), CompareOptions{});
  EXPECT_FALSE(same.concluded);
  EXPECT_NE(same.text.find("the spread exceeds the difference"), std::string::npos) << same.text;
}

TEST(Compare, SmallDifferencesCanBeRuledOut) {
  CompareOptions options;
  options.at_least = 0.05;
  const ResultFile a = parsed(result(100, 0.5, 1));
  const ResultFile b = parsed(result(103, 0.5, 2));
  EXPECT_FALSE(compare(a, b, options).concluded);
  EXPECT_TRUE(compare(a, b, CompareOptions{}).concluded);
}

TEST(Compare, WhatMustBeTheSameIsNamedWhereItIsNot) {
  const json a = result(100, 3, 1);
  const std::vector<std::tuple<std::string, json, std::string>> changes = {
      {"/case", "nat-in", "case: nat-out, nat-in"},
      {"/size", 1518, "frame size: 64, 1518"},
      {"/sessions", 2000, "sessions: 1000, 2000"},
      {"/port", "net_pcap", "port kind: memory, net_pcap"},
      {"/workers", 2, "workers: 1, 2"},
      {"/environment/cpu", "Y", "CPU: X, Y"},
      {"/environment/tsc_hz", 2'100'000'000, "time stamp counter: 2600 MHz, 2100 MHz"}};
  for (const auto& [where, value, text] : changes) {
    json b = result(120, 3, 2);
    b[json::json_pointer(where)] = value;
    const Comparison refused = compare(parsed(a), parsed(b), CompareOptions{});
    EXPECT_FALSE(refused.concluded) << where;
    EXPECT_NE(refused.text.find("not compared"), std::string::npos) << refused.text;
    EXPECT_NE(refused.text.find(text), std::string::npos) << refused.text;
    CompareOptions anyway;
    anyway.anyway = true;
    const Comparison done = compare(parsed(a), parsed(b), anyway);
    EXPECT_TRUE(done.concluded) << where;
    EXPECT_NE(done.text.find(text), std::string::npos) << done.text;
  }
}

TEST(Compare, WhatMayDifferIsShown) {
  const json a = result(100, 3, 1);
  json b = result(120, 3, 2);
  b["environment"]["commit"] = "def";
  b["environment"]["tsc_hz"] = 2'600'009'999;  // another calibration of the same counter
  const Comparison done = compare(parsed(a), parsed(b), CompareOptions{});
  EXPECT_TRUE(done.concluded);
  EXPECT_NE(done.text.find("commit: abc, def"), std::string::npos) << done.text;
}

TEST(Compare, TheFigureIsAQuestion) {
  const json a = result(100, 3, 1);
  json b = result(100, 3, 1);
  for (json& sample : b["samples"]) sample["total"] = sample["total"].get<double>() * 1.2;
  b["cycles_per_packet"] = 144;
  EXPECT_FALSE(compare(parsed(a), parsed(b), CompareOptions{}).concluded);
  CompareOptions options;
  options.figure = Figure::kTotal;
  EXPECT_TRUE(
      compare(parsed(a, "a", Figure::kTotal), parsed(b, "b", Figure::kTotal), options).concluded);
}

TEST(Compare, FewSamplesAndZeroesSayNothing) {
  const ResultFile good = parsed(result(100, 3, 1));
  const Comparison few = compare(parsed(result(120, 3, 2, 9)), good, CompareOptions{});
  EXPECT_FALSE(few.concluded);
  EXPECT_NE(few.text.find("fewer than 10 samples"), std::string::npos) << few.text;
  const Comparison zero = compare(good, parsed(result(0, 1, 2)), CompareOptions{});
  EXPECT_FALSE(zero.concluded);
  EXPECT_NE(zero.text.find("not above zero"), std::string::npos) << zero.text;
}

TEST(Compare, FilesThatAreNoResultsAreTold) {
  EXPECT_NE(refused("hello").find("bad.json is no result file: it is not JSON"), std::string::npos);
  EXPECT_NE(refused("[]").find("not a JSON object"), std::string::npos);
  EXPECT_NE(refused("{}").find("names no case"), std::string::npos);
  EXPECT_NE(refused(R"({"kind": "sweep"})").find("of kind \"sweep\""), std::string::npos);
  const auto without = [](const char* key) {
    json file = result(100, 3, 1);
    file.erase(key);
    return refused(file.dump());
  };
  for (const char* key : {"sessions", "size", "workers", "port"}) {
    EXPECT_NE(without(key).find("does not say \"" + std::string(key) + '"'), std::string::npos);
  }
  EXPECT_NE(without("samples").find("no samples"), std::string::npos);
  EXPECT_NE(without("environment").find("where it was measured"), std::string::npos);
  json odd = result(100, 3, 1);
  odd["samples"][3] = {{"net", "fast"}};
  EXPECT_NE(refused(odd.dump()).find("\"net\""), std::string::npos);
  odd["samples"] = json::array();
  EXPECT_NE(refused(odd.dump()).find("no samples"), std::string::npos);
}

TEST(Compare, EveryCaseHasItsFigure) {
  json scale = result(100, 3, 1);
  scale["case"] = "scale";
  scale["samples"] = json::array();
  for (int i = 0; i < 20; ++i) {
    scale["samples"].push_back({{"io", 130e6},
                                {"one_worker", 26e6},
                                {"steered", 50e6},
                                {"disturbed", i % 2 == 0 ? json(true) : json(false)}});
    if (i % 2 == 0) scale["samples"].back()["steered"] = 1e6;
  }
  scale["net_cycles_per_packet"] = 80;
  EXPECT_EQ(parsed(scale).figure, Figure::kRate);
  EXPECT_DOUBLE_EQ(parsed(scale).value, 50);
  EXPECT_EQ(parsed(scale).samples.size(), 10u) << "disturbed ones are left out";
  EXPECT_NEAR(parsed(scale, "s", Figure::kNet).value, 80, 0.01);
  json reload = result(100, 3, 1);
  reload["case"] = "reload";
  reload["samples"] = {{"before", {30e6}}, {"during", {28e6, 29e6, 29e6}}};
  EXPECT_DOUBLE_EQ(parsed(reload).value, 29);
  json ports = result(390, 3, 1);
  ports["case"] = "ports-full";
  ports["samples"] = {{"10", {280}}, {"99", {389, 391, 390}}};
  EXPECT_DOUBLE_EQ(parsed(ports).value, 390);
  ports["samples"]["99"] = json::array();
  EXPECT_NE(refused(ports.dump()).find("it has no samples"), std::string::npos);
  ports["samples"]["99"] = {390, "fast"};
  EXPECT_NE(refused(ports.dump()).find("a sample is no number"), std::string::npos);
  json io = result(0, 0, 1);
  io["case"] = "io";
  EXPECT_EQ(parsed(io).figure, Figure::kTotal);
  EXPECT_DOUBLE_EQ(parsed(io).value, 20);
  json opened = result(100, 3, 1);  // its samples have no net
  for (json& sample : opened["samples"]) sample.erase("net");
  EXPECT_NEAR(parsed(opened).value, 100, 1);
  json expire = result(100, 3, 1);
  expire["case"] = "expire";
  expire.erase("samples");
  EXPECT_NE(refused(expire.dump()).find("which plot draws"), std::string::npos);
}

TEST(Compare, RatesAreCarried) {
  const auto rate = [](double percent_more) {
    json file = result(100, 1, 1);
    for (json& sample : file["samples"]) {
      sample["total"] = sample["total"].get<double>() / (1 + percent_more / 100);
    }
    return parsed(file, "file.json", Figure::kRate);
  };
  const Comparison more = compare(rate(0), rate(25), CompareOptions{});
  EXPECT_NE(more.text.find("B carries 25.0 % more than A"), std::string::npos) << more.text;
}

TEST(Compare, WhatWasChangedByHandIsTold) {
  json file = result(100, 3, 1);
  file["net_cycles_per_packet"] = 80;
  EXPECT_NE(refused(file.dump()).find("its samples have a median of"), std::string::npos);
  file["net_cycles_per_packet"] = 100.9;
  EXPECT_EQ(refused(file.dump()), "");
}

TEST(Compare, FiguresOfTwoKindsAreNotCompared) {
  const json a = result(100, 3, 1);
  CompareOptions anyway;
  anyway.anyway = true;
  const Comparison refused = compare(parsed(a), parsed(a, "b.json", Figure::kTotal), anyway);
  EXPECT_FALSE(refused.concluded);
  EXPECT_NE(refused.text.find("--figure"), std::string::npos) << refused.text;
}

TEST(Compare, TheCommandsStatusSaysWhatCame) {
  const std::string a = testing::TempDir() + "compare_a.json";
  const std::string b = testing::TempDir() + "compare_b.json";
  std::ofstream(a) << result(100, 3, 1).dump();
  std::ofstream(b) << result(120, 3, 2).dump();
  const auto status = [](std::vector<const char*> words) { return compare_command(words); };
  EXPECT_EQ(status({"compare", a.c_str(), b.c_str()}), 0);
  EXPECT_EQ(status({"compare", a.c_str(), a.c_str()}), 1);
  EXPECT_EQ(status({"compare", a.c_str(), "/nonexistent.json"}), 1);
  EXPECT_EQ(status({"compare", a.c_str(), testing::TempDir().c_str()}), 1);
  EXPECT_EQ(status({"compare", a.c_str()}), 2);
  EXPECT_EQ(status({"compare", a.c_str(), b.c_str(), "--figure", "gross"}), 2);
  EXPECT_EQ(status({"compare", "--help"}), 0);
}

}  // namespace
}  // namespace postern::bench
