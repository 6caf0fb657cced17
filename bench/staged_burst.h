// A burst that is walked one stage at a time, so that each can be measured by itself: the same
// calls in the same order as walk() makes them for packets of established sessions.
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
  void track() {
    const auto track_way = outbound_ ? track_outbound : track_inbound;
    track_way(snapshot(), sessions(), burst, arrived(), now, tracked, refusals);
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
  [[nodiscard]] const IndexList& arrived() const {
    return outbound_ ? arrivals.outbound : arrivals.inbound;
  }
  // Where it arrives.
  [[nodiscard]] uint16_t port() const {
    return outbound_ ? Scenario::kClusterPort : Scenario::kUplinkPort;
  }

  Burst burst;
  Arrivals arrivals;
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
