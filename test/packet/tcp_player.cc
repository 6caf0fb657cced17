#include "test/packet/tcp_player.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "test/packet/world.h"

namespace postern::test {
namespace {

// nat.md T2.
constexpr uint32_t kEstablished_s = 2 * 3600 + 4 * 60;
constexpr uint32_t kTransitory_s = 4 * 60;
// Longer than any session and any held port lives.
constexpr uint32_t kForEver_s = 8000;
constexpr uint32_t kLargestPayload = 1400;
constexpr size_t kLongestList = 512;
constexpr uint16_t kPodPort = 40000;
constexpr uint16_t kServerPort = 443;

TcpOptions options_of(const TcpSegment& segment) {
  TcpOptions options{.flags = segment.flags,
                     .sequence = segment.sequence,
                     .acknowledgement = segment.acknowledgement};
  if (segment.window_scale != kTcpNoWindowScale) {
    options.options = {1, 3, 3, segment.window_scale};
  }
  return options;
}

// What of a TCP segment must not change on its way, in the frame that left.
bool carries(const Sent& sent, Direction direction, const TcpSegment& segment) {
  const bool outbound = direction == Direction::kOutbound;
  const size_t ip_at = outbound ? 14 : 14 + 20 + 8 + 8 + 14;
  const size_t tcp_at = ip_at + 20;
  if (sent.port != (outbound ? "uplink" : "underlay")) return false;
  if (sent.frame.size() < tcp_at + sizeof(TcpHeader) + segment.payload_bytes) return false;
  const auto tcp = load<TcpHeader>(&sent.frame[tcp_at]);
  const size_t bytes = tcp.header_bytes() + segment.payload_bytes;
  return tcp.sequence.host() == segment.sequence &&
         tcp.acknowledgement.host() == segment.acknowledgement && tcp.flags == segment.flags &&
         sent.frame.size() == tcp_at + bytes;
}

}  // namespace

TcpPlayer::TcpPlayer(uint32_t workers) : gateway_(world(), {.workers = workers}) {}

std::string TcpPlayer::play(std::span<const uint8_t> operations) {
  forget();
  OperationReader reader(operations.first(std::min(operations.size(), kLongestList)));
  const SessionEntry nobody{};
  for (uint32_t step = 0; !reader.empty(); ++step) {
    const uint8_t kind = reader.byte();
    std::string difference;
    if (kind % 8 == 7) {
      difference = pass_time(kind < 128 ? kind / 8 * 16 : reader.word() % kForEver_s);
    } else {
      const auto direction = static_cast<Direction>(kind & 1);
      const SessionEntry* session = find_session();
      TcpSegment segment = read_segment(reader, direction, session == nullptr ? nobody : *session);
      segment.payload_bytes %= kLargestPayload;
      difference = walk(direction, segment);
    }
    if (difference.empty()) difference = check_session();
    if (!difference.empty()) return difference + " at operation " + std::to_string(step);
  }
  return {};
}

// Until nothing is left of the list before.
void TcpPlayer::forget() {
  for (int i = 0; i < 2; ++i) {
    gateway_.pass_seconds(kForEver_s);
    gateway_.sweep();
  }
  model_.reset();
}

std::string TcpPlayer::pass_time(uint32_t seconds) {
  gateway_.pass_seconds(seconds);
  gateway_.sweep();
  if (model_ && now_s() >= expires_s_) {
    model_.reset();
    ++tally_.expired;
  }
  return {};
}

std::string TcpPlayer::walk(Direction direction, const TcpSegment& segment) {
  const uint64_t dropped_before = dropped();
  Packet packet;
  if (direction == Direction::kOutbound) {
    packet = from_node1().ipv4(kPod, kServer).tcp(kPodPort, kServerPort, options_of(segment));
  } else {
    packet = from_outside()
                 .ipv4(kServer, kPodAddress)
                 .tcp(kServerPort, egress_port_, options_of(segment));
  }
  packet.payload(segment.payload_bytes);
  const Expected expected = expect(direction, segment);
  const uint64_t reason_before = gateway_.dropped(expected.reason);
  arrival_ = (arrival_ + 1) % gateway_.workers();
  std::vector<Sent> sent = gateway_.receive_at(
      arrival_, direction == Direction::kOutbound ? "underlay" : "uplink", {packet});
  for (Sent& handed : gateway_.hand_on()) sent.push_back(std::move(handed));
  if (gateway_.imbalance() != 0) return "the counters do not close";
  if (!expected.leaves) {
    ++tally_.refused;
    if (!sent.empty())
      return "left, to be dropped as " + std::string(describe(expected.reason).name);
    const bool counted = gateway_.dropped(expected.reason) == reason_before + 1;
    return counted ? "" : "not counted as " + std::string(describe(expected.reason).name);
  }
  ++tally_.passed;
  if (sent.size() != 1) return "did not leave";
  if (dropped() != dropped_before) return "left and was dropped";
  return carries(sent[0], direction, segment) ? "" : "left as another segment";
}

TcpPlayer::Expected TcpPlayer::expect(Direction direction, const TcpSegment& segment) {
  const bool outbound = direction == Direction::kOutbound;
  if (!model_) return outbound ? begin(segment) : Expected{.reason = Reason::kNoSession};
  const bool was_over = model_->state() >= TcpState::kClosing;
  switch (model_->next(direction, segment)) {
    case TcpVerdict::kBadState:
      return {.reason = Reason::kBadTcpState};
    case TcpVerdict::kBadSequence:
      return {.reason = Reason::kBadTcpSequence};
    case TcpVerdict::kReopen:
      ++tally_.reopened;
      return begin(segment);
    case TcpVerdict::kPass:
      break;
  }
  // A remote cannot keep alive what is over.
  if (outbound || !was_over) {
    expires_s_ = now_s() + model_->timeout_s(kEstablished_s, kTransitory_s) + 1;
  }
  return {.leaves = true};
}

TcpPlayer::Expected TcpPlayer::begin(const TcpSegment& segment) {
  TcpModel fresh;
  if (fresh.first(segment) != TcpVerdict::kPass) return {.reason = Reason::kBadTcpState};
  model_ = fresh;
  expires_s_ = now_s() + kTransitory_s + 1;
  return {.leaves = true};
}

std::string TcpPlayer::check_session() {
  const SessionEntry* session = find_session();
  if (!model_) return session == nullptr ? "" : "a session that should not be";
  if (session == nullptr) return "the session is gone";
  if (gateway_.all_sessions().live() != 1) return "more than one session";
  egress_port_ = session->egress_port.host();
  const std::string difference = model_->difference(*session);
  if (!difference.empty()) return difference;
  return session->expires_s == static_cast<uint16_t>(expires_s_) ? "" : "when it expires";
}

const SessionEntry* TcpPlayer::find_session() {
  const OutboundKey key{.source_ip = Ipv4Address::parse(kPod)->wire(),
                        .vni_protocol = OutboundKey::pack(100, kProtocolTcp),
                        .remote_ip = Ipv4Address::parse(kServer)->wire(),
                        .remote_port = Be16(kServerPort),
                        .source_port = Be16(kPodPort)};
  for (uint32_t worker = 0; worker < gateway_.workers(); ++worker) {
    const SessionTable& table = gateway_.table(worker);
    const SessionHandle handle = table.live() == 0 ? kNoSession : table.find_outbound_one(key);
    if (handle != kNoSession) return &table.entry(handle);
  }
  return nullptr;
}

uint64_t TcpPlayer::dropped() const {
  uint64_t sum = 0;
  for (uint32_t worker = 0; worker < gateway_.workers(); ++worker) {
    sum += gateway_.counters(worker).dropped.read();
  }
  return sum;
}

}  // namespace postern::test
