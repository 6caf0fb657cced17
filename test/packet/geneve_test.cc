// Geneve's own (nat.md V2, RFC 8926): what its header and options must say, options that go back,
// and the room that they take.
#include <gtest/gtest.h>

#include <optional>

#include "dataplane/wire/checksum.h"
#include "test/packet/only_frame.h"
#include "test/packet/overlay.h"

namespace postern::test {
namespace {

constexpr std::string_view kOvnHex = "0102800100010002";
constexpr uint8_t kCritical = GeneveHeader::kCritical;

// An option of `data` bytes.
Bytes option(uint16_t option_class, uint8_t type, size_t data) {
  Bytes bytes{static_cast<uint8_t>(option_class >> 8), static_cast<uint8_t>(option_class), type,
              static_cast<uint8_t>(data / 4)};
  bytes.resize(4 + data, 0xa5);
  return bytes;
}
Bytes operator+(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::string hex(const Bytes& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

Packet question(const GeneveFields& geneve) {
  return from_node(Overlay::kGeneve, 1, {.geneve = geneve})
      .ipv4(kPod, kServer)
      .udp(7777, 53)
      .payload("question");
}

TEST(Geneve, V2_OptionsOfEverySizeAreSkipped) {
  Gateway gateway(overlay_world(Overlay::kGeneve));
  for (size_t bytes = 0; bytes <= 252; bytes += 4) {
    Bytes options;
    for (size_t left = bytes; left > 0;) {
      const size_t next = std::min<size_t>(left, 128);
      options = options + option(0x1234, 0x7f, next - 4);
      left -= next;
    }
    ASSERT_EQ(options.size(), bytes);
    const Bytes out =
        only_frame(gateway.receive("underlay", question({.options = options})), "uplink");
    EXPECT_EQ(decode(out), decode(on_uplink()
                                      .ipv4(kPodAddress, kServer, {.ttl = 63})
                                      .udp(gateway.only_session().egress_port.host(), 53)
                                      .payload("question")
                                      .bytes()));
  }
  EXPECT_EQ(gateway.imbalance(), 0);
}

struct GeneveCase {
  const char* what;
  GeneveFields fields;
  bool is_bad = false;
};
const GeneveCase kCases[] = {
    {"OVN's critical option", {.options = kOvnOption, .flags = kCritical}},
    {"any critical option of OVN's class",
     {.options = option(0x0102, 0xff, 0), .flags = kCritical}},
    {"a critical bit in the header alone", {.flags = kCritical}},
    {"OVN's option behind an unknown one",
     {.options = option(0x0103, 0x01, 8) + kOvnOption, .flags = kCritical}},
    {"reserved bits of an option", {.options = {0x12, 0x34, 0x01, 0xe0}}},
    {"an unknown critical option", {.options = option(0x0103, 0x80, 4), .flags = kCritical}, true},
    {"one that the header does not announce", {.options = option(0x0103, 0x81, 0)}, true},
    {"one behind OVN's", {.options = kOvnOption + option(0, 0xff, 0), .flags = kCritical}, true},
    {"a control packet", {.flags = GeneveHeader::kControl}, true},
    {"a control packet with options", {.options = option(0x0103, 0x80, 4), .flags = 0xff}, true},
    {"version 1", {.version = 1}, true},
    {"version 3", {.version = 3}, true},
    {"an IPv4 packet inside", {.protocol = 0x0800}, true},
    {"no protocol", {.protocol = 0}, true},
    {"an option longer than all", {.options = {0x01, 0x02, 0x00, 0x01}}, true},
    {"a last option longer than the rest",
     {.options = kOvnOption + Bytes{0x01, 0x02, 0x00, 0x1f, 0, 0, 0, 0}},
     true},
};

TEST(Geneve, V2_WhatTheHeaderMustSay) {
  for (const GeneveCase& each : kCases) {
    SCOPED_TRACE(each.what);
    Gateway gateway(overlay_world(Overlay::kGeneve));
    const auto sent = gateway.receive("underlay", question(each.fields));
    EXPECT_EQ(sent.size(), each.is_bad ? 0u : 1u);
    EXPECT_EQ(gateway.dropped(Reason::kTunnelBadHeader), each.is_bad ? 1u : 0u);
    EXPECT_EQ(gateway.imbalance(), 0);
  }
}

TEST(Geneve, V2_OptionsEndWithinThePacket) {
  const Bytes whole = question({.options = kOvnOption}).bytes();
  constexpr size_t kUdp = 14 + 20;
  for (size_t udp_bytes = 8; udp_bytes < 8 + 8 + kOvnOption.size(); ++udp_bytes) {
    Gateway gateway(overlay_world(Overlay::kGeneve));
    Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(kUdp));
    cut.insert(cut.end(), whole.begin() + kUdp,
               whole.begin() + static_cast<ptrdiff_t>(kUdp + udp_bytes));
    store(&cut[kUdp + offsetof(UdpHeader, bytes)], Be16(static_cast<uint16_t>(udp_bytes)));
    store(&cut[14 + offsetof(Ipv4Header, total_bytes)],
          Be16(static_cast<uint16_t>(20 + udp_bytes)));
    store(&cut[14 + offsetof(Ipv4Header, checksum)], Be16(0));
    store(&cut[14 + offsetof(Ipv4Header, checksum)], checksum_of(&cut[14], 20));
    EXPECT_TRUE(gateway.receive("underlay", Packet().raw(cut)).empty());
    EXPECT_EQ(gateway.dropped(Reason::kTunnelBadHeader), 1u) << udp_bytes;
  }
}

Bytes reply_of(Gateway& gateway) {
  only_frame(gateway.receive("underlay", question({.options = kOvnOption, .flags = kCritical})),
             "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  return only_frame(
      gateway.receive("uplink",
                      from_outside().ipv4(kServer, kPodAddress).udp(53, port).payload("answer")),
      "underlay");
}

Packet with_answer(Packet outer) {
  return outer.ipv4(kServer, kPod, {.ttl = 63}).udp(53, 7777).payload("answer");
}

TEST(Geneve, V2_TheNodesOptionsGoBackWithReplies) {
  Gateway gateway(overlay_world(Overlay::kGeneve, kOvnHex));
  const Bytes back = reply_of(gateway);
  const GeneveFields fields{.options = kOvnOption, .flags = kCritical};
  EXPECT_EQ(decode(back),
            decode(with_answer(to_node(Overlay::kGeneve, back, 1, {.geneve = fields})).bytes()));
}

TEST(Geneve, V2_OptionsThatAreNotCriticalAreNotAnnounced) {
  Gateway gateway(overlay_world(Overlay::kGeneve, "0103000012340000"));
  const Bytes back = reply_of(gateway);
  const GeneveFields fields{.options = {1, 3, 0, 0, 0x12, 0x34, 0, 0}};
  EXPECT_EQ(decode(back),
            decode(with_answer(to_node(Overlay::kGeneve, back, 1, {.geneve = fields})).bytes()));
}

// They need more room in front of the frame than drivers leave.
TEST(Geneve, V2_OptionsOf252BytesGoBack) {
  const Bytes options = option(0x0102, 0, 124) + option(0xff01, 0, 112) + kOvnOption;
  ASSERT_EQ(options.size(), 252u);
  Gateway gateway(overlay_world(Overlay::kGeneve, hex(options)));
  const Bytes back = reply_of(gateway);
  const GeneveFields fields{.options = options, .flags = kCritical};
  EXPECT_EQ(decode(back),
            decode(with_answer(to_node(Overlay::kGeneve, back, 1, {.geneve = fields})).bytes()));
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Geneve, V2_EachNodeHasItsOwnOptions) {
  const std::string two = replaced(overlay_world(Overlay::kGeneve, kOvnHex), "vtep = \"10.0.0.2\";",
                                   "vtep = \"10.0.0.2\"; geneve_options = \"01030000\";");
  Gateway gateway(two);
  only_frame(
      gateway.receive("underlay",
                      from_node(Overlay::kGeneve, 2).ipv4("10.128.2.5", kServer).udp(7777, 53)),
      "uplink");
  const SessionEntry session = gateway.only_session();
  const Bytes back = only_frame(
      gateway.receive("uplink", from_outside()
                                    .ipv4(kServer, Ipv4Address::from(session.egress_ip).text())
                                    .udp(53, session.egress_port.host())),
      "underlay");
  EXPECT_EQ(decode(back),
            decode(to_node(Overlay::kGeneve, back, 2, {.geneve = {.options = {1, 3, 0, 0}}})
                       .ipv4(kServer, "10.128.2.5", {.ttl = 63})
                       .udp(53, 7777)
                       .bytes()));
}

// 1600 on the underlay, less 50 for the tunnel, 252 for its options, and 40: 1258.
TEST(Geneve, T7_TheClampLeavesRoomForTheOptions) {
  const Bytes options = option(0x0102, 0, 124) + option(0x0102, 0, 120);
  Gateway gateway(overlay_world(Overlay::kGeneve, hex(options)));
  const Bytes large{2, 4, 0x05, 0xb4};
  const auto syn = from_node(Overlay::kGeneve)
                       .ipv4(kPod, kServer)
                       .tcp(40000, 443, {.flags = TcpHeader::kSyn, .options = large});
  const std::string lowered = decode(only_frame(gateway.receive("underlay", syn), "uplink"));
  EXPECT_NE(lowered.find("options 020404ea"), std::string::npos) << lowered;
}

TEST(Geneve, F5_TheTunnelsRoomIsWhatItsOptionsLeave) {
  const Bytes options = option(0x0102, 0, 124) + option(0x0102, 0, 120);
  Gateway gateway(overlay_world(Overlay::kGeneve, hex(options)));
  reply_of(gateway);
  const uint16_t port = gateway.only_session().egress_port.host();
  const auto reply = [&](size_t ip_bytes) {
    return from_outside()
        .ipv4(kServer, kPodAddress, {.dont_fragment = true})
        .udp(53, port)
        .payload(ip_bytes - 28);
  };
  const size_t room = 1600 - 50 - options.size();
  EXPECT_EQ(only_frame(gateway.receive("uplink", reply(room)), "underlay").size(), 1600u + 14);
  const Bytes error = only_frame(gateway.receive("uplink", reply(room + 1)), "uplink");
  EXPECT_EQ(gateway.dropped(Reason::kMtuExceeded), 1u);
  ASSERT_GT(error.size(), 42u);
  EXPECT_EQ(load<Be16>(&error[14 + 20 + 6]).host(), room);
}

TEST(Geneve, AnswersOfTheGatewayBearTheNodesOptions) {
  const std::string policy = replaced(std::string(kWorldPolicy), "default = \"allow\";",
                                      "default = \"deny\"; refuse = \"reject\";");
  Gateway gateway(overlay_world(Overlay::kGeneve, kOvnHex, policy));
  const Outer outer{.geneve = {.options = kOvnOption, .flags = kCritical}};
  const auto syn = [](uint8_t ttl) {
    return from_node(Overlay::kGeneve)
        .ipv4(kPod, kServer, {.ttl = ttl})
        .tcp(40000, 443, {.flags = TcpHeader::kSyn, .sequence = 1000});
  };
  const Bytes reset = only_frame(gateway.receive("underlay", syn(64)), "underlay");
  constexpr uint8_t kRefused = TcpHeader::kRst | TcpHeader::kAck;
  EXPECT_EQ(decode(reset),
            decode(to_node(Overlay::kGeneve, reset, 1, outer)
                       .ipv4(kServer, kPod)
                       .tcp(443, 40000, {.flags = kRefused, .acknowledgement = 1001, .window = 0})
                       .bytes()));
  const Bytes prohibited = only_frame(
      gateway.receive("underlay", from_node(Overlay::kGeneve).ipv4(kPod, kServer).udp(7777, 53)),
      "underlay");
  EXPECT_EQ(decode(prohibited),
            decode(to_node(Overlay::kGeneve, prohibited, 1, outer)
                       .ipv4("10.0.0.254", kPod)
                       .icmp_error(3, 13, Packet().ipv4(kPod, kServer).udp(7777, 53))
                       .bytes()));
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Geneve, ArpInsideBearsTheNodesOptionsWhateverTheRequestHad) {
  Gateway gateway(overlay_world(Overlay::kGeneve, kOvnHex));
  for (const Bytes& options : {Bytes{}, kOvnOption, option(0x1234, 0, 100)}) {
    const Outer asking{.geneve = {.options = options}};
    const Packet request =
        from_node(Overlay::kGeneve, 1, asking).arp_request(kNode1InnerMac, kPod, "10.128.0.1");
    const Bytes reply = only_frame(gateway.receive("underlay", request), "underlay");
    const Outer answering{.geneve = {.options = kOvnOption, .flags = kCritical}};
    const Packet outer = in_overlay(Packet()
                                        .ethernet(Gateway::kClusterMac, kNode1Mac)
                                        .ipv4("10.0.0.254", "10.0.0.1", {.dont_fragment = true}),
                                    Overlay::kGeneve, entropy_of(reply), answering);
    EXPECT_EQ(decode(reply), decode(Packet(outer)
                                        .ethernet(kInnerMac, kNode1InnerMac)
                                        .arp_reply(kInnerMac, "10.128.0.1", kNode1InnerMac, kPod)
                                        .bytes()));
  }
}

TEST(Geneve, AReplyWaitsForTheNodesMacAddressWithItsOptions) {
  Gateway gateway(overlay_world(Overlay::kGeneve, kOvnHex));
  only_frame(gateway.receive("underlay", question({})), "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.set_neighbour(0, "10.0.0.1", NeighbourState::kUnresolved);
  EXPECT_TRUE(
      gateway
          .receive("uplink",
                   from_outside().ipv4(kServer, kPodAddress).udp(53, port).payload("answer"))
          .empty());
  gateway.set_neighbour(0, "10.0.0.1", NeighbourState::kReachable);
  const Bytes back = only_frame(gateway.release_held(), "underlay");
  const GeneveFields fields{.options = kOvnOption, .flags = kCritical};
  EXPECT_EQ(decode(back),
            decode(with_answer(to_node(Overlay::kGeneve, back, 1, {.geneve = fields})).bytes()));
}

}  // namespace
}  // namespace postern::test
