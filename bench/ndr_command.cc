#include "bench/ndr_command.h"

#include <rte_cycles.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/bench_eal.h"
#include "bench/environment_json.h"
#include "bench/ndr_search.h"
#include "bench/run/worker_thread.h"
#include "dataplane/run/environment.h"

namespace postern::bench {
namespace {

constexpr const char* kAbout =
    "Searches for the highest rate that is carried without loss (NDR) and with 0.5 % (PDR).\n"
    "Packets fall due at the offered rate into a receive ring of 1,024 slots; what is due while\n"
    "it is full is lost. RFC 2544 bisects; MLRsearch (RFC 9971) judges no load by one trial.\n"
    "Latencies, from falling due to departure, follow at 10, 50, 90 and 100 % of the rate "
    "found.\n\n"
    "  nat-out  established sessions, packets from pods: VXLAN in, plain out\n"
    "  nat-in   established sessions, replies: plain in, VXLAN out\n"
    "  io       frames are freed unseen: what the ring itself can do\n";

bool take_method(std::string_view text, NdrOptions& options) {
  options.rfc2544 = text == "rfc2544" || text == "both";
  options.mlrsearch = text == "mlrsearch" || text == "both";
  return options.rfc2544 || options.mlrsearch;
}

// Everything between EAL's start and the results.
std::string measure(const NdrOptions& options, BenchEal& started, NdrResult& result,
                    nlohmann::ordered_json& json) {
  auto pool = make_bench_pool();
  if (!pool) return pool.complaint().text();
  const bool huge = started.eal.memory_mode() != MemoryMode::kNoHuge;
  std::string failure = on_worker(started.eal, 0, [&]() -> std::string {
    LoadedGateway gateway(pool.value().get(), options.which, options.measuring.sessions);
    std::string unready = gateway.prepare(huge, options.measuring.frame_bytes);
    if (!unready.empty()) return unready;
    json["environment"]["session_pages"] = name_of(gateway.gateway().session_pages());
    return search_ndr(options, gateway, result);
  });
  if (!failure.empty()) return failure;
  const uint64_t hz = rte_get_tsc_hz();
  std::fputs(ndr_text(options, result, hz).c_str(), stdout);
  write_ndr(options, result, hz, json);
  json["environment"].update(environment_json(read_environment()));
  json["environment"]["cpu_of_worker"] = started.worker_cpu;
  json["environment"]["memory"] = name_of(started.eal.memory_mode());
  return write_result(options.measuring.json, json);
}

std::string run_search(NdrOptions& options) {
  const std::string unwritable = claim_result(options.measuring.json);
  if (!unwritable.empty()) return unwritable;
  auto started = start_bench_eal(options.measuring.memory, options.measuring.cpu);
  if (!started) return started.complaint().text();
  nlohmann::ordered_json json = {{"kind", "ndr"},
                                 {"case", name_of(options.which)},
                                 {"sessions", options.measuring.sessions},
                                 {"size", options.measuring.frame_bytes},
                                 {"workers", 1},
                                 {"port", "memory, paced"}};
  NdrResult result;
  return measure(options, started.value(), result, json);
}

}  // namespace

std::optional<std::vector<double>> shares_of(std::string_view text) {
  constexpr size_t kMost = 8;
  std::vector<double> shares;
  for (;;) {
    const size_t comma = text.find(',');
    const std::optional<double> share = share_of(text.substr(0, comma));
    if (!share || shares.size() == kMost) return std::nullopt;
    shares.push_back(*share);
    if (comma == std::string_view::npos) return shares;
    text.remove_prefix(comma + 1);
  }
}

Grammar ndr_grammar(NdrOptions& options) {
  Grammar grammar{.usage = "ndr CASE [OPTION VALUE]...",
                  .about = kAbout,
                  .flags = measuring_flags(options.measuring),
                  .least_words = 1,
                  .most_words = 1,
                  .words_are = "one case"};
  const auto add = [&](std::string_view name, std::string_view value, std::string help,
                       std::function<bool(std::string_view)> take) {
    grammar.flags.push_back({name, value, std::move(help), std::move(take)});
  };
  add("--loss", "SHARES", "loss ratios to search for; default 0,0.5%",
      [&](std::string_view text) { return put(options.loss_ratios, shares_of(text)); });
  add("--method", "NAME", "rfc2544, mlrsearch or both; default both",
      [&](std::string_view text) { return take_method(text, options); });
  add("--trial", "TIME", "final trial duration; RFC 2544 wants 60s; default 1s",
      [&](std::string_view text) { return put(options.trial_ms, milliseconds_of(text)); });
  add("--initial", "TIME", "MLRsearch: initial trial duration; default 100ms",
      [&](std::string_view text) { return put(options.initial_ms, milliseconds_of(text)); });
  add("--sum", "TIME", "MLRsearch: duration sum, of trials at one load; default 5s",
      [&](std::string_view text) { return put(options.sum_ms, milliseconds_of(text)); });
  add("--exceed", "SHARE", "MLRsearch: of trials at one load that may lose more; default 50%",
      [&](std::string_view text) { return put(options.exceed_ratio, share_of(text)); });
  add("--width", "SHARE", "how close bounds must be; default 0.5%", [&](std::string_view text) {
    const std::optional<double> width = share_of(text);
    return put(options.width, width) && options.width > 0;
  });
  add("--max-rate", "RATE",
      "packets a second, as 14.88M; default twice what is forwarded in a flood",
      [&](std::string_view text) { return put(options.max_rate, per_second_of(text)); });
  add("--retries", "N", "of trials that lost packets while others were at work, 0 to 9; default 1",
      [&](std::string_view text) { return put(options.retries, number_of(text, 0, 9)); });
  return grammar;
}

std::string take_case(std::string_view word, NdrOptions& options) {
  return put(options.which, load_case_of(word)) ? ""
                                                : "there is no case \"" + std::string(word) + '"';
}

int ndr_command(std::span<const char* const> arguments) {
  NdrOptions options;
  const Grammar grammar = ndr_grammar(options);
  CommandLine line = read_command_line(arguments, grammar);
  if (line.error.empty() && !line.help_wanted) line.error = take_case(line.words[0], options);
  if (const auto status = settle(line, grammar)) return *status;
  const std::string failure = run_search(options);
  if (failure.empty()) return 0;
  std::fprintf(stderr, "postern-bench: %s\n", failure.c_str());
  return 1;
}

}  // namespace postern::bench
