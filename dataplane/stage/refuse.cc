#include "dataplane/stage/refuse.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/packet/parse.h"
#include "dataplane/stage/forward.h"
#include "dataplane/stage/route.h"
#include "dataplane/wire/checksum.h"

namespace postern {
namespace {

constexpr uint8_t kAnswerTtl = 64;
constexpr uint8_t kCodePortUnreachable = 3;  // RFC 792
constexpr uint8_t kCodeProhibited = 13;      // RFC 1812 5.2.7.1
// RFC 1812 4.3.2.3: as much of the packet as fits a datagram of 576 bytes.
constexpr uint32_t kQuoteLimitBytes = 576 - sizeof(Ipv4Header) - sizeof(IcmpHeader);
constexpr Ipv4Address kDummyAddress{0xc0000008};  // 192.0.0.8, RFC 7600

enum class AnswerKind : uint8_t { kNone, kIcmp, kReset };
struct AnswerPlan {
  AnswerKind kind = AnswerKind::kNone;
  uint8_t type = 0;
  uint8_t code = 0;
};

// Which answer a reason is due, before anything is known of the packet's own kind.
AnswerPlan plan_for(Reason reason, bool reject, uint8_t protocol, bool dont_fragment) {
  constexpr AnswerPlan kProhibited{AnswerKind::kIcmp, IcmpHeader::kUnreachable, kCodeProhibited};
  if (reason == Reason::kTtlExpired) return {AnswerKind::kIcmp, IcmpHeader::kTimeExceeded, 0};
  if (reason == Reason::kMtuExceeded && dont_fragment) {
    return {AnswerKind::kIcmp, IcmpHeader::kUnreachable, IcmpHeader::kCodeFragmentationNeeded};
  }
  if (reason == Reason::kRouterNoRule) {
    if (protocol == kProtocolTcp) return {AnswerKind::kReset};
    return {AnswerKind::kIcmp, IcmpHeader::kUnreachable, kCodePortUnreachable};
  }
  if (!reject) return {};
  if (reason == Reason::kFirewallDenied || reason == Reason::kFirewallDefault) {
    return protocol == kProtocolTcp ? AnswerPlan{AnswerKind::kReset} : kProhibited;
  }
  const bool exhausted = reason == Reason::kNoPort || reason == Reason::kQuotaSessions ||
                         reason == Reason::kQuotaRate || reason == Reason::kQuotaBandwidth;
  return exhausted ? kProhibited : AnswerPlan{};
}

class Refusing {
 public:
  Refusing(const Snapshot& snapshot, Burst& burst, Direction direction, Now now,
           const AnswerTools& tools, Doors& doors)
      : snapshot_(snapshot),
        burst_(burst),
        outbound_(direction == Direction::kOutbound),
        now_(now),
        tools_(tools),
        doors_(doors) {}

  void answer(uint32_t i, Reason reason);

 private:
  rte_mbuf* make_icmp(uint32_t i, AnswerPlan plan);
  rte_mbuf* make_reset(uint32_t i);
  rte_mbuf* make_frame(uint32_t ip_bytes, uint8_t protocol, Ipv4Address source, Be32 destination);
  void send(rte_mbuf* frame, uint32_t i);
  [[nodiscard]] bool may_answer(uint32_t i, AnswerKind kind) const;
  [[nodiscard]] Ipv4Address own_address(uint32_t i) const;
  [[nodiscard]] uint16_t next_mtu(uint32_t i) const;

  const Snapshot& snapshot_;
  Burst& burst_;
  const bool outbound_;
  Now now_;
  const AnswerTools& tools_;
  Doors& doors_;
};

void Refusing::answer(uint32_t i, Reason reason) {
  const PacketMeta& meta = burst_.meta[i];
  const auto header = load<Ipv4Header>(burst_.bytes(i, meta.ip_offset));
  if (header.fragment_offset_bytes() != 0) return;
  const AnswerPlan plan = plan_for(reason, snapshot_.policy.firewall.refuse_reject, meta.protocol,
                                   header.dont_fragment());
  if (plan.kind == AnswerKind::kNone || !may_answer(i, plan.kind)) return;
  const uint64_t vni = outbound_ ? meta.vni : 0;
  const uint64_t source_key = uint64_t{outbound_} << 63 | vni << 32 | meta.source.host();
  if (!tools_.limit.admit(source_key, now_)) return;
  rte_mbuf* frame = plan.kind == AnswerKind::kReset ? make_reset(i) : make_icmp(i, plan);
  if (frame == nullptr) return;
  if (plan.kind == AnswerKind::kIcmp) tools_.counters.icmp_error_sent.add();
  send(frame, i);
}

// RFC 1122 3.2.2: nothing that could be an error or a reset itself is answered, nor a source that
// is no host.
bool Refusing::may_answer(uint32_t i, AnswerKind kind) const {
  const PacketMeta& meta = burst_.meta[i];
  if (Ipv4Address::from(meta.source).is_martian()) return false;
  const uint8_t* transport = burst_.bytes(i, meta.transport_offset);
  if (meta.protocol == kProtocolIcmp) {
    return *transport == IcmpHeader::kEchoRequest || *transport == IcmpHeader::kEchoReply;
  }
  if (kind != AnswerKind::kReset) return true;
  return (load<TcpHeader>(transport).flags & TcpHeader::kRst) == 0;
}

Ipv4Address Refusing::own_address(uint32_t i) const {
  const PacketMeta& meta = burst_.meta[i];
  if (outbound_) {
    const auto dialled = Ipv4Address::from(meta.destination);
    if (snapshot_.routers.find(dialled) != kNoRouter) return dialled;
    return snapshot_.tunnels[snapshot_.nodes[meta.node].tunnel].local;
  }
  const PortEntry& port = snapshot_.ports[meta.port];
  return port.has_address ? port.first_address : kDummyAddress;
}

// What would have fitted: the uplink, or the room in the tunnel. The packet has been routed.
uint16_t Refusing::next_mtu(uint32_t i) const {
  const PacketMeta& meta = burst_.meta[i];
  if (outbound_) return static_cast<uint16_t>(snapshot_.ports[meta.out_port].mtu_bytes);
  return static_cast<uint16_t>(inner_mtu_bytes(snapshot_, snapshot_.nodes[meta.node]));
}

// An empty Ethernet header and an IP header that is finished; the caller fills what is behind.
rte_mbuf* Refusing::make_frame(uint32_t ip_bytes, uint8_t protocol, Ipv4Address source,
                               Be32 destination) {
  rte_mbuf* frame = rte_pktmbuf_alloc(tools_.pool);
  if (frame == nullptr) return nullptr;
  const auto frame_bytes = static_cast<uint16_t>(sizeof(EthernetHeader) + ip_bytes);
  auto* at = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(frame, frame_bytes));
  if (at == nullptr) {
    rte_pktmbuf_free(frame);
    return nullptr;
  }
  std::memset(at, 0, frame_bytes);
  Ipv4Header ip{};
  ip.version_ihl = 0x45;
  ip.total_bytes = Be16(static_cast<uint16_t>(ip_bytes));
  ip.ttl = kAnswerTtl;
  ip.protocol = protocol;
  ip.source = source.wire();
  ip.destination = destination;
  ip.checksum = checksum_of(&ip, sizeof ip);
  store(at + sizeof(EthernetHeader), ip);
  return frame;
}

rte_mbuf* Refusing::make_icmp(uint32_t i, AnswerPlan plan) {
  const PacketMeta& meta = burst_.meta[i];
  const uint32_t quote_bytes = std::min<uint32_t>(meta.total_bytes, kQuoteLimitBytes);
  const uint32_t icmp_bytes = sizeof(IcmpHeader) + quote_bytes;
  rte_mbuf* frame =
      make_frame(sizeof(Ipv4Header) + icmp_bytes, kProtocolIcmp, own_address(i), meta.source);
  if (frame == nullptr) return nullptr;
  uint8_t* at =
      rte_pktmbuf_mtod_offset(frame, uint8_t*, sizeof(EthernetHeader) + sizeof(Ipv4Header));
  IcmpHeader icmp{};
  icmp.type = plan.type;
  icmp.code = plan.code;
  const bool tells_mtu =
      plan.type == IcmpHeader::kUnreachable && plan.code == IcmpHeader::kCodeFragmentationNeeded;
  if (tells_mtu) icmp.sequence = Be16(next_mtu(i));
  store(at, icmp);
  std::memcpy(at + sizeof icmp, burst_.bytes(i, meta.ip_offset), quote_bytes);
  store(at + offsetof(IcmpHeader, checksum), checksum_of(at, icmp_bytes));
  return frame;
}

// RFC 9293 3.10.7.1: the reset that a closed port would send. It bears the address that was
// dialled.
rte_mbuf* Refusing::make_reset(uint32_t i) {
  const PacketMeta& meta = burst_.meta[i];
  const TcpSegment refused = segment_of(burst_, i);
  TcpHeader tcp{};
  tcp.source_port = meta.destination_port;
  tcp.destination_port = meta.source_port;
  tcp.offset = sizeof(TcpHeader) / 4 << 4;
  tcp.flags = TcpHeader::kRst;
  if ((refused.flags & TcpHeader::kAck) != 0) {
    tcp.sequence = Be32(refused.acknowledgement);
  } else {
    const uint32_t syn = (refused.flags & TcpHeader::kSyn) != 0 ? 1 : 0;
    const uint32_t fin = (refused.flags & TcpHeader::kFin) != 0 ? 1 : 0;
    tcp.flags |= TcpHeader::kAck;
    tcp.acknowledgement = Be32(refused.sequence + refused.payload_bytes + syn + fin);
  }
  tcp.checksum = checksum_of(&tcp, sizeof tcp,
                             pseudo_header_sum(meta.destination, meta.source, kProtocolTcp,
                                               static_cast<uint16_t>(sizeof tcp)));
  rte_mbuf* frame = make_frame(sizeof(Ipv4Header) + sizeof tcp, kProtocolTcp,
                               Ipv4Address::from(meta.destination), meta.source);
  if (frame == nullptr) return nullptr;
  store(rte_pktmbuf_mtod_offset(frame, uint8_t*, sizeof(EthernetHeader) + sizeof(Ipv4Header)), tcp);
  return frame;
}

// Back where the packet came from: the pod's node, or the route to the outside host.
void Refusing::send(rte_mbuf* frame, uint32_t i) {
  PacketMeta answer = burst_.meta[i];
  std::swap(answer.source, answer.destination);
  std::swap(answer.source_port, answer.destination_port);
  answer.session = kNoSession;  // it is our own
  doors_.made();
  if (outbound_) {
    const NodeEntry& node = snapshot_.nodes[answer.node];
    if (node.next_hop == kNoNeighbour) return doors_.drop(frame, Reason::kNoRoute, &answer);
    // The answer goes to the host that sent the packet, not to the last that was learned.
    const auto inner =
        load<EthernetHeader>(burst_.bytes(i, answer.ip_offset - uint32_t{sizeof(EthernetHeader)}));
    snapshot_.shared->node_macs.learn(answer.node, inner.source);
    answer.out_port = node.port;
    answer.next_hop = node.next_hop;
    return send_to_node(snapshot_, frame, answer, now_, tools_.holds, doors_);
  }
  const auto destination = Ipv4Address::from(answer.destination);
  const Route* route = snapshot_.external_routes.find(destination, own_address(i));
  if (route == nullptr) return doors_.drop(frame, Reason::kNoRoute, &answer);
  answer.out_port = route->port;
  answer.next_hop = next_hop_of(snapshot_, *route, destination);
  send_to_link(snapshot_, frame, answer, now_, tools_.holds, doors_);
}

}  // namespace

void refuse(const Snapshot& snapshot, Burst& burst, const Refusals& refusals, Direction direction,
            Now now, const AnswerTools& tools, Doors& doors) {
  Refusing refusing(snapshot, burst, direction, now, tools, doors);
  for (const uint8_t i : refusals.packets) {
    refusing.answer(i, refusals.reason[i]);
    doors.drop(burst, i, refusals.reason[i]);
  }
}

}  // namespace postern
