#include "bench/run/paced_loop.h"

#include <rte_mbuf.h>

#include <algorithm>

#include "dataplane/wire/headers.h"

namespace postern::bench {
namespace {

constexpr uint64_t kSlicesPerSecond = 100;
// Of a second, to find out what the loop can carry.
constexpr uint64_t kCapacityShare = 8;
// No step takes so long: whoever looks later than that asks the kernel why. Ticks of the clock take
// as long on virtual machines.
constexpr uint64_t kSuspicious_us = 10;
// Waiting that changes no percentile to speak of.
constexpr uint64_t kDelayAllowed_ns = 2'000;

}  // namespace

PacedLoop::PacedLoop(PacedRing& ring, PortlessGateway& gateway, uint16_t port)
    : ring_(ring),
      gateway_(gateway),
      port_(port),
      hz_(rte_get_tsc_hz()),
      begun_(rte_rdtsc()),
      suspicious_(kSuspicious_us * (hz_ / 1'000'000)),
      blame_(ring.slots(), suspicious_) {}

void PacedLoop::begin(double per_second) {
  delay_ns_ = delay_.read_ns();
  last_look_ = rte_rdtsc();
  turn_begun_ = last_look_;
  turn_waited_ = waited_cycles_;
  begin_slice();
  ring_.schedule(last_look_, per_second, hz_);
  blame_.schedule(last_look_, static_cast<double>(hz_) / per_second);
  blame_.forget_times();
}

double PacedLoop::capacity(double more_than_it_can) {
  Stretch stretch;
  const uint64_t end = rte_rdtsc() + hz_ / kCapacityShare;
  const std::string failure = run(more_than_it_can, Carriage::kWalk, stretch,
                                  [&] { return AfterTurn{.goes_on = rte_rdtsc() < end}; });
  if (!failure.empty() || stretch.sent == 0) return 0;
  // What waits is nobody's load of the next stretch.
  while (ring_.waiting() != 0 && take() != 0) carry(Carriage::kWalk);
  return static_cast<double>(hz_) / stretch.cycles_per_packet();
}

uint32_t PacedLoop::take() {
  const uint32_t count = ring_.take(burst_, last_look_);
  blame_.taken(last_look_, count);
  taken_ += count;
  return count;
}

// Whether there were packets.
bool PacedLoop::turn(Carriage carriage, Stretch& stretch) {
  const uint64_t begun = last_look_;
  const uint64_t waited_before = waited_cycles_;
  const uint32_t count = take();
  step(Step::kQueue);
  if (count == 0) return false;
  carry(carriage);
  const uint64_t after = step(Step::kWalk);
  stretch.busy_cycles += after - begun - (waited_cycles_ - waited_before);
  ring_.departed(after, latency_);
  step(Step::kQueue);
  return true;
}

void PacedLoop::end_turn(Stretch& stretch, bool busy, bool worked) {
  step(worked ? Step::kChores : Step::kQueue);
  const uint64_t waited = waited_cycles_ - turn_waited_;
  const uint64_t length = last_look_ - turn_begun_;
  stretch.cycles += length - waited;
  if (busy && waited == 0) stretch.turns.add(length);
  if (last_look_ - slice_begun_ >= hz_ / kSlicesPerSecond) end_slice(stretch);
  turn_begun_ = last_look_;
  turn_waited_ = waited_cycles_;
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

uint64_t PacedLoop::step(Step step) {
  const uint64_t before = last_look_;
  const uint64_t waited_before = waited_cycles_;
  look();
  blame_.spent(step, last_look_ - before - (waited_cycles_ - waited_before));
  return last_look_;
}

uint64_t PacedLoop::look() {
  const uint64_t before = last_look_;
  last_look_ = rte_rdtsc();
  if (last_look_ - before >= suspicious_) [[unlikely]]
    ask_the_kernel(before);
  return last_look_;
}

void PacedLoop::ask_the_kernel(uint64_t before) {
  const uint64_t delay_ns = delay_.read_ns();
  last_look_ = rte_rdtsc();
  const uint64_t waited_ns = delay_ns - delay_ns_;
  delay_ns_ = delay_ns;
  slice_waited_ns_ += waited_ns;
  const auto waited =
      static_cast<uint64_t>(static_cast<double>(waited_ns) * static_cast<double>(hz_) / 1e9);
  // Never more than has passed, whatever two clocks make of it: nothing departs before it was due.
  const uint64_t put_off = std::min(waited, last_look_ - before);
  waited_cycles_ += put_off;
  ring_.postpone(put_off);
  blame_.postpone(put_off);
}

void PacedLoop::end_slice(Stretch& stretch) {
  Slice slice;
  const double ms = 1000 / static_cast<double>(hz_);
  slice.at_ms = static_cast<double>(slice_begun_ - begun_) * ms;
  slice.lasted_ms = static_cast<double>(last_look_ - slice_begun_) * ms;
  slice.offered = ring_.offered() - offered_before_;
  slice.sent = sent() - sent_before_;
  const uint64_t by_full = ring_.lost() - full_before_;
  const uint64_t by_gateway = taken_ - taken_before_ - slice.sent;
  const BlamedLosses blamed = blame_.lost();
  const uint64_t own = blamed.back() - blamed_before_.back();
  slice.lost = by_full + by_gateway;
  slice.lost_own = std::min(own, by_full) + by_gateway;
  slice.waited_us = static_cast<double>(slice_waited_ns_) / 1e3;
  stretch.offered += slice.offered;
  stretch.sent += slice.sent;
  stretch.losses.all += slice.lost;
  stretch.losses.by_full += by_full;
  for (size_t i = 0; i < blamed.size(); ++i) {
    stretch.losses.blamed[i] += blamed[i] - blamed_before_[i];
  }
  stretch.waited_ms += slice.waited_us / 1e3;
  const bool waited = slice_waited_ns_ > kDelayAllowed_ns;
  if (waited) stretch.losses.own_waiting += own;
  (waited ? stretch.disturbed : stretch.latency).merge(latency_);
  stretch.recent.merge(latency_);
  stretch.slices.push_back(slice);
  begin_slice();
}

void PacedLoop::begin_slice() {
  latency_.clear();
  offered_before_ = ring_.offered();
  full_before_ = ring_.lost();
  sent_before_ = sent();
  taken_before_ = taken_;
  blamed_before_ = blame_.lost();
  slice_waited_ns_ = 0;
  slice_begun_ = last_look_;
}

}  // namespace postern::bench
