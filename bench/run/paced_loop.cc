#include "bench/run/paced_loop.h"

#include <rte_mbuf.h>

#include <algorithm>

#include "dataplane/wire/headers.h"

namespace postern::bench {
namespace {

constexpr uint64_t kSlicesPerSecond = 100;
// Of a second, to find out what the loop can carry.
constexpr uint64_t kCapacityShare = 8;
// No turn takes so long: whoever looks later than that asks the kernel why.
constexpr uint64_t kSuspicious_ns = 20'000;
// Waiting that changes no percentile to speak of.
constexpr uint64_t kDelayAllowed_ns = 2'000;

}  // namespace

void PacedLoop::begin(double per_second) {
  delay_ns_ = delay_.read_ns();
  last_look_ = rte_rdtsc();
  begin_slice();
  ring_.schedule(last_look_, per_second, rte_get_tsc_hz());
}

double PacedLoop::capacity(double more_than_it_can) {
  const uint64_t hz = rte_get_tsc_hz();
  Stretch stretch;
  const uint64_t end = rte_rdtsc() + hz / kCapacityShare;
  const std::string failure =
      run(more_than_it_can, Carriage::kWalk, stretch, [&] { return rte_rdtsc() < end; });
  if (!failure.empty() || stretch.sent == 0) return 0;
  // What waits is nobody's load of the next stretch.
  while (ring_.waiting() != 0 && ring_.take(burst_, last_look_) != 0) {
    taken_ += burst_.size;
    carry(Carriage::kWalk);
  }
  return static_cast<double>(hz) / stretch.cycles_per_packet();
}

void PacedLoop::turn(Carriage carriage, Stretch& stretch) {
  const uint64_t before = last_look_;
  const uint64_t waited_until_now = waited_cycles_;
  const uint64_t now = look();
  const uint32_t count = ring_.take(burst_, now);
  if (count != 0) {
    const uint64_t waited_before = waited_cycles_;
    taken_ += count;
    carry(carriage);
    const uint64_t after = look();
    ring_.departed(after, latency_);
    stretch.busy_cycles += after - now - (waited_cycles_ - waited_before);
  }
  stretch.cycles += last_look_ - before - (waited_cycles_ - waited_until_now);
  if (last_look_ - slice_begun_ >= rte_get_tsc_hz() / kSlicesPerSecond) end_slice(stretch);
}

void PacedLoop::carry(Carriage carriage) {
  if (carriage == Carriage::kWalk) return gateway_.carry(burst_, port_);
  for (uint32_t i = 0; i < burst_.size; ++i) {
    auto ethernet = load<EthernetHeader>(burst_.bytes(i));
    std::swap(ethernet.source, ethernet.destination);
    store(burst_.bytes(i), ethernet);
  }
  swapped_ += burst_.size;
  rte_pktmbuf_free_bulk(burst_.frame.data(), burst_.size);
}

uint64_t PacedLoop::look() {
  const uint64_t before = last_look_;
  last_look_ = rte_rdtsc();
  const uint64_t hz = rte_get_tsc_hz();
  if (last_look_ - before < kSuspicious_ns * (hz / 1'000'000) / 1000) [[likely]]
    return last_look_;
  const uint64_t delay_ns = delay_.read_ns();
  last_look_ = rte_rdtsc();
  const uint64_t waited_ns = delay_ns - delay_ns_;
  delay_ns_ = delay_ns;
  slice_waited_ns_ += waited_ns;
  const auto waited =
      static_cast<uint64_t>(static_cast<double>(waited_ns) * static_cast<double>(hz) / 1e9);
  // Never more than has passed, whatever two clocks make of it: nothing departs before it was due.
  const uint64_t put_off = std::min(waited, last_look_ - before);
  waited_cycles_ += put_off;
  ring_.postpone(put_off);
  return last_look_;
}

void PacedLoop::end_slice(Stretch& stretch) {
  const uint64_t hz = rte_get_tsc_hz();
  Slice slice;
  slice.at_ms = static_cast<double>(slice_begun_ - begun_) * 1000 / static_cast<double>(hz);
  slice.offered = ring_.offered() - offered_before_;
  slice.sent = sent() - sent_before_;
  slice.lost = (ring_.lost() - full_before_) + (taken_ - taken_before_ - slice.sent);
  slice.waited_us = static_cast<double>(slice_waited_ns_) / 1e3;
  stretch.offered += slice.offered;
  stretch.sent += slice.sent;
  stretch.lost += slice.lost;
  stretch.waited_ms += slice.waited_us / 1e3;
  const bool waited = slice_waited_ns_ > kDelayAllowed_ns;
  if (waited) stretch.lost_waiting += slice.lost;
  (waited ? stretch.disturbed : stretch.latency).merge(latency_);
  stretch.slices.push_back(slice);
  begin_slice();
}

void PacedLoop::begin_slice() {
  latency_.clear();
  offered_before_ = ring_.offered();
  full_before_ = ring_.lost();
  sent_before_ = sent();
  taken_before_ = taken_;
  slice_waited_ns_ = 0;
  slice_begun_ = last_look_;
}

}  // namespace postern::bench
