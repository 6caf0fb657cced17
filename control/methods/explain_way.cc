#include "control/methods/explain_way.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <bit>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "config/nearest.h"
#include "dataplane/table/tcp_state.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

uint16_t first_port(uint64_t ports) { return static_cast<uint16_t>(std::countr_zero(ports)); }

// The VNI with which a tunnel's nodes send what comes from `source`: the tunnel's own, or where it
// takes any, the first in which some namespace has the source; else one that nobody names.
uint32_t vni_of(const ExplainGround& ground, uint32_t tunnel, Ipv4Address source) {
  const TunnelEntry& entry = ground.snapshot.tunnels[tunnel];
  if (is_fixed(entry.network)) return entry.vni;
  std::set<uint32_t> named;
  for (const config::Namespace& name_space : ground.file.namespaces) {
    if (!name_space.vni || name_space.tunnel.value != ground.file.tunnels[tunnel].name.value) {
      continue;
    }
    const uint32_t vni = name_space.vni->value;
    if (ground.snapshot.sources->find(narrow_network(entry.network, vni), source) != kNoSource) {
      return vni;
    }
    named.insert(vni);
  }
  for (const TunnelEntry& other : ground.snapshot.tunnels) named.insert(other.vni);
  uint32_t vni = 1;
  while (named.contains(vni)) ++vni;
  return vni;
}

// The nodes that the source belongs to, each of another tunnel.
std::vector<NodeIndex> nodes_of(const ExplainGround& ground, Ipv4Address source) {
  const Snapshot& snapshot = ground.snapshot;
  std::set<NetworkId> networks;
  std::vector<NodeIndex> nodes;
  for (uint32_t i = 0; i < snapshot.tunnels.size(); ++i) {
    const NetworkId network = snapshot.tunnels[i].network;
    if (!networks.insert(network).second) continue;
    const SourceSlot slot =
        snapshot.sources->find_sender(network, vni_of(ground, i, source), source);
    if (slot == kNoSource) continue;
    const NodeIndex node = snapshot.shared->source_records.load(slot).node;
    if (node < snapshot.nodes.size() && snapshot.nodes[node].in_use) nodes.push_back(node);
  }
  return nodes;
}

ExplainWay from_node(const Snapshot& snapshot, NodeIndex node) {
  const NodeEntry& entry = snapshot.nodes[node];
  return {.port = first_port(snapshot.tunnels[entry.tunnel].ports),
          .is_outbound = true,
          .node = node,
          .tunnel = entry.tunnel,
          .underlay = entry.vtep};
}

// The node at that underlay address, first one of those whose source it is; else who is no node.
absl::StatusOr<ExplainWay> from_underlay(const Snapshot& snapshot, Ipv4Address underlay,
                                         const std::vector<NodeIndex>& owners) {
  for (const NodeIndex node : owners) {
    if (snapshot.nodes[node].vtep == underlay) return from_node(snapshot, node);
  }
  for (NodeIndex node = 0; node < snapshot.nodes.size(); ++node) {
    const NodeEntry& entry = snapshot.nodes[node];
    if (entry.in_use && entry.vtep == underlay) return from_node(snapshot, node);
  }
  if (snapshot.tunnels.empty()) {
    return absl::FailedPreconditionError("there is no tunnel that a node could send through");
  }
  const uint32_t tunnel = owners.empty() ? 0 : snapshot.nodes[owners[0]].tunnel;
  return ExplainWay{.port = first_port(snapshot.tunnels[tunnel].ports),
                    .is_outbound = true,
                    .node = kNoNode,
                    .tunnel = tunnel,
                    .underlay = underlay};
}

absl::StatusOr<ExplainWay> from_named(const ExplainGround& ground, const std::string& name,
                                      const std::vector<NodeIndex>& owners) {
  if (const auto index = ground.books.nodes.find(name)) return from_node(ground.snapshot, *index);
  if (const auto underlay = Ipv4Address::parse(name)) {
    return from_underlay(ground.snapshot, *underlay, owners);
  }
  std::vector<std::string_view> known;
  for (const config::Node& node : ground.file.nodes) known.emplace_back(node.name.value);
  std::string text = absl::StrCat("`node`: no node is named \"", name, "\"");
  if (const auto meant = config::nearest(name, known)) {
    absl::StrAppend(&text, "; did you mean ", std::string(*meant), "?");
  } else {
    absl::StrAppend(&text, "; nodes.list has their names and underlay addresses");
  }
  return absl::NotFoundError(text);
}

// On which port somebody outside reaches that address.
uint16_t port_from_outside(const Snapshot& snapshot, Ipv4Address destination) {
  const LocalAddress* local = snapshot.local(destination);
  if (local != nullptr && local->ports != 0) return first_port(local->ports);
  for (size_t i = 0; i < snapshot.ports.size(); ++i) {
    if (snapshot.ports[i].takes_replies()) return static_cast<uint16_t>(i);
  }
  return 0;
}

// Writes headers one behind the other.
class FrameWriter {
 public:
  template <typename Header>
  void add(const Header& header) {
    const auto* at = reinterpret_cast<const uint8_t*>(&header);
    bytes_.insert(bytes_.end(), at, at + sizeof header);
  }
  void add(const std::vector<uint8_t>& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

void add_tunnel_header(FrameWriter& frame, const TunnelEntry& tunnel, uint32_t vni) {
  if (tunnel.type == TunnelType::kGeneve) {
    GeneveHeader geneve{};
    geneve.protocol = Be16(GeneveHeader::kEthernet);
    geneve.set_vni(vni);
    return frame.add(geneve);
  }
  VxlanHeader vxlan{};
  vxlan.flags = VxlanHeader::kVniValid;
  vxlan.set_vni(vni);
  frame.add(vxlan);
}

Ipv4Header ip_header(Ipv4Address source, Ipv4Address destination, uint8_t protocol,
                     size_t payload_bytes) {
  Ipv4Header ip{};
  ip.version_ihl = 0x45;
  ip.total_bytes = Be16(static_cast<uint16_t>(sizeof ip + payload_bytes));
  ip.fragment = Be16(Ipv4Header::kDontFragment);
  ip.ttl = 64;
  ip.protocol = protocol;
  ip.source = source.wire();
  ip.destination = destination.wire();
  ip.checksum = checksum_of(&ip, sizeof ip);
  return ip;
}

template <typename Header>
std::vector<uint8_t> bytes_of(const Header& header) {
  FrameWriter writer;
  writer.add(header);
  return writer.take();
}

// The numbers of a segment that its session expects next.
struct Segment {
  uint8_t flags = TcpHeader::kSyn;
  uint32_t sequence = 1000;
  uint32_t acknowledgement = 0;
  bool opens_again = false;
};

Segment next_segment(const SessionEntry& session, bool is_outbound) {
  const bool answered = (session.flags & kTcpInboundSyn) != 0;
  if (is_outbound && tcp_state(session) >= TcpState::kClosing) {
    return {.sequence = session.outbound_sequence_end + (1U << 20), .opens_again = true};
  }
  if (is_outbound && !answered) return {.sequence = session.outbound_sequence_end - 1};
  if (is_outbound) {
    return {TcpHeader::kAck, session.outbound_sequence_end, session.inbound_sequence_end};
  }
  if (!answered) {
    return {TcpHeader::kSyn | TcpHeader::kAck, 1000, session.outbound_sequence_end};
  }
  return {TcpHeader::kAck, session.inbound_sequence_end, session.outbound_sequence_end};
}

std::vector<uint8_t> tcp_bytes(const ExplainFlow& flow, const Segment& segment) {
  TcpHeader tcp{};
  tcp.source_port = Be16(flow.source_port);
  tcp.destination_port = Be16(flow.destination_port);
  tcp.sequence = Be32(segment.sequence);
  tcp.acknowledgement = Be32(segment.acknowledgement);
  tcp.offset = sizeof tcp / 4 << 4;
  tcp.flags = segment.flags;
  tcp.window = Be16(65535);
  tcp.checksum = checksum_of(
      &tcp, sizeof tcp,
      pseudo_header_sum(flow.source.wire(), flow.destination.wire(), kProtocolTcp, sizeof tcp));
  return bytes_of(tcp);
}

std::vector<uint8_t> udp_bytes(const ExplainFlow& flow) {
  UdpHeader udp{};
  udp.source_port = Be16(flow.source_port);
  udp.destination_port = Be16(flow.destination_port);
  udp.bytes = Be16(sizeof udp);
  udp.checksum = checksum_of(
      &udp, sizeof udp,
      pseudo_header_sum(flow.source.wire(), flow.destination.wire(), kProtocolUdp, sizeof udp));
  return bytes_of(udp);
}

std::vector<uint8_t> echo_bytes(const ExplainFlow& flow, bool is_reply) {
  IcmpHeader icmp{};
  icmp.type = is_reply ? IcmpHeader::kEchoReply : IcmpHeader::kEchoRequest;
  icmp.identifier = Be16(is_reply ? flow.destination_port : flow.source_port);
  icmp.sequence = Be16(1);
  icmp.checksum = checksum_of(&icmp, sizeof icmp);
  return bytes_of(icmp);
}

// Of other protocols: their ports, where they have them, a right checksum, where it covers the
// addresses, and nothing else.
std::vector<uint8_t> other_bytes(const ExplainFlow& flow) {
  std::vector<uint8_t> bytes(std::max<uint32_t>(8, other_header_bytes(flow.protocol)));
  if (keeps_ports(flow.protocol)) {
    store(bytes.data(), Be16(flow.source_port));
    store(&bytes[2], Be16(flow.destination_port));
  }
  if (!covers_addresses(flow.protocol)) return bytes;
  const uint64_t pseudo = pseudo_header_sum(flow.source.wire(), flow.destination.wire(),
                                            flow.protocol, static_cast<uint16_t>(bytes.size()));
  store(&bytes[kCoveringChecksumOffset], checksum_of(bytes.data(), bytes.size(), pseudo));
  return bytes;
}

const char* segment_name(uint8_t flags) {
  if ((flags & TcpHeader::kSyn) == 0) return "TCP segment";
  return (flags & TcpHeader::kAck) != 0 ? "TCP SYN+ACK" : "TCP SYN";
}

}  // namespace

namespace {

absl::StatusOr<ExplainWay> find_place(const ExplainGround& ground,
                                      const ExplainQuestion& question) {
  const Snapshot& snapshot = ground.snapshot;
  const std::vector<NodeIndex> owners = nodes_of(ground, question.source);
  if (!question.node.empty()) return from_named(ground, question.node, owners);
  if (owners.size() > 1) {
    const std::string nodes = absl::StrJoin(owners, ", ", [&](std::string* out, NodeIndex node) {
      out->append(ground.names.nodes[node]);
    });
    return absl::InvalidArgumentError(
        absl::StrCat(question.source.text(),
                     " is known on several nodes; say which: `node` is one "
                     "of ",
                     nodes));
  }
  if (!owners.empty()) return from_node(snapshot, owners[0]);
  if (snapshot.is_inside(question.destination)) {
    ExplainWay way;
    way.port = port_from_outside(snapshot, question.destination);
    return way;
  }
  // Nobody has that source: whichever node sends it, it is judged the same.
  for (NodeIndex node = 0; node < snapshot.nodes.size(); ++node) {
    if (snapshot.nodes[node].in_use) return from_node(snapshot, node);
  }
  return absl::FailedPreconditionError("there is no node that could send it; add one to `nodes`");
}

}  // namespace

absl::StatusOr<ExplainWay> find_way(const ExplainGround& ground, const ExplainQuestion& question) {
  absl::StatusOr<ExplainWay> way = find_place(ground, question);
  if (way.ok() && way->is_outbound) way->vni = vni_of(ground, way->tunnel, question.source);
  return way;
}

ExplainFlow flow_of(const ExplainQuestion& question, const ExplainWay& way, uint16_t source_port) {
  ExplainFlow flow{.source = question.source,
                   .destination = question.destination,
                   .protocol = question.protocol};
  const uint16_t own = question.source_port.value_or(source_port);
  if (has_ports(question.protocol)) {
    flow.source_port = own;
    flow.destination_port = question.destination_port.value_or(0);
  } else if (question.protocol == kProtocolIcmp) {
    const bool is_reply = !way.is_outbound && question.source_port;
    (is_reply ? flow.destination_port : flow.source_port) = own;
  }
  return flow;
}

MadePacket make_packet(const Snapshot& snapshot, const ExplainWay& way, const ExplainFlow& flow,
                       const std::optional<SessionCopy>& session) {
  MadePacket made;
  std::vector<uint8_t> transport(8);
  if (flow.protocol == kProtocolTcp) {
    const Segment segment = session ? next_segment(session->entry, way.is_outbound) : Segment{};
    transport = tcp_bytes(flow, segment);
    made.what = segment_name(segment.flags);
    made.opens_again = segment.opens_again;
  } else if (flow.protocol == kProtocolUdp) {
    transport = udp_bytes(flow);
    made.what = "UDP datagram";
  } else if (flow.protocol == kProtocolIcmp) {
    const bool is_reply = flow.destination_port != 0;
    transport = echo_bytes(flow, is_reply);
    made.what = is_reply ? "ICMP echo reply" : "ICMP echo request";
  } else {
    transport = other_bytes(flow);
    made.what = absl::StrCat("packet of protocol ", int{flow.protocol});
  }
  const Ipv4Header ip = ip_header(flow.source, flow.destination, flow.protocol, transport.size());
  EthernetHeader ethernet{};
  ethernet.destination = snapshot.ports[way.port].mac;
  ethernet.type = Be16(kEtherTypeIpv4);
  FrameWriter frame;
  frame.add(ethernet);
  if (way.is_outbound) {
    const TunnelEntry& tunnel = snapshot.tunnels[way.tunnel];
    const size_t udp_size = sizeof(UdpHeader) + sizeof(VxlanHeader) + sizeof(EthernetHeader) +
                            sizeof ip + transport.size();
    frame.add(ip_header(way.underlay, tunnel.local, kProtocolUdp, udp_size));
    UdpHeader udp{};
    udp.source_port = Be16(49152);
    udp.destination_port = Be16(tunnel.udp_port);
    udp.bytes = Be16(static_cast<uint16_t>(udp_size));
    frame.add(udp);
    add_tunnel_header(frame, tunnel, way.vni);
    EthernetHeader inner{};  // without a source that could be learned
    inner.destination = tunnel.inner_mac;
    inner.type = Be16(kEtherTypeIpv4);
    frame.add(inner);
  }
  frame.add(ip);
  frame.add(transport);
  made.packet = {.port = way.port, .frame = frame.take()};
  return made;
}

}  // namespace postern
