#include "bench/compare/latency_probe.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace postern::bench {
namespace {

constexpr double kSettlingRate = 100'000;
constexpr double kSettlingSeconds = 0.2;
constexpr double kDrainSeconds = 0.05;
constexpr double kUnmeasuredSeconds = 0.1;  // at the rate, before it counts

struct Stamp {
  uint64_t due;
  uint64_t complement;
};

// ARP over Ethernet (RFC 826).
struct ArpFrame {
  EthernetHeader ethernet;
  Be16 hardware;
  Be16 protocol;
  uint8_t hardware_bytes;
  uint8_t protocol_bytes;
  Be16 operation;
  MacAddress sender_mac;
  Be32 sender;
  MacAddress target_mac;
  Be32 target;
};
static_assert(sizeof(ArpFrame) == 42);
constexpr uint16_t kArpRequest = 1;
constexpr uint16_t kArpReply = 2;
constexpr uint16_t kEtherTypeOfArp = 0x0806;

}  // namespace

bool LatencyProbe::settle(double patience_s) {
  const uint64_t end = rte_rdtsc() + static_cast<uint64_t>(patience_s * static_cast<double>(hz_));
  while (rte_rdtsc() < end) {
    run(kSettlingRate, kSettlingSeconds, false);
    const double enough = 0.98 * static_cast<double>(result_.sent);
    if (result_.sent > 0 && static_cast<double>(result_.received) >= enough) return true;
  }
  return false;
}

LatencyProbe::Result LatencyProbe::measure(double rate, double seconds) {
  run(rate, seconds, true);
  return result_;
}

void LatencyProbe::run(double rate, double seconds, bool counting) {
  result_ = {};
  const auto ticks = [this](double s) {
    return static_cast<uint64_t>(s * static_cast<double>(hz_));
  };
  const uint64_t start = rte_rdtsc();
  begin_ = counting ? start + ticks(kUnmeasuredSeconds) : start;
  const uint64_t end = begin_ + ticks(seconds);
  interval_ = rate > 0 ? static_cast<double>(hz_) / rate : 0;
  due_ = static_cast<double>(start);
  for (uint64_t now = start; now < end; now = rte_rdtsc()) {
    send_due(now);
    receive(far_);
    receive(near_);
  }
  result_.seconds = seconds;
  const uint64_t drained = end + ticks(kDrainSeconds);
  // What is under way when frames are sent as fast as possible tells nothing more about the rate.
  while (rate > 0 && rte_rdtsc() < drained) {
    receive(far_);
    receive(near_);
  }
}

void LatencyProbe::send_due(uint64_t now) {
  uint16_t count = kBurst;
  if (interval_ > 0) {
    if (due_ > static_cast<double>(now)) return;
    const double waiting = (static_cast<double>(now) - due_) / interval_ + 1;
    count = static_cast<uint16_t>(std::min<double>(waiting, kBurst));
  }
  std::array<rte_mbuf*, kBurst> burst;
  if (rte_pktmbuf_alloc_bulk(pool_, burst.data(), count) != 0) return;
  for (uint16_t i = 0; i < count; ++i) {
    const uint64_t due = interval_ > 0 ? static_cast<uint64_t>(due_) : now;
    due_ += interval_;
    rte_mbuf* const frame = burst[i];
    frame->data_len = frames_.bytes();
    frame->pkt_len = frames_.bytes();
    auto* const at = rte_pktmbuf_mtod(frame, uint8_t*);
    frames_.write(records_[next_record_], at);
    next_record_ = next_record_ + 1 == records_.size() ? 0 : next_record_ + 1;
    store(at + frames_.bytes() - sizeof(Stamp), Stamp{due, ~due});
    if (due >= begin_) ++result_.sent;
  }
  near_.send(burst.data(), count);
}

void LatencyProbe::receive(ProbePort& port) {
  std::array<rte_mbuf*, kBurst> burst;
  const uint16_t count = port.receive(burst.data(), kBurst);
  if (count == 0) return;
  const uint64_t now = rte_rdtsc();
  for (uint16_t i = 0; i < count; ++i) take(port, burst[i], now);
}

void LatencyProbe::take(ProbePort& port, rte_mbuf* frame, uint64_t now) {
  if (answer(port, frame)) return;
  const auto* const at = rte_pktmbuf_mtod(frame, const uint8_t*);
  if (frame->data_len > sizeof(EthernetHeader) + sizeof(Stamp)) {
    const auto stamp = load<Stamp>(at + frame->data_len - sizeof(Stamp));
    if (stamp.due == ~stamp.complement && stamp.due >= begin_) {
      ++result_.received;
      result_.latency.add(now - stamp.due);
    }
  }
  rte_pktmbuf_free(frame);
}

bool LatencyProbe::answer(ProbePort& port, rte_mbuf* frame) {
  if (frame->data_len < sizeof(ArpFrame)) return false;
  auto* const at = rte_pktmbuf_mtod(frame, uint8_t*);
  auto arp = load<ArpFrame>(at);
  if (arp.ethernet.type.host() != kEtherTypeOfArp || arp.operation.host() != kArpRequest)
    return false;
  // Who asks for its own address looks whether anybody else has it.
  if (arp.sender == arp.target || arp.sender.host() == 0) {
    rte_pktmbuf_free(frame);
    return true;
  }
  const Be32 asked = arp.target;
  arp.operation = Be16(kArpReply);
  arp.target_mac = arp.sender_mac;
  arp.target = arp.sender;
  arp.sender_mac = Scenario::kNextHopMac;
  arp.sender = asked;
  arp.ethernet.destination = arp.target_mac;
  arp.ethernet.source = Scenario::kNextHopMac;
  store(at, arp);
  port.send(&frame, 1);
  return true;
}

}  // namespace postern::bench
