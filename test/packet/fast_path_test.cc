// The fast path against the general stages: two gateways get the same random bursts, one of them
// without its fast ways (no expected forms of frames, every packet through all stages). What
// leaves, what is dropped and why, and every byte of every session must be the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "test/packet/gateway.h"
#include "test/packet/overlay.h"
#include "test/packet/packet.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr std::string_view kPolicy = R"(
namespaces = (
  { name = "payments"; pods = [ "10.128.0.11", "10.128.1.0/26" ]; },
  { name = "web"; pods = [ "10.128.2.0/24" ]; },
  { name = "lab"; pods = [ "10.128.0.77" ]; } );
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; },
  { name = "web-out"; namespaces = [ "web" ]; addresses = [ "192.0.2.60", "192.0.2.61" ]; } );
firewall : { default = "allow"; };
egress_routers = (
  { name = "legacy"; namespaces = [ "payments" ]; listen = "10.131.255.10";
    source = "192.0.2.70"; destinations = [ "53 udp 203.0.113.9", "443 tcp 203.0.113.9 8443" ]; } );
)";

// Random frames for the world, most of them of sessions that are there.
class Frames {
 public:
  explicit Frames(uint64_t seed, Overlay overlay) : random_(seed), overlay_(overlay) {}

  Bytes outbound();
  Bytes inbound(Gateway& gateway);
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

 private:
  template <size_t n>
  std::string any(const std::array<const char*, n>& of) {
    return of[below(n)];
  }
  bool rarely() { return below(40) == 0; }
  Ipv4Options ip_options();
  void put_transport(Packet& packet, uint16_t source_port, uint16_t destination_port);
  Bytes spoilt(Bytes frame);

  std::mt19937_64 random_;
  Overlay overlay_;
  uint32_t number_ = 0;
};

Ipv4Options Frames::ip_options() {
  Ipv4Options options;
  if (rarely()) options.ttl = static_cast<uint8_t>(below(3));
  if (rarely()) options.tos = static_cast<uint8_t>(below(256));
  options.dont_fragment = below(2) == 0;
  if (rarely()) options.fragment_offset = static_cast<uint16_t>(below(4));
  if (rarely()) options.more_fragments = true;
  if (rarely()) options.options = {1, 1, 1, 0};
  return options;
}

void Frames::put_transport(Packet& packet, uint16_t source_port, uint16_t destination_port) {
  static constexpr std::array<uint8_t, 6> kFlags{
      TcpHeader::kSyn, TcpHeader::kSyn | TcpHeader::kAck, TcpHeader::kAck,
      TcpHeader::kAck, TcpHeader::kFin | TcpHeader::kAck, TcpHeader::kRst};
  const uint32_t kind = below(8);
  if (kind == 0) {
    packet.echo_request(source_port);
  } else if (kind < 5) {
    packet.udp(source_port, destination_port, below(3) != 0);
  } else {
    packet.tcp(source_port, destination_port,
               {.flags = kFlags[below(kFlags.size())],
                .sequence = 1000 + below(3),
                .acknowledgement = 1000 + below(3)});
  }
  const std::string number = std::to_string(++number_);
  packet.payload(rarely() ? number + std::string(1400 + below(200), 'x') : number);
}

// Some bytes are others, or missing. Not the inner source MAC address: which of two in a burst is
// learned last is not the same.
Bytes Frames::spoilt(Bytes frame) {
  const uint32_t at = below(static_cast<uint32_t>(frame.size()));
  if (below(12) == 0 && (at < 56 || at >= 62)) {
    frame[at] = static_cast<uint8_t>(frame[at] ^ 1u << below(8));
  }
  if (below(40) == 0) frame.resize(1 + below(static_cast<uint32_t>(frame.size())));
  return frame;
}

Bytes Frames::outbound() {
  const std::string pod = any(std::array{"10.128.0.11", "10.128.1.5", "10.128.2.7", "10.128.2.9",
                                         "10.128.0.77", "10.128.3.3"});
  const std::string server = any(std::array{"203.0.113.5", "203.0.113.6", "192.0.2.99",
                                            "10.131.255.10", "10.128.2.9", "192.0.2.10"});
  const bool on_node2 = pod.starts_with("10.128.2.") != rarely();
  Outer outer{.tos = static_cast<uint8_t>(rarely() ? below(4) : 0), .udp_checksum = rarely()};
  if (rarely()) outer.vni = 101;
  if (overlay_ == Overlay::kGeneve && below(3) == 0) outer.geneve.options = kOvnOption;
  Packet packet = from_node(overlay_, on_node2 ? 2 : 1, outer);
  packet.ipv4(pod, server, ip_options());
  put_transport(packet, static_cast<uint16_t>(4000 + below(4)),
                static_cast<uint16_t>(below(2) == 0 ? 53 : 443));
  return spoilt(packet.bytes());
}

// A reply to some session, or something like it.
Bytes Frames::inbound(Gateway& gateway) {
  Packet packet;
  packet.ethernet(kRouterMac, Gateway::kUplinkMac);
  SessionTable& table = gateway.table();
  const SessionEntry& entry = table.entry(below(64));
  if (!entry.live() || rarely()) {
    packet.ipv4("203.0.113.5", any(std::array{"192.0.2.50", "192.0.2.10", "192.0.2.33"}),
                ip_options());
    put_transport(packet, 53, static_cast<uint16_t>(below(2) == 0 ? 4789 : 2000 + below(9)));
    return spoilt(packet.bytes());
  }
  packet.ipv4(Ipv4Address::from(entry.remote_ip).text(), Ipv4Address::from(entry.egress_ip).text(),
              ip_options());
  put_transport(packet, entry.remote_port.host(), entry.egress_port.host());
  return spoilt(packet.bytes());
}

// Frames by flow: what one flow sees stays in its order.
std::vector<Sent> by_flow(std::vector<Sent> sent) {
  const auto flow_of = [](const Sent& each) {
    const size_t ip = each.port == "uplink" ? 14 : 64;
    Bytes flow;
    if (each.frame.size() >= ip + 24) {
      flow.assign(each.frame.begin() + static_cast<ptrdiff_t>(ip) + 9,
                  each.frame.begin() + static_cast<ptrdiff_t>(ip) + 10);
      flow.insert(flow.end(), each.frame.begin() + static_cast<ptrdiff_t>(ip) + 12,
                  each.frame.begin() + static_cast<ptrdiff_t>(ip) + 24);
    }
    return std::tuple(each.port, flow);
  };
  std::stable_sort(sent.begin(), sent.end(),
                   [&](const Sent& a, const Sent& b) { return flow_of(a) < flow_of(b); });
  return sent;
}

void expect_same(Gateway& fast, Gateway& general, const std::vector<Sent>& by_fast,
                 const std::vector<Sent>& by_general) {
  ASSERT_EQ(by_fast.size(), by_general.size());
  for (size_t i = 0; i < by_fast.size(); ++i) {
    ASSERT_EQ(by_fast[i].port, by_general[i].port);
    ASSERT_EQ(by_fast[i].frame, by_general[i].frame) << decode(by_fast[i].frame) << "against\n"
                                                     << decode(by_general[i].frame);
  }
  for (size_t reason = 0; reason < kReasonCount; ++reason) {
    ASSERT_EQ(fast.dropped(static_cast<Reason>(reason)),
              general.dropped(static_cast<Reason>(reason)))
        << "of reason " << describe(static_cast<Reason>(reason)).name;
  }
  ASSERT_EQ(fast.imbalance(), 0);
  ASSERT_EQ(fast.table().live(), general.table().live());
  for (SessionHandle handle = 0; handle < fast.table().capacity(); ++handle) {
    const SessionEntry& one = fast.table().entry(handle);
    const SessionEntry& other = general.table().entry(handle);
    ASSERT_EQ(std::memcmp(&one, &other, sizeof one), 0) << "session " << handle;
  }
}

class FastPath : public ::testing::TestWithParam<Overlay> {};

TEST_P(FastPath, DoesWhatTheStagesDo) {
  const std::string world = overlay_world(GetParam(), "", kPolicy) + "sessions : { max = 512; };\n";
  Gateway fast(world);
  Gateway general(world);
  general.take_no_fast_way();
  Frames frames(7, GetParam());
  uint64_t left = 0;
  for (int round = 0; round < 1500; ++round) {
    const bool outbound = frames.below(2) == 0;
    std::vector<Packet> burst;
    for (uint32_t n = 1 + frames.below(40); n != 0; --n) {
      burst.push_back(Packet().raw(outbound ? frames.outbound() : frames.inbound(fast)));
    }
    const char* const port = outbound ? "underlay" : "uplink";
    const std::vector<Sent> by_fast = by_flow(fast.receive(port, burst));
    const std::vector<Sent> by_general = by_flow(general.receive(port, burst));
    left += by_fast.size();
    ASSERT_NO_FATAL_FAILURE(expect_same(fast, general, by_fast, by_general)) << "round " << round;
    for (Gateway* each : {&fast, &general}) each->pass_ms(200);
    if (round % 100 == 0) {
      for (Gateway* each : {&fast, &general}) each->sweep();
    }
  }
  EXPECT_GT(left, 3000u);
  EXPECT_GT(fast.dropped(Reason::kSourceNotOnNode), 10u);
  EXPECT_GT(fast.dropped(Reason::kNoSession), 10u);
  EXPECT_GT(fast.dropped(Reason::kBadTcpSequence) + fast.dropped(Reason::kBadTcpState), 10u);
}

INSTANTIATE_TEST_SUITE_P(Both, FastPath, ::testing::Values(Overlay::kVxlan, Overlay::kGeneve),
                         [](const auto& with) { return overlay_name(with.param); });

}  // namespace
}  // namespace postern::test
