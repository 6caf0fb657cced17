#include "dataplane/stage/answer.h"

#include <algorithm>
#include <utility>

#include "dataplane/stage/forward.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/drop_facts.h"

namespace postern {
namespace {

constexpr uint32_t kEthernetBytes = sizeof(EthernetHeader);
constexpr uint8_t kReplyTtl = 64;

// An ARP header for Ethernet and IPv4 with a sender that can be one (RFC 826).
bool is_sane(const ArpHeader& arp) {
  return arp.hardware.host() == 1 && arp.protocol.host() == kEtherTypeIpv4 &&
         arp.hardware_bytes == 6 && arp.protocol_bytes == 4 && !arp.sender_mac.is_multicast() &&
         !arp.sender_mac.is_zero();
}

// What the sample of a drop shall tell of ARP: who asked for what.
void note_arp(const ArpHeader& arp, PacketMeta& meta) {
  meta.source = arp.sender_ip;
  meta.destination = arp.target_ip;
  meta.source_port = Be16(kEtherTypeArp);
  meta.destination_port = Be16(0);
  meta.protocol = 0;
  meta.has_addresses = kKnowsAddresses | kKnowsEtherType;
}

// Whether the request may be answered now. Who asks too often stands in the drop's sample.
bool may_answer(const ArpHeader& arp, Now now, RateLimiter& arp_answers, PacketMeta& meta) {
  if (arp_answers.admit(uint64_t{arp.sender_ip.raw()} << 32 | arp.target_ip.raw(), now)) {
    return true;
  }
  note_arp(arp, meta);
  return false;
}

// Turns a request into the reply of `mac`, in place.
void reply_to(ArpHeader& arp, MacAddress mac) {
  arp.operation = Be16(ArpHeader::kReply);
  arp.target_mac = arp.sender_mac;
  std::swap(arp.target_ip, arp.sender_ip);
  arp.sender_mac = mac;
}

void turn_ethernet(uint8_t* at, MacAddress destination, MacAddress source) {
  auto ethernet = load<EthernetHeader>(at);
  ethernet.destination = destination;
  ethernet.source = source;
  store(at, ethernet);
}

void note_heard(const Snapshot& snapshot, uint16_t port, const ArpHeader& arp,
                HeardNeighbours& heard) {
  const auto sender = Ipv4Address::from(arp.sender_ip);
  if (snapshot.is_bad_source(sender)) return;
  heard.heard[heard.size++] = {{port, sender}, arp.sender_mac};
}

void answer_arp(const Snapshot& snapshot, Burst& burst, uint32_t i, Now now,
                RateLimiter& arp_answers, HeardNeighbours& heard, Doors& doors) {
  PacketMeta& meta = burst.meta[i];
  if (burst.frame[i]->data_len < kEthernetBytes + sizeof(ArpHeader)) {
    return doors.drop(burst, i, Reason::kParseShort);
  }
  uint8_t* at = burst.bytes(i, kEthernetBytes);
  auto arp = load<ArpHeader>(at);
  if (!is_sane(arp)) return doors.drop(burst, i, Reason::kParseBadHeader);
  note_heard(snapshot, meta.port, arp, heard);
  const LocalAddress* local = snapshot.local(Ipv4Address::from(arp.target_ip));
  if (local == nullptr || (local->ports >> meta.port & 1) == 0) {
    note_arp(arp, meta);
    return doors.drop(burst, i, Reason::kNotForUs);
  }
  if (arp.operation.host() == ArpHeader::kReply) return doors.consume(burst.frame[i]);
  if (arp.operation.host() != ArpHeader::kRequest) {
    return doors.drop(burst, i, Reason::kParseBadHeader);
  }
  if (!may_answer(arp, now, arp_answers, meta)) {
    return doors.drop(burst, i, Reason::kArpLimit);
  }
  const MacAddress mac = snapshot.ports[meta.port].mac;
  turn_ethernet(burst.bytes(i), arp.sender_mac, mac);
  reply_to(arp, mac);
  store(at, arp);
  doors.answer(burst.frame[i], meta.port);
}

void answer_echo(const Snapshot& snapshot, Burst& burst, uint32_t i, Doors& doors) {
  const PacketMeta& meta = burst.meta[i];
  if (snapshot.is_bad_source(Ipv4Address::from(meta.source))) {
    return doors.drop(burst, i, Reason::kBadAddress);
  }
  uint8_t* ip_at = burst.bytes(i, meta.ip_offset);
  auto ip = load<Ipv4Header>(ip_at);
  std::swap(ip.source, ip.destination);
  ip.ttl = kReplyTtl;
  ip.checksum = Be16(0);
  store(ip_at, ip);
  store(ip_at + offsetof(Ipv4Header, checksum), checksum_of(ip_at, ip.header_bytes()));
  uint8_t* icmp_at = burst.bytes(i, meta.transport_offset);
  auto icmp = load<IcmpHeader>(icmp_at);
  const auto before = load<Be16>(icmp_at);
  icmp.type = IcmpHeader::kEchoReply;
  store(icmp_at, icmp);
  ChecksumDelta delta;
  delta.replace(before, load<Be16>(icmp_at));
  icmp.checksum = delta.apply(icmp.checksum);
  store(icmp_at, icmp);
  const auto ethernet = load<EthernetHeader>(burst.bytes(i));
  turn_ethernet(burst.bytes(i), ethernet.source, snapshot.ports[meta.port].mac);
  doors.answer(burst.frame[i], meta.port);
}

}  // namespace

void answer_local(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                  RateLimiter& arp_answers, HeardNeighbours& heard, Doors& doors) {
  for (const uint8_t i : in) {
    if (load<EthernetHeader>(burst.bytes(i)).type.host() == kEtherTypeArp) {
      answer_arp(snapshot, burst, i, now, arp_answers, heard, doors);
    } else {
      answer_echo(snapshot, burst, i, doors);
    }
  }
}

namespace {

// Puts `arp` in place of the request, inside the node's own encapsulation, on the way back.
void send_back(const Snapshot& snapshot, Burst& burst, uint32_t i, const ArpHeader& arp,
               Doors& doors) {
  PacketMeta& meta = burst.meta[i];
  rte_mbuf* frame = burst.frame[i];
  const MacAddress asker = load<EthernetHeader>(burst.bytes(i)).source;
  meta.source = arp.sender_ip;
  meta.destination = arp.target_ip;
  meta.source_port = meta.destination_port = Be16(0);
  rte_pktmbuf_adj(frame, static_cast<uint16_t>(meta.ip_offset - kEthernetBytes));
  frame->data_len = kEthernetBytes + sizeof(ArpHeader);
  frame->pkt_len = frame->data_len;
  store(rte_pktmbuf_mtod_offset(frame, uint8_t*, kEthernetBytes), arp);
  if (!encapsulate(snapshot, frame, meta, /*tos=*/0)) {
    return doors.drop(frame, Reason::kNoBuffer, &meta);
  }
  turn_ethernet(rte_pktmbuf_mtod(frame, uint8_t*), asker, snapshot.ports[meta.port].mac);
  constexpr uint32_t kInnerBytes = kEthernetBytes + sizeof(ArpHeader);
  const uint32_t inner_offset = frame->data_len - kInnerBytes;
  store(rte_pktmbuf_mtod_offset(frame, uint8_t*, inner_offset),
        EthernetHeader{arp.target_mac, arp.sender_mac, Be16(kEtherTypeArp)});
  doors.answer(frame, meta.port);
}

}  // namespace

void answer_inner_arp(const Snapshot& snapshot, Burst& burst, const IndexList& in, Now now,
                      RateLimiter& arp_answers, Doors& doors) {
  for (const uint8_t i : in) {
    const PacketMeta& meta = burst.meta[i];
    const TunnelEntry& tunnel = snapshot.tunnels[snapshot.nodes[meta.node].tunnel];
    if (meta.total_bytes < sizeof(ArpHeader)) {
      doors.drop(burst, i, Reason::kParseShort);
      continue;
    }
    auto arp = load<ArpHeader>(burst.bytes(i, meta.ip_offset));
    const auto& own = tunnel.inner_addresses;
    const auto target = Ipv4Address::from(arp.target_ip);
    const bool is_ours = std::find(own.begin(), own.end(), target) != own.end() ||
                         snapshot.routers.find(target) != kNoRouter;
    if (!is_sane(arp) || !is_ours || arp.operation.host() != ArpHeader::kRequest) {
      if (is_sane(arp)) note_arp(arp, burst.meta[i]);
      doors.drop(burst, i, is_sane(arp) ? Reason::kNotForUs : Reason::kParseBadHeader);
      continue;
    }
    if (!may_answer(arp, now, arp_answers, burst.meta[i])) {
      doors.drop(burst, i, Reason::kArpLimit);
      continue;
    }
    reply_to(arp, tunnel.inner_mac);
    send_back(snapshot, burst, i, arp, doors);
  }
}

}  // namespace postern
