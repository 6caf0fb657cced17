// A receive queue without a device: what a driver does to receive, and nothing else.
//
// 1,024 frames wait in a ring, as they would behind a NIC. Taking a burst takes the oldest and puts
// fresh frames in their places: buffers from the pool, lengths set, headers written from the next
// records. So a frame has left the first-level cache when the walk meets it, and every buffer goes
// pool, ring, walk, pool. What a NIC would have written by itself is written by the CPU here; that
// is a part of the loop with and without the walk, and falls out of the difference.
//
// Owned by one thread that runs on an EAL lcore.
#ifndef POSTERN_BENCH_RECEIVE_RING_H_
#define POSTERN_BENCH_RECEIVE_RING_H_

#include <array>
#include <cstdint>
#include <span>

#include "bench/frames.h"
#include "dataplane/packet/burst.h"

namespace postern::bench {

class ReceiveRing {
 public:
  static constexpr uint32_t kSlots = 1024;
  static_assert(kSlots % kBurst == 0);

  // Frames come from `records`, round and round; their number is a multiple of kBurst. `pool` holds
  // more buffers than the ring and all that is on its way. `frames` and `records` outlive the ring.
  ReceiveRing(rte_mempool* pool, const Frames& frames, std::span<const FrameRecord> records);
  ~ReceiveRing();
  ReceiveRing(const ReceiveRing&) = delete;
  ReceiveRing& operator=(const ReceiveRing&) = delete;

  // The oldest kBurst frames, which now belong to the caller. False when the pool is empty.
  bool take(Burst& burst);

 private:
  bool refill(std::span<rte_mbuf*, kBurst> slots);

  rte_mempool* pool_;
  const Frames& frames_;
  std::span<const FrameRecord> records_;
  std::array<rte_mbuf*, kSlots> slots_{};
  size_t next_record_ = 0;
  uint32_t oldest_ = 0;
  bool filled_ = true;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RECEIVE_RING_H_
