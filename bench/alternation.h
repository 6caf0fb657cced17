// The measurement: windows with the work on packets (A) and without it (B), in the order A B B A,
// so that whatever drifts falls on both alike.
//
// Both receive from and transmit to the same ports; A treats the packets in between, B forwards
// them unseen, as testpmd's io does. The net cost of the treatment is the difference. What the
// thread waited for its CPU is taken off a window; but its caches were used by others meanwhile, so
// a group with such a window is marked, and counts only where there are not enough others. Of ports
// that somebody else sends to, only turns in which frames had come count. Called on the worker's
// lcore.
#ifndef POSTERN_BENCH_ALTERNATION_H_
#define POSTERN_BENCH_ALTERNATION_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/latency_histogram.h"
#include "bench/portless_gateway.h"
#include "bench/run/attention.h"
#include "bench/run/traffic_port.h"
#include "bench/run_delay.h"

namespace postern::bench {

// Cycles per packet of one group.
struct Sample {
  double total = 0;  // with the work
  double io = 0;     // without
  bool disturbed = false;
  double busy = 1;  // share of the time of windows A in which there were packets
  [[nodiscard]] double net() const { return total - io; }
};

// What windows A do.
enum class Treatment : uint8_t {
  kNone,         // forward frames unseen: A is B
  kDecapsulate,  // arrival, and the tunnel's end
  kWalk,         // all that the gateway does
};

// A port whose frames arrive on the gateway's port `arrives_on`, and leave by it again. Several
// take turns, a burst each.
struct Lane {
  TrafficPort* port = nullptr;
  uint16_t arrives_on = 0;
};

class Alternation {
 public:
  // 64 bursts to settle, then a window of 128: 8,192 packets, half a millisecond to one. Four times
  // as many give figures 1 to 3 % higher and find an undisturbed group on a busy machine rarely.
  static constexpr uint32_t kSettlingBursts = 64;
  static constexpr uint32_t kWindowBursts = 128;
  // Waiting that a window may contain, as a share of its length.
  static constexpr double kDelayAllowed = 0.005;
  // For a generator to send something.
  static constexpr uint32_t kPatience_s = 30;

  // `lanes`, at least one, and `gateway` outlive it.
  Alternation(std::span<const Lane> lanes, PortlessGateway& gateway, Treatment treatment);

  // One group A B B A; nothing when it has failed, or when Ctrl-C came while no frame did.
  std::optional<Sample> measure();

  // Not empty once anything went wrong: then nothing that was measured counts.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  // Packets of windows A, and those of them that did not leave: none where is_endless().
  [[nodiscard]] uint64_t walked() const { return walked_; }
  [[nodiscard]] uint64_t lost() const { return lost_; }
  // From receiving a packet to having sent it, with the work; while windows settle. The caller may
  // clear it.
  [[nodiscard]] LatencyHistogram& latency() { return latency_; }

 private:
  struct Spent {
    uint64_t cycles = 0;
    uint64_t idle_cycles = 0;  // of turns without packets
    uint64_t packets = 0;
  };
  struct Sum {
    double cycles = 0;
    double idle_cycles = 0;
    double packets = 0;
  };

  // Adds a window to `sum`; false when it has failed.
  bool window(bool treated, Sum& sum, bool& disturbed);
  // Treats `packets` packets or somewhat more. `latency` may be null.
  bool run(uint64_t packets, bool treated, Spent& spent, LatencyHistogram* latency);
  void turn(const Lane& lane, bool treated);
  bool settle_losses(uint64_t forwarded_before, uint64_t packets);

  std::span<const Lane> lanes_;
  PortlessGateway& gateway_;
  const Treatment treatment_;
  bool endless_ = true;
  size_t next_lane_ = 0;
  Burst burst_;
  RunDelay delay_;
  Attention attention_;
  uint64_t walked_ = 0;
  uint64_t lost_ = 0;
  LatencyHistogram latency_;
  std::string failure_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_ALTERNATION_H_
