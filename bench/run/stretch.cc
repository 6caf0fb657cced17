#include "bench/run/stretch.h"

#include <algorithm>

namespace postern::bench {

LossCauses Losses::causes(const StepTimes& steps) const {
  // Each of the queues lost at most what the one before it did.
  const uint64_t beside = std::min(blamed[0], by_full);
  const uint64_t anywhere = std::min(blamed[1], beside);
  const uint64_t none = std::min(blamed[2], anywhere);
  LossCauses causes;
  causes.stalled = by_full - beside;
  causes.own = all - by_full;  // by the gateway
  (steps.fair(Step::kWalk) ? causes.stalled : causes.own) += beside - anywhere;
  (steps.fair(Step::kChores) ? causes.stalled : causes.own) += anywhere - none;
  causes.waiting = std::min(own_waiting, none);
  causes.own += none - causes.waiting;
  return causes;
}

Losses Losses::since(const Losses& before) const {
  Losses since = {.all = all - before.all,
                  .by_full = by_full - before.by_full,
                  .own_waiting = own_waiting - before.own_waiting};
  for (size_t i = 0; i < blamed.size(); ++i) since.blamed[i] = blamed[i] - before.blamed[i];
  return since;
}

}  // namespace postern::bench
