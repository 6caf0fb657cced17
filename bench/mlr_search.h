// Multiple Loss Ratio search (RFC 9971): several goals over one set of trials, short trials first,
// and no load judged by a single trial.
//
// What a load is for a goal, an upper bound, a lower bound or neither yet, follows the RFC's load
// classification; which load is tried next is our own (the RFC leaves it open). Each goal is
// approached in phases, from coarse and short to its own width and trial duration; a phase begins
// at the bounds of the last one. Pure but for the trials; one thread.
#ifndef POSTERN_BENCH_MLR_SEARCH_H_
#define POSTERN_BENCH_MLR_SEARCH_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "bench/rate_search.h"

namespace postern::bench {

// RFC 9971, "Search Goal", with its required attributes and both optional ones (the width is that
// of SearchRange).
struct SearchGoal {
  double loss_ratio = 0;
  double exceed_ratio = 0.5;  // this share of trials, by duration, may lose more
  double final_trial_s = 1;
  double duration_sum_s = 5;
  double initial_trial_s = 0.1;
};

enum class LoadClass : uint8_t { kUndecided, kLowerBound, kUpperBound };

// What all trials at one load say of it.
[[nodiscard]] LoadClass classify_load(const std::vector<Trial>& trials, const SearchGoal& goal);
// The forwarding rate that can be expected at a lower bound ("Conditional Throughput").
[[nodiscard]] double conditional_throughput(const std::vector<Trial>& trials,
                                            const SearchGoal& goal);

// RFC 9971, "Goal Result".
struct GoalResult {
  std::optional<double> lower;  // relevant lower bound
  std::optional<double> upper;  // relevant upper bound
  double conditional_throughput = 0;
  bool regular = false;  // both bounds are there and no further apart than the width
};

struct MlrResult {
  std::vector<GoalResult> goals;  // in the order of the goals
  uint32_t trials = 0;
  double seconds = 0;  // of trials
};

// A search ends after so many trials, whatever it knows then: noise that flips every load would
// keep it for ever.
inline constexpr uint32_t kMostTrials = 2000;

[[nodiscard]] MlrResult search_mlr(const SearchRange& range, const std::vector<SearchGoal>& goals,
                                   const Measurer& measure);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_MLR_SEARCH_H_
