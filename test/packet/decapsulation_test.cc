// There is one decapsulation: of a tunnel packet of a configured node, on a port of its tunnel. All
// else that wraps packets is no more than any packet (nat.md V6; CVE-2026-7473, VU#199397).
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/others.h"
#include "test/packet/overlay.h"

namespace postern::test {
namespace {

constexpr uint16_t kGue = 6080;  // draft-ietf-intarea-gue

// What an attacker would like to see out of its wrapping: a packet to a pod, or of one.
Bytes to_a_pod() { return Packet().ipv4(kServer, kPod).udp(53, 7777).payload("inside").bytes(); }
Bytes of_a_pod() { return Packet().ipv4(kPod, kServer).udp(7777, 53).payload("inside").bytes(); }

// Wrapped once more, up to the IP header that is outside: every kind of tunnel there is.
struct Wrapping {
  const char* name;
  Packet (*around)(Packet outside, std::string_view source, std::string_view destination,
                   const Bytes& inside);
};

Packet in_ip(Packet outside, std::string_view source, std::string_view destination,
             const Bytes& inside) {
  return outside.ipv4(source, destination, {.protocol = kIpInIp}).raw(inside);
}
Packet in_gre(Packet outside, std::string_view source, std::string_view destination,
              const Bytes& inside) {
  return outside.ipv4(source, destination).raw({0, 0, 8, 0}).raw(inside);
}
Packet in_gue(Packet outside, std::string_view source, std::string_view destination,
              const Bytes& inside) {
  return outside.ipv4(source, destination).udp(50000, kGue).raw({0, 4, 0, 0}).raw(inside);
}
Packet in_vxlan(Packet outside, std::string_view source, std::string_view destination,
                const Bytes& inside) {
  return outside.ipv4(source, destination)
      .udp(50000, 4789, false)
      .vxlan(100)
      .ethernet_type(kNode1InnerMac, kInnerMac, kEtherTypeIpv4)
      .raw(inside);
}
Packet in_geneve(Packet outside, std::string_view source, std::string_view destination,
                 const Bytes& inside) {
  return outside.ipv4(source, destination)
      .udp(50000, 6081, false)
      .geneve(100)
      .ethernet_type(kNode1InnerMac, kInnerMac, kEtherTypeIpv4)
      .raw(inside);
}

constexpr Wrapping kWrappings[] = {{"IpInIp", in_ip},
                                   {"Gre", in_gre},
                                   {"Gue", in_gue},
                                   {"Vxlan", in_vxlan},
                                   {"Geneve", in_geneve}};

class Decapsulation : public ::testing::TestWithParam<Wrapping> {
 protected:
  Decapsulation() : gateway_(world()) {
    // Live sessions, which unwrapped packets could find.
    only_frame(gateway_.receive("underlay", from_node1().ipv4(kPod, kServer).udp(7777, 53)),
               "uplink");
    port_ = gateway_.only_session().egress_port.host();
  }
  ~Decapsulation() override {
    EXPECT_EQ(gateway_.imbalance(), 0);
    EXPECT_EQ(gateway_.table().live(), 1u);
    EXPECT_EQ(gateway_.only_session().outbound_packets, 1u);
    EXPECT_EQ(gateway_.only_session().inbound_packets, 0u);
  }
  // What the pod would get as an answer.
  [[nodiscard]] Bytes answer() const {
    return Packet().ipv4(kServer, kPodAddress).udp(53, port_).payload("inside").bytes();
  }

  Gateway gateway_;
  uint16_t port_ = 0;
};

TEST_P(Decapsulation, V6_OnTheUplinkToAnEgressAddress) {
  for (const Bytes& inside : {to_a_pod(), of_a_pod(), answer()}) {
    for (const char* const source : {"203.0.113.5", "10.0.0.1"}) {
      const Packet packet = GetParam().around(from_outside(), source, kPodAddress, inside);
      EXPECT_TRUE(gateway_.receive("uplink", packet).empty());
    }
  }
  EXPECT_EQ(gateway_.dropped(Reason::kNoSession), 6u);
}

TEST_P(Decapsulation, V6_OnTheUplinkToItsOwnAddress) {
  const Packet packet = GetParam().around(from_outside(), kServer, "192.0.2.10", answer());
  EXPECT_TRUE(gateway_.receive("uplink", packet).empty());
  EXPECT_EQ(gateway_.dropped(Reason::kNoSession), 1u);
}

TEST_P(Decapsulation, V6_OnTheUplinkToTheAddressOfTheTunnel) {
  for (const Bytes& inside : {to_a_pod(), of_a_pod()}) {
    const Packet packet = GetParam().around(from_outside(), "10.0.0.1", "10.0.0.254", inside);
    EXPECT_TRUE(gateway_.receive("uplink", packet).empty());
  }
  const bool its_own_kind = GetParam().around == in_vxlan;
  EXPECT_EQ(gateway_.dropped(its_own_kind ? Reason::kTunnelWrongPort : Reason::kNoSession), 2u);
}

TEST_P(Decapsulation, V6_OnTheClusterPortBesidesTheTunnels) {
  if (GetParam().around == in_vxlan) return;
  const Packet packet = GetParam().around(Packet().ethernet(kNode1Mac, Gateway::kClusterMac),
                                          "10.0.0.1", "10.0.0.254", of_a_pod());
  EXPECT_TRUE(gateway_.receive("underlay", packet).empty());
  EXPECT_EQ(gateway_.dropped(Reason::kNotForUs), 1u);
}

TEST_P(Decapsulation, V6_ATunnelInTheTunnelToTheTunnelsOwnEnd) {
  const Packet packet = GetParam().around(from_node1(), kPod, "10.0.0.254", of_a_pod());
  EXPECT_TRUE(gateway_.receive("underlay", packet).empty());
  EXPECT_EQ(gateway_.dropped(Reason::kClusterDestination), 1u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Decapsulation, ::testing::ValuesIn(kWrappings),
                         [](const auto& test) { return test.param.name; });

class WrappedTraffic : public ::testing::TestWithParam<Wrapping> {};

// A pod may have a tunnel of its own with a host outside: its outer packets are translated as any,
// and what is in it leaves and comes as it is.
TEST_P(WrappedTraffic, V6_APodsOwnTunnelLeavesAndComesBackWrapped) {
  Gateway gateway(world());
  const auto& around = GetParam().around;
  const Bytes out = only_frame(
      gateway.receive("underlay", around(from_node1(), kPod, kServer, of_a_pod())), "uplink");
  const SessionEntry& session = gateway.only_session();
  const Bytes inside = of_a_pod();
  ASSERT_GT(out.size(), inside.size());
  EXPECT_EQ(Bytes(out.end() - static_cast<long>(inside.size()), out.end()), inside);
  EXPECT_NE(decode(out).find("192.0.2.50 > 203.0.113.5 ttl 63"), std::string::npos) << decode(out);

  // The reply has the ports of the session, where it has any.
  Bytes reply = around(from_outside(), kServer, kPodAddress, to_a_pod()).bytes();
  if (session.protocol() == kProtocolUdp) {
    store(&reply[34], session.remote_port);
    store(&reply[36], session.egress_port);
    store(&reply[40], Be16(0));
  }
  const Bytes back = only_frame(gateway.receive("uplink", Packet().raw(reply)), "underlay");
  const Bytes within = to_a_pod();
  ASSERT_GT(back.size(), 64 + within.size());
  EXPECT_EQ(Bytes(back.end() - static_cast<long>(within.size()), back.end()), within);
  const auto ip = load<Ipv4Header>(&back[64]);
  EXPECT_EQ(Ipv4Address::from(ip.destination).text(), kPod) << "the outer one";
  EXPECT_EQ(ip.protocol, session.protocol());
  EXPECT_EQ(session.inbound_packets, 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, WrappedTraffic, ::testing::ValuesIn(kWrappings),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace postern::test
