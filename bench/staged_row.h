// Bursts of any size, stage by stage: at most kBurst packets each, side by side. A stage goes over
// all of them before the next one begins, as it would if the walk's bursts were that large; so the
// lines that many packets need at once lie as far apart as they would then.
//
// Owned by the thread that owns the gateway.
#ifndef POSTERN_BENCH_STAGED_ROW_H_
#define POSTERN_BENCH_STAGED_ROW_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bench/receive_ring.h"
#include "bench/staged_burst.h"

namespace postern::bench {

// The sizes that are measured; the walk's own are the first four.
inline constexpr uint32_t kStageBursts[] = {8, 16, 32, 64, 128, 256};
inline constexpr uint32_t kMostStaged = 256;
static_assert(kMostStaged % kBurst == 0);

class StagedRow {
 public:
  // For `size` packets, at most kMostStaged.
  StagedRow(PortlessGateway& gateway, Direction direction, uint32_t size) {
    for (uint32_t first = 0; first < size; first += kBurst) {
      bursts_.push_back(std::make_unique<StagedBurst>(gateway, direction));
    }
  }

  // Takes frames that have just arrived, as many as the row is for.
  void begin(std::span<rte_mbuf* const> frames) {
    size_t first = 0;
    for (const auto& burst : bursts_) {
      const size_t size = std::min<size_t>(frames.size() - first, kBurst);
      burst->begin(frames.subspan(first, size));
      first += size;
    }
  }
  template <typename Work>
  void each(Work&& work) {
    for (const auto& burst : bursts_) work(*burst);
  }
  void each(void (StagedBurst::*step)()) {
    for (const auto& burst : bursts_) (*burst.*step)();
  }
  // Frees what has left.
  void send() { bursts_.front()->send(); }
  [[nodiscard]] StagedBurst& first() { return *bursts_.front(); }

 private:
  std::vector<std::unique_ptr<StagedBurst>> bursts_;
};

// What a ring gives at once: whole bursts, and enough of them for a row of `size` packets.
class TakenFrames {
 public:
  explicit TakenFrames(uint32_t size) : size_(std::max(size, kBurst)) {}

  // False when the pool is empty.
  bool take(ReceiveRing& ring) {
    for (uint32_t first = 0; first < size_; first += kBurst) {
      if (!ring.take(burst_)) return false;
      std::copy_n(burst_.frame.begin(), kBurst, &frames_[first]);
    }
    return true;
  }
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] std::span<rte_mbuf* const> part(uint32_t first, uint32_t size) const {
    return {&frames_[first], size};
  }

 private:
  const uint32_t size_;
  Burst burst_;
  std::array<rte_mbuf*, kMostStaged> frames_{};
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_STAGED_ROW_H_
