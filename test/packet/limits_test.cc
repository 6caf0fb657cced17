// Limits of namespaces: sessions, new sessions a second, bandwidth.
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr uint8_t kSyn = TcpHeader::kSyn;

// The world where payments has these limits, and web none.
std::string limited(const std::string& limits) {
  return world(R"(
namespaces = (
  { name = "payments"; pods = [ "10.128.0.11", "10.128.1.0/26" ]; limits : { )" +
               limits + R"( }; },
  { name = "web"; pods = [ "10.128.2.0/24" ]; } );
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; },
  { name = "web-out"; namespaces = [ "web" ]; addresses = [ "192.0.2.60", "192.0.2.61" ]; } );
firewall : { default = "allow"; refuse = "reject"; };
)");
}

Packet datagram(uint16_t source_port, size_t payload_bytes = 4) {
  return from_node1()
      .ipv4(kPod, kServer)
      .udp(source_port, 53)
      .payload(std::string(payload_bytes, 'x'));
}
Packet reply(uint16_t egress_port, size_t payload_bytes) {
  return from_outside()
      .ipv4(kServer, kPodAddress)
      .udp(53, egress_port)
      .payload(std::string(payload_bytes, 'y'));
}
Packet syn(uint16_t source_port) {
  return from_node1().ipv4(kPod, kServer).tcp(source_port, 443, {.flags = kSyn, .sequence = 1000});
}
Packet syn_of_web(uint16_t source_port) {
  return from_node2()
      .ipv4("10.128.2.7", kServer)
      .tcp(source_port, 443, {.flags = kSyn, .sequence = 1000});
}

// How many of the frames left by the uplink.
size_t forwarded(const std::vector<Sent>& sent) {
  return static_cast<size_t>(
      std::count_if(sent.begin(), sent.end(), [](const Sent& s) { return s.port == "uplink"; }));
}

// Sends `count` first packets in bursts; answers how many left.
size_t begin_sessions(Gateway& gateway, uint32_t count, uint16_t first_port) {
  size_t left = 0;
  for (uint32_t done = 0; done < count;) {
    std::vector<Packet> burst;
    for (; done < count && burst.size() < kBurst; ++done) {
      burst.push_back(datagram(static_cast<uint16_t>(first_port + done)));
    }
    left += forwarded(gateway.receive("underlay", burst));
  }
  return left;
}

TEST(Limits, SessionsAreExact) {
  Gateway gateway(limited("sessions = 100;"));
  EXPECT_EQ(begin_sessions(gateway, 250, 1000), 100u);
  EXPECT_EQ(gateway.table().live(), 100u);
  EXPECT_EQ(gateway.dropped(Reason::kQuotaSessions), 150u);
  // What is there goes on, others have their own.
  EXPECT_EQ(forwarded(gateway.receive("underlay", datagram(1000))), 1u);
  EXPECT_EQ(forwarded(gateway.receive("underlay", syn_of_web(7))), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Limits, AnEndedSessionMakesRoom) {
  Gateway gateway(limited("sessions = 10;"));
  EXPECT_EQ(begin_sessions(gateway, 20, 1000), 10u);
  gateway.pass_seconds(302);  // the default UDP timeout
  gateway.sweep();
  EXPECT_EQ(begin_sessions(gateway, 20, 3000), 10u);
}

TEST(Limits, M8_ASecondFirstPacketAtTheLimitIsNotRefused) {
  Gateway gateway(limited("sessions = 1;"));
  const auto sent = gateway.receive("underlay", {datagram(1000), datagram(1000), datagram(1001)});
  EXPECT_EQ(forwarded(sent), 2u);
  EXPECT_EQ(gateway.dropped(Reason::kQuotaSessions), 1u);
}

TEST(Limits, M8_ASecondFirstPacketAtTheLimitTakesNobodysRoom) {
  Gateway gateway(limited("sessions = 2;"));
  gateway.receive("underlay", syn(1));
  gateway.pass_seconds(2);  // old enough to give way
  EXPECT_EQ(forwarded(gateway.receive("underlay", {syn(2), syn(2), syn(2)})), 3u);
  EXPECT_EQ(gateway.table().live(), 2u);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 0u);
}

TEST(Limits, T9_OnlyItsOwnHalfOpenSessionsMakeRoomForANamespace) {
  Gateway gateway(limited("sessions = 3;"));
  gateway.receive("underlay", {syn_of_web(1), syn_of_web(2), syn(1), syn(2), syn(3)});
  ASSERT_EQ(gateway.table().live(), 5u);
  EXPECT_EQ(forwarded(gateway.receive("underlay", syn(4))), 0u);  // too young to give way
  gateway.pass_seconds(2);
  EXPECT_EQ(forwarded(gateway.receive("underlay", syn(5))), 1u);
  EXPECT_EQ(gateway.table().live(), 5u);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 1u);
  // The other namespace's are as they were.
  EXPECT_EQ(forwarded(gateway.receive("underlay", {syn_of_web(1), syn_of_web(2)})), 2u);
  EXPECT_EQ(gateway.counters().session_created.read(), 6u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Limits, T9_AWholeBurstOfNewOnesTakesTheRoomOfOldHalfOpenOnes) {
  Gateway gateway(limited("sessions = 60;"), {.max_sessions = 100'000});
  const auto burst = [](uint16_t first) {
    std::vector<Packet> packets;
    for (uint16_t port = first; port < first + 60; ++port) packets.push_back(syn(port));
    return packets;
  };
  ASSERT_EQ(forwarded(gateway.receive("underlay", burst(100))), 60u);
  gateway.pass_seconds(2);
  EXPECT_EQ(forwarded(gateway.receive("underlay", burst(300))), 60u);
  EXPECT_EQ(gateway.table().live(), 60u);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 60u);
  EXPECT_EQ(forwarded(gateway.receive("underlay", burst(500))), 0u) << "too young to give way";
}

TEST(Limits, T9_EstablishedOnesNeverGiveWay) {
  Gateway gateway(limited("sessions = 3;"));
  EXPECT_EQ(begin_sessions(gateway, 3, 1000), 3u);
  gateway.pass_seconds(2);
  EXPECT_EQ(begin_sessions(gateway, 3, 2000), 0u);
  EXPECT_EQ(gateway.counters().session_deleted.read(), 0u);
}

TEST(Limits, NewSessionsASecondWithABurstOfOneSecond) {
  Gateway gateway(limited("new_sessions_per_second = 50;"));
  EXPECT_EQ(begin_sessions(gateway, 200, 1000), 50u);
  gateway.pass_seconds(1);
  EXPECT_EQ(begin_sessions(gateway, 200, 2000), 50u);
  gateway.pass_seconds(10);  // no more than one second is saved
  EXPECT_EQ(begin_sessions(gateway, 200, 3000), 50u);
  EXPECT_EQ(gateway.dropped(Reason::kQuotaRate), 450u);
  EXPECT_EQ(forwarded(gateway.receive("underlay", datagram(1000))), 1u);  // established
}

// Begins a connection and ends it by the pod's reset.
void begin_and_reset(Gateway& gateway, uint16_t source_port) {
  const auto reset = from_node1()
                         .ipv4(kPod, kServer)
                         .tcp(source_port, 443, {.flags = TcpHeader::kRst, .sequence = 1001});
  EXPECT_EQ(forwarded(gateway.receive("underlay", {syn(source_port), reset})), 2u);
}

TEST(Limits, T4_AReopenedSessionIsANewOneOfItsSecond) {
  Gateway gateway(limited("new_sessions_per_second = 2;"));
  begin_and_reset(gateway, 1);
  EXPECT_EQ(forwarded(gateway.receive("underlay", syn(1))), 1u);
  const auto reset =
      from_node1().ipv4(kPod, kServer).tcp(1, 443, {.flags = TcpHeader::kRst, .sequence = 1001});
  EXPECT_EQ(forwarded(gateway.receive("underlay", reset)), 1u);
  EXPECT_EQ(forwarded(gateway.receive("underlay", syn(1))), 0u);
  EXPECT_EQ(gateway.dropped(Reason::kQuotaRate), 1u);
  EXPECT_EQ(tcp_state(gateway.only_session()), TcpState::kClosed);
  gateway.pass_seconds(1);
  EXPECT_EQ(forwarded(gateway.receive("underlay", syn(1))), 1u);
  EXPECT_EQ(gateway.counters().session_created.read(), 3u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Limits, AReopenedSessionTakesTheRoomOfTheOldOne) {
  Gateway gateway(limited("sessions = 2;"));
  begin_and_reset(gateway, 1);
  begin_and_reset(gateway, 2);
  EXPECT_EQ(forwarded(gateway.receive("underlay", {syn(1), syn(2)})), 2u);
  EXPECT_EQ(gateway.table().live(), 2u);
  gateway.apply(limited("sessions = 1;"));  // two are one too many now
  begin_and_reset(gateway, 1);
  EXPECT_EQ(forwarded(gateway.receive("underlay", syn(1))), 0u);
  EXPECT_EQ(gateway.dropped(Reason::kQuotaSessions), 1u);
}

TEST(Limits, BandwidthIsOfEachDirectionByItself) {
  Gateway gateway(limited("bandwidth = \"8Mbit\";"));  // 1 MB/s: the burst is 64 KiB
  constexpr size_t kPayload = 1000 - 28;
  size_t left = 0;
  for (int i = 0; i < 100; ++i) {
    left += forwarded(gateway.receive("underlay", datagram(1000, kPayload)));
  }
  EXPECT_EQ(left, 65u);  // of 1,000 bytes each
  const uint16_t port = gateway.only_session().egress_port.host();
  size_t back = 0;
  for (int i = 0; i < 100; ++i) back += gateway.receive("uplink", reply(port, kPayload)).size();
  EXPECT_GE(back, 65u);
  EXPECT_EQ(gateway.dropped(Reason::kQuotaBandwidth), 70u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Limits, BandwidthIsKeptOverTime) {
  Gateway gateway(limited("bandwidth = \"80Mbit\";"));  // 10 MB/s, 50 ms are 500,000 bytes
  constexpr size_t kPayload = 1000 - 28;
  size_t left = 0;
  // A second of 20,000 packets of 1,000 bytes, twice what is allowed, in steps of 1 ms.
  for (int ms = 0; ms < 1000; ++ms) {
    const std::vector<Packet> burst(20, datagram(1000, kPayload));
    left += forwarded(gateway.receive("underlay", burst));
    gateway.pass_ms(1);
  }
  EXPECT_GE(left, 10'000u);
  EXPECT_LE(left, 10'500u);  // the burst is within five per cent of a second
}

TEST(Limits, I5_RefusedByLimitsIsAnsweredUnderReject) {
  Gateway gateway(limited("sessions = 1;"));
  gateway.receive("underlay", datagram(1000));
  const auto sent = gateway.receive("underlay", datagram(1001));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].port, "underlay");
  EXPECT_NE(decode(sent[0].frame).find("icmp type 3 code 13"), std::string::npos)
      << decode(sent[0].frame);
}

TEST(Limits, ALowerLimitLeavesLiveSessionsAlone) {
  Gateway gateway(limited("sessions = 10;"));
  EXPECT_EQ(begin_sessions(gateway, 10, 1000), 10u);
  gateway.apply(limited("sessions = 5;"));
  EXPECT_EQ(begin_sessions(gateway, 10, 1000), 10u);
  EXPECT_EQ(begin_sessions(gateway, 10, 2000), 0u);
}

}  // namespace
}  // namespace postern::test
