#include "bench/loaded_gateway.h"

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

std::string_view name_of(LoadCase which) {
  switch (which) {
    case LoadCase::kIo:
      return "io";
    case LoadCase::kNatOut:
      return "nat-out";
    case LoadCase::kNatIn:
      return "nat-in";
  }
  return "";
}

std::optional<LoadCase> load_case_of(std::string_view text) {
  for (const LoadCase which : {LoadCase::kIo, LoadCase::kNatOut, LoadCase::kNatIn}) {
    if (text == name_of(which)) return which;
  }
  return std::nullopt;
}

std::string LoadedGateway::prepare(bool huge_pages, uint32_t frame_bytes) {
  std::string failure = traffic_.prepare(huge_pages, frame_bytes);
  if (!failure.empty()) return failure;
  ring_ = std::make_unique<PacedRing>(traffic_.pool(), traffic_.frames(), traffic_.packets());
  return std::string(ring_->failure());
}

LoadTrial LoadedGateway::offer(double per_second, double duration_s) {
  hz_ = rte_get_tsc_hz();
  const auto cycles = [&](double seconds) {
    return static_cast<uint64_t>(seconds * static_cast<double>(hz_));
  };
  latency_.clear();
  const uint64_t offered_before = ring_->offered();
  const uint64_t forwarded_before = forwarded();
  const StolenTime stolen_before = StolenTime::now();
  const uint64_t delay_before_ns = delay_.read_ns();
  delay_ns_ = delay_before_ns;
  last_look_ = rte_rdtsc();
  const uint64_t begin = last_look_ + cycles(kLead_s);
  end_ = begin + cycles(duration_s);
  ring_->schedule(begin, per_second, hz_, end_);
  serve();
  const uint64_t waited_ns = delay_.read_ns() - delay_before_ns;
  LoadTrial result;
  result.waited_s = static_cast<double>(waited_ns) / 1e9;
  result.disturbed =
      waited_ns > kDelayAllowed_ns || StolenTime::now().stolen > stolen_before.stolen;
  result.offered = ring_->offered() - offered_before;
  result.lost = result.offered - (forwarded() - forwarded_before);
  result.trial = {.load = per_second, .duration_s = duration_s, .loss_ratio = 0};
  if (result.offered > 0) {
    result.trial.loss_ratio =
        static_cast<double>(result.lost) / static_cast<double>(result.offered);
  }
  return result;
}

uint64_t LoadedGateway::look() {
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
  ring_->postpone(put_off);
  end_ += put_off;
  return last_look_;
}

// Until the last packet has fallen due and the ring is empty.
void LoadedGateway::serve() {
  for (;;) {
    const uint64_t now = look();
    if (ring_->take(burst_, now) == 0) {
      if (now >= end_ || !ring_->failure().empty()) return;
      continue;
    }
    if (which_ == LoadCase::kIo) {
      freed_ += burst_.size;
      rte_pktmbuf_free_bulk(burst_.frame.data(), burst_.size);
    } else {
      traffic_.gateway().carry(burst_, traffic_.port());
    }
    ring_->departed(look(), latency_);
  }
}

}  // namespace postern::bench
