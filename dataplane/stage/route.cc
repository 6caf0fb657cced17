#include "dataplane/stage/route.h"

namespace postern {

void route_outbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                    IndexList& pass, Refusals& refusals) {
  for (const uint8_t i : in) {
    PacketMeta& meta = burst.meta[i];
    const SessionEntry& session = sessions.entry(meta.session);
    const auto destination = Ipv4Address::from(session.remote_ip);  // not always what was dialled
    const auto source = Ipv4Address::from(session.egress_ip);
    const Route* route = snapshot.external_routes.find(destination, source);
    if (route == nullptr) {
      refusals.push(i, Reason::kNoRoute);
    } else if (meta.total_bytes > snapshot.ports[route->port].mtu_bytes) {
      meta.out_port = route->port;
      refusals.push(i, Reason::kMtuExceeded);
    } else {
      meta.out_port = route->port;
      meta.next_hop = next_hop_of(snapshot, *route, destination);
      pass.push(i);
    }
  }
}

void route_inbound(const Snapshot& snapshot, Burst& burst, const IndexList& in, IndexList& pass,
                   Refusals& refusals) {
  for (const uint8_t i : in) {
    PacketMeta& meta = burst.meta[i];
    const NodeEntry& node = snapshot.nodes[meta.node];
    if (node.next_hop == kNoNeighbour) {
      refusals.push(i, Reason::kNoRoute);
    } else if (meta.total_bytes > inner_mtu_bytes(snapshot, node)) {
      refusals.push(i, Reason::kMtuExceeded);
    } else {
      meta.out_port = node.port;
      meta.next_hop = node.next_hop;
      pass.push(i);
    }
  }
}

}  // namespace postern
