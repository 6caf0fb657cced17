// posternctl: asks and changes a running gateway. One command line is one request; without a
// command it is a shell. Everything about commands is in commands.cc.
#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "control/ctl/command.h"
#include "control/ctl/runner.h"
#include "control/ctl/shell.h"

namespace {

// Columns of the terminal behind standard output; 0: it is none.
size_t terminal_columns() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0) return 0;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

postern::ExitCode run(const std::vector<std::string>& words) {
  using postern::ExitCode;
  const std::vector<postern::Command> commands = postern::all_commands();
  absl::StatusOr<postern::CommandLine> line = postern::parse_line(commands, words);
  const bool parsed = line.ok();
  postern::Runner runner({.commands = &commands,
                          .out = &std::cout,
                          .err = &std::cerr,
                          .columns = terminal_columns(),
                          .socket = parsed && !line->socket.empty()
                                        ? line->socket
                                        : std::string(postern::kDefaultSocket),
                          .format = parsed ? line->format : postern::Format::kPeople});
  if (!parsed) return runner.fail(line.status());
  if (line->wants_version) {
    std::cout << "posternctl " POSTERN_VERSION "\n";
    return ExitCode::kOk;
  }
  if (line->command != nullptr || line->wants_help) return runner.run(*std::move(line));
  if (isatty(STDIN_FILENO) != 0) return postern::run_shell(commands, runner);
  return postern::run_lines(std::cin, commands, runner);
}

}  // namespace

int main(int argc, char** argv) {
  const postern::ExitCode code =
      run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  std::cout.flush();
  if (!std::cout && code == postern::ExitCode::kOk) {
    std::cerr << "posternctl: cannot write to standard output\n";
    return static_cast<int>(postern::ExitCode::kFailed);
  }
  return static_cast<int>(code);
}
