#include "control/methods/rates.h"

#include <utility>

namespace postern {

void Rates::sample(uint64_t now_ms) {
  Sample sample;
  sample.at_ms = now_ms;
  for (const Counters* counters : workers_) {
    for (size_t i = 0; i < kReasonCount; ++i) sample.drops[i] += counters->drops[i].read();
    sample.workers.push_back({.walked = counters->received.read() + counters->taken_over.read(),
                              .busy_cycles = counters->busy_cycles.read(),
                              .idle_cycles = counters->idle_cycles.read()});
  }
  samples_.push_back(std::move(sample));
  if (samples_.size() > kWindow_s + 1) samples_.pop_front();
}

double Rates::drops_per_second(Reason reason) const {
  if (samples_.size() < 2) return 0;
  const Sample& first = samples_.front();
  const Sample& last = samples_.back();
  const size_t index = static_cast<size_t>(reason);
  const auto dropped = static_cast<double>(last.drops[index] - first.drops[index]);
  const auto time_ms = static_cast<double>(last.at_ms - first.at_ms);
  return time_ms > 0 ? dropped * 1000 / time_ms : 0;
}

double Rates::busy_percent(size_t worker) const {
  if (samples_.size() < 2) return 0;
  const Worker& first = samples_.front().workers[worker];
  const Worker& last = samples_.back().workers[worker];
  const auto busy = static_cast<double>(last.busy_cycles - first.busy_cycles);
  const auto idle = static_cast<double>(last.idle_cycles - first.idle_cycles);
  return busy + idle > 0 ? busy * 100 / (busy + idle) : 0;
}

double Rates::cycles_per_packet(size_t worker) const {
  if (samples_.size() < 2) return 0;
  const Worker& first = samples_.front().workers[worker];
  const Worker& last = samples_.back().workers[worker];
  if (last.walked == first.walked) return 0;
  return static_cast<double>(last.busy_cycles - first.busy_cycles) /
         static_cast<double>(last.walked - first.walked);
}

}  // namespace postern
