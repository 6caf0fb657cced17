#include <nlohmann/json.hpp>

#include "bench/environment_json.h"
#include "bench/ndr_search.h"
#include "bench/printed.h"

namespace postern::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string rate(const std::optional<double>& load, const char* none) {
  return load ? printed("%.3f", *load / 1e6) : none;
}

Json rounded_or_null(const std::optional<double>& load) {
  return load ? Json(rounded_to(*load, 0)) : Json();
}

Json latency_json(const LatencyAtLoad& at, uint64_t tsc_hz) {
  const LatencySummary summary = at.histogram.summary(tsc_hz);
  Json json = {{"share_of_rate", at.share},
               {"load", rounded_to(at.load, 0)},
               {"loss_ratio", at.trial.trial.loss_ratio},
               {"disturbed", at.trial.served.disturbed},
               {"waited_s", rounded_to(at.trial.served.waited_s, 6)},
               {"p50_ns", rounded_to(summary.p50_ns, 1)},
               {"p90_ns", rounded_to(summary.p90_ns, 1)},
               {"p99_ns", rounded_to(summary.p99_ns, 1)},
               {"p99.9_ns", rounded_to(summary.p999_ns, 1)},
               {"max_ns", rounded_to(summary.max_ns, 1)},
               {"mean_ns", rounded_to(summary.mean_ns, 1)},
               {"steps", Json::array()}};
  const double ns = 1e9 / static_cast<double>(tsc_hz);
  for (const auto& [up_to, share] : at.histogram.steps()) {
    json["steps"].push_back({rounded_to(static_cast<double>(up_to) * ns, 1), share});
  }
  return json;
}

}  // namespace

std::string ndr_text(const NdrOptions& options, const NdrResult& result, uint64_t tsc_hz) {
  std::string text =
      printed("\n%s: %u sessions, frames of %u bytes, ring of %u; Mpps\n",
              std::string(name_of(options.which)).c_str(), options.measuring.sessions,
              options.measuring.frame_bytes, PacedRing::kSlots);
  for (size_t i = 0; i < options.loss_ratios.size(); ++i) {
    const double percent = 100 * options.loss_ratios[i];
    if (i < result.rfc2544.size()) {
      const Throughput& found = result.rfc2544[i];
      text += printed("  loss up to %.3f %%, RFC 2544   %s, lost more at %s  (%u trials, %.1f s)\n",
                      percent, rate(found.load, "none").c_str(),
                      rate(found.above, "no rate tried").c_str(), found.trials, found.seconds);
    }
    if (i < result.mlrsearch.goals.size()) {
      const GoalResult& goal = result.mlrsearch.goals[i];
      text += printed("  loss up to %.3f %%, MLRsearch  %s to %s, forwards %.3f%s\n", percent,
                      rate(goal.lower, "none").c_str(), rate(goal.upper, "none").c_str(),
                      goal.conditional_throughput / 1e6, goal.regular ? "" : "  (irregular)");
    }
  }
  for (const LatencyAtLoad& at : result.latencies) {
    const LatencySummary summary = at.histogram.summary(tsc_hz);
    text += printed(
        "  latency at %3.0f %% (%.3f): us %.2f p50, %.2f p90, %.2f p99, %.2f p99.9, "
        "%.1f max%s\n",
        100 * at.share, at.load / 1e6, summary.p50_ns / 1e3, summary.p90_ns / 1e3,
        summary.p99_ns / 1e3, summary.p999_ns / 1e3, summary.max_ns / 1e3,
        at.trial.served.disturbed ? "  disturbed" : "");
  }
  return text + printed("  %u trials, %u repeated, %u taken although disturbed\n", result.trials,
                        result.repeated, result.disturbed);
}

void write_ndr(const NdrOptions& options, const NdrResult& result, uint64_t tsc_hz, Json& json) {
  json["goals"] = {{"trial_s", options.trial_ms / 1e3},
                   {"initial_trial_s", options.initial_ms / 1e3},
                   {"duration_sum_s", options.sum_ms / 1e3},
                   {"exceed_ratio", options.exceed_ratio},
                   {"width", options.width},
                   {"max_load", rounded_to(result.range.max_load, 0)}};
  json["flooded_packets_per_second"] = rounded_to(result.flooded, 0);
  json["rfc2544"] = Json::array();
  for (size_t i = 0; i < result.rfc2544.size(); ++i) {
    const Throughput& found = result.rfc2544[i];
    json["rfc2544"].push_back({{"loss_ratio", options.loss_ratios[i]},
                               {"packets_per_second", rounded_or_null(found.load)},
                               {"lost_more_at", rounded_or_null(found.above)},
                               {"trials", found.trials},
                               {"seconds", rounded_to(found.seconds, 3)}});
  }
  json["mlrsearch"] = Json::array();
  for (size_t i = 0; i < result.mlrsearch.goals.size(); ++i) {
    const GoalResult& goal = result.mlrsearch.goals[i];
    json["mlrsearch"].push_back(
        {{"loss_ratio", options.loss_ratios[i]},
         {"lower_bound", rounded_or_null(goal.lower)},
         {"upper_bound", rounded_or_null(goal.upper)},
         {"conditional_throughput", rounded_to(goal.conditional_throughput, 0)},
         {"regular", goal.regular}});
  }
  json["mlrsearch_trials"] = result.mlrsearch.trials;
  json["latency"] = Json::array();
  for (const LatencyAtLoad& at : result.latencies) {
    json["latency"].push_back(latency_json(at, tsc_hz));
  }
  json["trials"] = result.trials;
  json["trials_repeated"] = result.repeated;
  json["trials_disturbed"] = result.disturbed;
}

}  // namespace postern::bench
