// Who talks to whom: session number n of a scenario is always the same flow. Consecutive numbers
// are different pods, and their servers lie all over the range. Pure; any thread.
#ifndef POSTERN_BENCH_CONVERSATION_H_
#define POSTERN_BENCH_CONVERSATION_H_

#include <cstdint>

#include "bench/scenario.h"
#include "dataplane/table/session_entry.h"
#include "dataplane/wire/headers.h"

namespace postern::bench {

struct Conversation {
  static constexpr uint16_t kRemotePort = 443;
  static constexpr uint16_t kFirstSourcePort = 1024;
  static constexpr uint32_t kSourcePorts = 64'512;  // of a pod

  uint32_t node = 0;
  Ipv4Address pod;
  uint16_t source_port = 0;
  Ipv4Address remote;

  // `number` below kSourcePorts times the scenario's pods, so that no two are the same flow.
  static Conversation at(const Scenario& scenario, uint32_t number) {
    const uint32_t pod = number % scenario.pods;
    // Odd multiplications and shifts can be undone, so numbers spread evenly over the range.
    uint32_t mixed = number * 0x9e3779b1u;
    mixed = (mixed ^ mixed >> 15) * 0x85ebca6bu;
    mixed ^= mixed >> 13;
    return {.node = Scenario::node_of(pod),
            .pod = Scenario::pod(pod),
            .source_port = static_cast<uint16_t>(kFirstSourcePort + number / scenario.pods),
            .remote = {Scenario::kRemotes.address.value | (mixed & ~Scenario::kRemotes.mask())}};
  }

  [[nodiscard]] OutboundKey key() const {
    return {pod.wire(), OutboundKey::pack(Scenario::kVni, kProtocolUdp), remote.wire(),
            Be16(kRemotePort), Be16(source_port)};
  }
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_CONVERSATION_H_
