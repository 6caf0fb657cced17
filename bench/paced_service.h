// Serves packets that fall due at an offered rate: the loop between PacedRings and a gateway.
//
// While the thread waits for its CPU, because others run there, time does not pass for the packets:
// the kernel says how long that was, and the schedule is put off. What others do to the caches
// cannot be undone, so such a trial is marked. After the last packet fell due, the rings are
// emptied before anything is counted. Made and used on the worker's lcore.
#ifndef POSTERN_BENCH_PACED_SERVICE_H_
#define POSTERN_BENCH_PACED_SERVICE_H_

#include <cstdint>
#include <span>
#include <string>

#include "bench/environment.h"
#include "bench/latency_histogram.h"
#include "bench/paced_ring.h"
#include "bench/portless_gateway.h"
#include "bench/run_delay.h"

namespace postern::bench {

// A ring, and where its packets arrive.
struct PacedLane {
  PacedRing* ring = nullptr;
  uint16_t port = 0;
};

// What came of serving.
struct Served {
  uint64_t offered = 0;
  uint64_t forwarded = 0;
  double waited_s = 0;  // that the thread waited for its CPU
  // It did so for longer than a packet takes, or the machine's time was given to others.
  bool disturbed = false;
  [[nodiscard]] uint64_t lost() const { return offered - forwarded; }
  [[nodiscard]] double loss_ratio() const {
    return offered == 0 ? 0 : static_cast<double>(lost()) / static_cast<double>(offered);
  }
};

class PacedService {
 public:
  // Without a gateway, frames are freed unseen. It outlives the service.
  explicit PacedService(PortlessGateway* gateway) : gateway_(gateway) {}

  // `per_second` packets a second for so long, an equal share by each lane. Latencies are there
  // until the next call.
  Served serve_for(std::span<const PacedLane> lanes, double per_second, double duration_s);
  // The next `count` packets of one lane.
  Served serve_count(const PacedLane& lane, double per_second, uint64_t count);

  // Not empty once buffers ran out: then nothing that was measured counts.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] const LatencyHistogram& latency() const { return latency_; }

 private:
  Served serve(std::span<const PacedLane> lanes);
  // Whether a lane had any packet, which has left now.
  bool turn(const PacedLane& lane, std::span<const PacedLane> lanes);
  // The counter; what the thread waited since the last look has not passed.
  uint64_t look(std::span<const PacedLane> lanes);
  [[nodiscard]] uint64_t begin_soon();
  [[nodiscard]] uint64_t forwarded() const {
    return freed_ + (gateway_ == nullptr ? 0 : gateway_->forwarded());
  }

  PortlessGateway* gateway_;
  LatencyHistogram latency_;
  RunDelay delay_;
  Burst burst_;
  std::string failure_;
  uint64_t freed_ = 0;
  uint64_t end_ = 0;  // counter value after which nothing falls due
  uint64_t last_look_ = 0;
  uint64_t delay_ns_ = 0;  // of the thread, at the last look that asked
  uint64_t hz_ = 0;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_PACED_SERVICE_H_
