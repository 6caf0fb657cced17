// Which checksums of a received frame its device has found right, so that nobody adds them up
// again. What it found wrong, or said nothing of, is added up: a device that looks into packets
// may mean another header than the one that is judged here.
//
// A device that knows tunnels speaks of the packet inside, and of the outer UDP checksum by itself;
// the packet type says which it was. Pure; any thread.
#ifndef POSTERN_DATAPLANE_PACKET_KNOWN_SUMS_H_
#define POSTERN_DATAPLANE_PACKET_KNOWN_SUMS_H_

#include <rte_mbuf.h>
#include <rte_mbuf_ptype.h>

#include <cstdint>

namespace postern {

// What is read of rte_mbuf::ol_flags.
inline constexpr uint64_t kSumFlags =
    RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_OUTER_L4_CKSUM_MASK;

// Of the frame's own IPv4 header.
inline bool ip_sum_is_known(const rte_mbuf& frame) {
  return (frame.ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
         (frame.packet_type & RTE_PTYPE_TUNNEL_MASK) == 0;
}

// Of the frame's own UDP datagram.
inline bool udp_sum_is_known(const rte_mbuf& frame) {
  if ((frame.packet_type & RTE_PTYPE_TUNNEL_MASK) != 0) {
    return (frame.ol_flags & RTE_MBUF_F_RX_OUTER_L4_CKSUM_MASK) ==
           RTE_MBUF_F_RX_OUTER_L4_CKSUM_GOOD;
  }
  return (frame.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_KNOWN_SUMS_H_
