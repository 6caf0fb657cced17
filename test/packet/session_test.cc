// Ports, addresses and lifetimes of sessions (nat.md M, T, U) through the whole walk.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr uint8_t kSyn = TcpHeader::kSyn;
constexpr uint8_t kAck = TcpHeader::kAck;
constexpr uint8_t kFin = TcpHeader::kFin;
constexpr uint8_t kRst = TcpHeader::kRst;

// A world whose one pod range leaves by `entry` settings, with 64 ports an address.
std::string small_range(const std::string& entry, const std::string& more = "") {
  return world("namespaces = ( { name = \"payments\"; pods = [ \"10.128.1.0/24\" ]; } );\n" +
               ("egress_ips = ( { name = \"out\"; namespaces = [ \"payments\" ]; " + entry) +
               " } );\nfirewall : { default = \"allow\"; };\n" +
               "sessions : { port_range = \"2048-2111\"; };\n" + more);
}

// The external address and port that a pod's UDP packet leaves with, or "" when it does not leave.
std::string outside_of(Gateway& gateway, const std::string& pod, uint16_t source_port,
                       std::string_view server = kServer) {
  const auto sent =
      gateway.receive("underlay", from_node1().ipv4(pod, server).udp(source_port, 53).payload("x"));
  if (sent.empty()) return "";
  const auto ip = load<Ipv4Header>(&sent[0].frame[14]);
  return Ipv4Address::from(ip.source).text() + ":" +
         std::to_string(load<Be16>(&sent[0].frame[34]).host());
}
std::string address_part(const std::string& outside) {
  return outside.substr(0, outside.find(':'));
}

TEST(Session, M2_EveryPortIsUsedBeforeOneIsRefused) {
  Gateway gateway(small_range("addresses = [ \"192.0.2.50\" ];"));
  std::set<std::string> seen;
  for (uint16_t port = 1; port <= 64; ++port) {
    const std::string outside = outside_of(gateway, "10.128.1.5", port);
    EXPECT_TRUE(seen.insert(outside).second) << "M4: twice " << outside;
  }
  EXPECT_EQ(seen.count(""), 0u);
  EXPECT_EQ(outside_of(gateway, "10.128.1.5", 65), "");
  EXPECT_EQ(gateway.dropped(Reason::kNoPort), 1u);
  EXPECT_EQ(gateway.counters().port_failures.read(), 1u);
  EXPECT_NE(outside_of(gateway, "10.128.1.5", 65, "203.0.113.6"), "") << "M1: another remote";
}

TEST(Session, NextAddressWhenExhausted) {
  Gateway gateway(
      small_range("addresses = [ \"192.0.2.50\", \"192.0.2.51\" ]; spread = \"first\"; "
                  "when_exhausted = \"next-address\";"));
  std::map<std::string, int> used;
  for (uint16_t port = 1; port <= 129; ++port) {
    ++used[address_part(outside_of(gateway, "10.128.1.5", port))];
  }
  EXPECT_EQ(used["192.0.2.50"], 64);
  EXPECT_EQ(used["192.0.2.51"], 64);
  EXPECT_EQ(used[""], 1);
}

Packet question(uint16_t port) {
  return from_node1().ipv4(kPod, kServer).udp(port, 53).payload("x");
}

TEST(Session, ADownPortTakesNoNewSession) {
  Gateway gateway(world());
  EXPECT_EQ(gateway.receive("underlay", question(1000)).size(), 1u);
  gateway.set_link(1, false);
  EXPECT_EQ(gateway.receive("underlay", question(1001)).size(), 0u);
  EXPECT_EQ(gateway.dropped(Reason::kNoEgressAddress), 1u);
  EXPECT_EQ(gateway.receive("underlay", question(1000)).size(), 1u) << "a live one goes on";
  EXPECT_EQ(gateway.counters().session_created.read(), 1u);
  gateway.set_link(1, true);
  EXPECT_EQ(gateway.receive("underlay", question(1001)).size(), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Session, NewSessionsPassOverAnAddressWhosePortIsDown) {
  Gateway gateway(R"(
version = 1;
gateway : { name = "gw-test"; };
ports = (
  { name = "underlay"; device = "net_ring0"; role = "cluster"; addresses = [ "10.0.0.254/24" ]; },
  { name = "uplink"; device = "net_ring1"; role = "external"; addresses = [ "192.0.2.10/24" ];
    gateway = "192.0.2.1"; },
  { name = "second"; device = "net_ring2"; role = "external"; addresses = [ "198.51.100.10/24" ];
    gateway = "198.51.100.1"; } );
tunnels = ( { name = "overlay"; type = "vxlan"; local = "10.0.0.254"; vni = 100; } );
nodes = ( { name = "node-1"; tunnel = "overlay"; vtep = "10.0.0.1";
            pod_cidrs = [ "10.128.0.0/23" ]; } );
namespaces = ( { name = "payments"; pods = [ "10.128.0.11" ]; } );
egress_ips = ( { name = "out"; namespaces = [ "payments" ]; spread = "first";
                 addresses = [ "192.0.2.50", "198.51.100.50" ]; } );
firewall : { default = "allow"; };
)");
  const auto leaves_by = [&](uint16_t port) {
    const auto sent = gateway.receive("underlay", question(port));
    return sent.empty() ? std::string("none") : sent[0].port;
  };
  EXPECT_EQ(leaves_by(1000), "uplink");
  gateway.set_link(1, false);
  EXPECT_EQ(leaves_by(1001), "second");
  gateway.set_link(2, false);
  EXPECT_EQ(leaves_by(1002), "none");
  EXPECT_EQ(gateway.dropped(Reason::kNoEgressAddress), 1u);
  gateway.set_link(1, true);
  EXPECT_EQ(leaves_by(1002), "uplink");
  EXPECT_EQ(leaves_by(1001), "second") << "a live session keeps its address";
}

TEST(Session, M5_SpreadSourceKeepsAPodOnOneAddressAndMovesOnlyThoseOfALostOne) {
  const auto entry = [](const std::string& addresses) {
    return small_range("addresses = [ " + addresses + " ];");
  };
  const auto map_pods = [](Gateway& gateway) {
    std::map<std::string, std::string> where;
    for (int pod = 1; pod <= 60; ++pod) {
      const std::string name = "10.128.1." + std::to_string(pod);
      where[name] = address_part(outside_of(gateway, name, 1));
      EXPECT_EQ(address_part(outside_of(gateway, name, 2, "203.0.113.7")), where[name]);
    }
    return where;
  };
  Gateway three(entry("\"192.0.2.50\", \"192.0.2.51\", \"192.0.2.52\""));
  Gateway two(entry("\"192.0.2.50\", \"192.0.2.52\""));
  const auto before = map_pods(three);
  const auto after = map_pods(two);
  std::set<std::string> used;
  for (const auto& [pod, address] : before) {
    used.insert(address);
    if (address != "192.0.2.51") {
      EXPECT_EQ(after.at(pod), address) << pod;
    }
  }
  EXPECT_EQ(used.size(), 3u);
}

TEST(Session, SpreadSessionUsesAllAddressesAndFirstOnlyTheFirst) {
  const std::string three = "addresses = [ \"192.0.2.50\", \"192.0.2.51\", \"192.0.2.52\" ]; ";
  Gateway spread(small_range(three + "spread = \"session\";"));
  Gateway first(small_range(three + "spread = \"first\";"));
  std::set<std::string> used;
  for (uint16_t port = 1; port <= 40; ++port) {
    used.insert(address_part(outside_of(spread, "10.128.1.5", port)));
    EXPECT_EQ(address_part(outside_of(first, "10.128.1.5", port)), "192.0.2.50");
  }
  EXPECT_EQ(used.size(), 3u);
}

TEST(Session, NodeIpServesWhoHasNoEntry) {
  Gateway gateway(world(R"(
namespaces = ( { name = "payments"; pods = [ "10.128.0.11" ]; },
               { name = "web"; pods = [ "10.128.0.12" ]; } );
egress_ips = ( { name = "out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; } );
node_ip : { mode = "gateway"; addresses = [ "192.0.2.40" ]; };
firewall : { default = "allow"; };
)"));
  EXPECT_EQ(address_part(outside_of(gateway, "10.128.0.11", 1)), "192.0.2.50");
  EXPECT_EQ(address_part(outside_of(gateway, "10.128.0.12", 1)), "192.0.2.40");
}

TEST(Session, PodsBeatNamespacesAndLongerDestinationsBeatShorter) {
  Gateway gateway(world(R"(
namespaces = ( { name = "payments"; pods = [ "10.128.0.11", "10.128.0.12" ]; } );
egress_ips = (
  { name = "all"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; },
  { name = "near"; namespaces = [ "payments" ]; destinations = [ "203.0.113.0/24" ];
    except = [ "203.0.113.128/25" ]; addresses = [ "192.0.2.51" ]; },
  { name = "pod"; namespaces = [ "payments" ]; pods = [ "10.128.0.12" ];
    addresses = [ "192.0.2.52" ]; } );
firewall : { default = "allow"; };
)"));
  EXPECT_EQ(address_part(outside_of(gateway, "10.128.0.11", 1, "198.51.100.9")), "192.0.2.50");
  EXPECT_EQ(address_part(outside_of(gateway, "10.128.0.11", 1, "203.0.113.5")), "192.0.2.51");
  EXPECT_EQ(address_part(outside_of(gateway, "10.128.0.11", 1, "203.0.113.200")), "192.0.2.50");
  EXPECT_EQ(address_part(outside_of(gateway, "10.128.0.12", 1, "203.0.113.5")), "192.0.2.52");
}

TEST(Session, U1_UdpExpiresAfterItsTimeoutAndBothDirectionsRefreshIt) {
  Gateway gateway(world());
  outside_of(gateway, std::string(kPod), 7777);
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.pass_seconds(290);
  only_frame(gateway.receive("uplink", from_outside().ipv4(kServer, kPodAddress).udp(53, port)),
             "underlay");
  gateway.pass_seconds(290);
  gateway.sweep();
  EXPECT_EQ(gateway.table().live(), 1u);
  gateway.pass_seconds(12 + SessionTable::kLookAhead_s);
  gateway.sweep();
  EXPECT_EQ(gateway.table().live(), 0u);
  EXPECT_EQ(gateway.counters().session_expired.read(), 1u);
  EXPECT_TRUE(
      gateway.receive("uplink", from_outside().ipv4(kServer, kPodAddress).udp(53, port)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

TEST(Session, M6_AnEndedPortIsHeldBackFromOthers) {
  Gateway gateway(small_range("addresses = [ \"192.0.2.50\" ];"));
  std::set<std::string> first;
  for (uint16_t port = 1; port <= 32; ++port) {
    first.insert(outside_of(gateway, "10.128.1.5", port));
  }
  gateway.pass_seconds(300 + 2 + SessionTable::kLookAhead_s);
  gateway.sweep();
  ASSERT_EQ(gateway.table().live(), 0u);
  EXPECT_EQ(gateway.table().held(), 32u);
  for (uint16_t port = 101; port <= 132; ++port) {
    EXPECT_EQ(first.count(outside_of(gateway, "10.128.1.6", port)), 0u);
  }
  EXPECT_EQ(outside_of(gateway, "10.128.1.6", 200), "") << "held for less than a second";
  gateway.pass_seconds(2);
  EXPECT_NE(outside_of(gateway, "10.128.1.6", 200), "")
      << "a remote without free ports takes back held ones";
}

class Tcp : public ::testing::Test {
 protected:
  Packet pod(TcpOptions options) { return from_node1().ipv4(kPod, kServer).tcp(4000, 80, options); }
  Packet server(TcpOptions options) {
    return from_outside().ipv4(kServer, kPodAddress).tcp(80, port_, options);
  }
  void open() {
    gateway_.receive("underlay", pod({.flags = kSyn, .sequence = 100}));
    port_ = gateway_.only_session().egress_port.host();
    gateway_.receive("uplink", server({.flags = static_cast<uint8_t>(kSyn | kAck),
                                       .sequence = 500,
                                       .acknowledgement = 101}));
    gateway_.receive("underlay", pod({.flags = kAck, .sequence = 101, .acknowledgement = 501}));
    ASSERT_EQ(tcp_state(gateway_.only_session()), TcpState::kEstablished);
  }
  void close() {
    constexpr uint8_t kFinAck = kFin | kAck;
    gateway_.receive("underlay", pod({.flags = kFinAck, .sequence = 101, .acknowledgement = 501}));
    gateway_.receive("uplink", server({.flags = kFinAck, .sequence = 501, .acknowledgement = 102}));
    gateway_.receive("underlay", pod({.flags = kAck, .sequence = 102, .acknowledgement = 502}));
    ASSERT_EQ(tcp_state(gateway_.only_session()), TcpState::kClosing);
  }
  Gateway gateway_{world()};
  uint16_t port_ = 0;
};

TEST_F(Tcp, T5_ABlindResetIsDroppedAndChangesNothing) {
  open();
  EXPECT_TRUE(gateway_.receive("uplink", server({.flags = kRst, .sequence = 90'000})).empty());
  EXPECT_EQ(gateway_.dropped(Reason::kBadTcpSequence), 1u);
  EXPECT_EQ(tcp_state(gateway_.only_session()), TcpState::kEstablished);
  EXPECT_EQ(gateway_.receive("uplink", server({.flags = kRst, .sequence = 501})).size(), 1u);
  EXPECT_EQ(tcp_state(gateway_.only_session()), TcpState::kClosed);
}

TEST_F(Tcp, T3_RetransmittedFinAndAckStillPass) {
  open();
  close();
  constexpr uint8_t kFinAck = kFin | kAck;
  EXPECT_EQ(
      gateway_
          .receive("uplink", server({.flags = kFinAck, .sequence = 501, .acknowledgement = 102}))
          .size(),
      1u);
  EXPECT_EQ(
      gateway_.receive("underlay", pod({.flags = kAck, .sequence = 102, .acknowledgement = 502}))
          .size(),
      1u);
}

TEST_F(Tcp, T2_ClosingSessionsEndAfterTheTransitoryTimeout) {
  open();
  close();
  gateway_.pass_seconds(242);
  gateway_.sweep();
  EXPECT_EQ(gateway_.table().live(), 0u);
}

TEST_F(Tcp, T4_ANewSynReopensAClosingTuple) {
  open();
  close();
  EXPECT_EQ(gateway_.receive("underlay", pod({.flags = kSyn, .sequence = 70'000})).size(), 1u);
  EXPECT_EQ(gateway_.table().live(), 1u);
  EXPECT_EQ(tcp_state(gateway_.only_session()), TcpState::kNew);
  EXPECT_EQ(gateway_.only_session().egress_port.host(), port_);
}

TEST_F(Tcp, T4_AReopenedSessionIsANewOne) {
  open();
  close();
  gateway_.pass_seconds(100);
  const auto syn = pod({.flags = kSyn, .sequence = 70'000});
  EXPECT_EQ(gateway_.receive("underlay", syn).size(), 1u);
  EXPECT_EQ(gateway_.counters().session_created.read(), 2u);
  EXPECT_EQ(gateway_.counters().session_deleted.read(), 1u);
  EXPECT_EQ(gateway_.table().live(), 1u);
  const SessionEntry& entry = gateway_.only_session();
  const SessionHandle handle = static_cast<SessionHandle>(&entry - &gateway_.table().entry(0));
  const ColdSession& cold = gateway_.table().cold(handle);
  EXPECT_GE(cold.created_s(), 1099u);  // in ticks of 64 ms, not at 1000
  const SessionTotals sums = totals(entry, cold);
  EXPECT_EQ(sums.outbound_packets, 1u);
  EXPECT_EQ(sums.outbound_bytes, 40u);
  EXPECT_EQ(sums.inbound_packets, 0u);
  EXPECT_EQ(sums.inbound_bytes, 0u);
  // And it ends as one: half open, after the transitory timeout.
  gateway_.pass_seconds(242);
  gateway_.sweep();
  EXPECT_EQ(gateway_.table().live(), 0u);
  EXPECT_EQ(gateway_.counters().session_expired.read(), 1u);
}

TEST_F(Tcp, T4_AReopenedSessionIsAskedOfTheFirewallAgain) {
  open();
  close();
  std::string denying = world();
  denying.replace(denying.find("\"allow\""), 7, "\"deny\"");
  gateway_.apply(denying);
  EXPECT_TRUE(gateway_.receive("underlay", pod({.flags = kSyn, .sequence = 70'000})).empty());
  EXPECT_EQ(gateway_.dropped(Reason::kFirewallDefault), 1u);
  EXPECT_EQ(tcp_state(gateway_.only_session()), TcpState::kClosing);
}

TEST_F(Tcp, T9_AReopenedHalfOpenSessionIsNotOldEnoughToGiveWay) {
  open();
  close();
  gateway_.pass_seconds(100);
  gateway_.receive("underlay", pod({.flags = kSyn, .sequence = 70'000}));
  Now now{1'000'000 + 100'900};
  EXPECT_EQ(gateway_.table().half_open_victim(now), kNoSession);
  now.ms += 200;
  EXPECT_NE(gateway_.table().half_open_victim(now), kNoSession);
}

TEST_F(Tcp, T4_ASynFromTheRemoteAloneDoesNotRevive) {
  open();
  close();
  gateway_.receive("uplink", server({.flags = kSyn, .sequence = 70'000}));
  EXPECT_EQ(tcp_state(gateway_.only_session()), TcpState::kClosing);
}

TEST_F(Tcp, T3_TheRemoteAloneDoesNotKeepAClosedConnection) {
  open();
  close();
  const uint16_t expires_s = gateway_.only_session().expires_s;
  gateway_.pass_seconds(100);
  // Beyond what was sent: it moves the trackers.
  gateway_.receive("uplink",
                   server({.flags = kAck, .sequence = 600, .acknowledgement = 102}).payload("x"));
  EXPECT_EQ(gateway_.only_session().expires_s, expires_s);
}

}  // namespace
}  // namespace postern::test
