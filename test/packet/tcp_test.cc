// TCP (nat.md T) through the whole walk: what begins a connection, ends it, or changes nothing.
// Ports, reopening and blind resets are in session_test.cc, the state machine by itself in
// test/unit/table/.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr uint8_t kFin = TcpHeader::kFin;
constexpr uint8_t kSyn = TcpHeader::kSyn;
constexpr uint8_t kRst = TcpHeader::kRst;
constexpr uint8_t kPsh = TcpHeader::kPsh;
constexpr uint8_t kAck = TcpHeader::kAck;
constexpr uint8_t kUrg = TcpHeader::kUrg;
constexpr uint8_t kSynAck = kSyn | kAck;
constexpr uint8_t kFinAck = kFin | kAck;
constexpr uint32_t kFar = 0x40000000;

// The world with `now` in place of `before`.
std::string world_with(const std::string& before, const std::string& now) {
  std::string text = world();
  text.replace(text.find(before), before.size(), now);
  return text;
}

// One connection: the pod's numbers begin at 1000, the server's at 5000, each SYN being the first.
class TcpFlow : public ::testing::Test {
 protected:
  explicit TcpFlow(const std::string& configuration = world()) : gateway_(configuration) {}

  static Packet pod(TcpOptions options) {
    return from_node1().ipv4(kPod, kServer).tcp(40000, 443, std::move(options));
  }
  Packet server(TcpOptions options) const {
    return from_outside().ipv4(kServer, kPodAddress).tcp(443, port_, std::move(options));
  }
  size_t from_pod(TcpOptions options, size_t payload_bytes = 0) {
    return gateway_.receive("underlay", pod(std::move(options)).payload(payload_bytes)).size();
  }
  size_t from_server(TcpOptions options, size_t payload_bytes = 0) {
    return gateway_.receive("uplink", server(std::move(options)).payload(payload_bytes)).size();
  }
  void begin() {
    ASSERT_EQ(from_pod({.flags = kSyn, .sequence = 1000}), 1u);
    port_ = gateway_.only_session().egress_port.host();
  }
  void establish() {
    begin();
    ASSERT_EQ(from_server({.flags = kSynAck, .sequence = 5000, .acknowledgement = 1001}), 1u);
    ASSERT_EQ(from_pod({.flags = kAck, .sequence = 1001, .acknowledgement = 5001}), 1u);
    ASSERT_EQ(state(), TcpState::kEstablished);
  }
  TcpState state() { return tcp_state(gateway_.only_session()); }
  // Expects that a segment is dropped under the reason and that the session stays as it was.
  void expect_refused(bool outbound, TcpOptions options, Reason reason) {
    const SessionEntry before = gateway_.only_session();
    const uint64_t dropped = gateway_.dropped(reason);
    const int flags = options.flags;
    EXPECT_EQ(outbound ? from_pod(std::move(options)) : from_server(std::move(options)), 0u)
        << flags;
    EXPECT_EQ(gateway_.dropped(reason), dropped + 1) << flags;
    EXPECT_EQ(std::memcmp(&before, &gateway_.only_session(), sizeof before), 0) << flags;
  }

  Gateway gateway_;
  uint16_t port_ = 0;
};

// Flags that begin nothing, and that no state takes either, whatever ECE and CWR say.
bool is_insane(unsigned flags) {
  const unsigned deciding = flags & (kFin | kSyn | kRst | kAck | kUrg);
  const bool syn = (deciding & ~unsigned{kUrg}) == kSyn;
  const bool urgent_ack_or_fin = (deciding & ~unsigned{kUrg | kFin}) == kAck;
  return !syn && deciding != kSynAck && deciding != kRst && deciding != (kRst | kAck) &&
         !urgent_ack_or_fin;
}

TEST_F(TcpFlow, T1_T6_NothingButAPlainSynStartsAndLeaves) {
  uint64_t refused = 0;
  for (unsigned flags = 0; flags < 256; ++flags) {
    if (tcp_is_plain_syn(static_cast<uint8_t>(flags))) continue;
    EXPECT_EQ(from_pod({.flags = static_cast<uint8_t>(flags), .sequence = 7}, 5), 0u) << flags;
    ++refused;
  }
  EXPECT_EQ(gateway_.dropped(Reason::kBadTcpState), refused);
  EXPECT_EQ(refused, 240u) << "SYN alone, with PSH, URG, ECE and CWR as they like";
  EXPECT_EQ(gateway_.table().live(), 0u);
  EXPECT_EQ(gateway_.counters().session_created.read(), 0u);
  EXPECT_EQ(gateway_.counters().made.read(), 0u) << "nobody is answered";
  for (unsigned flags = 0; flags < 256; ++flags) {
    EXPECT_EQ(from_server({.flags = static_cast<uint8_t>(flags), .sequence = 7}), 0u) << flags;
  }
  EXPECT_EQ(gateway_.dropped(Reason::kNoSession), 256u);
  EXPECT_EQ(gateway_.counters().made.read(), 0u);
  EXPECT_EQ(gateway_.imbalance(), 0);
}

TEST_F(TcpFlow, T6_NullXmasAndTheirKindChangeNothingInAConnection) {
  for (const bool established : {false, true}) {
    if (established) {
      establish();
    } else {
      begin();
    }
    for (unsigned flags = 0; flags < 256; ++flags) {
      if (!is_insane(flags)) continue;
      const auto f = static_cast<uint8_t>(flags);
      expect_refused(true, {.flags = f, .sequence = 1001, .acknowledgement = 5001},
                     Reason::kBadTcpState);
      expect_refused(false, {.flags = f, .sequence = 5001, .acknowledgement = 1001},
                     Reason::kBadTcpState);
    }
  }
}

TEST_F(TcpFlow, T2_TheDefaultTimeoutsAreTwoHoursAndFourMinutesAndFourMinutes) {
  begin();
  gateway_.pass_seconds(239);
  gateway_.sweep();
  ASSERT_EQ(gateway_.table().live(), 1u);
  gateway_.pass_seconds(3);
  gateway_.sweep();
  EXPECT_EQ(gateway_.table().live(), 0u) << "half open";
  establish();
  gateway_.pass_seconds(7439);
  gateway_.sweep();
  ASSERT_EQ(gateway_.table().live(), 1u);
  gateway_.pass_seconds(3);
  gateway_.sweep();
  EXPECT_EQ(gateway_.table().live(), 0u) << "established";
}

TEST_F(TcpFlow, T3_HalfAClosedConnectionKeepsItsTimeout) {
  establish();
  EXPECT_EQ(from_pod({.flags = kFinAck, .sequence = 1001, .acknowledgement = 5001}), 1u);
  EXPECT_EQ(from_server({.flags = kAck, .sequence = 5001, .acknowledgement = 1002}), 1u);
  gateway_.pass_seconds(7000);
  gateway_.sweep();
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(from_server({.flags = kAck, .sequence = 5001, .acknowledgement = 1002}, 500), 1u)
      << "the other side may go on sending";
}

TEST_F(TcpFlow, T5_AFinFarOutsideTheWindowIsDroppedAndChangesNothing) {
  establish();
  for (const uint32_t off : {kFar, 0u - kFar, 70'000u, 0u - 70'000u}) {
    expect_refused(false, {.flags = kFinAck, .sequence = 5001 + off, .acknowledgement = 1001},
                   Reason::kBadTcpSequence);
    expect_refused(true, {.flags = kFinAck, .sequence = 1001 + off, .acknowledgement = 5001},
                   Reason::kBadTcpSequence);
  }
  expect_refused(false, {.flags = kFinAck, .sequence = 5001, .acknowledgement = 1001 + kFar},
                 Reason::kBadTcpSequence);
}

TEST_F(TcpFlow, T5_AResetOffByOneOrBlindChangesNothingInEitherDirection) {
  establish();
  for (const uint32_t off : {1u, 0u - 1u, 1000u, 65'535u, kFar, 0u - kFar}) {
    for (const uint8_t flags : {kRst, static_cast<uint8_t>(kRst | kAck)}) {
      expect_refused(false, {.flags = flags, .sequence = 5001 + off, .acknowledgement = 1001},
                     Reason::kBadTcpSequence);
      expect_refused(true, {.flags = flags, .sequence = 1001 + off, .acknowledgement = 5001},
                     Reason::kBadTcpSequence);
    }
  }
  EXPECT_EQ(from_pod({.flags = kRst, .sequence = 1001}), 1u);
  EXPECT_EQ(state(), TcpState::kClosed);
}

TEST_F(TcpFlow, T5_AfterAGapAResetClosesAtTheLastAcknowledged) {
  establish();
  EXPECT_EQ(from_server({.flags = kAck, .sequence = 5001, .acknowledgement = 1001}, 100), 1u);
  EXPECT_EQ(from_pod({.flags = kAck, .sequence = 1001, .acknowledgement = 5101}), 1u);
  EXPECT_EQ(from_server({.flags = kAck, .sequence = 5201, .acknowledgement = 1001}, 100), 1u)
      << "5101 to 5200 were lost";
  for (const uint32_t wrong : {5301u, 5201u, 5001u, 5102u}) {
    expect_refused(false, {.flags = kRst, .sequence = wrong}, Reason::kBadTcpSequence);
  }
  EXPECT_EQ(from_server({.flags = kRst, .sequence = 5101}), 1u);
  EXPECT_EQ(state(), TcpState::kClosed);
}

TEST_F(TcpFlow, T8_BothMayOpenAtOnce) {
  begin();
  const Bytes syn =
      only_frame(gateway_.receive("uplink", server({.flags = kSyn, .sequence = 5000})), "underlay");
  EXPECT_EQ(decode(syn), decode(to_node1(entropy_of(syn))
                                    .ipv4(kServer, kPod, {.ttl = 63})
                                    .tcp(443, 40000, {.flags = kSyn, .sequence = 5000})
                                    .bytes()));
  EXPECT_EQ(from_pod({.flags = kSynAck, .sequence = 1000, .acknowledgement = 5001}), 1u);
  EXPECT_EQ(state(), TcpState::kNew);
  EXPECT_EQ(from_server({.flags = kSynAck, .sequence = 5000, .acknowledgement = 1001}), 1u);
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(gateway_.table().live(), 1u);
}

TEST_F(TcpFlow, T8_AnUnsolicitedSynIsDroppedInSilence) {
  begin();
  const auto to = [this](std::string_view from, uint16_t port) {
    const TcpOptions syn{.flags = kSyn, .sequence = 9};
    return gateway_.receive("uplink", from_outside().ipv4(from, kPodAddress).tcp(443, port, syn));
  };
  EXPECT_TRUE(to("203.0.113.6", port_).empty()) << "to a port that is in use, by a stranger";
  EXPECT_TRUE(to(kServer, static_cast<uint16_t>(port_ ^ 1)).empty()) << "to a port that is not";
  EXPECT_EQ(gateway_.dropped(Reason::kNoSession), 2u);
  EXPECT_EQ(gateway_.counters().made.read(), 0u);
  EXPECT_EQ(gateway_.table().live(), 1u);
}

// The MSS that leaves when `options` are in a SYN, by the text of the options.
std::string clamped(const std::string& frame) {
  const size_t at = frame.find("  options ");
  return at == std::string::npos ? "none" : frame.substr(at + 10, frame.find('\n', at) - at - 10);
}
// What becomes of a SYN's options on their way out, and of a SYN+ACK's on their way in.
std::string clamped_both_ways(const std::string& configuration, const Bytes& options) {
  Gateway gateway(configuration);
  const auto syn = from_node1()
                       .ipv4(kPod, kServer)
                       .tcp(40000, 443, {.flags = kSyn, .sequence = 1000, .options = options});
  const std::string out = decode(only_frame(gateway.receive("underlay", syn), "uplink"));
  EXPECT_EQ(out.find("BAD"), std::string::npos) << out;
  const auto answer =
      from_outside()
          .ipv4(kServer, kPodAddress)
          .tcp(443, gateway.only_session().egress_port.host(),
               {.flags = kSynAck, .sequence = 5000, .acknowledgement = 1001, .options = options});
  const std::string back = decode(only_frame(gateway.receive("uplink", answer), "underlay"));
  EXPECT_EQ(back.find("BAD"), std::string::npos) << back;
  EXPECT_EQ(clamped(back), clamped(out)) << "a SYN+ACK is clamped as a SYN";
  return clamped(out);
}

TEST(TcpClamp, T7_AutoIsTheSmallerOfTunnelAndUplink) {
  const Bytes large{2, 4, 0x23, 0x00, 1, 1, 4, 2};  // MSS 8960, SACK permitted
  EXPECT_EQ(clamped_both_ways(world(), large), "020405b401010402") << "uplink 1500 - 40";
  EXPECT_EQ(clamped_both_ways(world_with("mtu = 1600", "mtu = 1500"), large), "0204058201010402")
      << "tunnel 1500 - 50 - 40";
  EXPECT_EQ(
      clamped_both_ways(
          world_with("gateway = \"192.0.2.1\";", "gateway = \"192.0.2.1\"; mtu = 1400;"), large),
      "0204055001010402")
      << "uplink 1400 - 40";
}

TEST(TcpClamp, T7_IsNeverRaisedAndMayBeANumberOrOff) {
  const Bytes large{2, 4, 0x05, 0xb4};
  const Bytes small{2, 4, 0x02, 0x00};
  const std::string number = world() + "sessions : { mss_clamp = 1200; };\n";
  const std::string off = world() + "sessions : { mss_clamp = \"off\"; };\n";
  EXPECT_EQ(clamped_both_ways(world(), small), "02040200");
  EXPECT_EQ(clamped_both_ways(number, large), "020404b0");
  EXPECT_EQ(clamped_both_ways(number, small), "02040200");
  EXPECT_EQ(clamped_both_ways(off, {2, 4, 0xff, 0xff}), "0204ffff");
}

TEST(TcpClamp, T7_OtherOptionsStayByteForByte) {
  // Behind a NOP the MSS lies at an odd place; behind the end nothing is an option.
  EXPECT_EQ(clamped_both_ways(world(), {1, 2, 4, 0x23, 0x00, 3, 3, 7}), "01020405b4030307");
  EXPECT_EQ(clamped_both_ways(world(), {8, 10, 9, 9, 9, 9, 0, 0, 0, 0, 2, 4, 0x23, 0, 5, 2}),
            "080a0909090900000000020405b40502");
  EXPECT_EQ(clamped_both_ways(world(), {3, 3, 7, 0, 2, 4, 0x23, 0x00}), "0303070002042300");
  EXPECT_EQ(clamped_both_ways(world(), {3, 3, 7, 1}), "03030701") << "none is put in";
  EXPECT_EQ(clamped_both_ways(world(), {2, 5, 0x23, 0x00}), "02052300") << "cut short";
  EXPECT_EQ(clamped_both_ways(world(), {}), "none");
}

TEST(TcpClamp, T7_OnlyOfSegmentsWithSyn) {
  Gateway gateway(world());
  const auto pod = [](uint8_t flags, const Bytes& options) {
    return from_node1()
        .ipv4(kPod, kServer)
        .tcp(40000, 443, {.flags = flags, .sequence = 1000, .options = options});
  };
  gateway.receive("underlay", pod(kSyn, {}));
  const uint16_t port = gateway.only_session().egress_port.host();
  const Bytes large{2, 4, 0x23, 0x00};
  const TcpOptions answer{
      .flags = kSynAck, .sequence = 5000, .acknowledgement = 1001, .options = {}};
  gateway.receive("uplink", from_outside().ipv4(kServer, kPodAddress).tcp(443, port, answer));
  const TcpOptions data{
      .flags = kAck | kPsh, .sequence = 1001, .acknowledgement = 5001, .options = large};
  const Bytes out = only_frame(
      gateway.receive("underlay", from_node1().ipv4(kPod, kServer).tcp(40000, 443, data)),
      "uplink");
  EXPECT_EQ(clamped(decode(out)), "02042300");
}

// `count` datagrams of one pod that begin sessions; how many left.
size_t begin_datagrams(Gateway& gateway, std::string_view server, uint32_t count) {
  size_t left = 0;
  for (uint32_t done = 0; done < count;) {
    std::vector<Packet> burst;
    for (; done < count && burst.size() < kBurst; ++done) {
      burst.push_back(from_node1().ipv4(kPod, server).udp(static_cast<uint16_t>(1000 + done), 53));
    }
    left += gateway.receive("underlay", burst).size();
  }
  return left;
}
// The same with SYNs, from source port `first` on.
size_t begin_connections(Gateway& gateway, uint32_t first, uint32_t count) {
  size_t left = 0;
  for (uint32_t done = 0; done < count;) {
    std::vector<Packet> burst;
    for (; done < count && burst.size() < kBurst; ++done) {
      burst.push_back(
          from_node1()
              .ipv4(kPod, kServer)
              .tcp(static_cast<uint16_t>(first + done), 443, {.flags = kSyn, .sequence = 1000}));
    }
    left += gateway.receive("underlay", burst).size();
  }
  return left;
}

TEST(TcpRoom, T9_InAFullTableHeldPortsGiveWayThenHalfOpenSessions) {
  Gateway gateway(world());
  const uint32_t capacity = gateway.table().capacity();
  ASSERT_EQ(begin_datagrams(gateway, "203.0.113.6", 100), 100u);
  gateway.pass_seconds(302);
  gateway.sweep();
  ASSERT_EQ(gateway.table().held(), 100u);
  ASSERT_EQ(begin_connections(gateway, 1, capacity - 100), capacity - 100);
  gateway.pass_seconds(2);
  EXPECT_EQ(begin_connections(gateway, 10'000, 100), 100u);
  EXPECT_EQ(gateway.table().held(), 0u);
  EXPECT_EQ(gateway.table().live(), capacity);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 0u) << "a session gave way too early";
  EXPECT_EQ(begin_connections(gateway, 20'000, 1), 1u);
  EXPECT_EQ(gateway.table().live(), capacity);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 1u);
  EXPECT_EQ(gateway.dropped(Reason::kSessionTableFull), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(TcpRoom, T9_TheOnlyHalfOpenSessionMakesRoomAtOnce) {
  Gateway gateway(world());
  const uint32_t capacity = gateway.table().capacity();
  ASSERT_EQ(begin_datagrams(gateway, kServer, capacity - 1), capacity - 1);
  ASSERT_EQ(begin_connections(gateway, 1, 1), 1u);
  EXPECT_EQ(begin_connections(gateway, 2, 1), 0u) << "too young to give way";
  gateway.pass_ms(1100);
  EXPECT_EQ(begin_connections(gateway, 2, 1), 1u);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 1u);
  EXPECT_EQ(gateway.table().live(), capacity);
}

TEST(TcpRoom, T9_InAFullTableEstablishedSessionsStay) {
  Gateway gateway(world());
  const uint32_t capacity = gateway.table().capacity();
  ASSERT_EQ(begin_connections(gateway, 1, 1), 1u);
  const uint16_t port = gateway.only_session().egress_port.host();
  const TcpOptions answer{.flags = kSynAck, .sequence = 5000, .acknowledgement = 1001};
  gateway.receive("uplink", from_outside().ipv4(kServer, kPodAddress).tcp(443, port, answer));
  const auto acknowledge = [] {
    return from_node1()
        .ipv4(kPod, kServer)
        .tcp(1, 443, {.flags = kAck, .sequence = 1001, .acknowledgement = 5001});
  };
  gateway.receive("underlay", acknowledge());
  ASSERT_EQ(begin_datagrams(gateway, kServer, capacity - 1), capacity - 1);
  gateway.pass_seconds(2);
  EXPECT_EQ(begin_connections(gateway, 2, 10), 0u);
  EXPECT_EQ(gateway.dropped(Reason::kSessionTableFull), 10u);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 0u);
  EXPECT_EQ(gateway.receive("underlay", acknowledge()).size(), 1u);
  EXPECT_EQ(begin_datagrams(gateway, kServer, 10), 10u) << "live ones go on";
}

}  // namespace
}  // namespace postern::test
