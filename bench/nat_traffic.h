// Established sessions and packets for them.
//
// open_sessions() sends the first packet of every conversation through the real walk, so sessions,
// ports and learned MAC addresses are made as in life. draw_packets() then draws packets of random
// sessions, uniformly and with a fixed seed; inbound ones are addressed to the port that the
// gateway chose. Called on the worker's lcore.
#ifndef POSTERN_BENCH_NAT_TRAFFIC_H_
#define POSTERN_BENCH_NAT_TRAFFIC_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/frames.h"
#include "bench/portless_gateway.h"
#include "bench/scenario.h"
#include "bench/session_draw.h"

namespace postern::bench {

// The network for so many sessions: 1,000 to 16,000 pods (in between eight sessions a pod) on 10 to
// 160 nodes, in sixteen namespaces with an egress address each.
Scenario nat_scenario(uint32_t sessions);

// Frame sizes of the mix of the internet: so that twelve packets have 353.8 bytes on average.
inline constexpr std::array<uint32_t, 3> kImixSizes = {64, 570, 1518};

// Opens all sessions of the scenario. Returns "" or what went wrong.
std::string open_sessions(const Scenario& scenario, rte_mempool* pool, PortlessGateway& gateway);

// A packet of session `number`, which must be open if it is inbound. `size` is an index into the
// sizes of `frames`.
FrameRecord packet_of(const Scenario& scenario, const Frames& frames, Direction direction,
                      uint32_t number, size_t size, const PortlessGateway& gateway);

// Packets of random sessions: four a session, within bounds that keep reading them a small part
// of the loop. Every session must be open, but for outbound packets. Where `frames` has the sizes
// of kImixSizes, they come 7 : 4 : 1.
std::vector<FrameRecord> draw_packets(const Scenario& scenario, const Frames& frames,
                                      Direction direction, uint64_t seed,
                                      const PortlessGateway& gateway, Draw draw = Draw::kUniform);
// A packet of each session, in random order; of no more than `most` of them, and so many times over
// that there are at least `least` (both multiples of kBurst).
std::vector<FrameRecord> draw_rounds(const Scenario& scenario, const Frames& frames,
                                     Direction direction, uint64_t seed,
                                     const PortlessGateway& gateway, uint32_t least, uint32_t most);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_NAT_TRAFFIC_H_
