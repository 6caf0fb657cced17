// A worker under a load that is offered rather than taken, over a stretch of time in which
// something else happens beside the packets: what is lost, how long packets take, how busy the
// worker is.
//
// As LoadedGateway, but time is the caller's: after every turn he does what a worker does between
// bursts, and says when the stretch is over. While the thread waits for its CPU, because others run
// there, time does not pass for the packets; latencies of such moments are left out.
//
// Used by one thread, on the worker's lcore.
#ifndef POSTERN_BENCH_RUN_PACED_LOOP_H_
#define POSTERN_BENCH_RUN_PACED_LOOP_H_

#include <rte_cycles.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bench/latency_histogram.h"
#include "bench/paced_ring.h"
#include "bench/portless_gateway.h"
#include "bench/run_delay.h"

namespace postern::bench {

// What is done with packets.
enum class Carriage : uint8_t {
  kWalk,     // all that the gateway does
  kMacSwap,  // as testpmd's macswap: source and destination change places
};

// A hundredth of a second of a stretch.
struct Slice {
  double at_ms = 0;  // since the loop was made
  uint64_t offered = 0;
  uint64_t sent = 0;
  uint64_t lost = 0;
  double waited_us = 0;
};

// What a stretch brought.
struct Stretch {
  std::vector<Slice> slices = {};
  LatencyHistogram latency = {};    // of slices in which the thread did not wait; where there are
  LatencyHistogram disturbed = {};  // none, likely_latency() is of the others
  uint64_t offered = 0;
  uint64_t sent = 0;
  uint64_t lost = 0;          // by a full queue, or by the gateway
  uint64_t lost_waiting = 0;  // of them, in slices in which the thread waited for its CPU
  uint64_t busy_cycles = 0;   // of turns with packets
  uint64_t cycles = 0;        // of all turns
  double waited_ms = 0;

  [[nodiscard]] double cycles_per_packet() const {
    return sent == 0 ? 0 : static_cast<double>(busy_cycles) / static_cast<double>(sent);
  }
  [[nodiscard]] const LatencyHistogram& likely_latency() const {
    return latency.total() != 0 ? latency : disturbed;
  }
  [[nodiscard]] double busy() const {
    return cycles == 0 ? 0 : static_cast<double>(busy_cycles) / static_cast<double>(cycles);
  }
};

class PacedLoop {
 public:
  // The packets arrive on `port`. All references outlive it.
  PacedLoop(PacedRing& ring, PortlessGateway& gateway, uint16_t port)
      : ring_(ring), gateway_(gateway), port_(port), begun_(rte_rdtsc()) {}

  // Packets a second that this loop carries when it is offered more. 0 when buffers ran out.
  double capacity(double more_than_it_can);

  // Offers `per_second` packets a second until `between()`, which is called after every turn,
  // returns false; adds to `stretch`. Returns "" or what went wrong.
  template <typename Between>
  std::string run(double per_second, Carriage carriage, Stretch& stretch, Between&& between) {
    begin(per_second);
    do {
      turn(carriage, stretch);
    } while (between() && ring_.failure().empty());
    end_slice(stretch);
    return std::string(ring_.failure());
  }

 private:
  void begin(double per_second);
  void turn(Carriage carriage, Stretch& stretch);
  void carry(Carriage carriage);
  // The counter; what the thread waited since the last look has not passed.
  uint64_t look();
  void begin_slice();
  void end_slice(Stretch& stretch);
  [[nodiscard]] uint64_t sent() const { return swapped_ + gateway_.forwarded(); }

  PacedRing& ring_;
  PortlessGateway& gateway_;
  const uint16_t port_;
  const uint64_t begun_;
  Burst burst_;
  RunDelay delay_;
  uint64_t swapped_ = 0;
  uint64_t taken_ = 0;
  uint64_t last_look_ = 0;
  uint64_t delay_ns_ = 0;
  uint64_t waited_cycles_ = 0;
  // At the beginning of the slice.
  uint64_t slice_begun_ = 0;
  uint64_t slice_waited_ns_ = 0;  // in it, so far
  uint64_t offered_before_ = 0;
  uint64_t full_before_ = 0;
  uint64_t sent_before_ = 0;
  uint64_t taken_before_ = 0;
  LatencyHistogram latency_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_PACED_LOOP_H_
