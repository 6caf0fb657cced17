#include "bench/sweep_command.h"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/child_run.h"
#include "bench/environment_json.h"
#include "bench/options.h"
#include "bench/printed.h"
#include "bench/run/frame_file.h"
#include "bench/sweep_plan.h"
#include "dataplane/run/host_facts.h"

namespace postern::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kAbout =
    "Runs a case at every step of a session ladder, uniformly random and by Zipf's law, each in a\n"
    "process of its own, and writes one file with all points. Steps that do not fit into memory\n"
    "are left out, with the reason. Cases are those of `run`.\n"
    "Exit status: 0 measured what fits, 1 a point could not be measured, 2 usage.\n";

// Options that every run is given as they come.
constexpr struct {
  std::string_view name;
  std::string_view value;
  std::string_view help;
} kPassedOn[] = {{"--size", "BYTES", "as for run"},
                 {"--workers", "N", "as for run"},
                 {"--duration", "TIME", "of each point, as for run"},
                 {"--port", "KIND", "as for run"},
                 {"--memory", "MODE", "as for run"},
                 {"--cpu", "N", "as for run"},
                 {"--seed", "N", "as for run"}};

bool take_draws(std::string_view text, std::vector<Draw>& draws) {
  if (text == "both") return true;
  const std::optional<Draw> draw = draw_of(text);
  if (draw) draws = {*draw};
  return draw.has_value();
}

MemoryAtHand memory_at_hand() {
  const HostFacts facts = gather_host_facts();
  return {.available_mb = facts.available_mb, .huge_mb = facts.huge_free_mb()};
}

// Notes what is missing of the sweep, and says so.
void leave_out(Json& sweep, Draw draw, uint32_t sessions, const std::string& reason) {
  std::printf("left out: %u sessions, %s: %s\n", sessions, std::string(name_of(draw)).c_str(),
              reason.c_str());
  sweep["left_out"].push_back(
      {{"draw", name_of(draw)}, {"sessions", sessions}, {"reason", reason}});
}

// Measures one point. Empty, or why there is none.
std::string measure_point(const SweepOptions& options, Draw draw, uint32_t sessions,
                          const std::string& file, Json& sweep) {
  const ChildEnd end = run_child(words_of_point(options, draw, sessions, file));
  if (end.status != 0) return end.said.empty() ? printed("status %d", end.status) : end.said;
  std::ifstream written(file);
  Json result = Json::parse(written, nullptr, /*allow_exceptions=*/false);
  if (!result.is_object()) return "its result file cannot be read";
  if (!sweep.contains("environment")) sweep["environment"] = result["environment"];
  sweep["points"].push_back(point_of(std::move(result)));
  return "";
}

// Empty, or what `run` does not take of this: the same for every point.
std::string refused_by_run(const SweepOptions& options, Draw draw) {
  const std::vector<std::string> words =
      words_of_point(options, draw, options.sessions.front(), "point.json");
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());
  const Parsed parsed = parse_options(arguments);
  const auto* error = std::get_if<UsageError>(&parsed);
  return error != nullptr ? error->text : "";
}

int carry_out(const SweepOptions& options) {
  const TemporaryFolder folder;
  if (folder.path().empty()) {
    std::fputs("postern-bench: no folder for files in between can be made\n", stderr);
    return 1;
  }
  Json sweep = {{"kind", "sweep"},
                {"case", options.which},
                {"points", Json::array()},
                {"left_out", Json::array()}};
  bool failed = false;
  for (const Draw draw : options.draws) {
    for (const uint32_t sessions : options.sessions) {
      const std::string no_room = why_left_out(sessions, memory_at_hand());
      if (!no_room.empty()) {
        leave_out(sweep, draw, sessions, no_room);
        continue;
      }
      std::printf("== %u sessions, %s\n", sessions, std::string(name_of(draw)).c_str());
      std::fflush(stdout);
      const std::string failure =
          measure_point(options, draw, sessions, folder.path() + "/point.json", sweep);
      if (!failure.empty()) leave_out(sweep, draw, sessions, failure);
      failed = failed || !failure.empty();
      // After every point: who ends a long sweep keeps what it has.
      if (options.json_at_once && !write_result(options.json, sweep).empty()) break;
    }
  }
  std::fputs(table_of(sweep).c_str(), stdout);
  const std::string failure = write_result(options.json, sweep);
  if (!failure.empty()) std::fprintf(stderr, "postern-bench: %s\n", failure.c_str());
  return failed || !failure.empty() ? 1 : 0;
}

}  // namespace

Grammar sweep_grammar(SweepOptions& options) {
  Grammar grammar{
      .usage = "sweep CASE [OPTION VALUE]...",
      .about = kAbout,
      .flags = {{"--sessions", "LADDER",
                 "1k..16M: steps of 1008, 64512, 258048, 1032192, 4128768, 16515072 (default);\n"
                 "                        1000,64k: just these",
                 [&](std::string_view text) { return put(options.sessions, ladder_of(text)); }},
                {"--draw", "LAW", "uniform, zipf or both; default both, where the case can",
                 [&](std::string_view text) { return take_draws(text, options.draws); }},
                {"--json", "FILE", "write all points there",
                 [&](std::string_view text) {
                   options.json = text;
                   return !text.empty();
                 }}},
      .least_words = 1,
      .most_words = 1,
      .words_are = "one case"};
  options.sessions.assign(kCsitLadder.begin(), kCsitLadder.end());
  for (const auto& option : kPassedOn) {
    grammar.flags.push_back({option.name, option.value, std::string(option.help),
                             [&options, name = option.name](std::string_view text) {
                               options.passed_on.emplace_back(name);
                               options.passed_on.emplace_back(text);
                               return !text.empty();
                             }});
  }
  return grammar;
}

std::vector<std::string> words_of_point(const SweepOptions& options, Draw draw, uint32_t sessions,
                                        const std::string& file) {
  std::vector<std::string> words = {"run", options.which, "--sessions", std::to_string(sessions)};
  if (draw != Draw::kUniform) words.insert(words.end(), {"--draw", std::string(name_of(draw))});
  words.insert(words.end(), options.passed_on.begin(), options.passed_on.end());
  words.insert(words.end(), {"--json", file});
  return words;
}

Json point_of(Json result) {
  Json point = {{"sessions", result.value("sessions", 0)},
                {"draw", result.value("draw", "uniform")}};
  for (const auto& [key, value] : result.items()) {
    if (key == "samples" || key == "samples_disturbed") {
      point[key] = value.size();
    } else if (key != "environment") {
      point[key] = value;
    }
  }
  for (const char* key : {"session_pages", "session_table_bytes", "steal_percent"}) {
    if (result.contains("environment") && result["environment"].contains(key)) {
      point[key] = result["environment"][key];
    }
  }
  return point;
}

std::string table_of(const Json& sweep) {
  std::string text =
      "\n" + sweep.value("case", "") + "\n  draw      sessions   net cycles a packet   (95 %)\n";
  for (const Json& point : sweep["points"]) {
    const auto number = [&](const char* key) { return point.value(key, 0.0); };
    text += printed("  %-8s %9.0f   %19.1f", point.value("draw", "").c_str(), number("sessions"),
                    number("net_cycles_per_packet"));
    const Json interval = point.value("net_cycles_per_packet_interval", Json());
    if (interval.is_array() && interval.size() == 2) {
      text += printed("   %.1f to %.1f", interval[0].get<double>(), interval[1].get<double>());
    }
    text += point.value("disturbed", false) ? "  disturbed\n" : "\n";
  }
  return text;
}

int sweep_command(std::span<const char* const> arguments) {
  SweepOptions options;
  const Grammar grammar = sweep_grammar(options);
  const CommandLine line = read_command_line(arguments, grammar);
  if (const auto status = settle(line, grammar)) return *status;
  options.which = line.words[0];
  // Cases that draw by themselves are swept once.
  if (options.draws.size() > 1 && !refused_by_run(options, Draw::kZipf).empty()) {
    options.draws = {Draw::kUniform};
  }
  const std::string refused = refused_by_run(options, options.draws.back());
  if (!refused.empty()) {
    std::fprintf(stderr, "postern-bench: %s\n", refused.c_str());
    return 2;
  }
  options.json_at_once = options.json != "-";
  const std::string unwritable = claim_result(options.json);
  if (!unwritable.empty()) {
    std::fprintf(stderr, "postern-bench: %s\n", unwritable.c_str());
    return 1;
  }
  return carry_out(options);
}

}  // namespace postern::bench
