#include "bench/hot_traffic.h"

#include <rte_mbuf.h>

#include "dataplane/wire/checksum.h"

namespace postern::bench {
namespace {

constexpr uint32_t kFrameBytes = 64;
constexpr uint32_t kEstablished = 1000;
constexpr uint32_t kConnections = 1024;
static_assert(kConnections % kBurst == 0);
// Where the pod and the server begin to count.
constexpr uint32_t kPodSequence = 1000;
constexpr uint32_t kServerSequence = 5000;

constexpr size_t index_of(Direction direction) { return static_cast<size_t>(direction); }

uint32_t sessions_of(HotCase which, uint32_t bursts) {
  if (which == HotCase::kFirst) return bursts * kBurst;
  return which == HotCase::kTcp ? kConnections : kEstablished;
}

OutboundKey tcp_key(const Conversation& conversation) {
  OutboundKey key = conversation.key();
  key.vni_protocol = OutboundKey::pack(Scenario::kVni, kProtocolTcp);
  return key;
}

}  // namespace

std::string_view name_of(HotCase which) {
  switch (which) {
    case HotCase::kNatOut:
      return "nat-out";
    case HotCase::kNatIn:
      return "nat-in";
    case HotCase::kMix:
      return "mix";
    case HotCase::kTcp:
      return "tcp";
    case HotCase::kFirst:
      return "first";
  }
  return "";
}

std::optional<HotCase> hot_case_of(std::string_view name) {
  for (const HotCase which : kHotCases) {
    if (name_of(which) == name) return which;
  }
  return std::nullopt;
}

HotTraffic::HotTraffic(rte_mempool* pool, HotCase which, uint32_t bursts)
    : pool_(pool),
      which_(which),
      scenario_(nat_scenario(sessions_of(which, bursts))),
      frames_{Frames(scenario_, Direction::kOutbound, kFrameBytes),
              Frames(scenario_, Direction::kInbound, kFrameBytes)} {}

std::string HotTraffic::prepare() {
  auto tables = CompiledTables::make(scenario_.configuration());
  if (!tables.ok()) return std::string(tables.status().message());
  tables_ = std::move(*tables);
  auto gateway = PortlessGateway::make(*tables_, pool_, /*huge_pages=*/false);
  if (!gateway) return gateway.complaint().text();
  gateway_ = std::move(gateway).value();
  if (which_ == HotCase::kTcp) return connect();
  if (which_ != HotCase::kFirst) return establish();
  for (uint32_t i = 0; i < scenario_.sessions; ++i) {
    records_[0].push_back(frames_[0].outbound_record(Conversation::at(scenario_, i)));
  }
  return "";
}

uint16_t HotTraffic::port() const {
  return direction_ == Direction::kOutbound ? Scenario::kClusterPort : Scenario::kUplinkPort;
}

bool HotTraffic::next(Burst& burst) {
  switch (which_) {
    case HotCase::kNatOut:
    case HotCase::kFirst:
      return fill(burst, Direction::kOutbound);
    case HotCase::kNatIn:
      return fill(burst, Direction::kInbound);
    case HotCase::kMix:
    case HotCase::kTcp:
      break;
  }
  const bool was_outbound = direction_ == Direction::kOutbound;
  return fill(burst, was_outbound ? Direction::kInbound : Direction::kOutbound);
}

std::string HotTraffic::establish() {
  std::string failure = open_sessions(scenario_, pool_, *gateway_);
  if (!failure.empty()) return failure;
  for (const Direction direction : {Direction::kOutbound, Direction::kInbound}) {
    const size_t way = index_of(direction);
    records_[way] = draw_packets(scenario_, frames_[way], direction, 1, *gateway_);
  }
  return "";
}

// The three segments with which every connection begins; afterwards both sides acknowledge what
// they have acknowledged, which is the steady state's way and can go on for ever.
std::string HotTraffic::connect() {
  for (uint32_t i = 0; i < scenario_.sessions; ++i) {
    records_[0].push_back(frames_[0].outbound_record(Conversation::at(scenario_, i)));
  }
  std::string failure = carry_all(Direction::kOutbound, {TcpHeader::kSyn, kPodSequence, 0});
  if (!failure.empty()) return failure;
  for (uint32_t i = 0; i < scenario_.sessions; ++i) {
    records_[1].push_back(reply_to(Conversation::at(scenario_, i)));
  }
  constexpr uint8_t kSynAck = TcpHeader::kSyn | TcpHeader::kAck;
  failure = carry_all(Direction::kInbound, {kSynAck, kServerSequence, kPodSequence + 1});
  if (!failure.empty()) return failure;
  failure =
      carry_all(Direction::kOutbound, {TcpHeader::kAck, kPodSequence + 1, kServerSequence + 1});
  segment_[1] = {TcpHeader::kAck, kServerSequence + 1, kPodSequence + 1};
  return failure;
}

std::string HotTraffic::carry_all(Direction direction, Segment segment) {
  segment_[index_of(direction)] = segment;
  const uint64_t before = gateway_->forwarded();
  Burst burst;
  for (uint32_t sent = 0; sent < scenario_.sessions; sent += kBurst) {
    if (!fill(burst, direction)) return "no packet buffer is free";
    gateway_->carry(burst, port());
  }
  if (gateway_->forwarded() - before == scenario_.sessions) return "";
  return "connections were not made: " + gateway_->lost();
}

bool HotTraffic::fill(Burst& burst, Direction direction) {
  const size_t way = index_of(direction);
  direction_ = direction;
  if (rte_pktmbuf_alloc_bulk(pool_, burst.frame.data(), kBurst) != 0) return false;
  burst.size = kBurst;
  for (uint32_t i = 0; i < kBurst; ++i) {
    rte_mbuf* frame = burst.frame[i];
    frame->data_len = frames_[way].bytes();
    frame->pkt_len = frames_[way].bytes();
    auto* const at = rte_pktmbuf_mtod(frame, uint8_t*);
    frames_[way].write(records_[way][next_[way]], at);
    next_[way] = (next_[way] + 1) % records_[way].size();
    if (!segment_[way]) continue;
    const size_t ip_at =
        direction == Direction::kOutbound ? sizeof(TunnelEncapsulation) : sizeof(EthernetHeader);
    make_tcp(at + ip_at, *segment_[way]);
  }
  return true;
}

FrameRecord HotTraffic::reply_to(const Conversation& conversation) const {
  const SessionTable& sessions = gateway_->sessions();
  const SessionEntry& entry = sessions.entry(sessions.find_outbound_one(tcp_key(conversation)));
  return frames_[1].record(conversation, Ipv4Address::from(entry.egress_ip),
                           entry.egress_port.host());
}

// The UDP packet at `ip` becomes a TCP segment without data between the same ends; what is left of
// its bytes is padding of its link.
void HotTraffic::make_tcp(uint8_t* ip, Segment segment) {
  auto header = load<Ipv4Header>(ip);
  header.protocol = kProtocolTcp;
  header.total_bytes = Be16(sizeof(Ipv4Header) + sizeof(TcpHeader));
  header.checksum = Be16(0);
  header.checksum = checksum_of(&header, sizeof header);
  store(ip, header);
  const auto udp = load<UdpHeader>(ip + sizeof header);
  TcpHeader tcp{.source_port = udp.source_port,
                .destination_port = udp.destination_port,
                .sequence = Be32(segment.sequence),
                .acknowledgement = Be32(segment.acknowledgement),
                .offset = sizeof(TcpHeader) / 4 << 4,
                .flags = segment.flags,
                .window = Be16(65535),
                .checksum = Be16(0),
                .urgent = Be16(0)};
  tcp.checksum = checksum_of(
      &tcp, sizeof tcp,
      pseudo_header_sum(header.source, header.destination, kProtocolTcp, sizeof(TcpHeader)));
  store(ip + sizeof header, tcp);
}

}  // namespace postern::bench
