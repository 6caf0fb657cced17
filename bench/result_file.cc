#include "bench/result_file.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

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

const char* sample_key(Figure figure) {
  switch (figure) {
    case Figure::kNet:
      return "net";
    case Figure::kTotal:
      return "total";
    case Figure::kIo:
      return "io";
  }
  return "";
}

bool flag_of(const json& file, const char* key) {
  return file.contains(key) && file[key].is_boolean() && file[key].get<bool>();
}

// Empty, or why the samples are none.
std::string take_samples(const json& file, Figure figure, std::vector<double>& samples) {
  const char* const key = sample_key(figure);
  if (!file.contains("samples") || !file["samples"].is_array()) return "it has no samples";
  for (const json& sample : file["samples"]) {
    // Cases that have no walk to take away say what the rest took.
    if (figure == Figure::kNet && sample.is_object() && !sample.contains(key) &&
        sample.value("total", json()).is_number() && sample.value("io", json()).is_number()) {
      samples.push_back(sample["total"].get<double>() - sample["io"].get<double>());
      continue;
    }
    if (!sample.is_object() || !sample.contains(key) || !sample[key].is_number()) {
      return "a sample has no number \"" + std::string(key) + '"';
    }
    samples.push_back(sample[key].get<double>());
  }
  return samples.empty() ? "it has no samples" : "";
}

}  // namespace

std::string_view key_of(Figure figure) {
  switch (figure) {
    case Figure::kNet:
      return "net_cycles_per_packet";
    case Figure::kTotal:
      return "cycles_per_packet";
    case Figure::kIo:
      return "io_cycles_per_packet";
  }
  return "";
}

std::string_view words_of(Figure figure) {
  switch (figure) {
    case Figure::kNet:
      return "net cycles a packet";
    case Figure::kTotal:
      return "cycles a packet";
    case Figure::kIo:
      return "io cycles a packet";
  }
  return "";
}

Outcome<ResultFile> read_result_file(const std::string& path, Figure figure) {
  if (std::filesystem::is_directory(path)) {
    return Complaint{path + " is a directory", "name a file that run --json wrote"};
  }
  std::ifstream file(path);
  if (!file) return Complaint{path + " cannot be opened", "name a file that run --json wrote"};
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return parse_result_file(path, text, figure);
}

Outcome<ResultFile> parse_result_file(const std::string& path, const std::string& text,
                                      Figure figure) {
  const json file = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (file.is_discarded()) return not_a_result(path, "it is not JSON");
  if (!file.is_object()) return not_a_result(path, "it is not a JSON object");
  if (file.contains("kind") && file["kind"] != "run") {
    return not_a_result(path, "it is of kind " + file["kind"].dump());
  }
  const std::string key(key_of(figure));
  if (!file.contains("case")) return not_a_result(path, "it names no case");
  if (!file.contains(key) || !file[key].is_number()) {
    return not_a_result(path, "it has no number \"" + key + '"');
  }
  if (!file.contains("environment") || !file["environment"].is_object()) {
    return not_a_result(path, "it does not say where it was measured (\"environment\")");
  }
  ResultFile result{
      .path = path, .fixed = fixed_facts(file), .free = free_facts(file), .samples = {}};
  result.value = result.low = result.high = file[key].get<double>();
  const json interval = file.value(key + "_interval", json());
  if (interval.is_array() && interval.size() == 2 && interval[0].is_number() &&
      interval[1].is_number()) {
    result.low = interval[0].get<double>();
    result.high = interval[1].get<double>();
  }
  const std::string why = take_samples(file, figure, result.samples);
  if (!why.empty()) return not_a_result(path, why);
  result.disturbed = flag_of(file, "disturbed");
  result.interrupted = flag_of(file, "interrupted");
  return result;
}

}  // namespace postern::bench
