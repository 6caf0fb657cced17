// Whose fault it is that a receive queue overflowed: the worker's, or that of the machine under it.
//
// A virtual machine is stopped now and then, for tens to hundreds of microseconds, and its kernel
// is not told: the thread's own clock goes on. But such stalls strike anywhere. So a step of the
// worker's turn that takes far longer than its work is noted with where it struck, and three more
// queues are kept, which the same packets reach and leave, but for which no time passes
//
//   0   during stalls where nothing of the gateway's runs: polling, making frames
//   1   during these and stalls in the walk
//   2   during these and stalls in what the worker does between bursts
//
// What the real queue lost and queue 0 did not is the machine's. What queue 2 loses is the
// worker's: it was too slow without any stall. What lies between is the machine's, too, as long as
// stalls strike a step as often as its share of the time lets expect; where they strike it more
// often (StepTimes::fair()), they are that step's own doing.
//
// Time is an argument. Used by one thread.
#ifndef POSTERN_BENCH_RUN_LOSS_BLAME_H_
#define POSTERN_BENCH_RUN_LOSS_BLAME_H_

#include <array>
#include <cstdint>

#include "bench/arrival_count.h"

namespace postern::bench {

// What a worker's turn consists of.
enum class Step : uint8_t {
  kQueue,   // nothing of the gateway's: the queue is polled, frames are made, latencies noted
  kWalk,    // what is done with a burst
  kChores,  // what a worker does between bursts, where there was something: tables that it took
            // over, sweep, purges
};
inline constexpr size_t kSteps = 3;

// What is known of steps over a stretch of time.
struct StepTimes {
  struct Of {
    uint64_t cycles = 0;  // of steps that were no stalls
    uint64_t steps = 0;   // their number
    uint64_t stalled_cycles = 0;
    uint32_t long_stalls = 0;  // long enough to matter to the queue
  };
  std::array<Of, kSteps> of{};
  uint64_t longest_stall = 0;

  [[nodiscard]] const Of& operator[](Step step) const { return of[static_cast<size_t>(step)]; }
  void add(const StepTimes& other);
  [[nodiscard]] uint32_t long_stalls() const;
  [[nodiscard]] uint64_t stalled_cycles() const;
  // How probable it is that stalls which strike anywhere alike strike this step as often, beside
  // the queue's steps, as they did, or more often.
  [[nodiscard]] double chance(Step step) const;
  // Whether that may be: at least one in a hundred.
  [[nodiscard]] bool fair(Step step) const { return chance(step) >= 0.01; }
};

// By queue 0, 1 and 2.
using BlamedLosses = std::array<uint64_t, kSteps>;

class LossBlame {
 public:
  // `slots` of the queue. A step that takes `stall_cycles` is a stall, and a long one from a
  // quarter of the time in which the queue fills.
  LossBlame(uint32_t slots, uint64_t stall_cycles)
      : stall_cycles_(stall_cycles),
        queues_{ArrivalCount(slots), ArrivalCount(slots), ArrivalCount(slots)} {}

  // As the real queue's.
  void schedule(uint64_t start, double cycles_per_arrival);
  void postpone(uint64_t cycles);
  // At `now` the real queue was asked, and `count` packets left it.
  void taken(uint64_t now, uint32_t count);
  // A step is over that took so many cycles.
  void spent(Step step, uint64_t cycles);

  // What the queues have lost so far.
  [[nodiscard]] BlamedLosses lost() const;
  // Of all steps so far.
  [[nodiscard]] const StepTimes& times() const { return times_; }
  // Begins anew with these, not with what was lost.
  void forget_times() { times_ = {}; }

 private:
  void stall(Step step, uint64_t cycles);

  uint64_t stall_cycles_;
  uint64_t long_cycles_ = 0;
  std::array<ArrivalCount, kSteps> queues_;
  StepTimes times_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_LOSS_BLAME_H_
