#include "control/ctl/runner.h"

#include <chrono>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "control/ctl/answers.h"
#include "control/ctl/complete.h"
#include "control/ctl/faults.h"
#include "control/ctl/help.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr int64_t kPageRows = 1000;
constexpr std::string_view kClearScreen = "\033[H\033[2J";

// Whether the cursor of a page says that another one follows.
bool goes_on(const json& cursor) { return !cursor.is_null() && cursor != "" && cursor != 0; }

// An answer to `rpc` has a shape of its own, which no table is made for.
Format format_of(const CommandLine& line) {
  const bool is_rpc = line.command->method.empty();
  return is_rpc && line.format == Format::kPeople ? Format::kPretty : line.format;
}

// The faults, those in what was read from standard input with its name: it went as text.
json as_typed(const CommandLine& line, json faults) {
  if (line.arguments.empty() || line.arguments[0] != "-" || !faults.is_array()) return faults;
  for (json& fault : faults) {
    if (fault.is_object() && fault.value("file", json()) == "text") fault["file"] = "<stdin>";
  }
  return faults;
}

// Writes the pages of one answer for programs: rows as they come, so that a million of them need
// no memory.
class RowStream {
 public:
  explicit RowStream(std::ostream& out) : out_(out) { out_ << "{\"rows\":["; }
  void add(const json& rows) {
    for (const json& row : rows) {
      out_ << (first_ ? "" : ",") << json_text(row, Format::kJson);
      first_ = false;
    }
  }
  void end(const json& cursor) {
    out_ << "],\"cursor\":" << json_text(cursor, Format::kJson) << "}\n";
  }

 private:
  std::ostream& out_;
  bool first_ = true;
};

}  // namespace

ExitCode Runner::run(CommandLine line) {
  if (line.socket.empty()) line.socket = terms_.socket;
  if (line.format == Format::kPeople) line.format = terms_.format;
  if (line.wants_help || line.command == nullptr) return explain(line);
  if (line.interval_s == 0) return run_once(line);
  const bool clears = terms_.columns != 0 && line.format == Format::kPeople;
  for (bool first = true;; first = false) {
    if (clears) *terms_.out << kClearScreen;
    if (!clears && !first && line.format == Format::kPeople) *terms_.out << '\n';
    const ExitCode code = run_once(line);
    terms_.out->flush();
    if (code != ExitCode::kOk || !*terms_.out) return code;
    std::this_thread::sleep_for(std::chrono::duration<double>(line.interval_s));
  }
}

ExitCode Runner::fail(const absl::Status& status) {
  *terms_.err << "posternctl: " << printable(std::string(status.message())) << '\n';
  if (status.code() == absl::StatusCode::kInvalidArgument) return ExitCode::kUsage;
  return status.code() == absl::StatusCode::kUnavailable ? ExitCode::kNoGateway : ExitCode::kFailed;
}

absl::StatusOr<Greeting> Runner::greeting() {
  absl::Status connected = connect(terms_.socket, 5);
  if (!connected.ok()) return connected;
  return client_->greeting();
}

ExitCode Runner::run_once(const CommandLine& line) {
  const Command& command = *line.command;
  if (command.method.empty() && command.params == nullptr) return run_here(line);
  absl::StatusOr<json> params = json::object();
  if (command.params != nullptr) params = command.params(line);
  if (!params.ok()) return fail(params.status());
  if (command.paged) return run_paged(line, *std::move(params));
  ExitCode code = ExitCode::kOk;
  const std::optional<json> answer = ask(line, *params, code);
  return answer ? show(line, *answer) : code;
}

// What posternctl answers itself.
ExitCode Runner::run_here(const CommandLine& line) {
  if (line.command->words == "help") return explain(line);
  *terms_.out << (line.arguments[0] == "bash" ? bash_completion(*terms_.commands)
                                              : zsh_completion(*terms_.commands));
  return ExitCode::kOk;
}

ExitCode Runner::explain(const CommandLine& line) {
  const bool asked_for_one = line.command != nullptr && line.command->words == "help";
  std::string words;
  if (asked_for_one) {
    for (const std::string& word : line.arguments) words += (words.empty() ? "" : " ") + word;
  } else if (line.command != nullptr) {
    words = line.command->words;
  } else if (!line.arguments.empty()) {
    words = line.arguments[0];
  }
  std::vector<Command> meant;
  for (const Command& command : *terms_.commands) {
    const std::string name(command.words);
    if (words.empty() || name == words || name.starts_with(words + " ")) meant.push_back(command);
  }
  if (meant.empty()) {
    const absl::StatusOr<CommandLine> wrong = parse_line(*terms_.commands, line.arguments);
    if (!wrong.ok()) return fail(wrong.status());
    return fail(absl::InvalidArgumentError("no command \"" + words + "\"; help lists them"));
  }
  const Command* one = command_named(meant, words);
  *terms_.out << (one != nullptr ? help_text(*one) : help_text(meant));
  return ExitCode::kOk;
}

ExitCode Runner::run_paged(const CommandLine& line, json params) {
  const auto bound = line.options.find("-n");
  int64_t left = bound == line.options.end() ? std::numeric_limits<int64_t>::max()
                                             : std::atoll(bound->second.c_str());
  std::optional<RowStream> stream;
  json whole = {{"rows", json::array()}, {"cursor", nullptr}};
  Display display(*terms_.out, terms_.columns);
  for (;;) {
    params["limit"] = std::min(left, kPageRows);
    ExitCode code = ExitCode::kOk;
    std::optional<json> page = ask(line, params, code);
    if (!page) return code;
    json& rows = (*page)["rows"];
    left -= static_cast<int64_t>(rows.size());
    whole["cursor"] = (*page)["cursor"];
    const bool last = !goes_on(whole["cursor"]) || left <= 0;
    warn(line, *page);
    if (line.format == Format::kPeople) line.command->print(*page, line, display);
    if (line.format == Format::kJson) {
      if (!stream) stream.emplace(*terms_.out);
      stream->add(rows);
      if (last) stream->end(whole["cursor"]);
    }
    if (line.format == Format::kPretty) {
      for (json& row : rows) whole["rows"].push_back(std::move(row));
      if (last) *terms_.out << json_text(whole, Format::kPretty) << '\n';
    }
    if (last) {
      display.end();
      return ExitCode::kOk;
    }
    params["cursor"] = whole["cursor"];
  }
}

ExitCode Runner::show(const CommandLine& line, const json& answer) {
  Display display(*terms_.out, terms_.columns);
  const Format format = format_of(line);
  bool good = true;
  warn(line, answer);
  if (answer.is_object()) good = !answer.contains("valid") || answer["valid"] != false;
  if (format != Format::kPeople) {
    const PartOf part = line.command->part;
    *terms_.out << json_text(part == nullptr ? answer : part(answer), format) << '\n';
  } else if (line.command->print == nullptr) {
    print_any(answer, display);
  } else {
    good &= line.command->print(answer, line, display);
  }
  display.end();
  if (!good) return ExitCode::kFailed;
  const bool dropped = line.command->method == "explain" && answer.value("verdict", "") == "drop";
  return dropped ? ExitCode::kDropped : ExitCode::kOk;
}

void Runner::warn(const CommandLine& line, const json& answer) {
  if (!answer.is_object()) return;
  for (const char* severity : {"error", "warning"}) {
    const auto faults = answer.find(std::string(severity) + "s");
    if (faults == answer.end() || !faults->is_array()) continue;
    *terms_.err << fault_lines(as_typed(line, *faults), severity);
  }
}

ExitCode Runner::refused(const CommandLine& line, const json& error) {
  if (line.format != Format::kPeople) {
    *terms_.err << json_text({{"error", error}}, line.format) << '\n';
    return ExitCode::kFailed;
  }
  json told = error;
  if (const auto data = told.find("data"); data != told.end() && data->contains("errors")) {
    (*data)["errors"] = as_typed(line, (*data)["errors"]);
  }
  *terms_.err << refusal_text(told);
  return ExitCode::kFailed;
}

absl::Status Runner::connect(const std::string& socket, int patience_s) {
  if (client_ && connected_to_ == socket && !client_->is_closed()) return absl::OkStatus();
  absl::StatusOr<RpcClient> client = RpcClient::connect(socket, std::chrono::seconds(patience_s));
  if (!client.ok()) return client.status();
  client_ = *std::move(client);
  connected_to_ = socket;
  return absl::OkStatus();
}

std::optional<json> Runner::ask(const CommandLine& line, const json& params, ExitCode& code) {
  const absl::Status connected = connect(line.socket, line.command->patience_s);
  if (!connected.ok()) {
    code = fail(connected);
    return std::nullopt;
  }
  // A command without a method is `rpc`, which is told it.
  const std::string method =
      line.command->method.empty() ? line.arguments[0] : std::string(line.command->method);
  absl::StatusOr<json> answer = client_->call(method, params);
  if (!answer.ok()) {
    client_.reset();
    code = fail(answer.status());
    return std::nullopt;
  }
  if (answer->contains("result")) return std::move((*answer)["result"]);
  code = refused(line, (*answer)["error"]);
  return std::nullopt;
}

}  // namespace postern
