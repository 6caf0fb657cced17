#include "bench/command_line.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "config/nearest.h"
#include "dataplane/table/session_table.h"

namespace postern::bench {
namespace {

constexpr uint64_t kLongest_ms = 24 * 3'600'000;
constexpr size_t kHelpColumn = 24;

std::optional<double> decimal_of(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

const Flag* find(const Grammar& grammar, std::string_view name) {
  for (const Flag& flag : grammar.flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

// Takes the option at `at`, and its value where it has one. Empty, or what is wrong.
std::string take_option(std::span<const char* const> arguments, size_t& at,
                        const Grammar& grammar) {
  const std::string_view name = arguments[at];
  const Flag* const flag = find(grammar, name);
  if (flag == nullptr) {
    std::vector<std::string_view> names;
    for (const Flag& each : grammar.flags) names.push_back(each.name);
    return unknown_word("there is no option", name, names);
  }
  std::string_view value;
  if (!flag->value.empty()) {
    if (at + 1 == arguments.size()) return "a value is missing after " + quoted(name);
    value = arguments[++at];
  }
  if (flag->take(value)) return "";
  const std::string refused = std::string(name) + " does not take";
  if (!flag->words.empty()) return unknown_word(refused, value, flag->words);
  return refused + ' ' + quoted(value) + ": " + flag->help;
}

std::string_view name_of(const Grammar& grammar) {
  return grammar.usage.substr(0, grammar.usage.find(' '));
}

}  // namespace

CommandLine read_command_line(std::span<const char* const> arguments, const Grammar& grammar) {
  CommandLine line;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == "--help" || word == "-h") return {.words = {}, .help_wanted = true, .error = ""};
    if (!word.starts_with("-")) {
      line.words.emplace_back(word);
      continue;
    }
    line.error = take_option(arguments, i, grammar);
    if (!line.error.empty()) return line;
  }
  if (line.words.size() < grammar.least_words || line.words.size() > grammar.most_words) {
    line.error = "say " + std::string(grammar.words_are);
  }
  return line;
}

std::string usage_of(const Grammar& grammar) {
  std::string text = "usage: postern-bench " + std::string(grammar.usage) + "\n\n" + grammar.about;
  if (!grammar.flags.empty()) text += '\n';
  for (const Flag& flag : grammar.flags) {
    std::string left = "  " + std::string(flag.name) + ' ' + std::string(flag.value);
    if (left.size() >= kHelpColumn) left += ' ';
    left.resize(std::max(left.size(), kHelpColumn), ' ');
    text += left + flag.help + '\n';
  }
  return text;
}

std::optional<int> settle(const CommandLine& line, const Grammar& grammar) {
  if (line.help_wanted) {
    std::fputs(usage_of(grammar).c_str(), stdout);
    return 0;
  }
  if (line.error.empty()) return std::nullopt;
  std::fprintf(stderr, "postern-bench: %s; postern-bench %s --help\n", line.error.c_str(),
               std::string(name_of(grammar)).c_str());
  return 2;
}

std::string unknown_word(std::string_view what, std::string_view word,
                         std::span<const std::string_view> known) {
  std::string text = std::string(what) + ' ' + quoted(word);
  if (const auto meant = config::nearest(word, known)) {
    return text + "; did you mean " + quoted(*meant) + '?';
  }
  for (size_t i = 0; i < known.size(); ++i) {
    text += (i == 0 ? "; there are " : ", ") + std::string(known[i]);
  }
  return text;
}

std::optional<uint64_t> number_of(std::string_view text, uint64_t low, uint64_t high) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value < low || value > high) return std::nullopt;
  return value;
}

std::optional<uint32_t> sessions_of(std::string_view text) {
  uint64_t unit = 1;
  if (text.ends_with('k')) unit = 1024;
  if (text.ends_with('M')) unit = 1024 * 1024;
  if (unit != 1) text.remove_suffix(1);
  const auto number = number_of(text, 1, kMaxSessions / unit);
  if (!number) return std::nullopt;
  return static_cast<uint32_t>(*number * unit);
}

std::optional<uint32_t> milliseconds_of(std::string_view text) {
  struct Unit {
    std::string_view name;
    uint64_t ms;
  };
  // "ms" before those that it ends with.
  constexpr std::array kUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                                 Unit{"h", 3'600'000}};
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.name)) continue;
    text.remove_suffix(unit.name.size());
    const auto number = number_of(text, 1, kLongest_ms / unit.ms);
    if (!number) return std::nullopt;
    return static_cast<uint32_t>(*number * unit.ms);
  }
  return std::nullopt;
}

std::optional<double> share_of(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  std::optional<double> value = decimal_of(text);
  if (value && percent) *value /= 100;
  if (!value || *value < 0 || *value >= 1) return std::nullopt;
  return value;
}

std::optional<double> per_second_of(std::string_view text) {
  double unit = 1;
  if (text.ends_with('k')) unit = 1e3;
  if (text.ends_with('M')) unit = 1e6;
  if (unit != 1) text.remove_suffix(1);
  const std::optional<double> value = decimal_of(text);
  if (!value || *value * unit < 1 || *value * unit > 1e10) return std::nullopt;
  return *value * unit;
}

}  // namespace postern::bench
