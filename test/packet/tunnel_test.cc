// Tunnels, each requirement for VXLAN and Geneve (nat.md V1 to V5): what is taken, what is sent
// back, and what the two headers tell each other.
#include <gtest/gtest.h>

#include <set>

#include "test/packet/only_frame.h"
#include "test/packet/overlay.h"

namespace postern::test {
namespace {

Packet question(Packet outer, std::string_view pod = kPod, uint8_t tos = 0) {
  return outer.ipv4(pod, kServer, {.tos = tos}).udp(7777, 53).payload("question");
}
Packet answer(uint16_t port, uint8_t tos = 0) {
  return from_outside().ipv4(kServer, kPodAddress, {.tos = tos}).udp(53, port).payload("answer");
}

class Tunnel : public ::testing::TestWithParam<Overlay> {
 protected:
  // The reply that the pod's question gets.
  Bytes ask(Gateway& gateway, const Outer& with = {}) {
    only_frame(gateway.receive("underlay", question(from_node(GetParam(), 1, with))), "uplink");
    const uint16_t port = gateway.only_session().egress_port.host();
    return only_frame(gateway.receive("uplink", answer(port)), "underlay");
  }
};

INSTANTIATE_TEST_SUITE_P(Both, Tunnel, ::testing::Values(Overlay::kVxlan, Overlay::kGeneve),
                         [](const auto& each) { return overlay_name(each.param); });

TEST_P(Tunnel, V1_V2_AQuestionGoesOutAndItsAnswerComesBack) {
  Gateway gateway(overlay_world(GetParam()));
  const Bytes out =
      only_frame(gateway.receive("underlay", question(from_node(GetParam()))), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(decode(out), decode(on_uplink()
                                    .ipv4(kPodAddress, kServer, {.ttl = 63})
                                    .udp(port, 53)
                                    .payload("question")
                                    .bytes()));
  const Bytes back = only_frame(gateway.receive("uplink", answer(port)), "underlay");
  EXPECT_EQ(decode(back), decode(to_node(GetParam(), back)
                                     .ipv4(kServer, kPod, {.ttl = 63})
                                     .udp(53, 7777)
                                     .payload("answer")
                                     .bytes()));
  EXPECT_EQ(gateway.imbalance(), 0);
}

// Bytes 1 to 3 and 7 of VXLAN's header and seven bits of its first are reserved; of Geneve's the
// low six bits of byte 1, and byte 7.
TEST_P(Tunnel, V1_V2_ReservedBitsAreIgnoredOnReceiptAndZeroWhenSent) {
  const uint32_t header = GetParam() == Overlay::kGeneve ? 1 : 0;
  Gateway gateway(overlay_world(GetParam()));
  const Bytes plain = ask(gateway);
  Bytes frame = question(from_node(GetParam())).bytes();
  constexpr uint32_t kTunnel = 14 + 20 + 8;
  if (header == 1) {
    frame[kTunnel + 1] = 0x3f;
  } else {
    for (const uint32_t at : {0, 1, 2, 3}) frame[kTunnel + at] = 0xff;
  }
  frame[kTunnel + 7] = 0xff;
  only_frame(gateway.receive("underlay", Packet().raw(frame)), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  EXPECT_EQ(only_frame(gateway.receive("uplink", answer(port)), "underlay"), plain);
}

TEST(VxlanTunnel, V1_TheIFlagIsNeeded) {
  Gateway gateway(world());
  for (int flags = 0; flags < 256; ++flags) {
    const auto asked = Packet()
                           .ethernet(kNode1Mac, Gateway::kClusterMac)
                           .ipv4("10.0.0.1", "10.0.0.254")
                           .udp(50000, 4789, false)
                           .vxlan(100, static_cast<uint8_t>(flags))
                           .ethernet(kNode1InnerMac, kInnerMac);
    const bool passes = (flags & 0x08) != 0;
    EXPECT_EQ(gateway.receive("underlay", question(asked)).size(), passes ? 1u : 0u) << flags;
  }
  EXPECT_EQ(gateway.dropped(Reason::kTunnelBadHeader), 128u);
}

TEST_P(Tunnel, V1_V2_TheOuterUdpChecksumIsAbsentOrRight) {
  Gateway gateway(overlay_world(GetParam()));
  const Packet good = question(from_node(GetParam(), 1, {.udp_checksum = true}));
  only_frame(gateway.receive("underlay", good), "uplink");
  Bytes bad = good.bytes();
  bad[14 + 20 + 6] ^= 0x10;
  EXPECT_TRUE(gateway.receive("underlay", Packet().raw(bad)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kParseBadChecksum), 1u);
}

TEST_P(Tunnel, V3_TheOuterSourcePortIsTheSessionsOwn) {
  Gateway gateway(overlay_world(GetParam()));
  std::set<uint16_t> entropies;
  for (uint16_t port = 1000; port < 1064; ++port) {
    const auto out = only_frame(
        gateway.receive("underlay", from_node(GetParam()).ipv4(kPod, kServer).udp(port, 53)),
        "uplink");
    const uint16_t outside = load<Be16>(&out[34]).host();
    const auto reply = [&](size_t bytes) {
      return entropy_of(only_frame(
          gateway.receive(
              "uplink", from_outside().ipv4(kServer, kPodAddress).udp(53, outside).payload(bytes)),
          "underlay"));
    };
    const uint16_t entropy = reply(1);
    EXPECT_EQ(reply(900), entropy) << "stable for the session";
    EXPECT_GE(entropy, 49152) << "of the dynamic ports (RFC 7348 5)";
    entropies.insert(entropy);
  }
  EXPECT_GT(entropies.size(), 50u);
}

TEST_P(Tunnel, V4_TheOuterHeaderBearsDscpAndEcnOfTheInnerOne) {
  Gateway gateway(overlay_world(GetParam()));
  ask(gateway);
  const uint16_t port = gateway.only_session().egress_port.host();
  for (int tos = 0; tos < 256; ++tos) {
    const auto inner = static_cast<uint8_t>(tos);
    const Bytes back = only_frame(gateway.receive("uplink", answer(port, inner)), "underlay");
    ASSERT_EQ(decode(back), decode(to_node(GetParam(), back, 1, {.tos = inner})
                                       .ipv4(kServer, kPod, {.ttl = 63, .tos = inner})
                                       .udp(53, 7777)
                                       .payload("answer")
                                       .bytes()));
  }
}

// RFC 6040, figure 4: every arriving inner and outer field, and what goes on.
constexpr uint8_t kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3, kDropped = 0xff;
struct EcnCase {
  uint8_t inner, outer, result;
};
constexpr EcnCase kEcnCases[] = {{kNotEct, kNotEct, kNotEct}, {kNotEct, kEct0, kNotEct},
                                 {kNotEct, kEct1, kNotEct},   {kNotEct, kCe, kDropped},
                                 {kEct0, kNotEct, kEct0},     {kEct0, kEct0, kEct0},
                                 {kEct0, kEct1, kEct1},       {kEct0, kCe, kCe},
                                 {kEct1, kNotEct, kEct1},     {kEct1, kEct0, kEct1},
                                 {kEct1, kEct1, kEct1},       {kEct1, kCe, kCe},
                                 {kCe, kNotEct, kCe},         {kCe, kEct0, kCe},
                                 {kCe, kEct1, kCe},           {kCe, kCe, kCe}};

TEST_P(Tunnel, V4_TheEcnFieldsAreCombinedAndTheInnerDscpStays) {
  for (const EcnCase& each : kEcnCases) {
    SCOPED_TRACE("inner " + std::to_string(each.inner) + " outer " + std::to_string(each.outer));
    for (const auto& [inner_dscp, outer_dscp] : {std::pair{0, 46}, {46, 0}, {10, 10}, {63, 1}}) {
      Gateway gateway(overlay_world(GetParam()));
      const auto outer_tos = static_cast<uint8_t>(outer_dscp << 2 | each.outer);
      const auto inner_tos = static_cast<uint8_t>(inner_dscp << 2 | each.inner);
      const auto sent = gateway.receive(
          "underlay", question(from_node(GetParam(), 1, {.tos = outer_tos}), kPod, inner_tos));
      EXPECT_EQ(gateway.dropped(Reason::kTunnelEcn), each.result == kDropped ? 1u : 0u);
      if (each.result == kDropped) {
        EXPECT_TRUE(sent.empty());
        continue;
      }
      const auto tos = static_cast<uint8_t>(inner_dscp << 2 | each.result);
      EXPECT_EQ(decode(only_frame(sent, "uplink")),
                decode(on_uplink()
                           .ipv4(kPodAddress, kServer, {.ttl = 63, .tos = tos})
                           .udp(gateway.only_session().egress_port.host(), 53)
                           .payload("question")
                           .bytes()));
    }
  }
}

TEST_P(Tunnel, V5_RepliesFollowAPodToItsNewNode) {
  Gateway gateway(overlay_world(GetParam()));
  ask(gateway);
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.apply(replaced(overlay_world(GetParam()), "[ \"10.128.2.0/23\" ]",
                         "[ \"10.128.2.0/23\", \"10.128.0.11\" ]"));
  only_frame(gateway.receive("underlay", question(from_node(GetParam(), 2))), "uplink");
  EXPECT_EQ(gateway.only_session().egress_port.host(), port) << "the session goes on";
  const Bytes back = only_frame(gateway.receive("uplink", answer(port)), "underlay");
  EXPECT_EQ(decode(back), decode(to_node(GetParam(), back, 2)
                                     .ipv4(kServer, kPod, {.ttl = 63})
                                     .udp(53, 7777)
                                     .payload("answer")
                                     .bytes()));
  EXPECT_TRUE(gateway.receive("underlay", question(from_node(GetParam(), 1))).empty());
  EXPECT_EQ(gateway.dropped(Reason::kSourceNotOnNode), 1u);
}

TEST_P(Tunnel, ArpInsideIsAnsweredFromTheTunnelsOwnAddress) {
  Gateway gateway(overlay_world(GetParam()));
  const Packet request =
      in_overlay(Packet().ethernet(kNode1Mac, Gateway::kClusterMac).ipv4("10.0.0.1", "10.0.0.254"),
                 GetParam(), 50000, {})
          .ethernet(kNode1InnerMac, MacAddress::broadcast())
          .arp_request(kNode1InnerMac, kPod, "10.128.0.1");
  const Bytes reply = only_frame(gateway.receive("underlay", request), "underlay");
  const Packet outer = in_overlay(Packet()
                                      .ethernet(Gateway::kClusterMac, kNode1Mac)
                                      .ipv4("10.0.0.254", "10.0.0.1", {.dont_fragment = true}),
                                  GetParam(), entropy_of(reply), {});
  EXPECT_EQ(decode(reply), decode(Packet(outer)
                                      .ethernet(kInnerMac, kNode1InnerMac)
                                      .arp_reply(kInnerMac, "10.128.0.1", kNode1InnerMac, kPod)
                                      .bytes()));
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST_P(Tunnel, OneTypeIsNotTakenOnTheOthersSocket) {
  const bool is_geneve = GetParam() == Overlay::kGeneve;
  const Overlay other = is_geneve ? Overlay::kVxlan : Overlay::kGeneve;
  Gateway gateway(overlay_world(GetParam()));
  EXPECT_TRUE(gateway.receive("underlay", question(from_node(other))).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession) + gateway.dropped(Reason::kNotForUs), 1u);
}

}  // namespace
}  // namespace postern::test
