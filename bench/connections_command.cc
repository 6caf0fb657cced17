#include "bench/connections_command.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/bench_eal.h"
#include "bench/environment_json.h"
#include "bench/printed.h"
#include "bench/run/worker_thread.h"
#include "bench/statistics.h"
#include "dataplane/run/environment.h"

namespace postern::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kAbout =
    "Measures as RFC 9693 does, by the RFC's two test phases. Phase 1: every packet makes a new\n"
    "connection; afterwards every one of them must carry a reply. Phase 2: random packets of all\n"
    "connections in both directions, none makes a new one. In this order: maximum connection\n"
    "establishment rate, throughput over the full table, connection tear-down rate, connection\n"
    "tracking table capacity.\n";

Json rounded_or_null(const std::optional<double>& value) {
  return value ? Json(rounded_to(*value, 0)) : Json();
}

std::vector<double> tear_down_rates(const ConnectionsResult& result) {
  std::vector<double> rates;
  for (const TearDown& each : result.tear_downs) {
    if (each.seconds > 0) rates.push_back(each.connections / each.seconds);
  }
  return rates;
}

std::string measure(const ConnectionsOptions& options, BenchEal& started, ConnectionsResult& result,
                    Json& json) {
  auto pool = make_bench_pool();
  if (!pool) return pool.complaint().text();
  const uint32_t room = options.measuring.sessions;
  StatefulDevice device(pool.value().get(), room, std::min(2 * room, kMaxSessions),
                        options.measuring.frame_bytes);
  std::string failure = device.prepare(started.eal.memory_mode() != MemoryMode::kNoHuge);
  if (!failure.empty()) return failure;
  failure = on_worker(started.eal, 0, [&] { return measure_connections(options, device, result); });
  if (!failure.empty()) return failure;
  std::fputs(connections_text(options, result).c_str(), stdout);
  write_connections(options, result, json);
  json["environment"] = environment_json(read_environment());
  json["environment"]["cpu_of_worker"] = started.worker_cpu;
  json["environment"]["memory"] = name_of(started.eal.memory_mode());
  json["environment"]["session_pages"] = name_of(device.gateway().session_pages());
  json["environment"]["session_table_bytes"] = device.gateway().session_table_bytes();
  return write_result(options.measuring.json, json);
}

std::string run_all(ConnectionsOptions& options) {
  const std::string unwritable = claim_result(options.measuring.json);
  if (!unwritable.empty()) return unwritable;
  auto started = start_bench_eal(options.measuring.memory, options.measuring.cpu);
  if (!started) return started.complaint().text();
  Json json = {{"kind", "rfc9693"},
               {"sessions", options.measuring.sessions},
               {"size", options.measuring.frame_bytes},
               {"workers", 1},
               {"port", "memory, paced"}};
  ConnectionsResult result;
  return measure(options, started.value(), result, json);
}

std::string text_of(const std::optional<double>& value, double unit, const char* none) {
  return value ? printed("%.3f", *value / unit) : none;
}

}  // namespace

Grammar connections_grammar(ConnectionsOptions& options) {
  Grammar grammar{.usage = "connections [OPTION VALUE]...",
                  .about = kAbout,
                  .flags = measuring_flags(options.measuring),
                  .least_words = 0,
                  .most_words = 0,
                  .words_are = "options only"};
  const auto add = [&](std::string_view name, std::string_view value, std::string help,
                       std::function<bool(std::string_view)> take) {
    grammar.flags.push_back({name, value, std::move(help), std::move(take)});
  };
  add("--check", "SHARE", "of a rate, at which its connections are checked; default 50%",
      [&](std::string_view text) {
        return put(options.check_share, share_of(text)) && options.check_share > 0;
      });
  add("--width", "SHARE", "how close bounds must be; default 1%", [&](std::string_view text) {
    return put(options.width, share_of(text)) && options.width > 0;
  });
  add("--max-rate", "RATE", "connections a second, as 5M, beyond which none is tried",
      [&](std::string_view text) { return put(options.max_rate, per_second_of(text)); });
  add("--trial", "TIME", "of phase 2; default 1s",
      [&](std::string_view text) { return put(options.trial_ms, milliseconds_of(text)); });
  add("--tear-downs", "N", "how often to measure tearing down, 1 to 100; default 5",
      [&](std::string_view text) { return put(options.tear_downs, number_of(text, 1, 100)); });
  add("--retries", "N", "of trials that failed while others were at work, 0 to 9; default 1",
      [&](std::string_view text) { return put(options.retries, number_of(text, 0, 9)); });
  return grammar;
}

std::string connections_text(const ConnectionsOptions& options, const ConnectionsResult& result) {
  std::string text =
      printed("\nRFC 9693: a table for %u connections, frames of %u bytes, one worker\n",
              options.measuring.sessions, options.measuring.frame_bytes);
  text += printed("  establishment   %s M/s, failed at %s  (%u trials)\n",
                  text_of(result.establishment.load, 1e6, "none").c_str(),
                  text_of(result.establishment.above, 1e6, "no rate tried").c_str(),
                  result.establishment.trials);
  text += printed("  throughput      %s Mpps without loss, both directions, lost at %s\n",
                  text_of(result.throughput.load, 1e6, "none").c_str(),
                  text_of(result.throughput.above, 1e6, "no rate tried").c_str());
  const std::vector<double> rates = tear_down_rates(result);
  if (!rates.empty()) {
    text += printed("  tear-down       %.3f M/s  (median of %zu)\n", median_of(rates).value / 1e6,
                    rates.size());
  }
  text += printed("  capacity        %u connections, configured %u\n",
                  result.capacity.connections.value_or(0), options.measuring.sessions);
  return text + printed("  %u trials repeated, %u failed although repeated\n", result.repeated,
                        result.disturbed);
}

void write_connections(const ConnectionsOptions& options, const ConnectionsResult& result,
                       Json& json) {
  json["maximum_connection_establishment_rate"] = {
      {"per_second", rounded_or_null(result.establishment.load)},
      {"failed_at", rounded_or_null(result.establishment.above)},
      {"trials", result.establishment.trials},
      {"checked_at_share", options.check_share}};
  json["throughput"] = {{"packets_per_second", rounded_or_null(result.throughput.load)},
                        {"lost_at", rounded_or_null(result.throughput.above)},
                        {"loss_ratio", 0},
                        {"trial_s", options.trial_ms / 1e3},
                        {"trials", result.throughput.trials}};
  const std::vector<double> rates = tear_down_rates(result);
  Json samples = Json::array();
  for (const double rate : rates) samples.push_back(rounded_to(rate, 0));
  json["connection_tear_down_rate"] = {
      {"per_second", rates.empty() ? Json() : Json(rounded_to(median_of(rates).value, 0))},
      {"samples", samples}};
  json["connection_tracking_table_capacity"] = {
      {"connections", result.capacity.connections.value_or(0)},
      {"too_many", result.capacity.too_many ? Json(*result.capacity.too_many) : Json()},
      {"configured", options.measuring.sessions},
      {"trials", result.capacity.trials}};
  json["trials_repeated"] = result.repeated;
  json["trials_disturbed"] = result.disturbed;
}

int connections_command(std::span<const char* const> arguments) {
  ConnectionsOptions options;
  const Grammar grammar = connections_grammar(options);
  const CommandLine line = read_command_line(arguments, grammar);
  if (const auto status = settle(line, grammar)) return *status;
  const std::string failure = run_all(options);
  if (failure.empty()) return 0;
  std::fprintf(stderr, "postern-bench: %s\n", failure.c_str());
  return 1;
}

}  // namespace postern::bench
