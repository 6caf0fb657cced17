// What nearly all frames of a port look like, so that arrival can tell by a few compares that a
// frame is one of them (stage/arrive.cc); all others are parsed field by field. Made with the
// snapshot that they are a part of. Immutable; any thread reads.
#ifndef POSTERN_DATAPLANE_TABLE_PORT_FORMS_H_
#define POSTERN_DATAPLANE_TABLE_PORT_FORMS_H_

#include <cstdint>
#include <vector>

#include "dataplane/wire/frame_form.h"

namespace postern {

struct Snapshot;

struct PortForms {
  // Packets of the port's tunnel (of the first, where it has several): VXLAN, or Geneve without
  // options, without an outer UDP checksum, with an unfragmented IPv4 packet inside, neither of
  // both headers with options, no congestion marked outside.
  FrameForm tunnel;
  uint32_t tunnel_index = 0;  // into Snapshot::tunnels

  // Unfragmented IPv4 packets without options that are in no tunnel, where replies may come.
  FrameForm plain;
  // A bit for each UDP port of a tunnel, by its six low bits: what has none of these as its
  // destination is no tunnel packet.
  uint64_t tunnel_ports = 0;
  [[nodiscard]] bool may_be_tunnel(uint16_t udp_port) const {
    return (tunnel_ports >> (udp_port & 63) & 1) != 0;
  }
};

// By index of port; ports, tunnels, endpoints and addresses of the snapshot must be there.
std::vector<PortForms> make_port_forms(const Snapshot& snapshot);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_PORT_FORMS_H_
