#include "bench/options.h"

#include <array>
#include <charconv>
#include <vector>

#include "config/nearest.h"
#include "dataplane/run/environment.h"
#include "dataplane/table/owner_map.h"
#include "dataplane/table/session_table.h"

namespace postern::bench {
namespace {

constexpr uint32_t kSmallestFrame = 64;
constexpr uint32_t kLargestFrame = 1518;
constexpr uint32_t kLongest_ms = 3'600'000;

// A number with nothing behind it, from `low` to `high`.
template <typename T>
bool take_number(std::string_view text, uint64_t low, uint64_t high, T& out) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value < low || value > high) return false;
  out = static_cast<T>(value);
  return true;
}

// "1000", "64k", "1M": k and M are powers of 1024, the steps of a session ladder.
bool take_sessions(std::string_view text, Options& options) {
  uint64_t unit = 1;
  if (text.ends_with('k')) unit = 1024;
  if (text.ends_with('M')) unit = 1024 * 1024;
  if (unit != 1) text.remove_suffix(1);
  if (!take_number(text, 1, kMaxSessions / unit, options.sessions)) return false;
  options.sessions *= static_cast<uint32_t>(unit);
  return true;
}

// "5s" or "500ms".
bool take_duration(std::string_view text, Options& options) {
  uint32_t unit_ms = 1;
  if (text.ends_with("ms")) {
    text.remove_suffix(2);
  } else if (text.ends_with('s')) {
    text.remove_suffix(1);
    unit_ms = 1000;
  } else {
    return false;
  }
  if (!take_number(text, 1, kLongest_ms / unit_ms, options.duration_ms)) return false;
  options.duration_ms *= unit_ms;
  return true;
}

bool take_port(std::string_view text, Options& options) {
  const std::optional<PortChoice> choice = parse_port(text);
  if (choice) options.port = *choice;
  return choice.has_value();
}

bool take_memory(std::string_view text, Options& options) {
  for (const MemoryMode mode : {MemoryMode::kAuto, MemoryMode::kInMemory, MemoryMode::kNoHuge}) {
    if (text != name_of(mode)) continue;
    options.memory = mode;
    return true;
  }
  return false;
}

// One row per case, in the order of their enumerators.
struct CaseRow {
  std::string_view name;
  std::string_view help;
};
constexpr std::array kCases = {
    CaseRow{"io", "receive and transmit, nothing between, as testpmd io; tunnel packets"},
    CaseRow{"decap", "tunnel packets of pods arrive, are checked and lose their tunnel"},
    CaseRow{"nat-out", "established sessions, packets from pods: VXLAN in, plain out"},
    CaseRow{"nat-in", "established sessions, replies: plain in, VXLAN out"},
    CaseRow{"mix", "both directions in turns, a burst each"},
    CaseRow{"imix", "the same, frames of 64, 570 and 1518 bytes as 7 : 4 : 1, 353.8 on average"},
    CaseRow{"new-sessions", "windows of 0.5 M new sessions while --sessions others live"},
    CaseRow{"ports-full", "new sessions at 10 to 100 % use of the ports towards one remote"},
    CaseRow{"reload", "100,000 pods and 1,000 policies are replaced at 80 % and at full load"},
    CaseRow{"expire", "a million sessions expire within a second beside traffic at 50 % load"},
    CaseRow{"scale", "--workers by one worker, steered and handing over, both directions"},
};
constexpr std::array<std::string_view, 3> kMemoryModes = {"auto", "in-memory", "no-huge"};

constexpr std::array<std::string_view, 2> kDraws = {"uniform", "zipf"};

// One row per option: its name, its value in words, what it does, how the value is taken, and the
// words that it may be, if it is a word.
struct Row {
  std::string_view name;
  std::string_view value;
  std::string_view help;
  bool (*take)(std::string_view text, Options& options);
  std::span<const std::string_view> words = {};
};

constexpr std::array kRows = {
    Row{"--sessions", "N", "live sessions, 1 to 16M (k, M: times 1024); default 1000",
        take_sessions},
    Row{"--size", "BYTES", "the pod's frame with its checksum, 64 to 1518; default 64",
        [](std::string_view text, Options& options) {
          return take_number(text, kSmallestFrame, kLargestFrame, options.frame_bytes);
        }},
    Row{"--workers", "N", "worker threads: scale takes 2 to 32 (default 2), the others 1",
        [](std::string_view text, Options& options) {
          const bool several = options.which == Case::kScale;
          return take_number(text, several ? 2 : 1, several ? kMaxWorkers : 1, options.workers);
        }},
    Row{"--duration", "TIME", "how long to measure, as 5s or 500ms; default 5s", take_duration},
    Row{"--port", "KIND", "memory, net_ring, net_pcap, net_memif or a PCI address; default memory",
        take_port, kPortKinds},
    Row{"--frames", "FILE", "with --port PCI: write the frames there, for postern-bench send",
        [](std::string_view text, Options& options) {
          options.frames = text;
          return !text.empty();
        }},
    Row{"--json", "FILE", "write the results, every sample and the environment there",
        [](std::string_view text, Options& options) {
          options.json = text;
          return !text.empty();
        }},
    Row{"--memory", "MODE", "auto, in-memory (huge pages) or no-huge; default auto", take_memory,
        kMemoryModes},
    Row{"--cpu", "N", "the worker's CPU; default the last one allowed",
        [](std::string_view text, Options& options) {
          return take_number(text, 0, 1023, options.cpu.emplace());
        }},
    Row{"--seed", "N", "of the random traffic; default 1",
        [](std::string_view text, Options& options) {
          return take_number(text, 0, UINT64_MAX, options.seed);
        }},
    Row{"--draw", "LAW", "which session a packet is of: uniform, or zipf (1.0); default uniform",
        [](std::string_view text, Options& options) {
          const std::optional<Draw> draw = draw_of(text);
          options.draw = draw.value_or(options.draw);
          return draw.has_value();
        },
        kDraws},
};

// `known`: words that may have been meant.
UsageError error(std::string_view what, std::string_view word,
                 std::span<const std::string_view> known = {}) {
  std::string text = std::string(what) + " \"" + std::string(word) + '"';
  const std::optional<std::string_view> meant = config::nearest(word, known);
  if (meant) text += "; did you mean \"" + std::string(*meant) + "\"?";
  if (!meant && !known.empty()) {
    text += "; there are ";
    for (const std::string_view each : known) {
      text += std::string(each) + (each.data() == known.back().data() ? "" : ", ");
    }
  }
  return {text + "; postern-bench run --help"};
}

// The names of rows.
template <typename Rows>
std::vector<std::string_view> names_of(const Rows& rows) {
  std::vector<std::string_view> names;
  for (const auto& row : rows) names.push_back(row.name);
  return names;
}

bool take_case(std::string_view word, Options& options) {
  for (size_t i = 0; i < kCases.size(); ++i) {
    if (word != kCases[i].name) continue;
    options.which = static_cast<Case>(i);
    return true;
  }
  return false;
}

// What is wrong with a value: what there is to say.
UsageError refused_value(const Row& row, std::string_view value) {
  const std::string what = std::string(row.name) + " does not take";
  if (!row.words.empty()) return error(what, value, row.words);
  return {what + " \"" + std::string(value) + "\": " + std::string(row.help) +
          "; postern-bench run --help"};
}

}  // namespace

bool uses_ports(Case which) { return which <= Case::kImix; }

std::string_view name_of(Case which) { return kCases[static_cast<size_t>(which)].name; }

Parsed parse_options(std::span<const char* const> arguments) {
  for (const std::string_view word : arguments) {
    if (word == "--help" || word == "-h") return HelpWanted{};
  }
  Options options;
  if (arguments.size() < 2 || std::string_view(arguments[0]) != "run") {
    return UsageError{"say \"run\" and a case; postern-bench run --help"};
  }
  if (!take_case(arguments[1], options)) {
    return error("there is no case", arguments[1], names_of(kCases));
  }
  const std::string name(name_of(options.which));
  if (options.which == Case::kScale) options.workers = 2;
  for (size_t i = 2; i < arguments.size(); i += 2) {
    const std::string_view word = arguments[i];
    const Row* found = nullptr;
    for (const Row& row : kRows) {
      if (row.name == word) found = &row;
    }
    if (found == nullptr) return error("there is no option", word, names_of(kRows));
    if (i + 1 == arguments.size()) return error("a value is missing after", word);
    if (!found->take(arguments[i + 1], options)) return refused_value(*found, arguments[i + 1]);
    if (word == "--size" && options.which == Case::kImix) {
      return UsageError{"imix has frame sizes of its own: leave --size out"};
    }
  }
  const bool both_ways = options.which == Case::kMix || options.which == Case::kImix;
  if (both_ways && options.port.kind == PortKind::kPci) {
    return UsageError{name + " needs a port each way: measure nat-out and nat-in by themselves"};
  }
  if (!uses_ports(options.which) && options.port.kind != PortKind::kMemory) {
    return UsageError{name + " runs in memory: leave --port out"};
  }
  if (options.draw != Draw::kUniform && !uses_ports(options.which)) {
    return UsageError{name + " draws by itself: leave --draw out"};
  }
  if (options.draw != Draw::kUniform && options.port.kind == PortKind::kNetPcap) {
    return UsageError{"net_pcap replays every session as often: --draw zipf needs another --port"};
  }
  return options;
}

std::string usage() {
  std::string text = "usage: postern-bench run CASE [OPTION VALUE]...\n\n";
  const auto add = [&](std::string left, std::string_view right) {
    left.resize(20, ' ');
    text += left + std::string(right) + '\n';
  };
  for (const CaseRow& row : kCases) add("  " + std::string(row.name), row.help);
  text += '\n';
  for (const Row& row : kRows) {
    add("  " + std::string(row.name) + ' ' + std::string(row.value), row.help);
  }
  return text +
         "\nCtrl-C ends a run early, with its results. Exit status: 0 measured, 1 could not be\n"
         "measured or lost a packet, 2 usage. docs/performance.md has the method.\n";
}

}  // namespace postern::bench
