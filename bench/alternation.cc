#include "bench/alternation.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <algorithm>

namespace postern::bench {

Alternation::Alternation(std::span<const Lane> lanes, PortlessGateway& gateway, Treatment treatment)
    : lanes_(lanes), gateway_(gateway), treatment_(treatment) {
  for (const Lane& lane : lanes) endless_ = endless_ && lane.port->is_endless();
}

std::optional<Sample> Alternation::measure() {
  Sample sample;
  Sum with;
  Sum without;
  for (const bool treated : {true, false, false, true}) {
    if (!window(treated, treated ? with : without, sample.disturbed)) return std::nullopt;
  }
  sample.total = (with.cycles - with.idle_cycles) / with.packets;
  sample.io = (without.cycles - without.idle_cycles) / without.packets;
  sample.busy = 1 - with.idle_cycles / with.cycles;
  if (treatment_ == Treatment::kNone) sample.total = sample.io = (sample.total + sample.io) / 2;
  return sample;
}

bool Alternation::window(bool treated, Sum& sum, bool& disturbed) {
  Spent settling;
  if (!run(uint64_t{kSettlingBursts} * kBurst, treated, settling, treated ? &latency_ : nullptr)) {
    return false;
  }
  const uint64_t delay_before_ns = delay_.read_ns();
  Spent spent;
  const uint64_t begin = rte_rdtsc_precise();
  if (!run(uint64_t{kWindowBursts} * kBurst, treated, spent, nullptr)) return false;
  const auto length = static_cast<double>(rte_rdtsc_precise() - begin);
  const auto delay_ns = static_cast<double>(delay_.read_ns() - delay_before_ns);
  const double waited = delay_ns * static_cast<double>(rte_get_tsc_hz()) / 1e9;
  disturbed = disturbed || waited > kDelayAllowed * length;
  sum.cycles += length - waited;
  sum.idle_cycles += static_cast<double>(spent.idle_cycles);
  sum.packets += static_cast<double>(spent.packets);
  return true;
}

bool Alternation::run(uint64_t packets, bool treated, Spent& spent, LatencyHistogram* latency) {
  const uint64_t forwarded_before = gateway_.forwarded();
  const bool timed = !endless_ || latency != nullptr;
  uint64_t begun = timed ? rte_rdtsc() : 0;
  const uint64_t patience = kPatience_s * rte_get_tsc_hz();
  uint64_t last_came = begun;
  while (spent.packets < packets) {
    const Lane& lane = lanes_[next_lane_];
    next_lane_ = next_lane_ + 1 == lanes_.size() ? 0 : next_lane_ + 1;
    if (!lane.port->receive(burst_)) {
      failure_ = lane.port->failure() + "; lost: " + gateway_.lost();
      return false;
    }
    const uint32_t received = burst_.size;
    if (received != 0) turn(lane, treated);
    spent.packets += received;
    if (!timed) continue;
    const uint64_t ended = rte_rdtsc();
    if (received == 0) {
      spent.idle_cycles += ended - begun;
      if (attention_.is_called_off()) return false;
    }
    for (uint32_t i = 0; latency != nullptr && i < received; ++i) latency->add(ended - begun);
    begun = ended;
    if (received != 0) last_came = ended;
    if (ended - last_came < patience) continue;
    failure_ =
        "no frame has come for " + std::to_string(kPatience_s) + " s: is the generator running?";
    return false;
  }
  if (!treated) return true;
  walked_ += spent.packets;
  return treatment_ == Treatment::kNone || settle_losses(forwarded_before, spent.packets);
}

void Alternation::turn(const Lane& lane, bool treated) {
  const auto sink = [&](rte_mbuf** frames, uint32_t count) {
    return lane.port->transmit(frames, count);
  };
  if (treated && treatment_ == Treatment::kWalk) {
    gateway_.carry(burst_, lane.arrives_on, sink);
  } else if (treated && treatment_ == Treatment::kDecapsulate) {
    gateway_.decapsulate(burst_, lane.arrives_on, sink);
  } else {
    const uint32_t sent = sink(burst_.frame.data(), burst_.size);
    if (sent < burst_.size) {
      rte_pktmbuf_free_bulk(&burst_.frame[sent], burst_.size - sent);
      lost_ += burst_.size - sent;
    }
  }
}

bool Alternation::settle_losses(uint64_t forwarded_before, uint64_t packets) {
  const uint64_t forwarded = gateway_.forwarded() - forwarded_before;
  if (forwarded == packets) return true;
  lost_ += packets - std::min(forwarded, packets);
  if (!endless_) return true;
  failure_ = "packets were lost: " + gateway_.lost();
  return false;
}

}  // namespace postern::bench
