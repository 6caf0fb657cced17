// A receive queue without a device, at a rate that is offered rather than taken: frames as
// ReceiveRing makes them, arriving as ArrivalQueue says.
//
//   ring.schedule(begin, rate, rte_get_tsc_hz(), end);
//   while ((now = rte_rdtsc()) < end || ring.waiting() > 0) {
//     if (ring.take(burst, now) == 0) {
//       if (!ring.failure().empty()) break;
//       continue;
//     }
//     gateway.carry(burst, port);
//     ring.departed(rte_rdtsc(), latency);
//   }
//
// A packet's latency is the time from falling due to departed(): waiting for the worker is in it,
// as in what a tester sees that stamps packets on the line. Buffers and headers of the frames that
// are taken are made anew in the same call, as a driver refills its ring; that is part of the
// worker's load.
//
// Owned by one thread that runs on an EAL lcore.
#ifndef POSTERN_BENCH_PACED_RING_H_
#define POSTERN_BENCH_PACED_RING_H_

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "bench/arrival_queue.h"
#include "bench/frames.h"
#include "bench/latency_histogram.h"
#include "dataplane/packet/burst.h"

namespace postern::bench {

class PacedRing {
 public:
  static constexpr uint32_t kSlots = ArrivalQueue::kSlots;  // where nothing else is asked for

  // Frames come from `records` (at least one), round and round. `pool` holds more buffers than the
  // ring and all that is on its way. `frames` and `records` outlive the ring. `slots`: a power of
  // two, at least kBurst.
  PacedRing(rte_mempool* pool, const Frames& frames, std::span<const FrameRecord> records,
            uint32_t slots = kSlots);
  ~PacedRing();
  PacedRing(const PacedRing&) = delete;
  PacedRing& operator=(const PacedRing&) = delete;

  // Packets fall due from counter value `start` on, `per_second` of them a second of a counter with
  // `hz` cycles a second, until `end`. Those that wait already stay.
  void schedule(uint64_t start, double per_second, uint64_t hz,
                uint64_t end = ArrivalQueue::kNever) {
    arrivals_.schedule(start, static_cast<double>(hz) / per_second, end);
  }

  // The same for `count` packets, at least one; when the last of them has fallen due.
  uint64_t schedule_count(uint64_t start, double per_second, uint64_t hz, uint64_t count) {
    const double cycles = static_cast<double>(hz) / per_second;
    const uint64_t end = ArrivalCount::end_after(start, cycles, count);
    arrivals_.schedule(start, cycles, end);
    return end;
  }
  // Time did not pass for so many cycles, in which the thread was not on its CPU: what is on its
  // way, what waits and what will fall due is so much later.
  void postpone(uint64_t cycles) {
    arrivals_.postpone(cycles);
    for (uint32_t i = 0; i < taken_; ++i) due_at_[i] += cycles;
  }

  // The oldest of those that are due at `now`, at most kBurst; how many. They belong to the caller.
  // None, too, once the pool is empty: failure() says so.
  uint32_t take(Burst& burst, uint64_t now);
  // What was taken last has left at `now`.
  void departed(uint64_t now, LatencyHistogram& latency) const {
    for (uint32_t i = 0; i < taken_; ++i) latency.add(now - due_at_[i]);
  }

  [[nodiscard]] uint32_t slots() const { return arrivals_.slots(); }
  [[nodiscard]] uint32_t waiting() const { return arrivals_.waiting(); }
  // Since the ring was made.
  [[nodiscard]] uint64_t offered() const { return arrivals_.offered(); }
  [[nodiscard]] uint64_t lost() const { return arrivals_.lost(); }
  // Not empty once the ring could not be filled: then nothing that was measured counts.
  [[nodiscard]] std::string_view failure() const {
    return filled_ ? "" : "no packet buffer is free";
  }

 private:
  bool refill(std::span<rte_mbuf*> slots);

  rte_mempool* pool_;
  const Frames& frames_;
  std::span<const FrameRecord> records_;
  ArrivalQueue arrivals_;
  std::vector<rte_mbuf*> slots_;
  std::array<uint64_t, kBurst> due_at_{};
  size_t next_record_ = 0;
  uint32_t oldest_ = 0;
  uint32_t taken_ = 0;
  bool filled_ = true;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_PACED_RING_H_
