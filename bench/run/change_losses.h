// Whether a change makes a worker lose packets that it would not have lost without: stretches with
// a change and without one took turns, and what the worker lost by its own doing (loss_blame.h) is
// compared round by round. A machine that is slower for a while costs both alike. Values; any
// thread.
#ifndef POSTERN_BENCH_RUN_CHANGE_LOSSES_H_
#define POSTERN_BENCH_RUN_CHANGE_LOSSES_H_

#include <cstdint>
#include <vector>

#include "bench/run/stretch.h"

namespace postern::bench {

// A stretch in pieces, one a round.
struct Rounds {
  std::vector<Losses> losses = {};
  std::vector<uint64_t> offered = {};

  // What has come to `stretch` since the last call is a round.
  void note(const Stretch& stretch);
  // Share of its packets that each round lost by the worker's own doing; `steps` of all of them.
  [[nodiscard]] std::vector<double> own_shares(const StepTimes& steps) const;

 private:
  Losses noted_ = {};
  uint64_t noted_offered_ = 0;
};

struct ChangeLosses {
  uint64_t packets = 0;  // by the change
  double chance = 1;     // of so much more, or more, if the change had nothing to do with it
};

// Fewer rounds than this say nothing about chance: then everything beyond what was lost without a
// change is the change's.
inline constexpr size_t kEnoughRounds = 5;
// More than this is taken for chance.
inline constexpr double kChanceAllowed = 0.01;

[[nodiscard]] ChangeLosses losses_by_change(const Rounds& before, const StepTimes& steps_before,
                                            const Rounds& during, const StepTimes& steps_during);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_CHANGE_LOSSES_H_
