#include "bench/result_file.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "bench/printed.h"
#include "bench/statistics.h"

namespace postern::bench {
namespace {

using nlohmann::json;

// The value as text; empty where there is none. Numbers that were measured are rounded, so that
// two calibrations of one counter are the same.
std::string text_of(const json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return "";
  const json& value = object[key];
  if (value.is_string()) return value.get<std::string>();
  if (std::string_view(key) == "tsc_hz" && value.is_number()) {
    return std::to_string(std::llround(value.get<double>() / 1e7) * 10) + " MHz";
  }
  return value.dump();
}

Complaint not_a_result(const std::string& path, const std::string& why) {
  return {path + " is no result file: " + why,
          "postern-bench run CASE --json FILE writes one; sweeps and other results have plot"};
}

std::vector<Fact> fixed_facts(const json& file) {
  const json& where = file["environment"];
  return {{"case", text_of(file, "case")},
          {"sessions", text_of(file, "sessions")},
          {"frame size", text_of(file, "size")},
          {"workers", text_of(file, "workers")},
          {"port kind", text_of(file, "port")},
          {"tunnel", file.contains("tunnel") ? text_of(file, "tunnel") : "vxlan"},
          {"draw", text_of(file, "draw")},
          {"CPU", text_of(where, "cpu")},
          {"CPUs", text_of(where, "cpus")},
          {"time stamp counter", text_of(where, "tsc_hz")},
          {"instruction set", text_of(where, "instruction_set")},
          {"packet buffers", text_of(where, "memory")},
          {"session pages", text_of(where, "session_pages")}};
}

std::vector<Fact> free_facts(const json& file) {
  const json& where = file["environment"];
  return {{"commit", text_of(where, "commit")},
          {"compiler", text_of(where, "compiler")},
          {"build", text_of(where, "build")},
          {"kernel", text_of(where, "kernel")},
          {"DPDK", text_of(where, "dpdk")},
          {"seed", text_of(file, "seed")},
          {"worker's CPU", text_of(where, "cpu_of_worker")},
          {"stolen, percent", text_of(where, "steal_percent")}};
}

bool flag_of(const json& file, const char* key) {
  return file.contains(key) && file[key].is_boolean() && file[key].get<bool>();
}

// What every result of `run` says; empty, or what this one lacks.
std::string lacking(const json& file) {
  if (file.contains("kind") && file["kind"] != "run") return "it is of kind " + file["kind"].dump();
  if (!file.contains("case") || !file["case"].is_string()) return "it names no case";
  for (const char* key : {"sessions", "size", "workers", "port"}) {
    if (!file.contains(key)) return "it does not say \"" + std::string(key) + '"';
  }
  if (!file.contains("environment") || !file["environment"].is_object()) {
    return "it does not say where it was measured (\"environment\")";
  }
  return "";
}

// Empty, or that the file was put together by hand: its figure and its samples disagree. What is
// rounded, or a difference of medians instead of a median of differences, is within this.
std::string contradiction(const json& file, const ResultFile& result) {
  constexpr double kShare = 0.02;
  constexpr double kRounding = 0.5;
  const std::optional<double> said = said_of(file, result.figure);
  if (!said || std::abs(*said - result.value) <= kShare * std::abs(result.value) + kRounding) {
    return "";
  }
  return printed("it says %.2f %s, and its samples have a median of %.2f", *said,
                 std::string(words_of(result.figure)).c_str(), result.value);
}

}  // namespace

Outcome<ResultFile> read_result_file(const std::string& path, std::optional<Figure> figure) {
  if (std::filesystem::is_directory(path)) {
    return Complaint{path + " is a directory", "name a file that run --json wrote"};
  }
  std::ifstream file(path);
  if (!file) return Complaint{path + " cannot be opened", "name a file that run --json wrote"};
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return parse_result_file(path, text, figure);
}

Outcome<ResultFile> parse_result_file(const std::string& path, const std::string& text,
                                      std::optional<Figure> figure) {
  const json file = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (file.is_discarded()) return not_a_result(path, "it is not JSON");
  if (!file.is_object()) return not_a_result(path, "it is not a JSON object");
  std::string why = lacking(file);
  if (!why.empty()) return not_a_result(path, why);
  ResultFile result{.path = path,
                    .fixed = fixed_facts(file),
                    .free = free_facts(file),
                    .figure = figure.value_or(usual_figure(file["case"].get<std::string>())),
                    .samples = {}};
  result.samples = samples_of(file, result.figure, why);
  if (!why.empty()) return not_a_result(path, why);
  const Median median = median_of(result.samples);
  result.value = median.value;
  result.low = median.low;
  result.high = median.high;
  why = contradiction(file, result);
  if (!why.empty()) return not_a_result(path, why);
  result.disturbed = flag_of(file, "disturbed");
  result.interrupted = flag_of(file, "interrupted");
  return result;
}

}  // namespace postern::bench
