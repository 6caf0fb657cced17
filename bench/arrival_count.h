// How many packets wait in a receive queue that they reach at an even rate: what falls due while it
// is full is lost, as behind a NIC. Counts only; arrival_queue.h has the due times, too.
//
// Nothing happens by itself: time is an argument, and what fell due since the last call is put into
// the queue when the queue is asked. As places become free only then, the outcome is exactly that
// of a device that had watched all the time. Due times are kept with 16 bits of a cycle's fraction,
// so rates are exact to 1 in a million. Owned by one thread.
#ifndef POSTERN_BENCH_ARRIVAL_COUNT_H_
#define POSTERN_BENCH_ARRIVAL_COUNT_H_

#include <algorithm>
#include <cstdint>

namespace postern::bench {

class ArrivalCount {
 public:
  // Counter value of an end that never comes (a schedule holds for a day at 2.6 GHz).
  static constexpr uint64_t kNever = UINT64_MAX;

  // `slots`: places of the queue, at least one.
  explicit ArrivalCount(uint32_t slots) : slots_(slots) {}

  // The first packet falls due at `start`, then one every `cycles_per_arrival` (at least 1/65,536),
  // none at `end` or later. Those that wait already stay; the counts go on.
  void schedule(uint64_t start, double cycles_per_arrival, uint64_t end = kNever) {
    start_ = start;
    end_ = end;
    next_ = 0;
    interval_ = interval_of(cycles_per_arrival);
  }

  // An end for schedule() before which just `count` packets fall due, which are at least a cycle
  // apart.
  static uint64_t end_after(uint64_t start, double cycles_per_arrival, uint64_t count) {
    return start + (count - 1) * interval_of(cycles_per_arrival) / kUnit + 1;
  }

  // Time did not pass for so many cycles: what will fall due does so later.
  void postpone(uint64_t cycles) {
    start_ += cycles;
    if (end_ != kNever) end_ += cycles;
  }

  // Everything that falls due by counter value `now` arrives, or is lost: how many arrive.
  // `due_at(i, when)` is told when each of these fell due.
  template <typename DueAt>
  uint32_t arrive(uint64_t now, DueAt&& due_at) {
    if (end_ <= start_ || now < start_) return 0;
    const uint64_t last = (std::min(now, end_ - 1) - start_) * kUnit + (kUnit - 1);
    if (next_ > last) return 0;
    const uint64_t due = (last - next_) / interval_ + 1;
    const auto taken = static_cast<uint32_t>(std::min<uint64_t>(due, slots_ - waiting_));
    for (uint32_t i = 0; i < taken; ++i) due_at(i, start_ + (next_ + i * interval_) / kUnit);
    waiting_ += taken;
    offered_ += due;
    lost_ += due - taken;
    next_ += due * interval_;
    return taken;
  }
  uint32_t arrive(uint64_t now) {
    return arrive(now, [](uint32_t, uint64_t) {});
  }

  // So many leave the queue, or as many as wait: how many.
  uint32_t take(uint32_t most) {
    const uint32_t count = std::min(waiting_, most);
    waiting_ -= count;
    return count;
  }

  [[nodiscard]] uint32_t slots() const { return slots_; }
  [[nodiscard]] uint32_t waiting() const { return waiting_; }
  // All that fell due, and those of them that found the queue full.
  [[nodiscard]] uint64_t offered() const { return offered_; }
  [[nodiscard]] uint64_t lost() const { return lost_; }

 private:
  static constexpr uint64_t kUnit = 1u << 16;
  static uint64_t interval_of(double cycles_per_arrival) {
    return std::max<uint64_t>(1, static_cast<uint64_t>(cycles_per_arrival * kUnit + 0.5));
  }

  uint32_t slots_;
  uint32_t waiting_ = 0;
  uint64_t start_ = 0;
  uint64_t end_ = 0;
  uint64_t next_ = 0;      // of the next arrival: cycles since start_, times kUnit
  uint64_t interval_ = 0;  // likewise
  uint64_t offered_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_ARRIVAL_COUNT_H_
