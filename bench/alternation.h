// The measurement: windows with the walk (A) and without it (B), in the order A B B A, so that
// whatever drifts falls on both alike.
//
// Both take bursts from the same ring; A walks them and frees what leaves, B frees them at once.
// The net cost of the walk is the difference. What the thread waited for its CPU is taken off a
// window; but its caches were used by others meanwhile, so a group with such a window is marked,
// and counts only where there are not enough others. Called on the worker's lcore.
#ifndef POSTERN_BENCH_ALTERNATION_H_
#define POSTERN_BENCH_ALTERNATION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "bench/portless_gateway.h"
#include "bench/receive_ring.h"
#include "bench/run_delay.h"

namespace postern::bench {

// Cycles per packet of one group.
struct Sample {
  double total = 0;  // with the walk
  double io = 0;     // without
  bool disturbed = false;
  [[nodiscard]] double net() const { return total - io; }
};

class Alternation {
 public:
  // 64 bursts to settle, then a window of 128: 8,192 packets, half a millisecond to one. Four times
  // as many give figures 1 to 3 % higher and find an undisturbed group on a busy machine rarely.
  static constexpr uint32_t kSettlingBursts = 64;
  static constexpr uint32_t kWindowBursts = 128;
  // Waiting that a window may contain, as a share of its length.
  static constexpr double kDelayAllowed = 0.005;

  Alternation(ReceiveRing& ring, PortlessGateway& gateway, uint16_t port)
      : ring_(ring), gateway_(gateway), port_(port) {}

  // One group A B B A; nothing when it has failed.
  std::optional<Sample> measure();

  // Not empty once anything went wrong: then nothing that was measured counts.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] uint64_t walked() const { return walked_; }

 private:
  // Adds the cycles of a window to `cycles`; false when it has failed.
  bool window(bool with_walk, double& cycles, bool& disturbed);
  bool run(uint32_t bursts, bool with_walk);

  ReceiveRing& ring_;
  PortlessGateway& gateway_;
  const uint16_t port_;
  Burst burst_;
  RunDelay delay_;
  uint64_t walked_ = 0;
  std::string failure_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_ALTERNATION_H_
