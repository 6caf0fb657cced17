// A burst: up to 64 packets on their walk, and what the stages know of each.
//
// Metadata lies in an array parallel to the mbufs, one cache line a packet, so that stages touch
// packet bytes only where they must. Stages hand packets on by index lists. Owned by one worker.
#ifndef POSTERN_DATAPLANE_PACKET_BURST_H_
#define POSTERN_DATAPLANE_PACKET_BURST_H_

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/packet/parse.h"
#include "dataplane/wire/headers.h"

namespace postern {

// 64 packets hide a memory access of 300 to 400 cycles behind useful work and still fit the first
// level cache. At a million sessions a packet costs 10 % less than in bursts of 32, and six times
// less than alone (bench/walk_bench, docs/performance.md).
inline constexpr uint32_t kBurst = 64;

// What the stages know of a packet. Offsets are bytes from the start of the frame's data.
struct alignas(64) PacketMeta {
  // The packet that is translated: the inner one outbound, the frame's own inbound.
  Be32 source{};
  Be32 destination{};
  Be16 source_port{};
  Be16 destination_port{};
  uint16_t ip_offset = 0;
  uint16_t transport_offset = 0;
  uint16_t total_bytes = 0;  // of that IP packet
  uint8_t protocol = 0;
  uint8_t has_addresses = 0;  // the fields above are filled: bits of drop_facts.h
  uint16_t port = 0;          // index into Snapshot::ports by which it came
  uint16_t out_port = 0;      // index into Snapshot::ports by which it leaves
  uint32_t vni = 0;           // outbound by which it came, inbound of its session
  uint32_t node = 0;          // NodeIndex: outbound where it came from, inbound where it goes to
  uint32_t session = 0;       // SessionHandle once it is known
  uint32_t next_hop = 0;      // NeighbourSlot once it is known
  uint32_t tcp_base = 0;      // of fragments: FirstFragment::tcp_base of their datagram
  uint32_t tunnel = 0;        // outbound: index into Snapshot::tunnels
  Ipv4Address vtep;           // outbound: the outer source
  bool settled = true;        // false: stage/arrive.h, settle()
};
static_assert(sizeof(PacketMeta) == 64);

// Indexes of packets of a burst, in order.
class IndexList {
 public:
  void push(uint32_t index) { index_[size_++] = static_cast<uint8_t>(index); }
  void clear() { size_ = 0; }
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const uint8_t* begin() const { return index_.data(); }
  [[nodiscard]] const uint8_t* end() const { return index_.data() + size_; }
  uint8_t operator[](uint32_t i) const { return index_[i]; }

 private:
  std::array<uint8_t, kBurst> index_;
  uint32_t size_ = 0;
};

struct Burst {
  std::array<rte_mbuf*, kBurst> frame;
  std::array<PacketMeta, kBurst> meta;
  uint32_t size = 0;

  // Bytes of a packet's frame from `offset` on.
  [[nodiscard]] uint8_t* bytes(uint32_t i, uint32_t offset = 0) const {
    return rte_pktmbuf_mtod_offset(frame[i], uint8_t*, offset);
  }
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_BURST_H_
