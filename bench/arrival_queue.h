// What stands between a line and a worker: packets fall due at an even rate and wait in a queue of
// 1,024 places; what falls due while it is full is lost, as behind a NIC.
//
// Nothing happens by itself: time is an argument, and what fell due since the last call is put into
// the queue when the queue is asked. As places become free only then, the outcome is exactly that
// of a device that had watched all the time. Due times are kept with 16 bits of a cycle's fraction,
// so rates are exact to 1 in a million. Owned by one thread.
#ifndef POSTERN_BENCH_ARRIVAL_QUEUE_H_
#define POSTERN_BENCH_ARRIVAL_QUEUE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace postern::bench {

class ArrivalQueue {
 public:
  static constexpr uint32_t kSlots = 1024;
  // Counter value of an end that never comes (a schedule holds for a day at 2.6 GHz).
  static constexpr uint64_t kNever = UINT64_MAX;

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

  // Time did not pass for so many cycles: what fell due and waits, and what will, does so later.
  void postpone(uint64_t cycles) {
    start_ += cycles;
    if (end_ != kNever) end_ += cycles;
    for (uint32_t i = 0; i < waiting_; ++i) due_at_[(oldest_ + i) % kSlots] += cycles;
  }

  // Everything that falls due by counter value `now` arrives, or is lost.
  void arrive(uint64_t now) {
    if (end_ <= start_ || now < start_) return;
    const uint64_t last = (std::min(now, end_ - 1) - start_) * kUnit + (kUnit - 1);
    if (next_ > last) return;
    const uint64_t due = (last - next_) / interval_ + 1;
    const auto taken = static_cast<uint32_t>(std::min<uint64_t>(due, kSlots - waiting_));
    for (uint32_t i = 0; i < taken; ++i) {
      due_at_[(oldest_ + waiting_ + i) % kSlots] = start_ + (next_ + i * interval_) / kUnit;
    }
    waiting_ += taken;
    offered_ += due;
    lost_ += due - taken;
    next_ += due * interval_;
  }

  // The oldest ones leave the queue, as many as wait and `due_at` has room for: how many, and when
  // each fell due.
  uint32_t take(std::span<uint64_t> due_at) {
    const auto count = static_cast<uint32_t>(std::min<size_t>(waiting_, due_at.size()));
    for (uint32_t i = 0; i < count; ++i) due_at[i] = due_at_[(oldest_ + i) % kSlots];
    oldest_ = (oldest_ + count) % kSlots;
    waiting_ -= count;
    return count;
  }

  [[nodiscard]] uint32_t waiting() const { return waiting_; }
  // All that fell due, and those of them that found the queue full.
  [[nodiscard]] uint64_t offered() const { return offered_; }
  [[nodiscard]] uint64_t lost() const { return lost_; }

 private:
  static constexpr uint64_t kUnit = 1u << 16;
  static uint64_t interval_of(double cycles_per_arrival) {
    return std::max<uint64_t>(1, static_cast<uint64_t>(cycles_per_arrival * kUnit + 0.5));
  }

  std::array<uint64_t, kSlots> due_at_{};
  uint32_t oldest_ = 0;
  uint32_t waiting_ = 0;
  uint64_t start_ = 0;
  uint64_t end_ = 0;
  uint64_t next_ = 0;      // of the next arrival: cycles since start_, times kUnit
  uint64_t interval_ = 0;  // likewise
  uint64_t offered_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_ARRIVAL_QUEUE_H_
