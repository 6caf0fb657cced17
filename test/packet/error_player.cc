#include "test/packet/error_player.h"

#include <algorithm>
#include <cstring>

#include "test/packet/error_maker.h"
#include "test/packet/router_world.h"

namespace postern::test {
namespace {

constexpr size_t kEthernetBytes = 14;
constexpr size_t kTunnelBytes = kEthernetBytes + 20 + 8 + 8;  // Ethernet, IPv4, UDP, VXLAN
constexpr size_t kInnerIpAt = kTunnelBytes + kEthernetBytes;
constexpr uint32_t kMtuFloor = 576;
constexpr uint32_t kOwnAddress = 0xc000020a;  // 192.0.2.10
constexpr std::string_view kWebPod = "10.128.2.5";

uint32_t plain_address(std::string_view text) { return Ipv4Address::parse(text)->value; }
uint16_t half(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
uint32_t whole(const uint8_t* at) { return uint32_t{half(at)} << 16 | half(at + 2); }

// Ones' complement sum (RFC 1071), as a remainder: 0 and 0xffff are the same number.
uint32_t sum_of(const uint8_t* at, size_t bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes; ++i) sum += uint64_t{at[i]} << (i % 2 == 0 ? 8 : 0);
  return static_cast<uint32_t>(sum % 0xffff);
}

// Where things are in an IPv4 packet that holds an ICMP error.
struct ErrorView {
  explicit ErrorView(const uint8_t* ip)
      : at(ip),
        bytes(half(ip + 2)),
        icmp_at((ip[0] & 15u) * 4),
        quote_at(icmp_at + 8),
        quote_bytes(bytes - quote_at),
        quote_header_bytes((ip[quote_at] & 15u) * 4),
        protocol(ip[quote_at + 9]) {}

  [[nodiscard]] const uint8_t* quote() const { return at + quote_at; }
  [[nodiscard]] const uint8_t* transport() const { return quote() + quote_header_bytes; }
  [[nodiscard]] size_t transport_bytes() const { return quote_bytes - quote_header_bytes; }
  // Where the quoted transport checksum lies within its header.
  [[nodiscard]] size_t checksum_at() const {
    return protocol == kProtocolTcp ? 16 : protocol == kProtocolUdp ? 6 : 2;
  }
  [[nodiscard]] bool has_checksum() const { return checksum_at() + 2 <= transport_bytes(); }
  // The sum that the quoted checksum is over, itself included.
  [[nodiscard]] uint32_t transport_sum() const {
    const uint32_t addresses = protocol == kProtocolIcmp ? 0 : sum_of(quote() + 12, 8);
    return (addresses + sum_of(transport(), transport_bytes())) % 0xffff;
  }

  const uint8_t* at;
  size_t bytes;
  size_t icmp_at;
  size_t quote_at;
  size_t quote_bytes;
  size_t quote_header_bytes;
  uint8_t protocol;
};

// Whether the quote is long enough and of a form that names a session.
bool is_usable(const uint8_t* ip) {
  const size_t header_bytes = (ip[0] & 15u) * 4;
  if (half(ip + 2) < header_bytes + 8 + 20 + 8) return false;
  const ErrorView view(ip);
  if (view.quote()[0] >> 4 != 4 || view.quote_header_bytes < 20) return false;
  if (view.quote_header_bytes + 8 > view.quote_bytes) return false;
  if ((half(view.quote() + 6) & 0x1fff) != 0) return false;
  if (view.protocol == kProtocolIcmp) return view.transport()[0] == 8;
  return view.protocol == kProtocolTcp || view.protocol == kProtocolUdp;
}

bool is_of(const PlainSession& session, const ErrorView& view) {
  const bool echo = view.protocol == kProtocolIcmp;
  const uint16_t ours = half(view.transport() + (echo ? 4 : 0));
  const uint16_t theirs = echo ? 0 : half(view.transport() + 2);
  if (session.protocol != view.protocol || session.egress.address != whole(view.quote() + 12) ||
      session.remote.address != whole(view.quote() + 16) || session.egress.port != ours ||
      session.remote.port != theirs) {
    return false;
  }
  return session.live;
}

void put(Bytes& bytes, size_t at, uint16_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}
void put_address(Bytes& bytes, size_t at, uint32_t value) {
  put(bytes, at, static_cast<uint16_t>(value >> 16));
  put(bytes, at + 2, static_cast<uint16_t>(value));
}

// The error as the pod must get it, with all four checksums zero.
Bytes wanted_for(const ErrorView& came, const PlainSession& session) {
  Bytes wanted(came.at, came.at + came.bytes);
  if (session.remote.address == whole(came.at + 12)) {
    put_address(wanted, 12, session.dialled.address);
  }
  put_address(wanted, 16, session.pod.address);
  --wanted[8];
  const size_t mtu_at = came.icmp_at + 6;
  const bool tells_mtu = wanted[came.icmp_at] == 3 && wanted[came.icmp_at + 1] == 4;
  if (tells_mtu && half(&wanted[mtu_at]) != 0) {
    put(wanted, mtu_at,
        static_cast<uint16_t>(std::max<uint32_t>(half(&wanted[mtu_at]), kMtuFloor)));
  }
  put_address(wanted, came.quote_at + 12, session.pod.address);
  put_address(wanted, came.quote_at + 16, session.dialled.address);
  const size_t transport_at = came.quote_at + came.quote_header_bytes;
  if (came.protocol == kProtocolIcmp) {
    put(wanted, transport_at + 4, session.pod.port);
  } else {
    put(wanted, transport_at, session.pod.port);
    put(wanted, transport_at + 2, session.dialled.port);
  }
  return wanted;
}
void clear_checksums(const ErrorView& view, Bytes& packet) {
  put(packet, 10, 0);
  put(packet, view.icmp_at + 2, 0);
  put(packet, view.quote_at + 10, 0);
  if (view.has_checksum()) {
    put(packet, view.quote_at + view.quote_header_bytes + view.checksum_at(), 0);
  }
}

}  // namespace

ErrorPlayer::ErrorPlayer(uint32_t workers)
    : gateway_(
          router_world(
              std::string(kDbRouter) + "," + std::string(kAllRouter),
              "{ name = \"payments-out\"; namespaces = [ \"payments\" ]; addresses = [ "
              "\"192.0.2.50\" ]; }, { name = \"web-out\"; namespaces = [ \"web\" ]; addresses = [ "
              "\"192.0.2.60\" ]; }",
              "allow"),
          {.workers = workers}) {
  open_sessions();
  gateway_.pass_seconds(30);  // so that a refreshed session shows
  note_entries();
}

void ErrorPlayer::note_entries() {
  for (uint32_t worker = 0; worker < gateway_.workers(); ++worker) {
    const SessionTable& table = gateway_.table(worker);
    for (SessionHandle handle = 0; handle < std::min<size_t>(table.capacity(), 32); ++handle) {
      entries_.emplace_back(&table.entry(handle), table.entry(handle));
    }
  }
}

PlainSession ErrorPlayer::open(const Packet& first, std::string_view pod, std::string_view dialled,
                               std::string_view remote) {
  const std::vector<Sent> sent = gateway_.receive("underlay", first);
  const Bytes inner = first.bytes();
  const uint8_t* before = &inner[kInnerIpAt];
  const uint8_t* after = &sent.at(0).frame[kEthernetBytes];
  PlainSession session;
  session.protocol = before[9];
  const bool echo = session.protocol == kProtocolIcmp;
  const size_t ours = 20 + (echo ? 4 : 0);
  session.pod = {plain_address(pod), half(before + ours)};
  session.egress = {whole(after + 12), half(after + ours)};
  session.dialled = {plain_address(dialled), echo ? uint16_t{0} : half(before + 22)};
  session.remote = {plain_address(remote), echo ? uint16_t{0} : half(after + 22)};
  session.node_vtep = whole(&inner[kEthernetBytes + 12]);
  if (session.protocol == kProtocolTcp) {
    session.lowest_sequence = whole(after + 24);
    session.highest_sequence = session.lowest_sequence + 1;
  }
  return session;
}

void ErrorPlayer::open_sessions() {
  const auto pod = [](std::string_view to) { return from_node1().ipv4(kPod, to); };
  const TcpOptions syn{.flags = TcpHeader::kSyn, .sequence = 1000};
  const auto add = [this](const Packet& first, std::string_view from, std::string_view dialled,
                          std::string_view remote) {
    sessions_.push_back(open(first, from, dialled, remote));
  };
  add(pod(kServer).udp(7778, 53), kPod, kServer, kServer);
  sessions_[0].live = false;
  gateway_.pass_seconds(302);
  gateway_.sweep();
  add(pod(kServer).udp(7777, 53).payload("x"), kPod, kServer, kServer);
  add(pod(kServer).tcp(40000, 443, syn), kPod, kServer, kServer);
  add(pod(kServer).tcp(40001, 443, syn), kPod, kServer, kServer);
  carry_tcp(sessions_.back());
  add(pod(kServer).echo_request(42), kPod, kServer, kServer);
  add(from_node2().ipv4(kWebPod, kServer).udp(7777, 53), kWebPod, kServer, kServer);
  add(pod(kDb).udp(7777, 53), kPod, kDb, "203.0.113.53");
  add(pod(kAll).tcp(40000, 443, syn), kPod, kAll, "203.0.113.5");
  add(pod(kAll).echo_request(42), kPod, kAll, kFallback);
  std::rotate(sessions_.begin(), sessions_.begin() + 1, sessions_.end());
}

// Establishes the connection; the pod sends 3,000 bytes, 1,000 of which are acknowledged.
void ErrorPlayer::carry_tcp(PlainSession& session) {
  constexpr uint8_t kSynAck = TcpHeader::kSyn | TcpHeader::kAck;
  const auto server = [&](TcpOptions options) {
    gateway_.receive(
        "uplink", from_outside().ipv4(kServer, kPodAddress).tcp(443, session.egress.port, options));
  };
  const auto pod = [&](uint32_t sequence, size_t bytes) {
    const TcpOptions options{
        .flags = TcpHeader::kAck, .sequence = sequence, .acknowledgement = 5001};
    gateway_.receive(
        "underlay",
        from_node1().ipv4(kPod, kServer).tcp(session.pod.port, 443, options).payload(bytes));
  };
  server({.flags = kSynAck, .sequence = 5000, .acknowledgement = 1001});
  for (uint32_t at = 1001; at < 4001; at += 1000) pod(at, 1000);
  server({.flags = TcpHeader::kAck, .sequence = 5001, .acknowledgement = 2001});
  session.lowest_sequence = 2001 - 65536u;
  session.highest_sequence = 4001;
}

// The session whose pod must get the error, or null. The frame is one of make_error().
const PlainSession* ErrorPlayer::judge(const Bytes& frame) const {
  const uint8_t* ip = &frame[kEthernetBytes];
  const uint32_t source = whole(ip + 12);
  const bool is_ours = source == kOwnAddress || source == plain_address(kPodAddress);
  if (source >> 28 == 14 || is_ours) return nullptr;
  const size_t icmp_at = (ip[0] & 15u) * 4;
  const uint8_t type = ip[icmp_at];
  if (type != 3 && type != 11 && type != 12) return nullptr;
  if (!is_usable(ip)) return nullptr;
  if (sum_of(ip + icmp_at, half(ip + 2) - icmp_at) != 0) return nullptr;
  const ErrorView view(ip);
  if (whole(view.quote() + 12) != whole(ip + 16)) return nullptr;  // not to who sent it
  if (ip[8] <= 1) return nullptr;
  for (const PlainSession& session : sessions_) {
    if (!is_of(session, view)) continue;
    if (session.protocol != kProtocolTcp) return &session;
    const uint32_t behind = whole(view.transport() + 4) - session.lowest_sequence;
    const bool in_window = behind <= session.highest_sequence - session.lowest_sequence;
    return in_window ? &session : nullptr;
  }
  return nullptr;
}

std::string ErrorPlayer::play(std::span<const uint8_t> bytes) {
  const Bytes frame = make_error(bytes, sessions_);
  const PlainSession* session = judge(frame);
  arrival_ = (arrival_ + 1) % gateway_.workers();
  std::vector<Sent> sent = gateway_.receive_at(arrival_, "uplink", {Packet().raw(frame)});
  for (Sent& handed : gateway_.hand_on()) sent.push_back(std::move(handed));
  std::string difference;
  if (gateway_.imbalance() != 0) return "the counters do not close";
  if (session == nullptr && !sent.empty()) {
    return "reached " + sent[0].port + ":\n" + decode(sent[0].frame);
  }
  if (session != nullptr) {
    if (sent.size() != 1 || sent[0].port != "underlay") return "dropped:\n" + decode(frame);
    ++passed_;
    difference = check_passed(frame, sent[0].frame, *session);
  }
  if (difference.empty()) difference = check_sessions();
  if (difference.empty()) return {};
  difference += ":\n" + decode(frame);
  return sent.empty() ? difference : difference + "became\n" + decode(sent[0].frame);
}

std::string ErrorPlayer::check_passed(const Bytes& came, const Bytes& left,
                                      const PlainSession& session) const {
  const ErrorView before(&came[kEthernetBytes]);
  if (left.size() != kInnerIpAt + before.bytes) return "another length";
  if (whole(&left[kEthernetBytes + 16]) != session.node_vtep) return "to another node";
  const uint8_t* ip = &left[kInnerIpAt];
  const ErrorView after(ip);
  Bytes is(ip, ip + before.bytes);
  Bytes wanted = wanted_for(before, session);
  clear_checksums(before, is);
  clear_checksums(before, wanted);
  if (is != wanted) return "other bytes";
  if (sum_of(&left[kEthernetBytes], 20) != 0) return "a wrong checksum of the outer header";
  if (sum_of(ip, after.icmp_at) != 0) return "a wrong checksum of the header";
  if (sum_of(ip + after.icmp_at, after.bytes - after.icmp_at) != 0) return "a wrong ICMP checksum";
  if (sum_of(before.quote(), before.quote_header_bytes) !=
      sum_of(after.quote(), after.quote_header_bytes)) {
    return "the quoted header's checksum";
  }
  if (!before.has_checksum()) return {};
  const uint16_t quoted = half(before.transport() + before.checksum_at());
  const uint16_t now = half(after.transport() + after.checksum_at());
  if (before.protocol == kProtocolUdp && (quoted == 0 || now == 0)) {
    return quoted == now ? "" : "an absent quoted checksum";
  }
  return before.transport_sum() == after.transport_sum() ? "" : "the quoted transport checksum";
}

std::string ErrorPlayer::check_sessions() {
  if (gateway_.all_sessions().live() != sessions_.size() - 1) return "a session began or ended";
  for (const auto& [entry, before] : entries_) {
    if (std::memcmp(entry, &before, sizeof before) != 0) return "a session changed";
  }
  return {};
}

}  // namespace postern::test
