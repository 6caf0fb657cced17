// A worker under a load that is offered rather than taken, over a stretch of time in which
// something else happens beside the packets: what is lost and by whose fault (loss_blame.h), how
// long packets take, how busy the worker is.
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

#include "bench/paced_ring.h"
#include "bench/portless_gateway.h"
#include "bench/run/loss_blame.h"
#include "bench/run/stretch.h"
#include "bench/run_delay.h"

namespace postern::bench {

// What is done with packets.
enum class Carriage : uint8_t {
  kWalk,     // all that the gateway does
  kMacSwap,  // as testpmd's macswap: source and destination change places
};

// What the caller did after a turn.
struct AfterTurn {
  bool goes_on = true;
  bool worked = false;  // it was more than looking whether there is something to do
};

class PacedLoop {
 public:
  // The packets arrive on `port`. All references outlive it.
  PacedLoop(PacedRing& ring, PortlessGateway& gateway, uint16_t port);

  // Packets a second that this loop carries when it is offered more. 0 when buffers ran out.
  double capacity(double more_than_it_can);

  // Offers `per_second` packets a second until `after_turn()` says that it does not go on; adds to
  // `stretch`. Returns "" or what went wrong.
  template <typename Callback>
  std::string run(double per_second, Carriage carriage, Stretch& stretch, Callback&& after_turn) {
    begin(per_second);
    AfterTurn after;
    do {
      const bool busy = turn(carriage, stretch);
      after = after_turn();
      end_turn(stretch, busy, after.worked);
    } while (after.goes_on && ring_.failure().empty());
    end_slice(stretch);
    stretch.steps.add(blame_.times());
    return std::string(ring_.failure());
  }

 private:
  void begin(double per_second);
  bool turn(Carriage carriage, Stretch& stretch);
  void end_turn(Stretch& stretch, bool busy, bool worked);
  uint32_t take();
  void carry(Carriage carriage);
  // The step since the last call is over: the counter.
  uint64_t step(Step step);
  // The counter; what the thread waited since the last look has not passed.
  uint64_t look();
  [[gnu::cold]] void ask_the_kernel(uint64_t before);
  void begin_slice();
  void end_slice(Stretch& stretch);
  [[nodiscard]] uint64_t sent() const { return swapped_ + gateway_.forwarded(); }

  PacedRing& ring_;
  PortlessGateway& gateway_;
  const uint16_t port_;
  const uint64_t hz_;
  const uint64_t begun_;
  const uint64_t suspicious_;  // cycles after which the kernel is asked
  LossBlame blame_;
  Burst burst_;
  RunDelay delay_;
  uint64_t swapped_ = 0;
  uint64_t taken_ = 0;
  uint64_t last_look_ = 0;
  uint64_t delay_ns_ = 0;
  uint64_t waited_cycles_ = 0;
  uint64_t turn_begun_ = 0;
  uint64_t turn_waited_ = 0;  // waited_cycles_ then
  // At the beginning of the slice.
  uint64_t slice_begun_ = 0;
  uint64_t slice_waited_ns_ = 0;  // in it, so far
  uint64_t offered_before_ = 0;
  uint64_t full_before_ = 0;
  uint64_t sent_before_ = 0;
  uint64_t taken_before_ = 0;
  BlamedLosses blamed_before_{};
  LatencyHistogram latency_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_PACED_LOOP_H_
