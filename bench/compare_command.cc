#include "bench/compare_command.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "bench/command_line.h"
#include "bench/printed.h"

namespace postern::bench {
namespace {

constexpr const char* kAbout =
    "Compares two result files that `run --json` wrote: the ratio of the medians, B to A, with\n"
    "the interval that holds the true one with 95 %. Concludes only where the difference is\n"
    "larger than the spread, and compares only the same case, sizes, port kind and machine.\n"
    "Exit status: 0 they differ, 1 no conclusion or no comparison, 2 usage.\n";

std::string or_unsaid(const std::string& value) { return value.empty() ? "not said" : value; }

// The facts in which the files differ, a line each; empty: none.
std::string differences(const std::vector<Fact>& a, const std::vector<Fact>& b) {
  std::string text;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    text += printed("  %s: %s, %s\n", std::string(a[i].name).c_str(), or_unsaid(a[i].value).c_str(),
                    or_unsaid(b[i].value).c_str());
  }
  return text;
}

std::string line_of(const char* name, const ResultFile& file) {
  return printed("%s  %8.1f  (95 %%: %.1f to %.1f; %zu samples)  %s%s%s\n", name, file.value,
                 file.low, file.high, file.samples.size(), file.path.c_str(),
                 file.disturbed ? ", disturbed" : "", file.interrupted ? ", interrupted" : "");
}

std::string value_of(const std::vector<Fact>& facts, std::string_view name) {
  const auto found =
      std::find_if(facts.begin(), facts.end(), [&](const Fact& fact) { return fact.name == name; });
  return found == facts.end() ? "" : found->value;
}

// Why nothing can be concluded from the samples alone; empty: nothing is in the way.
std::string obstacle(const ResultFile& a, const ResultFile& b) {
  if (a.figure != b.figure) {
    return "they are about " + std::string(words_of(a.figure)) + " and " +
           std::string(words_of(b.figure)) + ": name one of them with --figure";
  }
  for (const ResultFile* file : {&a, &b}) {
    if (file->samples.size() < kFewestSamples) {
      return printed("%s has fewer than %zu samples: measure longer", file->path.c_str(),
                     kFewestSamples);
    }
    if (std::any_of(file->samples.begin(), file->samples.end(),
                    [](double sample) { return !(sample > 0); })) {
      return file->path + " has samples that are not above zero, of which there is no ratio";
    }
  }
  return "";
}

std::string verdict(const Ratio& ratio, Figure figure, const CompareOptions& options,
                    bool& concluded) {
  const double percent = 100 * std::abs(ratio.value - 1);
  if (!ratio.differs()) {
    return printed("no conclusion: the spread exceeds the difference of %.1f %%\n", percent);
  }
  if (std::abs(ratio.value - 1) < options.at_least) {
    return printed("no conclusion: a difference of %.1f %% is below %.1f %%\n", percent,
                   100 * options.at_least);
  }
  concluded = true;
  return printed("B %s %.1f %% %s than A\n", is_rate(figure) ? "carries" : "takes", percent,
                 ratio.value < 1 ? "less" : "more");
}

Grammar grammar_for(CompareOptions& options) {
  return {.usage = "compare A.json B.json [OPTION VALUE]...",
          .about = kAbout,
          .flags = {{"--figure", "NAME",
                     "net, total, io (cycles) or rate; default what the case is about",
                     [&](std::string_view text) {
                       options.figure = figure_named(text);
                       return options.figure.has_value();
                     }},
                    {"--at-least", "SHARE",
                     "differences below are none, as 2% for what two runs may differ by; default 0",
                     [&](std::string_view text) { return put(options.at_least, share_of(text)); }},
                    {"--anyway", "", "compare different cases, sizes, ports and machines as well",
                     [&](std::string_view) { return options.anyway = true; }}},
          .least_words = 2,
          .most_words = 2,
          .words_are = "two result files"};
}

}  // namespace

Comparison compare(const ResultFile& a, const ResultFile& b, const CompareOptions& options) {
  Comparison result;
  const std::string apart = differences(a.fixed, b.fixed);
  if (!apart.empty() && !options.anyway) {
    result.text =
        "not compared, they differ in more than the program (--anyway compares):\n" + apart;
    return result;
  }
  result.text = printed(
      "%s: %s, %s sessions, frames of %s bytes\n", or_unsaid(value_of(a.fixed, "case")).c_str(),
      std::string(words_of(a.figure)).c_str(), or_unsaid(value_of(a.fixed, "sessions")).c_str(),
      or_unsaid(value_of(a.fixed, "frame size")).c_str());
  result.text += line_of("A", a) + line_of("B", b);
  if (!apart.empty()) result.text += "compared although these differ:\n" + apart;
  const std::string changed = differences(a.free, b.free);
  if (!changed.empty()) result.text += "what else differs:\n" + changed;
  const std::string why_not = obstacle(a, b);
  if (!why_not.empty()) {
    result.text += "no conclusion: " + why_not + '\n';
    return result;
  }
  const Ratio ratio = ratio_of_medians(a.samples, b.samples);
  result.text +=
      printed("B / A  %.4f  (95 %%: %.4f to %.4f)\n", ratio.value, ratio.low, ratio.high);
  result.text += verdict(ratio, a.figure, options, result.concluded);
  return result;
}

int compare_command(std::span<const char* const> arguments) {
  CompareOptions options;
  const Grammar grammar = grammar_for(options);
  const CommandLine line = read_command_line(arguments, grammar);
  if (const auto status = settle(line, grammar)) return *status;
  auto a = read_result_file(line.words[0], options.figure);
  auto b = read_result_file(line.words[1], options.figure);
  for (const auto* file : {&a, &b}) {
    if (file->ok()) continue;
    std::fprintf(stderr, "postern-bench: %s\n", file->complaint().text().c_str());
  }
  if (!a || !b) return 1;
  const Comparison result = compare(a.value(), b.value(), options);
  std::fputs(result.text.c_str(), stdout);
  return result.concluded ? 0 : 1;
}

}  // namespace postern::bench
