#include "bench/paced_service.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <algorithm>

namespace postern::bench {
namespace {

// Waiting that disturbs nothing to speak of.
constexpr uint64_t kDelayAllowed_ns = 1'000;
// No burst takes so long: whoever looks later than that asks the kernel why.
constexpr double kSuspicious_s = 20e-6;
// Between the order and the first packet.
constexpr double kLead_s = 10e-6;

}  // namespace

uint64_t PacedService::begin_soon() {
  hz_ = rte_get_tsc_hz();
  return rte_rdtsc() + static_cast<uint64_t>(kLead_s * static_cast<double>(hz_));
}

Served PacedService::serve_for(std::span<const PacedLane> lanes, double per_second,
                               double duration_s) {
  const uint64_t begin = begin_soon();
  end_ = begin + static_cast<uint64_t>(duration_s * static_cast<double>(hz_));
  for (const PacedLane& lane : lanes) {
    lane.ring->schedule(begin, per_second / static_cast<double>(lanes.size()), hz_, end_);
  }
  return serve(lanes);
}

Served PacedService::serve_count(const PacedLane& lane, double per_second, uint64_t count) {
  const uint64_t begin = begin_soon();
  end_ = lane.ring->schedule_count(begin, per_second, hz_, count);
  return serve(std::span(&lane, 1));
}

Served PacedService::serve(std::span<const PacedLane> lanes) {
  const auto offered = [&] {
    uint64_t sum = 0;
    for (const PacedLane& lane : lanes) sum += lane.ring->offered();
    return sum;
  };
  latency_.clear();
  const uint64_t offered_before = offered();
  const uint64_t forwarded_before = forwarded();
  const StolenTime stolen_before = StolenTime::now();
  const uint64_t delay_before_ns = delay_.read_ns();
  delay_ns_ = delay_before_ns;
  last_look_ = rte_rdtsc();
  for (bool any = true; any || last_look_ < end_;) {
    any = false;
    for (const PacedLane& lane : lanes) any = turn(lane, lanes) || any;
    if (!failure_.empty()) break;
  }
  const uint64_t waited_ns = delay_.read_ns() - delay_before_ns;
  return {
      .offered = offered() - offered_before,
      .forwarded = forwarded() - forwarded_before,
      .waited_s = static_cast<double>(waited_ns) / 1e9,
      .disturbed = waited_ns > kDelayAllowed_ns || StolenTime::now().stolen > stolen_before.stolen};
}

bool PacedService::turn(const PacedLane& lane, std::span<const PacedLane> lanes) {
  if (lane.ring->take(burst_, look(lanes)) == 0) {
    failure_ = lane.ring->failure();
    return false;
  }
  if (gateway_ == nullptr) {
    freed_ += burst_.size;
    rte_pktmbuf_free_bulk(burst_.frame.data(), burst_.size);
  } else {
    gateway_->carry(burst_, lane.port);
  }
  lane.ring->departed(look(lanes), latency_);
  return true;
}

uint64_t PacedService::look(std::span<const PacedLane> lanes) {
  const uint64_t before = last_look_;
  last_look_ = rte_rdtsc();
  const auto suspicious = static_cast<uint64_t>(kSuspicious_s * static_cast<double>(hz_));
  if (last_look_ - before < suspicious) [[likely]]
    return last_look_;
  const uint64_t delay_ns = delay_.read_ns();
  last_look_ = rte_rdtsc();
  const double waited = static_cast<double>(delay_ns - delay_ns_) * static_cast<double>(hz_) / 1e9;
  delay_ns_ = delay_ns;
  // Never more than has passed, whatever two clocks make of it: nothing departs before it was due.
  const uint64_t put_off = std::min(static_cast<uint64_t>(waited), last_look_ - before);
  for (const PacedLane& lane : lanes) lane.ring->postpone(put_off);
  end_ += put_off;
  return last_look_;
}

}  // namespace postern::bench
