#include "bench/run/change_losses.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "bench/statistics.h"

namespace postern::bench {
namespace {

double offered_in(const Rounds& rounds) {
  return static_cast<double>(
      std::accumulate(rounds.offered.begin(), rounds.offered.end(), uint64_t{0}));
}

// Of all packets.
double own_share(const Rounds& rounds, const StepTimes& steps) {
  uint64_t own = 0;
  for (const Losses& losses : rounds.losses) own += losses.causes(steps).own;
  const double offered = offered_in(rounds);
  return offered == 0 ? 0 : static_cast<double>(own) / offered;
}

}  // namespace

void Rounds::note(const Stretch& stretch) {
  losses.push_back(stretch.losses.since(noted_));
  offered.push_back(stretch.offered - noted_offered_);
  noted_ = stretch.losses;
  noted_offered_ = stretch.offered;
}

std::vector<double> Rounds::own_shares(const StepTimes& steps) const {
  std::vector<double> shares;
  for (size_t i = 0; i < losses.size(); ++i) {
    const auto own = static_cast<double>(losses[i].causes(steps).own);
    if (offered[i] != 0) shares.push_back(own / static_cast<double>(offered[i]));
  }
  return shares;
}

ChangeLosses losses_by_change(const Rounds& before, const StepTimes& steps_before,
                              const Rounds& during, const StepTimes& steps_during) {
  const std::vector<double> without = before.own_shares(steps_before);
  const std::vector<double> with = during.own_shares(steps_during);
  ChangeLosses found{.packets = 0, .chance = chance_of_rise(without, with)};
  const double beyond = own_share(during, steps_during) - own_share(before, steps_before);
  const bool enough = std::min(without.size(), with.size()) >= kEnoughRounds;
  if (beyond <= 0 || (enough && found.chance > kChanceAllowed)) return found;
  found.packets = static_cast<uint64_t>(std::llround(beyond * offered_in(during)));
  return found;
}

}  // namespace postern::bench
