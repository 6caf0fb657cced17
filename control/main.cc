// postern: the daemon's command line. What it does is in daemon.h, what needs no gateway in
// check_config.h.
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/check_config.h"
#include "control/daemon.h"
#include "control/serve/log.h"

namespace postern {
namespace {

constexpr char kDefaultConfig[] = "/etc/postern/postern.cfg";

constexpr char kUsage[] =
    R"(postern: an egress gateway for Kubernetes and OpenShift, in userspace

usage: postern [-c FILE] [-- EAL-ARGUMENTS]
       postern --check [-c FILE]
       postern --print-config [-c FILE]

  -c, --config FILE   the configuration, /etc/postern/postern.cfg where it is left out
      --check         check it and exit; needs no root and no device
      --print-config  print it as it takes effect, with every default
      --version       print the version
  -h, --help          print this

Runs in the foreground and logs to standard error. SIGHUP reads the configuration again, SIGTERM
and SIGINT stop the gateway. Exit status: 0 stopped in order, 1 configuration, 2 environment,
3 device, 4 internal. posternctl talks to a running gateway.
)";

enum class Task { kRun, kCheck, kPrint, kVersion, kHelp };

struct CommandLine {
  Task task = Task::kRun;
  DaemonOptions options = {kDefaultConfig, {}};
};

// Nothing where the arguments make no sense; says why.
std::optional<CommandLine> parse(const std::vector<std::string>& arguments) {
  CommandLine line;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      line.options.eal_args.assign(arguments.begin() + static_cast<ptrdiff_t>(i) + 1,
                                   arguments.end());
      break;
    }
    if (argument == "-c" || argument == "--config") {
      if (++i == arguments.size()) {
        std::cerr << "postern: " << argument << " needs a file\n";
        return std::nullopt;
      }
      line.options.config_path = arguments[i];
    } else if (argument == "--check") {
      line.task = Task::kCheck;
    } else if (argument == "--print-config") {
      line.task = Task::kPrint;
    } else if (argument == "--version") {
      line.task = Task::kVersion;
    } else if (argument == "--help" || argument == "-h") {
      line.task = Task::kHelp;
    } else {
      std::cerr << "postern: unknown argument \"" << argument << "\"; see postern --help\n";
      return std::nullopt;
    }
  }
  return line;
}

ExitCode run(const CommandLine& line) {
  std::optional<config::Model> model = load_or_complain(line.options.config_path, std::cerr);
  if (!model) return ExitCode::kConfiguration;
  Log log(STDERR_FILENO);
  Daemon daemon(line.options, &log);
  return daemon.run(*std::move(model));
}

ExitCode do_task(const CommandLine& line) {
  switch (line.task) {
    case Task::kCheck:
      return check_config(line.options.config_path, std::cout, std::cerr);
    case Task::kPrint:
      return print_config(line.options.config_path, std::cout, std::cerr);
    case Task::kVersion:
      std::cout << "postern " << POSTERN_VERSION << '\n';
      return ExitCode::kOk;
    case Task::kHelp:
      std::cout << kUsage;
      return ExitCode::kOk;
    case Task::kRun:
      return run(line);
  }
  return ExitCode::kInternal;
}

}  // namespace
}  // namespace postern

int main(int argc, char** argv) {
  try {
    const auto line = postern::parse({argv + 1, argv + argc});
    if (!line) return static_cast<int>(postern::ExitCode::kConfiguration);
    return static_cast<int>(postern::do_task(*line));
  } catch (const std::exception& failure) {
    std::cerr << "postern: internal error: " << failure.what() << '\n';
    return static_cast<int>(postern::ExitCode::kInternal);
  }
}
