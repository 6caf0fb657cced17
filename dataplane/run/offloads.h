// What a device is asked to do for frames, of what it offers. Pure; any thread.
#ifndef POSTERN_DATAPLANE_RUN_OFFLOADS_H_
#define POSTERN_DATAPLANE_RUN_OFFLOADS_H_

#include <cstdint>

#include "dataplane/run/device.h"

namespace postern {

// RTE_ETH_RX_OFFLOAD_* and RTE_ETH_TX_OFFLOAD_*.
struct Offloads {
  uint64_t receive = 0;
  uint64_t transmit = 0;
};

// The offloads for `device`, which offers those in `offered`:
//   receive   checksums of IPv4 headers and of UDP, also of a tunnel's outer datagram: what the
//             device found right is not added up again (known_sums.h). Not of net_tap and
//             net_vhost, whose drivers would add up every byte by themselves.
//             Taking tags off, for a port with a VLAN.
//   transmit  putting tags on, for a port with a VLAN. Freeing buffers fast: every buffer comes
//             from one pool and has one owner when it is sent.
// What is not offered is done without it.
[[nodiscard]] Offloads choose_offloads(const Device& device, const Offloads& offered,
                                       bool has_vlan);

// Whether a device so configured puts tags on, and whether it judges checksums.
[[nodiscard]] bool puts_tags_on(const Offloads& chosen);
[[nodiscard]] bool judges_sums(const Offloads& chosen);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_OFFLOADS_H_
