// postern-bench: what a packet costs, measured on this machine. docs/performance.md has the method.
// Exit status of every subcommand: 0 done, 1 could not be done, 2 usage.
#include <array>
#include <cstdio>
#include <span>
#include <string_view>

#include "bench/compare_command.h"
#include "bench/connections_command.h"
#include "bench/ndr_command.h"
#include "bench/plot_command.h"
#include "bench/run_command.h"
#include "bench/send_command.h"
#include "bench/sweep_command.h"

namespace {

struct Subcommand {
  std::string_view name;
  std::string_view help;
  int (*carry_out)(std::span<const char* const> arguments);  // beginning with the name
};

constexpr std::array kSubcommands = {
    Subcommand{"run", "measure one case", postern::bench::run_command},
    Subcommand{"sweep", "measure one case over a ladder of sessions",
               postern::bench::sweep_command},
    Subcommand{"ndr", "search for the highest rates without and with loss",
               postern::bench::ndr_command},
    Subcommand{"connections", "establish, use, end and count connections, as RFC 9693",
               postern::bench::connections_command},
    Subcommand{"send", "send frames of a file: the generator behind a port under test",
               postern::bench::send_command},
    Subcommand{"compare", "say whether two results differ", postern::bench::compare_command},
    Subcommand{"plot", "draw results", postern::bench::plot_command},
};

void print_usage(std::FILE* to) {
  std::fputs("usage: postern-bench SUBCOMMAND ...\n\n", to);
  for (const Subcommand& each : kSubcommands) {
    std::fprintf(to, "  %-13s%s\n", each.name.data(), each.help.data());
  }
  std::fputs("\nEach has a --help of its own.\n", to);
}

}  // namespace

int main(int argc, char** argv) {
  const std::span arguments(argv + 1, static_cast<size_t>(argc - 1));
  const std::string_view word = arguments.empty() ? "" : arguments.front();
  for (const Subcommand& each : kSubcommands) {
    if (word == each.name) return each.carry_out(arguments);
  }
  const bool asked = word == "--help" || word == "-h";
  print_usage(asked ? stdout : stderr);
  return asked ? 0 : 2;
}
