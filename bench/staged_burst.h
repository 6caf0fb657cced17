// A burst that is walked one stage at a time, so that each can be measured by itself: the same
// calls in the same order as walk() makes them for packets of established sessions. Either arrive,
// look_up, carry; or, as packets walk that the fast path leaves, arrive, look_up, settle, track,
// route, translate, forward.
//
// Owned by the thread that owns the gateway.
#ifndef POSTERN_BENCH_STAGED_BURST_H_
#define POSTERN_BENCH_STAGED_BURST_H_

#include <rte_mbuf.h>

#include <algorithm>
#include <span>

#include "bench/portless_gateway.h"
#include "dataplane/packet/direction.h"
#include "dataplane/stage/arrive.h"
#include "dataplane/stage/fast_path.h"
#include "dataplane/stage/forward.h"
#include "dataplane/stage/route.h"
#include "dataplane/stage/track.h"
#include "dataplane/stage/translate.h"

namespace postern::bench {

class StagedBurst {
 public:
  StagedBurst(PortlessGateway& gateway, Direction direction)
      : gateway_(gateway), outbound_(direction == Direction::kOutbound) {}

  // Takes frames that have just arrived, at most kBurst.
  void begin(std::span<rte_mbuf* const> frames) {
    std::copy(frames.begin(), frames.end(), burst.frame.begin());
    burst.size = static_cast<uint32_t>(frames.size());
    arrivals = {};
    tracked.clear();
    routed.clear();
    refusals.packets.clear();
    now = gateway_.now();
    gateway_.context().doors.set_time(now);
  }
  void arrive() { postern::arrive(snapshot(), port(), burst, arrivals, gateway_.context().doors); }
  void look_up() {
    in = outbound_ ? arrivals.outbound : arrivals.inbound;
    (outbound_ ? look_up_outbound : look_up_inbound)(sessions(), burst, in);
  }
  // What the fast path leaves is in `tracked`.
  void carry() {
    const auto carry_way = outbound_ ? carry_outbound : carry_inbound;
    carry_way(snapshot(), sessions(), burst, in, now, tracked, refusals, gateway_.context().doors);
  }
  void settle() {
    const Direction direction = outbound_ ? Direction::kOutbound : Direction::kInbound;
    postern::settle(snapshot(), burst, in, direction, gateway_.context().doors);
  }
  void track() {
    const auto track_way = outbound_ ? track_outbound : track_inbound;
    track_way(snapshot(), sessions(), burst, in, now, tracked, refusals);
  }
  void route() {
    if (outbound_) {
      route_outbound(snapshot(), sessions(), burst, tracked, routed, refusals);
    } else {
      route_inbound(snapshot(), burst, tracked, routed, refusals);
    }
  }
  void translate() {
    (outbound_ ? translate_outbound : translate_inbound)(snapshot(), sessions(), burst, routed);
  }
  void forward() {
    const auto forward_way = outbound_ ? forward_outbound : forward_inbound;
    WalkContext& context = gateway_.context();
    forward_way(snapshot(), burst, routed, now, context.tools.holds, context.doors);
  }
  // Frees what has left.
  void send() { gateway_.send_all(); }
  // Frees the frames themselves, which have not been given to any door.
  void drop_all() { rte_pktmbuf_free_bulk(burst.frame.data(), burst.size); }

  [[nodiscard]] const Snapshot& snapshot() const { return gateway_.snapshot(); }
  [[nodiscard]] Sessions& sessions() { return gateway_.context().sessions; }
  // Where it arrives.
  [[nodiscard]] uint16_t port() const {
    return outbound_ ? Scenario::kClusterPort : Scenario::kUplinkPort;
  }

  Burst burst;
  Arrivals arrivals;
  IndexList in;  // after look_up()
  IndexList tracked;
  IndexList routed;
  Refusals refusals;
  Now now;

 private:
  PortlessGateway& gateway_;
  bool outbound_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_STAGED_BURST_H_
