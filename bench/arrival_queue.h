// What stands between a line and a worker: packets fall due at an even rate and wait in a queue, as
// ArrivalCount has it, which knows when each of them fell due. Owned by one thread.
#ifndef POSTERN_BENCH_ARRIVAL_QUEUE_H_
#define POSTERN_BENCH_ARRIVAL_QUEUE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "bench/arrival_count.h"

namespace postern::bench {

class ArrivalQueue {
 public:
  // Places, where nothing else is asked for.
  static constexpr uint32_t kSlots = 1024;
  static constexpr uint64_t kNever = ArrivalCount::kNever;

  // `slots`: a power of two.
  explicit ArrivalQueue(uint32_t slots = kSlots) : count_(slots), due_at_(slots) {}

  // As ArrivalCount's.
  void schedule(uint64_t start, double cycles_per_arrival, uint64_t end = kNever) {
    count_.schedule(start, cycles_per_arrival, end);
  }

  // Time did not pass for so many cycles: what fell due and waits, and what will, does so later.
  void postpone(uint64_t cycles) {
    count_.postpone(cycles);
    for (uint32_t i = 0; i < count_.waiting(); ++i) due_at_[place(i)] += cycles;
  }

  // Everything that falls due by counter value `now` arrives, or is lost.
  void arrive(uint64_t now) {
    const uint32_t first = oldest_ + count_.waiting();
    count_.arrive(now, [&](uint32_t i, uint64_t when) {
      due_at_[(first + i) & (count_.slots() - 1)] = when;
    });
  }

  // The oldest ones leave the queue, as many as wait and `due_at` has room for: how many, and when
  // each fell due.
  uint32_t take(std::span<uint64_t> due_at) {
    const uint32_t taken = count_.take(static_cast<uint32_t>(due_at.size()));
    for (uint32_t i = 0; i < taken; ++i) due_at[i] = due_at_[place(i)];
    oldest_ = place(taken);
    return taken;
  }

  [[nodiscard]] uint32_t slots() const { return count_.slots(); }
  [[nodiscard]] uint32_t waiting() const { return count_.waiting(); }
  [[nodiscard]] uint64_t offered() const { return count_.offered(); }
  [[nodiscard]] uint64_t lost() const { return count_.lost(); }

 private:
  // Of the `i`th behind the oldest.
  [[nodiscard]] uint32_t place(uint32_t i) const { return (oldest_ + i) & (count_.slots() - 1); }

  ArrivalCount count_;
  std::vector<uint64_t> due_at_;
  uint32_t oldest_ = 0;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_ARRIVAL_QUEUE_H_
