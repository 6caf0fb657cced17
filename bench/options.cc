#include "bench/options.h"

#include <array>
#include <charconv>

#include "dataplane/run/environment.h"
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

bool take_memory(std::string_view text, Options& options) {
  for (const MemoryMode mode : {MemoryMode::kAuto, MemoryMode::kInMemory, MemoryMode::kNoHuge}) {
    if (text != name_of(mode)) continue;
    options.memory = mode;
    return true;
  }
  return false;
}

// One row per option: its name, its value in words, what it does, and how the value is taken.
struct Row {
  std::string_view name;
  std::string_view value;
  std::string_view help;
  bool (*take)(std::string_view text, Options& options);
};

constexpr std::array kRows = {
    Row{"--sessions", "N", "live sessions, 1 to 16M (k, M: times 1024); default 1000",
        take_sessions},
    Row{"--size", "BYTES", "the pod's frame with its checksum, 64 to 1518; default 64",
        [](std::string_view text, Options& options) {
          return take_number(text, kSmallestFrame, kLargestFrame, options.frame_bytes);
        }},
    Row{"--workers", "N", "worker threads; 1 is all there is so far",
        [](std::string_view text, Options& options) {
          return take_number(text, 1, 1, options.workers);
        }},
    Row{"--duration", "TIME", "how long to measure, as 5s or 500ms; default 5s", take_duration},
    Row{"--json", "FILE", "write the results, every sample and the environment there",
        [](std::string_view text, Options& options) {
          options.json = text;
          return !text.empty();
        }},
    Row{"--memory", "MODE", "auto, in-memory (huge pages) or no-huge; default auto", take_memory},
    Row{"--cpu", "N", "the worker's CPU; default the last one allowed",
        [](std::string_view text, Options& options) {
          return take_number(text, 0, 1023, options.cpu.emplace());
        }},
    Row{"--seed", "N", "of the random traffic; default 1",
        [](std::string_view text, Options& options) {
          return take_number(text, 0, UINT64_MAX, options.seed);
        }},
};

UsageError error(std::string_view what, std::string_view word) {
  return {std::string(what) + " \"" + std::string(word) + "\"; postern-bench --help"};
}

bool take_case(std::string_view word, Options& options) {
  for (const Case which : {Case::kNatOut, Case::kNatIn}) {
    if (word != name_of(which)) continue;
    options.which = which;
    return true;
  }
  return false;
}

}  // namespace

std::string_view name_of(Case which) {
  switch (which) {
    case Case::kNatOut:
      return "nat-out";
    case Case::kNatIn:
      return "nat-in";
  }
  return "";
}

Parsed parse_options(std::span<const char* const> arguments) {
  for (const std::string_view word : arguments) {
    if (word == "--help" || word == "-h") return HelpWanted{};
  }
  Options options;
  if (arguments.size() < 2 || std::string_view(arguments[0]) != "run") {
    return UsageError{"say \"run\" and a case; postern-bench --help"};
  }
  if (!take_case(arguments[1], options)) return error("there is no case", arguments[1]);
  for (size_t i = 2; i < arguments.size(); i += 2) {
    const std::string_view word = arguments[i];
    const Row* found = nullptr;
    for (const Row& row : kRows) {
      if (row.name == word) found = &row;
    }
    if (found == nullptr) return error("there is no option", word);
    if (i + 1 == arguments.size()) return error("a value is missing after", word);
    if (!found->take(arguments[i + 1], options)) {
      return error(std::string(word) + " does not take", arguments[i + 1]);
    }
  }
  return options;
}

std::string usage() {
  std::string text =
      "usage: postern-bench run CASE [OPTION VALUE]...\n\n"
      "  nat-out  established sessions, packets from pods: VXLAN in, plain out\n"
      "  nat-in   established sessions, replies: plain in, VXLAN out\n\n";
  for (const Row& row : kRows) {
    std::string left = "  " + std::string(row.name) + ' ' + std::string(row.value);
    left.resize(20, ' ');
    text += left + std::string(row.help) + '\n';
  }
  return text +
         "\nCtrl-C ends a run early, with its results. docs/performance.md has the method.\n";
}

}  // namespace postern::bench
