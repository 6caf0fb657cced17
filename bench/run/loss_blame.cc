#include "bench/run/loss_blame.h"

#include <algorithm>
#include <cmath>

namespace postern::bench {
namespace {

// Probability of exactly `hits` in `trials` of probability `share`, between 0 and 1.
double binomial(uint32_t trials, uint32_t hits, double share) {
  const double n = trials;
  const double k = hits;
  return std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) +
                  k * std::log(share) + (n - k) * std::log1p(-share));
}

}  // namespace

void StepTimes::add(const StepTimes& other) {
  for (size_t i = 0; i < kSteps; ++i) {
    of[i].cycles += other.of[i].cycles;
    of[i].steps += other.of[i].steps;
    of[i].stalled_cycles += other.of[i].stalled_cycles;
    of[i].long_stalls += other.of[i].long_stalls;
  }
  longest_stall = std::max(longest_stall, other.longest_stall);
}

uint32_t StepTimes::long_stalls() const {
  uint32_t sum = 0;
  for (const Of& each : of) sum += each.long_stalls;
  return sum;
}

uint64_t StepTimes::stalled_cycles() const {
  uint64_t sum = 0;
  for (const Of& each : of) sum += each.stalled_cycles;
  return sum;
}

double StepTimes::chance(Step step) const {
  const Of& mine = (*this)[step];
  const Of& queue = (*this)[Step::kQueue];
  if (mine.long_stalls == 0) return 1;
  if (queue.cycles == 0) return 1;  // nothing to hold it against
  if (mine.cycles == 0) return 0;
  const auto cycles = static_cast<double>(mine.cycles);
  const double share = cycles / (cycles + static_cast<double>(queue.cycles));
  const uint32_t both = mine.long_stalls + queue.long_stalls;
  double sum = 0;
  for (uint32_t hits = mine.long_stalls; hits <= both; ++hits) sum += binomial(both, hits, share);
  return std::min(sum, 1.0);
}

void LossBlame::schedule(uint64_t start, double cycles_per_arrival) {
  for (ArrivalCount& queue : queues_) queue.schedule(start, cycles_per_arrival);
  const auto full = static_cast<uint64_t>(queues_[0].slots() * cycles_per_arrival);
  long_cycles_ = std::max(stall_cycles_, full / 4);
}

void LossBlame::postpone(uint64_t cycles) {
  for (ArrivalCount& queue : queues_) queue.postpone(cycles);
}

void LossBlame::taken(uint64_t now, uint32_t count) {
  for (ArrivalCount& queue : queues_) {
    queue.arrive(now);
    queue.take(count);
  }
}

void LossBlame::spent(Step step, uint64_t cycles) {
  if (cycles >= stall_cycles_) [[unlikely]]
    return stall(step, cycles);
  StepTimes::Of& of = times_.of[static_cast<size_t>(step)];
  of.cycles += cycles;
  ++of.steps;
}

void LossBlame::stall(Step step, uint64_t cycles) {
  const auto first = static_cast<size_t>(step);
  StepTimes::Of& of = times_.of[first];
  // The step's own work was a part of it.
  const uint64_t usual = of.steps == 0 ? 0 : of.cycles / of.steps;
  const uint64_t excess = cycles - std::min(usual, cycles);
  of.stalled_cycles += excess;
  times_.longest_stall = std::max(times_.longest_stall, excess);
  if (cycles >= long_cycles_) ++of.long_stalls;
  for (size_t i = first; i < kSteps; ++i) queues_[i].postpone(excess);
}

BlamedLosses LossBlame::lost() const {
  return {queues_[0].lost(), queues_[1].lost(), queues_[2].lost()};
}

}  // namespace postern::bench
