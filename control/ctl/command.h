// What posternctl can be told: a command and its line. One table (commands.cc) defines each command
// once: its words, what follows them, the method it calls, its help, and how the answer is
// printed; parser, help and completion come from it. Values only; one thread.
#ifndef POSTERN_CONTROL_CTL_COMMAND_H_
#define POSTERN_CONTROL_CTL_COMMAND_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "control/ctl/display.h"

namespace postern {

inline constexpr std::string_view kDefaultSocket = "/run/postern/postern.sock";

// The exit status; a public interface.
enum class ExitCode : uint8_t {
  kOk = 0,
  kFailed = 1,  // the request
  kUsage = 2,
  kDropped = 3,  // explained as dropped
  kNoGateway = 4,
};

enum class ArgumentKind : uint8_t { kWord, kFile, kJson };

// A word after the command's own.
struct Argument {
  std::string_view name;  // as help shows it
  ArgumentKind kind = ArgumentKind::kWord;
  bool optional = false;
  bool repeated = false;                       // the last one: one or more
  std::vector<std::string_view> choices = {};  // empty: any
};

struct Option {
  std::string_view name;        // with its dashes
  std::string_view value = {};  // what follows it, as help shows it; empty: a switch
  bool is_count = false;        // the value is an integer of at least 1
  std::string_view help = {};
};

struct Command;

// A line, taken apart.
struct CommandLine {
  const Command* command = nullptr;    // nullptr: none was given
  std::vector<std::string> arguments;  // for help without a command: what some begin with
  std::map<std::string, std::string, std::less<>> options;  // the command's; a switch: ""

  // Those before or after the command.
  std::string socket;  // empty: not given
  Format format = Format::kPeople;
  double interval_s = 0;  // 0: once
  bool wants_help = false;
  bool wants_version = false;

  [[nodiscard]] bool has(std::string_view option) const { return options.contains(option); }
};

// The parameters of the request for a line; an error is one of usage.
using ParamsOf = absl::StatusOr<nlohmann::json> (*)(const CommandLine& line);
// What programs get of an answer, for commands that tell a part of it only.
using PartOf = nlohmann::json (*)(const nlohmann::json& answer);
// Prints an answer for people. The return value says whether the answer is a good one.
using PrintFor = bool (*)(const nlohmann::json& answer, const CommandLine& line, Display& display);

struct Command {
  std::string_view words;  // one blank between
  std::vector<Argument> arguments = {};
  std::vector<Option> options = {};
  std::string_view method = {};  // empty: posternctl answers itself, or the first argument names it
  int patience_s = 60;           // for its answer
  bool paged = false;            // the method answers in pages: {rows, cursor}; -n bounds the rows
  std::string_view help = {};    // a sentence
  ParamsOf params = nullptr;     // nullptr: none
  PrintFor print = nullptr;      // nullptr: as any JSON
  PartOf part = nullptr;         // nullptr: all of it
};

// Every command, in the order of help.
std::vector<Command> all_commands();

// The options that every command takes.
const std::vector<Option>& general_options();

// Whether a value follows the option of that name. No name means both, in whatever command.
bool option_takes_value(const std::vector<Command>& commands, std::string_view name);

// Takes the words of a line apart. An error is a usage error that says what would be right.
absl::StatusOr<CommandLine> parse_line(const std::vector<Command>& commands,
                                       const std::vector<std::string>& words);

// Splits a line of the shell: blanks separate, quotes and backslashes keep together. Fails on a
// quotation mark that is not closed.
absl::StatusOr<std::vector<std::string>> split_words(std::string_view line);

// "config check [FILE] [--dry-run]"
std::string synopsis(const Command& command);

// The command of exactly these words, or nullptr.
const Command* command_named(const std::vector<Command>& commands, std::string_view words);

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_COMMAND_H_
