#include "dataplane/stage/arrive.h"

#include "dataplane/packet/known_sums.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/parse_tunnel.h"
#include "dataplane/packet/segments.h"
#include "dataplane/packet/vlan.h"
#include "dataplane/stage/untag.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/drop_facts.h"

namespace postern {
namespace {

constexpr uint32_t kEthernetBytes = sizeof(EthernetHeader);
// Of UDP without data.
constexpr uint32_t kSmallestIpBytes = sizeof(Ipv4Header) + sizeof(UdpHeader);

// The ECN field, the two low bits of the TOS byte (RFC 3168 5).
constexpr uint8_t kEcnMask = 3;
constexpr uint8_t kEcnNotCapable = 0;
constexpr uint8_t kEcnCapable1 = 1;
constexpr uint8_t kEcnCapable0 = 2;
constexpr uint8_t kEcnCongestion = 3;

// Whether the outer field may change the inner one: ECT(1) and congestion can.
bool ecn_tells(uint8_t outer_tos) { return (outer_tos & 1) != 0; }

// What a tunnel packet's outer header and VNI led to. Neighbouring packets mostly come from the
// same node, so the last answers are tried first.
struct LastEndpoint {
  Be32 destination{};
  Be16 udp_port{};
  uint64_t endpoint = FlatMap::kAbsent;
};
struct LastTunnel {
  uint64_t endpoint = FlatMap::kAbsent;
  uint32_t vni = 0;
  uint32_t tunnel = 0;
};
struct LastNode {
  uint32_t tunnel = 0;
  Be32 source{};
  NodeIndex node = kNoNode;
};

// RFC 7348 5, RFC 8926 3.3: a checksum that is there must be right.
bool udp_checksum_is_right(const uint8_t* udp, const Ipv4Parts& outer, uint16_t bytes) {
  const uint64_t pseudo = pseudo_header_sum(outer.source, outer.destination, kProtocolUdp, bytes);
  return checksum_of(udp, bytes, pseudo).raw() == 0;
}

class Arrival {
 public:
  Arrival(const Snapshot& snapshot, uint16_t port, Burst& burst, Arrivals& arrivals, Doors& doors)
      : snapshot_(snapshot),
        port_(snapshot.ports[port]),
        forms_(snapshot.port_forms[port]),
        port_index_(port),
        burst_(burst),
        arrivals_(arrivals),
        doors_(doors) {}

  // Any frame.
  void sort(uint32_t i);
  // True where the frame was of an expected form, and is sorted but for what settle() finds out.
  bool sort_expected(uint32_t i);

 private:
  bool sort_expected_tunnel(uint32_t i, const uint8_t* frame, uint32_t frame_bytes);
  bool sort_expected_plain(uint32_t i, const uint8_t* frame, uint32_t frame_bytes);
  void note_expected(uint32_t i, uint32_t ip_offset, const uint8_t* ip, uint32_t total_bytes);
  void sort_again(uint32_t i);
  void sort_odd(uint32_t i);
  void sort_tagged(uint32_t i);
  void sort_ipv4(uint32_t i, uint32_t frame_bytes);
  void take_tunnel(uint32_t i, const Ipv4Parts& outer, uint64_t endpoint, const uint8_t* ip);
  uint64_t find_endpoint(Be32 destination, Be16 udp_port);
  bool find_tunnel(uint64_t endpoint, uint32_t vni, uint32_t i, const Ipv4Parts& outer);
  bool find_node(uint32_t i, const Ipv4Parts& outer);
  void sort_inner(uint32_t i, uint32_t inner_offset, uint32_t inner_bytes, uint8_t outer_tos);
  void sort_plain(uint32_t i, const Ipv4Parts& parts);
  void sort_fragment(uint32_t i, const Ipv4Parts& parts);
  bool combine_ecn(uint32_t i, uint32_t ip_offset, uint8_t outer);
  void note(uint32_t i, uint32_t ip_offset, const Ipv4Parts& parts);
  void drop(uint32_t i, Reason reason) { doors_.drop(burst_, i, reason); }
  // Of a tunnel packet nothing is noted before its inner packet is known: this notes the outer one.
  [[gnu::cold]] void drop_outer(uint32_t i, const Ipv4Parts& outer, Reason reason) {
    note(i, kEthernetBytes, outer);
    drop(i, reason);
  }
  void refuse_tunnel(uint32_t i, const Ipv4Parts& outer, Reason reason);
  // Of a frame whose packet is not looked at, its type is what can be told.
  [[gnu::cold]] void drop_frame(uint32_t i, Be16 type, Reason reason) {
    PacketMeta& meta = burst_.meta[i];
    meta.source_port = type;
    meta.has_addresses = kKnowsEtherType;
    drop(i, reason);
  }

  const Snapshot& snapshot_;
  const PortEntry& port_;
  const PortForms& forms_;
  const uint16_t port_index_;
  Burst& burst_;
  Arrivals& arrivals_;
  Doors& doors_;
  LastEndpoint last_endpoint_;
  LastTunnel last_tunnel_;
  LastNode last_node_;
};

// Whether the header that starts at `ip`, of 20 bytes, has the right checksum.
bool header_sum_is_right(const uint8_t* ip) { return fold_sum(ipv4_header_sum(ip)) == 0xffff; }

// Whether a TCP or UDP header is whole, behind an IP header without options in a packet of
// `total_bytes`, which are there. Asked of nothing else.
[[gnu::always_inline]] inline bool transport_is_whole(const uint8_t* ip, uint32_t total_bytes) {
  const uint8_t* const at = ip + sizeof(Ipv4Header);
  const uint32_t bytes = total_bytes - uint32_t{sizeof(Ipv4Header)};  // huge where there are none
  const uint8_t protocol = view<Ipv4Header>(ip).protocol;
  if (protocol == kProtocolUdp) {
    const uint32_t udp_bytes = view<UdpHeader>(at).bytes.host();
    return total_bytes >= kSmallestIpBytes && udp_bytes >= sizeof(UdpHeader) && udp_bytes <= bytes;
  }
  if (protocol != kProtocolTcp || total_bytes < sizeof(Ipv4Header) + sizeof(TcpHeader)) {
    return false;
  }
  const uint32_t header_bytes = view<TcpHeader>(at).header_bytes();
  return header_bytes >= sizeof(TcpHeader) && header_bytes <= bytes;
}

[[gnu::always_inline]] inline bool Arrival::sort_expected(uint32_t i) {
  const rte_mbuf* frame = burst_.frame[i];
  const uint32_t frame_bytes = frame->data_len;
  if (frame_bytes < kEthernetBytes + kSmallestIpBytes || frame->nb_segs != 1) return false;
  const uint8_t* const at = burst_.bytes(i);
  return sort_expected_tunnel(i, at, frame_bytes) || sort_expected_plain(i, at, frame_bytes);
}

[[gnu::always_inline]] inline bool Arrival::sort_expected_tunnel(uint32_t i, const uint8_t* frame,
                                                                 uint32_t frame_bytes) {
  constexpr uint32_t kInnerIp = sizeof(TunnelEncapsulation);
  constexpr uint32_t kTunnel = sizeof(UdpHeader) + sizeof(VxlanHeader) + kEthernetBytes;
  if (frame_bytes < kInnerIp + kSmallestIpBytes || !forms_.tunnel.fits(frame)) return false;
  const auto& outer = view<TunnelEncapsulation>(frame);
  const uint8_t* const ip = frame + kInnerIp;
  const uint32_t outer_bytes = outer.outer_ip.total_bytes.host();
  const uint32_t udp_bytes = outer.udp.bytes.host();
  const uint32_t inner_bytes = view<Ipv4Header>(ip).total_bytes.host();
  const bool lengths_fit = outer_bytes + kEthernetBytes <= frame_bytes &&
                           udp_bytes + sizeof(Ipv4Header) <= outer_bytes &&
                           inner_bytes + kTunnel <= udp_bytes;
  if (!lengths_fit || !transport_is_whole(ip, inner_bytes)) return false;
  if (!header_sum_is_right(frame + kEthernetBytes) || !header_sum_is_right(ip)) return false;
  note_expected(i, kInnerIp, ip, inner_bytes);
  PacketMeta& meta = burst_.meta[i];
  meta.vni = outer.vxlan.vni_host();
  meta.tunnel = forms_.tunnel_index;
  meta.vtep = Ipv4Address::from(outer.outer_ip.source);
  arrivals_.outbound.push(i);
  return true;
}

[[gnu::always_inline]] inline bool Arrival::sort_expected_plain(uint32_t i, const uint8_t* frame,
                                                                uint32_t frame_bytes) {
  if (!forms_.plain.fits_plain(frame)) return false;
  const uint8_t* const ip = frame + kEthernetBytes;
  const auto& header = view<Ipv4Header>(ip);
  const uint32_t total_bytes = header.total_bytes.host();
  if (total_bytes + kEthernetBytes > frame_bytes || !transport_is_whole(ip, total_bytes)) {
    return false;
  }
  const uint16_t port = view<UdpHeader>(ip + sizeof(Ipv4Header)).destination_port.host();
  if (header.protocol == kProtocolUdp && forms_.may_be_tunnel(port)) return false;
  if (!header_sum_is_right(ip)) return false;
  note_expected(i, kEthernetBytes, ip, total_bytes);
  arrivals_.inbound.push(i);
  return true;
}

// Addresses and ports lie in the packet as they do in PacketMeta.
[[gnu::always_inline]] inline void Arrival::note_expected(uint32_t i, uint32_t ip_offset,
                                                          const uint8_t* ip, uint32_t total_bytes) {
  PacketMeta& meta = burst_.meta[i];
  const uint8_t* const addresses = ip + offsetof(Ipv4Header, source);
  static_assert(offsetof(PacketMeta, destination_port) == 10);
  auto* const noted = reinterpret_cast<uint8_t*>(&meta);
  store(noted, load<uint64_t>(addresses));
  store(noted + sizeof(uint64_t), load<uint32_t>(addresses + sizeof(uint64_t)));
  meta.ip_offset = static_cast<uint16_t>(ip_offset);
  meta.transport_offset = static_cast<uint16_t>(ip_offset + sizeof(Ipv4Header));
  meta.total_bytes = static_cast<uint16_t>(total_bytes);
  meta.protocol = view<Ipv4Header>(ip).protocol;
  meta.has_addresses = kKnowsAddresses;
  meta.port = port_index_;
  meta.settled = false;
}

[[gnu::always_inline]] inline void Arrival::sort(uint32_t i) {
  PacketMeta& meta = burst_.meta[i];
  meta.has_addresses = 0;
  meta.protocol = 0;
  meta.port = port_index_;
  meta.settled = true;
  const rte_mbuf* frame = burst_.frame[i];
  const uint32_t frame_bytes = frame->data_len;
  if (frame_bytes < kEthernetBytes || frame->nb_segs != 1) return sort_odd(i);
  const auto& ethernet = view<EthernetHeader>(burst_.bytes(i));
  const uint16_t type = ethernet.type.host();
  if (type == kEtherTypeIpv4 && ethernet.destination == port_.mac) {
    return sort_ipv4(i, frame_bytes);
  }
  const bool for_us =
      ethernet.destination == port_.mac || ethernet.destination == MacAddress::broadcast();
  if (type == kEtherTypeArp && for_us) return arrivals_.local.push(i);
  if (type == kEtherTypeVlan) return sort_tagged(i);
  drop_frame(i, ethernet.type, Reason::kNotForUs);
}

// So that the common case stays in the loop over the burst, though others lead back to it.
[[gnu::cold, gnu::noinline]] void Arrival::sort_again(uint32_t i) { sort(i); }

// A frame in several segments, or one that is none.
[[gnu::cold, gnu::noinline]] void Arrival::sort_odd(uint32_t i) {
  if (burst_.frame[i]->nb_segs == 1) return drop(i, Reason::kParseShort);
  if (join_segments(burst_, i, doors_)) sort_again(i);
}

// A tag without a VLAN says how urgent a frame is, which all links may (IEEE 802.1Q 6.9). Any
// other, and a second one, is none of this port's.
[[gnu::cold, gnu::noinline]] void Arrival::sort_tagged(uint32_t i) {
  rte_mbuf& frame = *burst_.frame[i];
  if (port_.vlan != 0 || vlan_of(frame) != 0) return drop_wrong_vlan(burst_, i, doors_);
  take_tag_off(frame);
  if (ether_type_of(frame).host() == kEtherTypeVlan) return drop_wrong_vlan(burst_, i, doors_);
  sort_again(i);
}

void Arrival::sort_ipv4(uint32_t i, uint32_t frame_bytes) {
  const uint8_t* ip = burst_.bytes(i, kEthernetBytes);
  const bool known = port_.device_sums && ip_sum_is_known(*burst_.frame[i]);
  const auto sum = known ? HeaderSum::kRight : HeaderSum::kUnknown;
  const Ipv4Parts parts = parse_ipv4(ip, frame_bytes - kEthernetBytes, sum);
  if (frame_bytes < kEthernetBytes + sizeof(Ipv4Header)) return drop(i, parts.reason);
  if (parts.form >= Form::kFragment) [[unlikely]] {
    if (parts.form == Form::kBad) return drop_outer(i, parts, parts.reason);
    return sort_fragment(i, parts);
  }
  if (parts.protocol == kProtocolUdp) {
    const uint64_t endpoint = find_endpoint(parts.destination, parts.destination_port);
    if (endpoint != FlatMap::kAbsent) return take_tunnel(i, parts, endpoint, ip);
  }
  note(i, kEthernetBytes, parts);
  sort_plain(i, parts);
}

// A tunnel packet for one of our VTEPs.
void Arrival::take_tunnel(uint32_t i, const Ipv4Parts& outer, uint64_t endpoint,
                          const uint8_t* ip) {
  const uint8_t* udp_at = ip + outer.transport_offset;
  const uint32_t available = outer.total_bytes - uint32_t{outer.transport_offset};
  const TunnelParts tunnel = Snapshot::speaks_geneve(endpoint) ? parse_geneve(udp_at, available)
                                                               : parse_vxlan(udp_at, available);
  if (!tunnel.valid) return refuse_tunnel(i, outer, Reason::kTunnelBadHeader);
  const auto& udp = view<UdpHeader>(udp_at);
  const uint16_t udp_bytes = udp.bytes.host();
  if (udp.checksum.raw() != 0 && !udp_sum_is_known(*burst_.frame[i]) &&
      !udp_checksum_is_right(udp_at, outer, udp_bytes)) {
    return drop_outer(i, outer, Reason::kParseBadChecksum);
  }
  if (!find_tunnel(endpoint, tunnel.vni, i, outer) || !find_node(i, outer)) return;
  PacketMeta& meta = burst_.meta[i];
  meta.vni = tunnel.vni;
  meta.node = last_node_.node;
  meta.tunnel = last_tunnel_.tunnel;
  meta.vtep = Ipv4Address::from(outer.source);
  const uint32_t udp_offset = kEthernetBytes + outer.transport_offset;
  sort_inner(i, udp_offset + tunnel.header_bytes, udp_bytes - tunnel.header_bytes,
             view<Ipv4Header>(ip).tos);
}

// A tunnel may end on an address that sessions have, too (nat.md V8), and one of them may have got
// the tunnel's port: what comes for that from outside the cluster is no tunnel packet but a reply.
[[gnu::cold, gnu::noinline]] void Arrival::refuse_tunnel(uint32_t i, const Ipv4Parts& outer,
                                                         Reason reason) {
  const LocalAddress* local = snapshot_.local(Ipv4Address::from(outer.destination));
  const bool may_be_reply = (local->kinds & LocalAddress::kEgress) != 0 && port_.takes_replies() &&
                            !snapshot_.is_inside(Ipv4Address::from(outer.source));
  if (!may_be_reply) return drop_outer(i, outer, reason);
  note(i, kEthernetBytes, outer);
  sort_plain(i, outer);
}

uint64_t Arrival::find_endpoint(Be32 destination, Be16 udp_port) {
  if (destination == last_endpoint_.destination && udp_port == last_endpoint_.udp_port) {
    return last_endpoint_.endpoint;
  }
  const uint64_t endpoint = snapshot_.endpoints.find(
      Snapshot::endpoint_key(Ipv4Address::from(destination), udp_port.host()));
  last_endpoint_ = {destination, udp_port, endpoint};
  return endpoint;
}

// Fills last_tunnel_ with the tunnel of (endpoint, VNI), or drops packet `i`.
bool Arrival::find_tunnel(uint64_t endpoint, uint32_t vni, uint32_t i, const Ipv4Parts& outer) {
  if (endpoint == last_tunnel_.endpoint && vni == last_tunnel_.vni) return true;
  uint64_t tunnel = snapshot_.tunnels_by_vni.find(Snapshot::tunnel_key(endpoint, vni));
  if (tunnel == FlatMap::kAbsent) {
    tunnel = snapshot_.tunnels_by_vni.find(Snapshot::tunnel_key(endpoint, Snapshot::kAnyVni));
  }
  if (tunnel == FlatMap::kAbsent) {
    refuse_tunnel(i, outer, Reason::kTunnelUnknownVni);
    return false;
  }
  if ((snapshot_.tunnels[tunnel].ports >> port_index_ & 1) == 0) {
    refuse_tunnel(i, outer, Reason::kTunnelWrongPort);
    return false;
  }
  last_tunnel_ = {endpoint, vni, static_cast<uint32_t>(tunnel)};
  return true;
}

// Fills last_node_ with the node of (last_tunnel_, outer source), or drops packet `i`.
bool Arrival::find_node(uint32_t i, const Ipv4Parts& outer) {
  const Be32 source = outer.source;
  const uint32_t tunnel = last_tunnel_.tunnel;
  if (last_node_.node != kNoNode && source == last_node_.source && tunnel == last_node_.tunnel) {
    return true;
  }
  const uint64_t node =
      snapshot_.nodes_by_vtep.find(Snapshot::node_key(tunnel, Ipv4Address::from(source)));
  if (node == FlatMap::kAbsent) {
    refuse_tunnel(i, outer, Reason::kTunnelUnknownNode);
    return false;
  }
  last_node_ = {tunnel, source, static_cast<NodeIndex>(node)};
  return true;
}

void Arrival::sort_inner(uint32_t i, uint32_t inner_offset, uint32_t inner_bytes,
                         uint8_t outer_tos) {
  if (inner_bytes < kEthernetBytes) return drop(i, Reason::kParseShort);
  const auto& ethernet = view<EthernetHeader>(burst_.bytes(i, inner_offset));
  const uint16_t type = ethernet.type.host();
  if (type == kEtherTypeArp) {
    PacketMeta& meta = burst_.meta[i];
    meta.ip_offset = static_cast<uint16_t>(inner_offset + kEthernetBytes);
    meta.total_bytes = static_cast<uint16_t>(inner_bytes - kEthernetBytes);
    return arrivals_.inner_arp.push(i);
  }
  if (type != kEtherTypeIpv4) return drop_frame(i, ethernet.type, Reason::kUnsupportedProtocol);
  if (ethernet.destination.is_multicast()) return drop_frame(i, ethernet.type, Reason::kNotForUs);
  const uint32_t ip_offset = inner_offset + kEthernetBytes;
  const uint32_t ip_bytes = inner_bytes - kEthernetBytes;
  const uint8_t* ip = burst_.bytes(i, ip_offset);
  const Ipv4Parts parts = parse_ipv4(ip, ip_bytes);
  if (ip_bytes < sizeof(Ipv4Header)) return drop(i, parts.reason);
  note(i, ip_offset, parts);
  if (parts.form == Form::kBad) return drop(i, parts.reason);
  if (ecn_tells(outer_tos) && !combine_ecn(i, ip_offset, outer_tos & kEcnMask)) return;
  if (parts.form == Form::kFlow) return arrivals_.outbound.push(i);
  if (parts.form == Form::kOther) return arrivals_.outbound_apart.push(i);
  (parts.form == Form::kFragment ? arrivals_.outbound_fragments : arrivals_.outbound_errors)
      .push(i);
}

// RFC 6040 4.2, for an outer field of ECT(1) or congestion. What a queue on the way marked is
// carried to an inner header that can bear it: congestion to every one that is ECN-capable, ECT(1),
// a lesser mark, to ECT(0). The inner DSCP stays (RFC 2983, the pipe model). False when the packet
// is dropped.
[[gnu::cold]] bool Arrival::combine_ecn(uint32_t i, uint32_t ip_offset, uint8_t outer) {
  uint8_t* ip = burst_.bytes(i, ip_offset);
  auto header = load<Ipv4Header>(ip);
  const uint8_t inner = header.tos & kEcnMask;
  if (outer == kEcnCapable1 && inner != kEcnCapable0) return true;
  if (outer == kEcnCongestion && inner == kEcnNotCapable) {
    drop(i, Reason::kTunnelEcn);
    return false;
  }
  const auto before = load<Be16>(ip);
  header.tos = static_cast<uint8_t>((header.tos & ~kEcnMask) | outer);
  store(ip, header);
  ChecksumDelta delta;
  delta.replace(before, load<Be16>(ip));
  header.checksum = delta.apply(header.checksum);
  store(ip, header);
  return true;
}

// A packet that is in no tunnel: for an egress address, for ourselves, or for somebody else.
[[gnu::always_inline]] inline void Arrival::sort_plain(uint32_t i, const Ipv4Parts& parts) {
  const LocalAddress* local = snapshot_.local(Ipv4Address::from(parts.destination));
  if (local == nullptr) return drop(i, Reason::kNotForUs);
  constexpr uint8_t kOwn = LocalAddress::kInterface | LocalAddress::kVtep;
  const bool is_echo_request =
      parts.form == Form::kFlow && parts.protocol == kProtocolIcmp &&
      *burst_.bytes(i, kEthernetBytes + parts.transport_offset) == IcmpHeader::kEchoRequest;
  // A tunnel that ends on an egress address makes it no address of ours to ping (nat.md V8).
  const bool is_own = (local->kinds & kOwn) != 0 && (local->kinds & LocalAddress::kEgress) == 0;
  if (is_own && is_echo_request) {
    if ((local->ports >> port_index_ & 1) == 0) return drop(i, Reason::kNotForUs);
    return arrivals_.local.push(i);
  }
  if (!port_.takes_replies()) return drop(i, Reason::kNotForUs);
  if ((local->kinds & LocalAddress::kEgress) == 0) return drop(i, Reason::kNoSession);
  if (parts.form == Form::kFlow) return arrivals_.inbound.push(i);
  (parts.form == Form::kOther ? arrivals_.inbound_apart : arrivals_.inbound_errors).push(i);
}

// Of what is for ourselves nothing is put together: tunnel packets are not fragmented (RFC 7348
// 4.3), and our answers to echo are small.
[[gnu::cold]] void Arrival::sort_fragment(uint32_t i, const Ipv4Parts& parts) {
  note(i, kEthernetBytes, parts);
  const LocalAddress* local = snapshot_.local(Ipv4Address::from(parts.destination));
  if (local == nullptr) return drop(i, Reason::kNotForUs);
  if ((local->kinds & LocalAddress::kEgress) == 0) return drop(i, Reason::kUnsupportedProtocol);
  if (!port_.takes_replies()) return drop(i, Reason::kNotForUs);
  arrivals_.inbound_fragments.push(i);
}

void Arrival::note(uint32_t i, uint32_t ip_offset, const Ipv4Parts& parts) {
  PacketMeta& meta = burst_.meta[i];
  meta.source = parts.source;
  meta.destination = parts.destination;
  meta.source_port = parts.source_port;
  meta.destination_port = parts.destination_port;
  meta.ip_offset = static_cast<uint16_t>(ip_offset);
  meta.transport_offset = static_cast<uint16_t>(ip_offset + parts.transport_offset);
  meta.total_bytes = parts.total_bytes;
  meta.protocol = parts.protocol;
  meta.has_addresses = kKnowsAddresses;
}

}  // namespace

void arrive(const Snapshot& snapshot, uint16_t port, Burst& burst, Arrivals& arrivals,
            Doors& doors) {
  for (uint32_t i = 0; i < burst.size; ++i) {
    __builtin_prefetch(burst.bytes(i));
    __builtin_prefetch(burst.bytes(i, 64));
  }
  Arrival arrival(snapshot, port, burst, arrivals, doors);
  for (uint32_t i = 0; i < burst.size; ++i) {
    if (!arrival.sort_expected(i)) [[unlikely]]
      arrival.sort(i);
  }
}

namespace {

bool settle_outbound(const Snapshot& snapshot, PacketMeta& meta) {
  const uint64_t node = snapshot.nodes_by_vtep.find(Snapshot::node_key(meta.tunnel, meta.vtep));
  if (node == FlatMap::kAbsent) return false;
  meta.node = static_cast<NodeIndex>(node);
  return true;
}

bool settle_inbound(const Snapshot& snapshot, const PacketMeta& meta) {
  const LocalAddress* local = snapshot.local(Ipv4Address::from(meta.destination));
  return local != nullptr && (local->kinds & LocalAddress::kEgress) != 0;
}

// The reason comes from the long way, field by field.
[[gnu::cold, gnu::noinline]] void drop_unsettled(const Snapshot& snapshot, Burst& burst, uint32_t i,
                                                 Doors& doors) {
  Arrivals nowhere;
  Arrival(snapshot, burst.meta[i].port, burst, nowhere, doors).sort(i);
}

}  // namespace

void settle(const Snapshot& snapshot, Burst& burst, IndexList& in, Direction direction,
            Doors& doors) {
  const IndexList before = in;
  in.clear();
  for (const uint8_t i : before) {
    PacketMeta& meta = burst.meta[i];
    if (!meta.settled) {
      meta.settled = direction == Direction::kOutbound ? settle_outbound(snapshot, meta)
                                                       : settle_inbound(snapshot, meta);
    }
    if (meta.settled) {
      in.push(i);
    } else {
      drop_unsettled(snapshot, burst, i, doors);
    }
  }
}

}  // namespace postern
