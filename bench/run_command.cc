#include "bench/run_command.h"

#include <cstdio>

#include "bench/environment_json.h"
#include "bench/measured_run.h"
#include "bench/options.h"
#include "bench/run/console.h"

namespace postern::bench {
int run_command(std::span<const char* const> arguments) {
  const Parsed parsed = parse_options(arguments);
  if (std::holds_alternative<HelpWanted>(parsed)) {
    std::fputs(usage().c_str(), stdout);
    return 0;
  }
  if (const auto* error = std::get_if<UsageError>(&parsed)) {
    std::fprintf(stderr, "postern-bench: %s; postern-bench run --help\n", error->text.c_str());
    return 2;
  }
  Options options = std::get<Options>(parsed);
  block_interrupts();
  std::string failure = claim_result(options.json);
  if (failure.empty()) failure = run_measurement(options);
  if (failure.empty()) return 0;
  std::fprintf(stderr, "postern-bench: %s\n", failure.c_str());
  return 1;
}

}  // namespace postern::bench
