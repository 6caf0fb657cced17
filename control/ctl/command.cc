#include "control/ctl/command.h"

#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace postern {
namespace {

absl::Status usage(std::string message) { return absl::InvalidArgumentError(std::move(message)); }

const Option* option_named(const std::vector<Option>& options, std::string_view name) {
  for (const Option& option : options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

size_t word_count(std::string_view words) {
  return 1 + static_cast<size_t>(std::count(words.begin(), words.end(), ' '));
}

// The first of the plain words as a command's words are written.
std::string first_words(const std::vector<std::string>& plain, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += (i == 0 ? "" : " ") + plain[i];
  return text;
}

// The command with the most words that the line begins with.
const Command* find_command(const std::vector<Command>& commands,
                            const std::vector<std::string>& plain) {
  for (size_t count = std::min<size_t>(plain.size(), 3); count > 0; --count) {
    const Command* command = command_named(commands, first_words(plain, count));
    if (command != nullptr) return command;
  }
  return nullptr;
}

// Commands of the interface that a later version brings.
constexpr std::string_view kNotYet[] = {"events", "trace", "capture", "bugreport"};

// The command, or the first word of several, that was probably meant: by all its words, by the
// first of them, or by the last, which people take for the whole ("nodes" for "show nodes").
std::string_view meant_command(const std::vector<Command>& commands,
                               const std::vector<std::string>& plain) {
  std::vector<std::string_view> all;
  std::vector<std::string_view> first;
  std::vector<std::string_view> last;
  for (const Command& command : commands) {
    all.push_back(command.words);
    first.push_back(command.words.substr(0, command.words.find(' ')));
    last.push_back(command.words.substr(command.words.rfind(' ') + 1));
  }
  const std::string_view whole =
      nearest(first_words(plain, std::min<size_t>(plain.size(), 2)), all);
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

absl::Status unknown_command(const std::vector<Command>& commands,
                             const std::vector<std::string>& plain) {
  for (const std::string_view words : kNotYet) {
    const size_t count = word_count(words);
    if (plain.size() < count || first_words(plain, count) != words) continue;
    return absl::UnimplementedError(std::string(words) + " is not supported yet");
  }
  std::string continuations;
  for (const Command& command : commands) {
    if (!command.words.starts_with(plain[0] + " ")) continue;
    continuations.append(continuations.empty() ? "" : ", ").append(command.words);
  }
  const std::string typed = first_words(plain, std::min<size_t>(plain.size(), 2));
  std::string said = "no command \"" + printable(continuations.empty() ? plain[0] : typed) + "\"; ";
  if (plain.size() == 1 && !continuations.empty()) return usage("say one of: " + continuations);
  const std::string_view meant = meant_command(commands, plain);
  if (!meant.empty()) return usage(said + "did you mean " + std::string(meant) + "?");
  return usage(said + (continuations.empty() ? "help lists them" : "say one of: " + continuations));
}

absl::Status set_general(const Option& option, const std::string& value, CommandLine& line) {
  if (option.name == "-j") line.format = Format::kJson;
  if (option.name == "-p") line.format = Format::kPretty;
  if (option.name == "-h" || option.name == "--help") line.wants_help = true;
  if (option.name == "--version") line.wants_version = true;
  if (option.name == "-s") line.socket = value;
  if (option.name == "-i" && (!absl::SimpleAtod(value, &line.interval_s) ||
                              !(line.interval_s >= 0.1 && line.interval_s <= 86400))) {
    return usage("-i takes seconds from 0.1 to 86400");
  }
  return absl::OkStatus();
}

absl::Status set_option(const Option& option, const std::string& value, CommandLine& line) {
  int64_t count = 0;
  if (option.is_count && (!absl::SimpleAtoi(value, &count) || count < 1)) {
    return usage(absl::StrCat(std::string(option.name), " takes a number of at least 1"));
  }
  line.options[std::string(option.name)] = value;
  return absl::OkStatus();
}

// The words of a line: those with a dash are options (their values are skipped), until "--".
struct SortedWords {
  std::vector<std::string> plain;
  std::vector<std::pair<std::string, std::string>> options;  // in order, with "" for switches
};

absl::StatusOr<SortedWords> sort_words(const std::vector<Command>& commands,
                                       const std::vector<std::string>& words) {
  SortedWords sorted;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      sorted.plain.insert(sorted.plain.end(), words.begin() + static_cast<ptrdiff_t>(i) + 1,
                          words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      sorted.plain.push_back(word);
      continue;
    }
    // --name=value
    const size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string name = word.substr(0, equals);
    if (!option_takes_value(commands, name)) {
      if (equals != std::string::npos) return usage(printable(name) + " takes no value");
      sorted.options.emplace_back(name, "");
    } else if (equals != std::string::npos) {
      sorted.options.emplace_back(name, word.substr(equals + 1));
    } else {
      if (++i == words.size()) return usage(name + " takes a value");
      sorted.options.emplace_back(name, words[i]);
    }
  }
  return sorted;
}

absl::Status check_arguments(const CommandLine& line) {
  const Command& command = *line.command;
  size_t least = 0;
  bool repeated = false;
  for (const Argument& argument : command.arguments) {
    least += argument.optional ? 0 : 1;
    repeated |= argument.repeated;
  }
  const bool fits = line.arguments.size() >= least &&
                    (repeated || line.arguments.size() <= command.arguments.size());
  if (!fits) return usage("usage: posternctl " + synopsis(command));
  for (size_t i = 0; i < std::min(line.arguments.size(), command.arguments.size()); ++i) {
    const auto& choices = command.arguments[i].choices;
    if (choices.empty() ||
        std::find(choices.begin(), choices.end(), line.arguments[i]) != choices.end()) {
      continue;
    }
    std::string known;
    for (std::string_view choice : choices) known.append(known.empty() ? "" : ", ").append(choice);
    return usage(std::string(command.arguments[i].name) + " is one of: " + known);
  }
  return absl::OkStatus();
}

// How many letters must be changed, added or taken away to make one of the other (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

const std::vector<Option>& general_options() {
  static const std::vector<Option> options = {
      {.name = "-s", .value = "SOCKET", .help = "the gateway's control socket"},
      {.name = "-j", .help = "print JSON on one line"},
      {.name = "-p", .help = "print indented JSON"},
      {.name = "-i", .value = "SECONDS", .help = "repeat the command"},
      {.name = "-h", .help = "explain the command"},
      {.name = "--help", .help = "explain the command"},
      {.name = "--version", .help = "print the version"},
  };
  return options;
}

bool option_takes_value(const std::vector<Command>& commands, std::string_view name) {
  const Option* general = option_named(general_options(), name);
  if (general != nullptr) return !general->value.empty();
  for (const Command& command : commands) {
    const Option* option = option_named(command.options, name);
    if (option != nullptr) return !option->value.empty();
  }
  return false;
}

absl::StatusOr<CommandLine> parse_line(const std::vector<Command>& commands,
                                       const std::vector<std::string>& words) {
  absl::StatusOr<SortedWords> sorted = sort_words(commands, words);
  if (!sorted.ok()) return sorted.status();
  CommandLine line;
  if (!sorted->plain.empty()) {
    line.command = find_command(commands, sorted->plain);
    if (line.command == nullptr) return unknown_command(commands, sorted->plain);
    line.arguments.assign(
        sorted->plain.begin() + static_cast<ptrdiff_t>(word_count(line.command->words)),
        sorted->plain.end());
  }
  for (const auto& [name, value] : sorted->options) {
    const Option* general = option_named(general_options(), name);
    const Option* own =
        line.command == nullptr ? nullptr : option_named(line.command->options, name);
    if (general == nullptr && own == nullptr) {
      return usage("no option " + printable(name) +
                   (line.command == nullptr ? "; --help lists them"
                                            : "; usage: posternctl " + synopsis(*line.command)));
    }
    absl::Status set =
        own != nullptr ? set_option(*own, value, line) : set_general(*general, value, line);
    if (!set.ok()) return set;
  }
  if (line.command != nullptr && !line.wants_help) {
    absl::Status fits = check_arguments(line);
    if (!fits.ok()) return fits;
  }
  return line;
}

absl::StatusOr<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = '\0';
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool escapes = c == '\\' && quote != '\'' && i + 1 < line.size();
    if (escapes) {
      word = word.value_or("") + line[++i];
    } else if (quote != '\0' && c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
      word = word.value_or("");
    } else if (quote == '\0' && (c == ' ' || c == '\t' || c == '\r')) {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
    } else {
      word = word.value_or("") + c;
    }
  }
  if (quote != '\0') return usage(std::string("the quotation mark ") + quote + " is not closed");
  if (word) words.push_back(*std::move(word));
  return words;
}

std::string synopsis(const Command& command) {
  std::string text(command.words);
  for (const Argument& argument : command.arguments) {
    const std::string name = std::string(argument.name) + (argument.repeated ? "..." : "");
    text += argument.optional ? " [" + name + "]" : " " + name;
  }
  for (const Option& option : command.options) {
    text += " [" + std::string(option.name) + (option.value.empty() ? "" : " ") +
            std::string(option.value) + "]";
  }
  return text;
}

const Command* command_named(const std::vector<Command>& commands, std::string_view words) {
  for (const Command& command : commands) {
    if (command.words == words) return &command;
  }
  return nullptr;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& names) {
  std::string_view best;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;  // further apart is no likeness
  if (word.size() > 64) return best;
  for (std::string_view name : names) {
    const size_t apart = distance(word, name);
    if (apart >= least) continue;
    least = apart;
    best = name;
  }
  return best;
}

}  // namespace postern
