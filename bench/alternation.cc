#include "bench/alternation.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>

namespace postern::bench {

std::optional<Sample> Alternation::measure() {
  constexpr double kPackets = 2.0 * kWindowBursts * kBurst;
  Sample sample;
  for (const bool with_walk : {true, false, false, true}) {
    if (!window(with_walk, with_walk ? sample.total : sample.io, sample.disturbed)) {
      return std::nullopt;
    }
  }
  sample.total /= kPackets;
  sample.io /= kPackets;
  return sample;
}

bool Alternation::window(bool with_walk, double& cycles, bool& disturbed) {
  if (!run(kSettlingBursts, with_walk)) return false;
  const uint64_t delay_before_ns = delay_.read_ns();
  const uint64_t begin = rte_rdtsc_precise();
  if (!run(kWindowBursts, with_walk)) return false;
  const auto length = static_cast<double>(rte_rdtsc_precise() - begin);
  const auto delay_ns = static_cast<double>(delay_.read_ns() - delay_before_ns);
  const double waited = delay_ns * static_cast<double>(rte_get_tsc_hz()) / 1e9;
  disturbed = disturbed || waited > kDelayAllowed * length;
  cycles += length - waited;
  return true;
}

bool Alternation::run(uint32_t bursts, bool with_walk) {
  const uint64_t forwarded_before = gateway_.forwarded();
  for (uint32_t i = 0; i < bursts; ++i) {
    if (!ring_.take(burst_)) {
      failure_ = "no packet buffer is free; lost: " + gateway_.lost();
      return false;
    }
    if (with_walk) {
      gateway_.carry(burst_, port_);
    } else {
      rte_pktmbuf_free_bulk(burst_.frame.data(), burst_.size);
    }
  }
  const uint64_t expected = with_walk ? uint64_t{bursts} * kBurst : 0;
  walked_ += expected;
  if (gateway_.forwarded() - forwarded_before == expected) return true;
  failure_ = "packets were lost: " + gateway_.lost();
  return false;
}

}  // namespace postern::bench
