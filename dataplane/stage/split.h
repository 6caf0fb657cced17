// Split: a packet that is too large for its way and may be cut is sent in pieces (RFC 791 3.2).
//
// A fragment is cut like a whole packet: its pieces lie where it lay. The first piece is the frame
// itself, cut short; the others are copies in buffers of their own, so that every port can send
// them. Options that only the first fragment bears are left out of the others. Called by the worker
// that owns the frame.
#ifndef POSTERN_DATAPLANE_STAGE_SPLIT_H_
#define POSTERN_DATAPLANE_STAGE_SPLIT_H_

#include <rte_mbuf.h>

#include <array>
#include <cstdint>

namespace postern {

struct Pieces {
  static constexpr uint32_t kMost = 64;  // a bound: 9,702 bytes on a link of 576 bytes make 18
  std::array<rte_mbuf*, kMost> frame;
  uint32_t size = 0;
};

// Cuts `frame`, an Ethernet header and an IPv4 packet and nothing behind it, into packets of at
// most `mtu_bytes`; the first is `frame`. False, and nothing changed, when there is no buffer.
bool split_ipv4(rte_mbuf* frame, uint32_t mtu_bytes, rte_mempool* pool, Pieces& pieces);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_SPLIT_H_
