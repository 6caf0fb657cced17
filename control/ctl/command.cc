#include "control/ctl/command.h"

#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "control/ctl/meant.h"

namespace postern {
namespace {

absl::Status usage(std::string message) { return absl::InvalidArgumentError(std::move(message)); }

const Option* option_named(const std::vector<Option>& options, std::string_view name) {
  for (const Option& option : options) {
    if (option.name == name) return &option;
  }
  return nullptr;
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

// "config -h": of all the commands that begin so.
bool begins_commands(const std::vector<Command>& commands, const std::vector<std::string>& plain) {
  return plain.size() == 1 && std::any_of(commands.begin(), commands.end(), [&](const Command& c) {
           return c.words.starts_with(plain[0] + " ");
         });
}

bool asks_for_help(const SortedWords& sorted) {
  return std::any_of(sorted.options.begin(), sorted.options.end(), [](const auto& option) {
    return option.first == "-h" || option.first == "--help";
  });
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
    const std::string name(command.arguments[i].name);
    if (name.find('|') == std::string::npos) return usage(name + " is one of: " + known);
    return usage("no \"" + printable(line.arguments[i]) + "\"; say one of: " + known);
  }
  return absl::OkStatus();
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
    const bool is_group = line.command == nullptr && asks_for_help(*sorted) &&
                          begins_commands(commands, sorted->plain);
    if (line.command == nullptr && !is_group) return unknown_command(commands, sorted->plain);
    const size_t words_of_its_own = is_group ? 0 : word_count(line.command->words);
    line.arguments.assign(sorted->plain.begin() + static_cast<ptrdiff_t>(words_of_its_own),
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

}  // namespace postern
