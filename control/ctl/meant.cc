#include "control/ctl/meant.h"

#include <algorithm>
#include <utility>

namespace postern {
namespace {

absl::Status usage(std::string message) { return absl::InvalidArgumentError(std::move(message)); }

// Commands of the interface that a later version brings.
constexpr std::string_view kNotYet[] = {"events", "trace", "capture", "bugreport"};

// The command, or the first word of several, that is spelled nearly so: by all its words, by the
// first of them, or by the last, which people take for the whole ("nodes" for "show nodes").
std::string_view near_command(const std::vector<Command>& commands,
                              const std::vector<std::string>& plain) {
  std::vector<std::string_view> all;
  std::vector<std::string_view> two;
  std::vector<std::string_view> first;
  std::vector<std::string_view> last;
  for (const Command& command : commands) {
    all.push_back(command.words);
    if (word_count(command.words) == 2) two.push_back(command.words);
    first.push_back(command.words.substr(0, command.words.find(' ')));
    last.push_back(command.words.substr(command.words.rfind(' ') + 1));
  }
  const std::string_view whole = plain.size() < 2 ? "" : nearest(first_words(plain, 2), two);
  const bool begins_some = std::find(first.begin(), first.end(), plain[0]) != first.end();
  if (!whole.empty() || begins_some) return whole;
  const auto exact = std::find(last.begin(), last.end(), plain[0]);
  if (exact != last.end()) return all[static_cast<size_t>(exact - last.begin())];
  const std::string_view begin = nearest(plain[0], first);
  if (!begin.empty()) return begin;
  const std::string_view end = nearest(plain[0], last);
  const auto found = std::find(last.begin(), last.end(), end);
  return end.empty() ? end : all[static_cast<size_t>(found - last.begin())];
}

// The commands that begin with the text, in the order of help.
std::vector<std::string_view> beginning(const std::vector<Command>& commands,
                                        std::string_view text) {
  std::vector<std::string_view> found;
  for (const Command& command : commands) {
    if (command.words.starts_with(text)) found.push_back(command.words);
  }
  return found;
}

std::string listed(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

// How many letters must be changed, added, taken away or changed with the next to make one of the
// other (Damerau-Levenshtein, no letter twice).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> rows(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[i][j] = std::min({substituted, rows[i - 1][j] + 1, rows[i][j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.size()][b.size()];
}

}  // namespace

size_t word_count(std::string_view words) {
  return 1 + static_cast<size_t>(std::count(words.begin(), words.end(), ' '));
}

std::string first_words(const std::vector<std::string>& plain, size_t count) {
  std::string text;
  for (size_t i = 0; i < std::min(count, plain.size()); ++i) text += (i == 0 ? "" : " ") + plain[i];
  return text;
}

absl::Status unknown_command(const std::vector<Command>& commands,
                             const std::vector<std::string>& plain) {
  for (const std::string_view words : kNotYet) {
    const size_t count = word_count(words);
    if (plain.size() < count || first_words(plain, count) != words) continue;
    return absl::UnimplementedError(std::string(words) + " is not supported yet");
  }
  const std::vector<std::string_view> group = beginning(commands, plain[0] + " ");
  if (plain.size() == 1 && !group.empty()) return usage("say one of: " + listed(group));
  const std::string typed = first_words(plain, group.empty() ? 1 : 2);
  const std::string said = "no command \"" + printable(typed) + "\"; ";
  const std::vector<std::string_view> begun = beginning(commands, typed);
  if (begun.size() > 1) return usage(said + "say one of: " + listed(begun));
  const std::string_view meant = begun.empty() ? near_command(commands, plain) : begun[0];
  if (!meant.empty()) return usage(said + "did you mean " + std::string(meant) + "?");
  return usage(said + (group.empty() ? "help lists them" : "say one of: " + listed(group)));
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& names) {
  std::string_view best;
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;  // further apart is no likeness
  if (word.size() > 64) return best;
  for (const std::string_view name : names) {
    const size_t apart = distance(word, name);
    if (apart >= least) continue;
    least = apart;
    best = name;
  }
  return best;
}

}  // namespace postern
