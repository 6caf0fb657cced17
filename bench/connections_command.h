// postern-bench connections: RFC 9693, Benchmarking Methodology for Stateful NATxy Gateways. Main
// thread.
#ifndef POSTERN_BENCH_CONNECTIONS_COMMAND_H_
#define POSTERN_BENCH_CONNECTIONS_COMMAND_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/command_line.h"
#include "bench/connection_search.h"
#include "bench/measuring_options.h"
#include "bench/stateful_device.h"

namespace postern::bench {

struct ConnectionsOptions {
  MeasuringOptions measuring{.sessions = 64 * 1024, .json = {}, .cpu = {}};
  double check_share = 0.5;  // of a rate, at which its connections are checked
  double width = 0.01;
  double max_rate = 100e6;   // that is tried
  uint32_t trial_ms = 1000;  // of phase 2
  uint32_t tear_downs = 5;
  uint32_t retries = 1;  // of trials that failed while others were at work
};

struct ConnectionsResult {
  Throughput establishment;  // a second
  Throughput throughput;     // of phase 2: packets a second, both directions together
  std::vector<TearDown> tear_downs;
  Capacity capacity;
  uint32_t repeated = 0;
  uint32_t disturbed = 0;  // failed although repeated, and others were at work again
};

[[nodiscard]] Grammar connections_grammar(ConnectionsOptions& options);
// Prints a line a trial. "" or what went wrong. On the worker's lcore.
[[nodiscard]] std::string measure_connections(const ConnectionsOptions& options,
                                              StatefulDevice& device, ConnectionsResult& result);
[[nodiscard]] std::string connections_text(const ConnectionsOptions& options,
                                           const ConnectionsResult& result);
void write_connections(const ConnectionsOptions& options, const ConnectionsResult& result,
                       nlohmann::ordered_json& json);

// `arguments` begin with "connections". Exit status: 0 measured, 1 could not be measured, 2 usage.
int connections_command(std::span<const char* const> arguments);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_CONNECTIONS_COMMAND_H_
