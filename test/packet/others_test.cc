// Other protocols than TCP, UDP and ICMP: translated by their addresses alone where one session
// with a remote makes that unambiguous, refused where it does not (nat.md O1).
#include "test/packet/others.h"

#include <gtest/gtest.h>

#include <set>

#include "test/packet/only_frame.h"

namespace postern::test {
namespace {

constexpr std::string_view kOtherPod = "10.128.1.7";  // of the same namespace

std::string name_of(uint8_t protocol) { return "protocol " + std::to_string(protocol); }

void expect_round_trip(Gateway& gateway, uint8_t protocol) {
  const Bytes out = only_frame(gateway.receive("underlay", from_pod(protocol)), "uplink");
  EXPECT_EQ(decode(out), decode(as_left(protocol).bytes())) << name_of(protocol);
  const Bytes back = only_frame(gateway.receive("uplink", answer_to(protocol)), "underlay");
  EXPECT_EQ(decode(back), decode(as_arrived(protocol, back).bytes())) << name_of(protocol);
}

TEST(Others, O1_GreLeavesAndComesBackByItsAddresses) {
  Gateway gateway(world());
  expect_round_trip(gateway, kGre);
  const SessionEntry& session = gateway.only_session();
  EXPECT_EQ(session.protocol(), kGre);
  EXPECT_EQ(session.source_port.host(), 0);
  EXPECT_EQ(session.remote_port.host(), 0);
  EXPECT_EQ(session.egress_port.host(), 0);
  EXPECT_EQ(session.outbound_packets, 1u);
  EXPECT_EQ(session.inbound_packets, 1u);
  EXPECT_EQ(session.flags, kSessionLive);
  EXPECT_EQ(gateway.counters().session_created.read(), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

// Packets whose bytes nobody looks at leave as they came but for addresses, TTL and checksums.
TEST(Others, O1_EveryProtocolThatCanBeTranslatedIs) {
  Gateway gateway(world());
  for (int number = 0; number < 256; ++number) {
    const auto protocol = static_cast<uint8_t>(number);
    if (!is_other_protocol(protocol) || protocol == kProtocolAh) continue;
    expect_round_trip(gateway, protocol);
  }
  EXPECT_EQ(gateway.table().live(), 252u);
  EXPECT_EQ(gateway.counters().dropped.read(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Others, O1_AhCoversTheAddressesAndIsNeverTranslated) {
  Gateway gateway(world());
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kProtocolAh)).empty());
  EXPECT_TRUE(gateway.receive("uplink", answer_to(kProtocolAh)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kUnsupportedProtocol), 2u);
  EXPECT_EQ(gateway.table().live(), 0u);
}

TEST(Others, O1_AHeaderThatEndsBeforeItsPortsOrItsChecksumIsShort) {
  Gateway gateway(world());
  const auto with_bytes = [](uint8_t protocol, size_t bytes) {
    return from_node1().ipv4(kPod, kServer, {.protocol = protocol}).raw(Bytes(bytes));
  };
  gateway.receive("underlay", with_bytes(kProtocolSctp, 3));
  gateway.receive("underlay", with_bytes(kProtocolUdpLite, 7));
  gateway.receive("underlay", with_bytes(kProtocolDccp, 7));
  EXPECT_EQ(gateway.dropped(Reason::kParseShort), 3u);
  EXPECT_EQ(gateway.receive("underlay", with_bytes(kEsp, 0)).size(), 1u) << "nothing is needed";
  EXPECT_EQ(gateway.receive("underlay", with_bytes(kProtocolSctp, 12)).size(), 1u);
}

TEST(Others, O1_OnePodForAnAddressAndARemote) {
  Gateway gateway(world());
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kGre, kOtherPod)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kUnsupportedProtocol), 1u);
  EXPECT_EQ(gateway.counters().port_failures.read(), 0u) << "no port was asked for";
  const Bytes back = only_frame(gateway.receive("uplink", answer_to(kGre)), "underlay");
  EXPECT_EQ(decode(back), decode(as_arrived(kGre, back).bytes())) << "the first pod's still";
  // Another remote, another protocol, another address: each is unambiguous.
  only_frame(gateway.receive("underlay", from_pod(kGre, kOtherPod, "203.0.113.6")), "uplink");
  only_frame(gateway.receive("underlay", from_pod(kEsp, kOtherPod)), "uplink");
  Packet of_web = from_node2();
  other(of_web, kGre, "10.128.2.7", kServer);
  only_frame(gateway.receive("underlay", of_web), "uplink");
  EXPECT_EQ(gateway.table().live(), 4u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Others, O1_TheNextAddressServesAnotherPodWhereItMay) {
  Gateway gateway(world(R"(
namespaces = ( { name = "payments"; pods = [ "10.128.0.11", "10.128.1.0/26" ]; } );
egress_ips = ( { name = "out"; namespaces = [ "payments" ]; spread = "first";
                 addresses = [ "192.0.2.50", "192.0.2.51" ]; when_exhausted = "next-address"; } );
firewall : { default = "allow"; };
)"));
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  const Bytes second = only_frame(gateway.receive("underlay", from_pod(kGre, kOtherPod)), "uplink");
  EXPECT_EQ(decode(second), decode(as_left(kGre, "192.0.2.51").bytes()));
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kGre, "10.128.1.8")).empty());
  EXPECT_EQ(gateway.dropped(Reason::kUnsupportedProtocol), 1u);
  const Bytes back =
      only_frame(gateway.receive("uplink", answer_to(kGre, "192.0.2.51")), "underlay");
  EXPECT_EQ(decode(back), decode(as_arrived(kGre, back, kOtherPod).bytes()));
}

TEST(Others, O1_InboundOnlyForALiveSessionFromItsRemote) {
  Gateway gateway(world());
  EXPECT_TRUE(gateway.receive("uplink", answer_to(kGre)).empty());
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  EXPECT_TRUE(gateway.receive("uplink", answer_to(kGre, kPodAddress, "203.0.113.6")).empty());
  EXPECT_TRUE(gateway.receive("uplink", answer_to(kGre, "192.0.2.60")).empty());
  EXPECT_TRUE(gateway.receive("uplink", answer_to(kEsp)).empty());
  EXPECT_TRUE(gateway.receive("uplink", answer_to(kGre, "192.0.2.10")).empty()) << "the uplink's";
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 5u);
  EXPECT_TRUE(gateway.receive("uplink", answer_to(kGre, kPodAddress, "192.0.2.60")).empty());
  EXPECT_EQ(gateway.dropped(Reason::kBadAddress), 1u) << "with an address of ours";
  EXPECT_EQ(gateway.only_session().inbound_packets, 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Others, O1_ManyEqualFirstPacketsMakeOneSession) {
  Gateway gateway(world());
  const std::vector<Packet> packets(64, from_pod(kEsp));
  EXPECT_EQ(gateway.receive("underlay", packets).size(), 64u);
  EXPECT_EQ(gateway.only_session().outbound_packets, 64u);
}

TEST(Others, O1_SctpKeepsItsPortsWhichTellPodsApart) {
  Gateway gateway(world());
  const auto associate = [&](std::string_view pod, uint16_t port) {
    Packet packet = from_node1();
    return gateway.receive("underlay", other(packet, kProtocolSctp, pod, kServer, {}, port, 9));
  };
  const Bytes out = only_frame(associate(kPod, 5000), "uplink");
  EXPECT_EQ(decode(out), decode(as_left(kProtocolSctp).bytes())) << "the CRC covers no address";
  EXPECT_TRUE(associate(kOtherPod, 5000).empty()) << "the same ports";
  EXPECT_EQ(gateway.dropped(Reason::kUnsupportedProtocol), 1u);
  only_frame(associate(kOtherPod, 5001), "uplink");
  only_frame(associate(kPod, 5002), "uplink");
  EXPECT_EQ(gateway.table().live(), 3u);
  Packet reply = from_outside();
  other(reply, kProtocolSctp, kServer, kPodAddress, {}, 9, 5001);
  const Bytes back = only_frame(gateway.receive("uplink", reply), "underlay");
  Packet expected = to_node1(entropy_of(back));
  other(expected, kProtocolSctp, kServer, kOtherPod, {.ttl = 63}, 9, 5001);
  EXPECT_EQ(decode(back), decode(expected.bytes()));
  Packet stranger = from_outside();
  other(stranger, kProtocolSctp, kServer, kPodAddress, {}, 10, 5001);
  EXPECT_TRUE(gateway.receive("uplink", stranger).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

// Some payload makes the checksum a number that one's complement has twice.
TEST(Others, O1_ChecksumsOverTheAddressesStayRightWhateverTheyAre) {
  Gateway gateway(world());
  for (const uint8_t protocol : {kProtocolUdpLite, kProtocolDccp}) {
    for (uint32_t filling = 0; filling < 0x10000; filling += 0x33) {
      Bytes bytes = other_header(protocol, 5000, 9);
      store(&bytes[8], Be32(filling));
      const Packet packet =
          from_node1().ipv4(kPod, kServer, {.protocol = protocol}).raw(std::move(bytes));
      const Bytes left = only_frame(gateway.receive("underlay", packet), "uplink");
      ASSERT_EQ(decode(left).find("BAD CHECKSUM"), std::string::npos) << decode(left);
      if (protocol == kProtocolDccp) continue;
      EXPECT_NE(load<Be16>(&left[40]).host(), 0) << "which means none";
    }
  }
}

TEST(Others, O1_TheTimeoutIsThatOfOthersAndBothDirectionsRefreshIt) {
  Gateway gateway(world());  // five minutes
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  gateway.pass_seconds(299);
  gateway.sweep();
  only_frame(gateway.receive("uplink", answer_to(kGre)), "underlay");
  gateway.pass_seconds(299);
  gateway.sweep();
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  gateway.pass_seconds(299);
  gateway.sweep();
  EXPECT_EQ(gateway.table().live(), 1u);
  gateway.pass_seconds(2);
  gateway.sweep();
  EXPECT_EQ(gateway.table().live(), 0u);
  EXPECT_EQ(gateway.counters().session_expired.read(), 1u);
  EXPECT_TRUE(gateway.receive("uplink", answer_to(kGre)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);

  Gateway quick(
      world(std::string(kWorldPolicy) + "sessions : { timeouts : { other = \"7s\"; }; };"));
  only_frame(quick.receive("underlay", from_pod(kGre)), "uplink");
  quick.pass_seconds(8);
  quick.sweep();
  EXPECT_EQ(quick.table().live(), 0u);
}

// What is held is the remote (nat.md M6): a late packet must not reach another pod.
TEST(Others, O1_AfterItsEndAStrangerWaitsASecondAndThePodDoesNot) {
  Gateway gateway(world());
  const auto end_it = [&] {
    for (SessionHandle handle = 0; handle < gateway.table().capacity(); ++handle) {
      if (gateway.table().is_live(handle)) gateway.sessions().remove(handle, gateway.now());
    }
  };
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  end_it();
  EXPECT_EQ(gateway.table().held(), 1u);
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  end_it();
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kGre, kOtherPod)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kUnsupportedProtocol), 1u);
  gateway.pass_ms(999);
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kGre, kOtherPod)).empty());
  gateway.pass_ms(1);
  only_frame(gateway.receive("underlay", from_pod(kGre, kOtherPod)), "uplink");
  EXPECT_EQ(gateway.table().held(), 0u);
  EXPECT_EQ(gateway.table().live(), 1u);
  end_it();
  gateway.pass_seconds(61);
  gateway.sweep();
  EXPECT_EQ(gateway.table().held(), 0u) << "the hold is over";
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Others, O1_TtlEndsHereBothWays) {
  Gateway gateway(world());
  only_frame(gateway.receive("underlay", from_pod(kGre)), "uplink");
  const Bytes told = only_frame(
      gateway.receive("underlay", from_pod(kGre, kPod, kServer, {.ttl = 1})), "underlay");
  EXPECT_NE(decode(told).find("icmp type 11 code 0"), std::string::npos) << decode(told);
  Packet last = from_outside();
  other(last, kGre, kServer, kPodAddress, {.ttl = 1});
  EXPECT_NE(decode(only_frame(gateway.receive("uplink", last), "uplink")).find("icmp type 11"),
            std::string::npos);
  EXPECT_EQ(gateway.dropped(Reason::kTtlExpired), 2u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Others, O1_FramesWaitForTheirNextHop) {
  Gateway gateway(world());
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kGre)).empty());
  EXPECT_TRUE(gateway.receive("underlay", from_pod(kProtocolSctp)).empty());
  EXPECT_EQ(gateway.counters().held.read(), 2u);
  gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kReachable);
  const std::vector<Sent> sent = gateway.release_held();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(decode(sent[0].frame), decode(as_left(kGre).bytes()));
  EXPECT_EQ(decode(sent[1].frame), decode(as_left(kProtocolSctp).bytes()));
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Others, O1_PacketsBelongToWorkerZeroWhereverTheyArrive) {
  Gateway gateway(world(), {.workers = 3});
  const auto carry = [&](uint32_t worker, std::string_view port, const Packet& packet) {
    std::vector<Sent> sent = gateway.receive_at(worker, port, {packet});
    for (Sent& one : gateway.hand_on()) sent.push_back(std::move(one));
    return only_frame(sent, port == "uplink" ? "underlay" : "uplink");
  };
  for (uint32_t worker = 0; worker < 3; ++worker) {
    for (const uint8_t protocol : {kGre, kProtocolSctp, kProtocolUdpLite}) {
      EXPECT_EQ(decode(carry(worker, "underlay", from_pod(protocol))),
                decode(as_left(protocol).bytes()));
      const Bytes back = carry(worker, "uplink", answer_to(protocol));
      EXPECT_EQ(decode(back), decode(as_arrived(protocol, back).bytes()));
    }
  }
  EXPECT_EQ(gateway.table(0).live(), 3u);
  EXPECT_EQ(gateway.table(1).live() + gateway.table(2).live(), 0u);
  EXPECT_EQ(gateway.counters(1).handover_packets.read(), 6u);
  EXPECT_EQ(gateway.counters(0).handover_packets.read(), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

}  // namespace
}  // namespace postern::test
