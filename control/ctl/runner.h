// Executes a line of posternctl: asks the gateway, follows its pages, prints the answer as people
// or programs want it, and tells what went wrong on the error stream with what to do next. It
// owns the connection and keeps it from line to line. One thread; blocks.
#ifndef POSTERN_CONTROL_CTL_RUNNER_H_
#define POSTERN_CONTROL_CTL_RUNNER_H_

#include <absl/status/status.h>

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "control/ctl/command.h"
#include "control/rpc/client.h"

namespace postern {

class Runner {
 public:
  struct Terms {
    const std::vector<Command>* commands = nullptr;  // outlive the runner, as the streams do
    std::ostream* out = nullptr;
    std::ostream* err = nullptr;
    size_t columns = 0;               // of the terminal behind `out`; 0: none
    std::string socket;               // for lines that name none
    Format format = Format::kPeople;  // likewise
  };
  explicit Runner(Terms terms) : terms_(std::move(terms)) {}

  // Executes the line, again and again where it says so.
  ExitCode run(CommandLine line);

  // Tells an error of usage or of the connection.
  ExitCode fail(const absl::Status& status);

  // What the gateway of the terms says of itself; for the shell's greeting.
  absl::StatusOr<Greeting> greeting();

 private:
  ExitCode run_once(const CommandLine& line);
  ExitCode run_here(const CommandLine& line);
  ExitCode explain(const CommandLine& line);
  ExitCode run_paged(const CommandLine& line, nlohmann::json params);
  // Tells the faults that a good answer has.
  void warn(const CommandLine& line, const nlohmann::json& answer);
  ExitCode show(const CommandLine& line, const nlohmann::json& answer);
  ExitCode refused(const CommandLine& line, const nlohmann::json& error);
  absl::Status connect(const std::string& socket, int patience_s);
  // The result; nothing where `code` says what was told already.
  std::optional<nlohmann::json> ask(const CommandLine& line, const nlohmann::json& params,
                                    ExitCode& code);

  Terms terms_;
  std::optional<RpcClient> client_;
  std::string connected_to_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_RUNNER_H_
