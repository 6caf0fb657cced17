// How long a frame net_tap sends. DPDK 22.11's driver reports 1522 bytes as its limit, so ethdev
// refuses every MTU that a tunnel's underlay needs, though the driver and the kernel carry any: its
// send function only compares with the MTU that ethdev keeps for the port. This raises that number
// where it is kept.
//
// Control thread, after the port was started.
#ifndef POSTERN_DATAPLANE_RUN_TAP_MTU_H_
#define POSTERN_DATAPLANE_RUN_TAP_MTU_H_

#include <cstdint>

namespace postern {

// True where ethdev now says `mtu_bytes` for the port. False, and nothing changed, where that
// cannot be had (another version of the driver): frames beyond 1522 bytes would be dropped.
[[nodiscard]] bool raise_tap_mtu(uint16_t port_id, uint16_t mtu_bytes);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_TAP_MTU_H_
