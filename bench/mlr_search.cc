#include "bench/mlr_search.h"

#include <algorithm>
#include <cmath>

namespace postern::bench {
namespace {

// Sums of trial durations come from additions in any order.
constexpr double kTolerance = 1e-9;

using Trials = std::map<double, std::vector<Trial>>;  // by load

struct Bounds {
  std::optional<double> lower;
  std::optional<double> upper;
};

// The smallest upper bound, and the largest lower bound below it.
Bounds relevant_bounds(const Trials& trials, const SearchGoal& goal) {
  Bounds bounds;
  for (const auto& [load, results] : trials) {
    const LoadClass is = classify_load(results, goal);
    if (is == LoadClass::kLowerBound) bounds.lower = load;
    if (is != LoadClass::kUpperBound) continue;
    bounds.upper = load;
    return bounds;
  }
  return bounds;
}

class Controller {
 public:
  Controller(const SearchRange& range, const Measurer& measure)
      : range_(range), measure_(measure) {}

  // What the device forwards when it is flooded is where the bounds of most goals lie.
  void begin(double trial_s) {
    const Trial flood = try_load(range_.max_load, trial_s);
    guess_ = within(flood.load * (1 - flood.loss_ratio));
  }

  GoalResult pursue(const SearchGoal& goal) {
    // Each phase halves the width; the durations grow evenly from the first to the final one.
    constexpr int kPhases = 4;
    Bounds hints{.lower = guess_, .upper = {}};
    for (int phase = 0; phase <= kPhases; ++phase) {
      SearchGoal now = goal;
      const double share = static_cast<double>(phase) / kPhases;
      const double initial = std::min(goal.initial_trial_s, goal.final_trial_s);
      now.final_trial_s = initial * std::pow(goal.final_trial_s / initial, share);
      if (phase < kPhases) now.duration_sum_s = now.final_trial_s;
      hints = narrow(now, range_.width * std::pow(2, kPhases - phase), hints);
    }
    return result_for(goal);
  }

  [[nodiscard]] uint32_t trials() const { return count_; }
  [[nodiscard]] double seconds() const { return seconds_; }

 private:
  [[nodiscard]] double within(double load) const {
    return std::clamp(load, range_.min_load, range_.max_load);
  }

  Trial try_load(double load, double trial_s) {
    const Trial trial = measure_(load, trial_s);
    trials_[load].push_back(trial);
    ++count_;
    seconds_ += trial.duration_s;
    return trial;
  }

  // Tries `load` until it is a bound.
  LoadClass decide(double load, const SearchGoal& goal) {
    LoadClass is = classify_load(trials_[load], goal);
    while (is == LoadClass::kUndecided && count_ < kMostTrials) {
      try_load(load, goal.final_trial_s);
      is = classify_load(trials_[load], goal);
    }
    return is;
  }

  // Measures until the bounds of `goal` are no further apart than `width`, or the range ends.
  Bounds narrow(const SearchGoal& goal, double width, const Bounds& hints) {
    if (hints.lower) decide(*hints.lower, goal);
    if (hints.upper) decide(*hints.upper, goal);
    double step = width;  // relative; doubled with every step outwards
    for (;;) {
      const Bounds bounds = relevant_bounds(trials_, goal);
      const std::optional<double> next = next_load(bounds, width, step);
      if (!next || count_ >= kMostTrials) return bounds;
      decide(*next, goal);
    }
  }

  // Where to look next; nothing once the bounds are close, or where the range ends.
  std::optional<double> next_load(const Bounds& bounds, double width, double& step) const {
    if (bounds.lower && bounds.upper) {
      if (*bounds.upper - *bounds.lower <= width * *bounds.upper * (1 + kTolerance)) return {};
      return (*bounds.lower + *bounds.upper) / 2;
    }
    step *= 2;
    if (bounds.upper) {
      if (*bounds.upper <= range_.min_load) return {};
      return within(*bounds.upper * std::max(0.0, 1 - step));
    }
    if (bounds.lower) {
      if (*bounds.lower >= range_.max_load) return {};
      return within(*bounds.lower * (1 + step));
    }
    return guess_;
  }

  [[nodiscard]] GoalResult result_for(const SearchGoal& goal) const {
    const Bounds bounds = relevant_bounds(trials_, goal);
    GoalResult result{.lower = bounds.lower, .upper = bounds.upper};
    if (result.lower) {
      result.conditional_throughput = conditional_throughput(trials_.at(*result.lower), goal);
    }
    result.regular =
        result.lower && result.upper &&
        *result.upper - *result.lower <= range_.width * *result.upper * (1 + kTolerance);
    return result;
  }

  const SearchRange range_;
  const Measurer& measure_;
  Trials trials_;
  double guess_ = 0;
  uint32_t count_ = 0;
  double seconds_ = 0;
};

}  // namespace

LoadClass classify_load(const std::vector<Trial>& trials, const SearchGoal& goal) {
  // Sums of durations: [short, full-length][low loss, high loss].
  double sum[2][2] = {};
  for (const Trial& trial : trials) {
    const bool full = trial.duration_s >= goal.final_trial_s * (1 - kTolerance);
    sum[full ? 1 : 0][trial.loss_ratio > goal.loss_ratio ? 1 : 0] += trial.duration_s;
  }
  // Short trials without loss only outweigh short ones with loss: they make no lower bound.
  const double balancing = sum[0][0] * goal.exceed_ratio / (1 - goal.exceed_ratio);
  const double high = sum[1][1] + std::max(0.0, sum[0][1] - balancing);
  const double full = high + sum[1][0];
  const double whole = std::max(full, goal.duration_sum_s);
  // Whatever the trials that are missing would bring.
  const double at_best = high / whole;
  const double at_worst = (high + (whole - full)) / whole;
  if (at_best > goal.exceed_ratio + kTolerance) return LoadClass::kUpperBound;
  if (at_worst <= goal.exceed_ratio + kTolerance) return LoadClass::kLowerBound;
  return LoadClass::kUndecided;
}

double conditional_throughput(const std::vector<Trial>& trials, const SearchGoal& goal) {
  std::vector<Trial> full;
  double sum = 0;
  for (const Trial& trial : trials) {
    if (trial.duration_s < goal.final_trial_s * (1 - kTolerance)) continue;
    full.push_back(trial);
    sum += trial.duration_s;
  }
  if (full.empty()) return 0;
  std::sort(full.begin(), full.end(),
            [](const Trial& a, const Trial& b) { return a.loss_ratio < b.loss_ratio; });
  double remaining = std::max(sum, goal.duration_sum_s) * (1 - goal.exceed_ratio);
  double loss_ratio = 1;
  for (const Trial& trial : full) {
    if (remaining <= kTolerance) break;
    loss_ratio = trial.loss_ratio;
    remaining -= trial.duration_s;
  }
  if (remaining > kTolerance) loss_ratio = 1;  // what was not measured may have lost everything
  return full.front().load * (1 - loss_ratio);
}

MlrResult search_mlr(const SearchRange& range, const std::vector<SearchGoal>& goals,
                     const Measurer& measure) {
  MlrResult result;
  if (goals.empty()) return result;
  Controller controller(range, measure);
  controller.begin(goals.front().initial_trial_s);
  for (const SearchGoal& goal : goals) result.goals.push_back(controller.pursue(goal));
  result.trials = controller.trials();
  result.seconds = controller.seconds();
  return result;
}

}  // namespace postern::bench
