// postern-bench: what a packet costs, measured on this machine. docs/performance.md has the method.
// Exit status: 0 measured, 1 could not be measured, 2 usage.
#include <signal.h>

#include <cstdio>
#include <span>

#include "bench/measured_run.h"
#include "bench/options.h"

namespace {

// Before any thread starts, so that none of them is ended by Ctrl-C: the run looks for it.
void block_interrupts() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace postern::bench;
  const Parsed parsed = parse_options(std::span(argv + 1, static_cast<size_t>(argc - 1)));
  if (std::holds_alternative<HelpWanted>(parsed)) {
    std::fputs(usage().c_str(), stdout);
    return 0;
  }
  if (const auto* error = std::get_if<UsageError>(&parsed)) {
    std::fprintf(stderr, "postern-bench: %s\n", error->text.c_str());
    return 2;
  }
  block_interrupts();
  const std::string failure = run_measurement(std::get<Options>(parsed));
  if (failure.empty()) return 0;
  std::fprintf(stderr, "postern-bench: %s\n", failure.c_str());
  return 1;
}
