#include "bench/ndr_search.h"

#include <algorithm>
#include <cstdio>

#include "bench/printed.h"

namespace postern::bench {
namespace {

// Any device is flooded by this; and how long.
constexpr double kFlood = 1e9;
constexpr double kFlood_s = 0.1;
// The range that is searched, unless told, is that around what is forwarded then.
constexpr double kRangeAbove = 2;
constexpr double kRangeBelow = 1e-3;
constexpr double kLatencyShares[] = {0.1, 0.5, 0.9, 1};

// Makes trials, and repeats those that say nothing of the gateway.
class Trials {
 public:
  Trials(const NdrOptions& options, LoadedGateway& gateway, NdrResult& result)
      : options_(options), gateway_(gateway), result_(result) {}

  LoadTrial make(double load, double duration_s) {
    for (uint32_t attempt = 0;; ++attempt) {
      const LoadTrial trial = gateway_.offer(load, duration_s);
      ++result_.trials;
      const bool doubtful = trial.served.disturbed && trial.served.lost() > 0;
      const bool again = doubtful && attempt < options_.retries;
      print(trial, again);
      if (again) {
        ++result_.repeated;
        continue;
      }
      result_.disturbed += doubtful;
      return trial;
    }
  }

  Measurer measurer() {
    return [this](double load, double duration_s) { return make(load, duration_s).trial; };
  }

 private:
  void print(const LoadTrial& trial, bool again) const {
    std::printf("%9.3f Mpps  %7.3f s  lost %.4f %% (%llu)%s\n", trial.trial.load / 1e6,
                trial.trial.duration_s, 100 * trial.trial.loss_ratio,
                static_cast<unsigned long long>(trial.served.lost()),
                again                    ? "  disturbed: once more"
                : trial.served.disturbed ? "  disturbed"
                                         : "");
    std::fflush(stdout);
  }

  const NdrOptions& options_;
  LoadedGateway& gateway_;
  NdrResult& result_;
};

// The best estimate of the rate without loss, or with the least that was asked for; 0 where there
// is none.
double found_rate(const NdrResult& result) {
  for (const GoalResult& goal : result.mlrsearch.goals) {
    if (goal.lower) return *goal.lower;
  }
  for (const Throughput& throughput : result.rfc2544) {
    if (throughput.load) return *throughput.load;
  }
  return 0;
}

void measure_latencies(const NdrOptions& options, LoadedGateway& gateway, NdrResult& result) {
  const double rate = found_rate(result);
  if (rate == 0) return;
  Trials trials(options, gateway, result);
  for (const double share : kLatencyShares) {
    LatencyAtLoad at{.share = share, .load = rate * share, .trial = {}, .histogram = {}};
    at.trial = trials.make(at.load, options.trial_ms / 1e3);
    at.histogram = gateway.latency();
    result.latencies.push_back(std::move(at));
  }
}

}  // namespace

std::string search_ndr(const NdrOptions& options, LoadedGateway& gateway, NdrResult& result) {
  Trials trials(options, gateway, result);
  const Trial flood = gateway.offer(kFlood, kFlood_s).trial;
  result.flooded = flood.load * (1 - flood.loss_ratio);
  result.range.max_load = options.max_rate.value_or(kRangeAbove * result.flooded);
  result.range.min_load = kRangeBelow * result.range.max_load;
  result.range.width = options.width;
  std::printf("flooded, it forwards %.3f Mpps; searching up to %.3f\n", result.flooded / 1e6,
              result.range.max_load / 1e6);
  if (options.rfc2544) {
    for (const double loss : options.loss_ratios) {
      std::printf("RFC 2544, loss up to %.3f %%\n", 100 * loss);
      result.rfc2544.push_back(
          search_throughput(result.range, loss, options.trial_ms / 1e3, trials.measurer()));
    }
  }
  if (options.mlrsearch) {
    std::puts("MLRsearch, all goals");
    std::vector<SearchGoal> goals;
    for (const double loss : options.loss_ratios) {
      goals.push_back({.loss_ratio = loss,
                       .exceed_ratio = options.exceed_ratio,
                       .final_trial_s = options.trial_ms / 1e3,
                       .duration_sum_s = options.sum_ms / 1e3,
                       .initial_trial_s = options.initial_ms / 1e3});
    }
    result.mlrsearch = search_mlr(result.range, goals, trials.measurer());
  }
  std::puts("latencies");
  measure_latencies(options, gateway, result);
  return gateway.failure();
}

}  // namespace postern::bench
