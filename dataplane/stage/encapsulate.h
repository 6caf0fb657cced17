// The headers in front of a reply to a node, to be inlined into the loops that write them:
// forward.cc and fast_path.cc. Any thread; only the frame is written.
#ifndef POSTERN_DATAPLANE_STAGE_ENCAPSULATE_H_
#define POSTERN_DATAPLANE_STAGE_ENCAPSULATE_H_

#include <cstddef>
#include <cstdint>

#include "dataplane/packet/burst.h"
#include "dataplane/table/snapshot.h"
#include "dataplane/wire/checksum.h"

namespace postern {

// RFC 7348 5, RFC 8926 3.3: a source port that is stable for the session and spreads sessions over
// paths.
inline Be16 entropy_port(const PacketMeta& meta) {
  const uint32_t ports = uint32_t{meta.source_port.raw()} << 16 | meta.destination_port.raw();
  uint32_t hash = (meta.source.raw() ^ meta.protocol) * 0x9e3779b1u;
  hash = (hash ^ ports) * 0x85ebca6bu;
  hash ^= hash >> 15;
  return Be16(static_cast<uint16_t>(0xc000 | (hash & 0x3fff)));
}

// Writes the node's template at `at`, and into it what differs by packet, but for its destination
// MAC address: the inner one that was learned, TOS, lengths, checksum and source port. `ip_bytes`
// is the inner packet. The template is copied whole and then patched where it lies: patched before,
// its copy would wait for the patches. What is special to the node is write_special()'s
// (forward.cc).
[[gnu::always_inline]] inline void write_encapsulation(const Snapshot& snapshot,
                                                       const NodeEntry& node,
                                                       const PacketMeta& meta, uint8_t tos,
                                                       uint32_t ip_bytes, uint8_t* at) {
  constexpr uint32_t kTunnelBytes =
      sizeof(UdpHeader) + sizeof(VxlanHeader) + sizeof(EthernetHeader);
  constexpr uint32_t kIp = offsetof(TunnelEncapsulation, outer_ip);
  constexpr uint32_t kUdp = offsetof(TunnelEncapsulation, udp);
  const uint32_t udp_bytes = kTunnelBytes + node.option_bytes + ip_bytes;
  const Be16 total_bytes(static_cast<uint16_t>(sizeof(Ipv4Header) + udp_bytes));
  const uint64_t sum = uint64_t{node.outer_ip_sum} + Be16(tos).raw() + total_bytes.raw();
  store(at, node.encapsulation);
  store(at + kIp + offsetof(Ipv4Header, tos), tos);
  store(at + kIp + offsetof(Ipv4Header, total_bytes), total_bytes);
  store(at + kIp + offsetof(Ipv4Header, checksum),
        Be16::from_raw(static_cast<uint16_t>(~fold_sum(sum))));
  store(at + kUdp + offsetof(UdpHeader, source_port), entropy_port(meta));
  store(at + kUdp + offsetof(UdpHeader, bytes), Be16(static_cast<uint16_t>(udp_bytes)));
  const uint64_t learned = snapshot.shared->node_macs.load(meta.node);
  const uint64_t configured = node.configured_mac.packed();
  store(at + offsetof(TunnelEncapsulation, inner_ethernet),
        MacAddress::from_packed(configured == 0 ? learned : configured));
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_ENCAPSULATE_H_
