#include "bench/nat_traffic.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>

#include "bench/receive_ring.h"

namespace postern::bench {
namespace {

constexpr uint32_t kMaxPods = 16'000;
constexpr uint32_t kMinPods = 1000;
constexpr uint32_t kSessionsPerPod = 8;
constexpr uint32_t kNamespaces = 16;
// At least 64 Ki packets, so that a window meets no packet twice; at most 16 Mi (256 MiB).
constexpr uint64_t kMinPackets = 1u << 16;
constexpr uint64_t kMaxPackets = 1u << 24;

constexpr uint32_t round_up_to_bursts(uint32_t packets) {
  return (packets + kBurst - 1) / kBurst * kBurst;
}

// The size of the `turn`th packet, as an index into the sizes of `frames`.
size_t size_of(const Frames& frames, size_t turn) {
  constexpr std::array<uint8_t, 12> kTurns = {0, 1, 0, 0, 1, 0, 2, 0, 1, 0, 1, 0};
  return frames.sizes() == kImixSizes.size() ? kTurns[turn % kTurns.size()] : 0;
}

}  // namespace

FrameRecord packet_of(const Scenario& scenario, const Frames& frames, Direction direction,
                      uint32_t number, size_t size, const PortlessGateway& gateway) {
  const Conversation conversation = Conversation::at(scenario, number);
  if (direction == Direction::kOutbound) return frames.outbound_record(conversation, size);
  const SessionTable& sessions = gateway.sessions();
  const SessionEntry& entry = sessions.entry(sessions.find_outbound_one(conversation.key()));
  return frames.record(conversation, Ipv4Address::from(entry.egress_ip), entry.egress_port.host(),
                       size);
}

Scenario nat_scenario(uint32_t sessions) {
  Scenario scenario;
  scenario.sessions = sessions;
  scenario.pods = std::clamp(sessions / kSessionsPerPod, kMinPods, kMaxPods);
  scenario.namespaces = kNamespaces;
  scenario.egress_entries = kNamespaces;
  return scenario;
}

std::string open_sessions(const Scenario& scenario, rte_mempool* pool, PortlessGateway& gateway) {
  const Frames frames(scenario, Direction::kOutbound, 64);
  std::vector<FrameRecord> firsts(round_up_to_bursts(scenario.sessions));
  for (uint32_t i = 0; i < firsts.size(); ++i) {
    // The last burst is filled up with second packets.
    firsts[i] = frames.outbound_record(Conversation::at(scenario, i % scenario.sessions));
  }
  ReceiveRing ring(pool, frames, firsts);
  Burst burst;
  for (size_t sent = 0; sent < firsts.size(); sent += kBurst) {
    if (!ring.take(burst)) return "no packet buffer is free while sessions are opened";
    gateway.carry(burst, Scenario::kClusterPort);
  }
  if (gateway.forwarded() == firsts.size() && gateway.sessions().live() == scenario.sessions) {
    return "";
  }
  return "of " + std::to_string(scenario.sessions) + " sessions " +
         std::to_string(gateway.sessions().live()) + " were opened; lost: " + gateway.lost();
}

std::vector<FrameRecord> draw_packets(const Scenario& scenario, const Frames& frames,
                                      Direction direction, uint64_t seed,
                                      const PortlessGateway& gateway, Draw draw) {
  std::mt19937_64 random(seed);
  SessionDraw session(draw, scenario.sessions);
  const uint64_t wanted = std::bit_ceil(uint64_t{scenario.sessions} * 4);
  std::vector<FrameRecord> packets(std::clamp(wanted, kMinPackets, kMaxPackets));
  for (size_t i = 0; i < packets.size(); ++i) {
    packets[i] =
        packet_of(scenario, frames, direction, session(random), size_of(frames, i), gateway);
  }
  return packets;
}

std::vector<FrameRecord> draw_rounds(const Scenario& scenario, const Frames& frames,
                                     Direction direction, uint64_t seed,
                                     const PortlessGateway& gateway, uint32_t least,
                                     uint32_t most) {
  std::mt19937_64 random(seed);
  std::vector<uint32_t> numbers(scenario.sessions);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::shuffle(numbers.begin(), numbers.end(), random);
  const uint32_t wanted = std::clamp(round_up_to_bursts(scenario.sessions), least, most);
  std::vector<FrameRecord> packets;
  packets.reserve(wanted);
  for (uint32_t i = 0; i < wanted; ++i) {
    const uint32_t number = numbers[i % numbers.size()];
    packets.push_back(packet_of(scenario, frames, direction, number, size_of(frames, i), gateway));
  }
  return packets;
}

}  // namespace postern::bench
