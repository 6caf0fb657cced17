#include "control/ctl/complete.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

namespace postern {
namespace {

namespace fs = std::filesystem;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// The next argument's candidates.
void add_argument(const Command& command, size_t given, Candidates& found) {
  for (const Option& option : command.options) found.words.emplace_back(option.name);
  if (command.arguments.empty()) return;
  if (given >= command.arguments.size() && !command.arguments.back().repeated) return;
  const Argument& next = command.arguments[std::min(given, command.arguments.size() - 1)];
  for (std::string_view choice : next.choices) found.words.emplace_back(choice);
  found.files |= next.kind == ArgumentKind::kFile;
}

// The general options that take a value, and those of commands, as a pattern of a shell's case.
std::string options_with_value(const std::vector<Command>& commands) {
  std::set<std::string_view> names;
  for (const Option& option : general_options()) {
    if (!option.value.empty()) names.insert(option.name);
  }
  for (const Command& command : commands) {
    for (const Option& option : command.options) {
      if (!option.value.empty()) names.insert(option.name);
    }
  }
  std::string pattern;
  for (std::string_view name : names) pattern.append(pattern.empty() ? "" : " | ").append(name);
  return pattern;
}

// A line of the scripts' case: where the words given match the pattern, these choices.
std::string branch(const std::vector<Command>& commands, const std::vector<std::string>& words,
                   const std::string& pattern) {
  const Candidates next = candidates_after(commands, words);
  if (next.words.empty() && !next.files) return "";
  std::string line = "    " + pattern + ")";
  if (!next.words.empty()) line += " choices='" + joined(next.words) + "'";
  if (next.files) line += next.words.empty() ? " files=1" : "; files=1";
  return line + " ;;\n";
}

// Every state of a line that has something to follow it.
std::string branches(const std::vector<Command>& commands) {
  std::string lines = branch(commands, {}, "''");
  std::set<std::string> seen;
  for (const Command& command : commands) {
    std::vector<std::string> words;
    std::istringstream split{std::string(command.words)};
    for (std::string word; split >> word;) {
      words.push_back(word);
      // The beginning of several commands is one branch.
      if (!seen.insert(joined(words)).second) continue;
      lines += branch(commands, words, "'" + joined(words) + "'");
    }
    std::string pattern = "'" + joined(words) + " '*";
    for (size_t given = 1; given < command.arguments.size(); ++given) {
      words.emplace_back("*");
      lines += branch(commands, words, pattern);
      pattern += "' '*";
    }
  }
  return lines;
}

std::string general_words() {
  std::string text;
  for (const Option& option : general_options()) {
    text.append(text.empty() ? "" : " ").append(option.name);
  }
  return text;
}

// What may follow the words of a line with its options.
Candidates candidates_within(const std::vector<Command>& commands,
                             const std::vector<std::string>& words) {
  std::vector<std::string> plain;
  for (size_t i = 0; i < words.size(); ++i) {
    if (option_takes_value(commands, words[i])) {
      if (++i == words.size()) return {.words = {}, .files = words.back() == "-s"};
    } else if (!words[i].starts_with('-')) {
      plain.push_back(words[i]);
    }
  }
  return candidates_after(commands, plain);
}

// The files that the begun path may become; directories end with a slash.
void add_files(std::string_view begun, std::vector<std::string>& names) {
  const size_t slash = begun.rfind('/');
  const std::string directory(begun.substr(0, slash == std::string_view::npos ? 0 : slash + 1));
  std::error_code error;
  fs::directory_iterator entries(directory.empty() ? "." : directory, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::error_code unknown;
    names.push_back(directory + entries->path().filename().string() +
                    (entries->is_directory(unknown) ? "/" : ""));
  }
  std::sort(names.begin(), names.end());
}

}  // namespace

Candidates candidates_after(const std::vector<Command>& commands,
                            const std::vector<std::string>& words) {
  Candidates found;
  const std::string said = joined(words);
  std::set<std::string> next;
  const Command* command = nullptr;
  for (const Command& each : commands) {
    const std::string all(each.words);
    if (said.empty() || all.starts_with(said + " ")) {
      const size_t begin = said.empty() ? 0 : said.size() + 1;
      const std::string word = all.substr(begin, all.find(' ', begin) - begin);
      if (next.insert(word).second) found.words.push_back(word);
    }
    const bool is_it = said == all || said.starts_with(all + " ");
    if (is_it && (command == nullptr || each.words.size() > command->words.size())) command = &each;
  }
  if (command == nullptr) return found;
  const auto own =
      static_cast<size_t>(1 + std::count(command->words.begin(), command->words.end(), ' '));
  add_argument(*command, words.size() - own, found);
  return found;
}

Completion complete_line(const std::vector<Command>& commands, std::string_view line) {
  const size_t blank = line.find_last_of(" \t");
  const std::string_view begun = blank == std::string_view::npos ? line : line.substr(blank + 1);
  absl::StatusOr<std::vector<std::string>> before =
      split_words(line.substr(0, line.size() - begun.size()));
  if (!before.ok()) return {};  // within quotation marks
  const Candidates candidates = candidates_within(commands, *before);
  std::vector<std::string> possible = candidates.words;
  if (candidates.files) add_files(begun, possible);
  Completion found;
  for (const std::string& word : possible) {
    if (word.starts_with(begun)) found.matches.push_back(word);
  }
  if (found.matches.empty()) return found;
  std::string_view common = found.matches[0];
  for (const std::string& match : found.matches) {
    const auto differs = std::mismatch(common.begin(), common.end(), match.begin(), match.end());
    common = common.substr(0, static_cast<size_t>(differs.first - common.begin()));
  }
  found.insert = common.substr(begun.size());
  if (found.matches.size() == 1 && !common.ends_with('/')) found.insert += ' ';
  return found;
}

std::string bash_completion(const std::vector<Command>& commands) {
  return R"(# Completion of posternctl for bash: source it, or store it as
# /etc/bash_completion.d/posternctl
_posternctl() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local given='' choices='' files='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      )" +
         options_with_value(commands) + R"() ((i++)) ;;
      -*) ;;
      *) given+=${given:+ }${COMP_WORDS[i]} ;;
    esac
  done
  case $before in
    -s) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    )" + options_with_value(commands) +
         R"() COMPREPLY=(); return ;;
  esac
  case $given in
)" + branches(commands) +
         R"(  esac
  [[ $current == -* ]] && choices+=' )" +
         general_words() + R"('
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current"
    [[ -n $files ]] && compgen -f -- "$current")
}
complete -o filenames -F _posternctl posternctl
)";
}

std::string zsh_completion(const std::vector<Command>& commands) {
  return R"(#compdef posternctl
# Completion of posternctl for zsh: source it, or store it as _posternctl in a directory of $fpath.
_posternctl() {
  local given='' choices='' files='' i
  for ((i = 2; i < CURRENT; i++)); do
    case ${words[i]} in
      )" +
         options_with_value(commands) + R"() ((i++)) ;;
      -*) ;;
      *) given+="${given:+ }${words[i]}" ;;
    esac
  done
  case ${words[CURRENT - 1]} in
    -s) _files; return ;;
    )" + options_with_value(commands) +
         R"() return ;;
  esac
  case $given in
)" + branches(commands) +
         R"(  esac
  [[ ${words[CURRENT]} == -* ]] && choices+=' )" +
         general_words() + R"('
  compadd -- ${=choices}
  if [[ -n $files ]]; then _files; fi
}
if [[ ${funcstack[1]} == _posternctl ]]; then
  _posternctl "$@"
else
  compdef _posternctl posternctl
fi
)";
}

}  // namespace postern
