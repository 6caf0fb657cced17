#include "dataplane/stage/route.h"

namespace postern {
namespace {

// Whether its sender forbids to cut it: then it is told instead (RFC 1191 4).
[[gnu::cold, gnu::noinline]] bool must_stay_whole(const Burst& burst, uint32_t i) {
  return view<Ipv4Header>(burst.bytes(i, burst.meta[i].ip_offset)).dont_fragment();
}

}  // namespace

bool route_outbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                    IndexList& pass, Refusals& refusals) {
  bool some_too_large = false;
  for (const uint8_t i : in) {
    PacketMeta& meta = burst.meta[i];
    const SessionEntry& session = sessions.entry(meta.session);
    const auto destination = Ipv4Address::from(session.remote_ip);  // not always what was dialled
    const auto source = Ipv4Address::from(session.egress_ip);
    const Route* route = snapshot.external_routes.find(destination, source);
    if (route == nullptr) {
      refusals.push(i, Reason::kNoRoute);
      continue;
    }
    meta.out_port = route->port;
    if (meta.total_bytes > snapshot.ports[route->port].mtu_bytes) [[unlikely]] {
      if (must_stay_whole(burst, i)) {
        refusals.push(i, Reason::kMtuExceeded);
        continue;
      }
      some_too_large = true;
    }
    meta.next_hop = next_hop_of(snapshot, *route, destination);
    pass.push(i);
  }
  return some_too_large;
}

bool route_inbound(const Snapshot& snapshot, Burst& burst, const IndexList& in, IndexList& pass,
                   Refusals& refusals) {
  bool some_too_large = false;
  for (const uint8_t i : in) {
    PacketMeta& meta = burst.meta[i];
    const NodeEntry& node = snapshot.nodes[meta.node];
    if (node.next_hop == kNoNeighbour) {
      refusals.push(i, Reason::kNoRoute);
      continue;
    }
    if (meta.total_bytes > inner_mtu_bytes(snapshot, node)) [[unlikely]] {
      if (must_stay_whole(burst, i)) {
        refusals.push(i, Reason::kMtuExceeded);
        continue;
      }
      some_too_large = true;
    }
    meta.out_port = node.port;
    meta.next_hop = node.next_hop;
    pass.push(i);
  }
  return some_too_large;
}

}  // namespace postern
