// What the policy does to packets: DSCP marks, and the answers to what the firewall refuses.
#include <gtest/gtest.h>

#include <string>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr std::string_view kPodOfWeb = "10.128.2.5";

// The world with the firewall and the marks given.
std::string policy(const std::string& rest) {
  return world(R"(
namespaces = (
  { name = "payments"; pods = [ "10.128.0.11", "10.128.1.0/26" ]; },
  { name = "web"; pods = [ "10.128.2.0/24" ]; } );
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; },
  { name = "web-out"; namespaces = [ "web" ]; addresses = [ "192.0.2.60" ]; } );
)" + rest);
}
std::string marked(const std::string& entries) {
  return policy("firewall : { default = \"allow\"; };\nqos = ( " + entries + " );\n");
}
std::string refusing(const std::string& rules) {
  return policy("firewall : { default = \"deny\"; refuse = \"reject\"; rules = ( " + rules +
                " ); };\n");
}

// Expects that a datagram with this TOS byte leaves with that one, and is right otherwise.
void expect_tos(Gateway& gateway, std::string_view server, uint8_t before, uint8_t after) {
  const Bytes out = only_frame(
      gateway.receive(
          "underlay",
          from_node1().ipv4(kPod, server, {.tos = before}).udp(7777, 53).payload("question")),
      "uplink");
  const uint16_t port = load<Be16>(&out[34]).host();
  EXPECT_EQ(decode(out), decode(on_uplink()
                                    .ipv4(kPodAddress, server, {.ttl = 63, .tos = after})
                                    .udp(port, 53)
                                    .payload("question")
                                    .bytes()));
}

TEST(Marks, TheLongestDestinationDecides) {
  Gateway gateway(marked(R"(
    { namespace = "payments"; to = [ "203.0.113.0/24", "198.51.100.7" ]; dscp = 46; },
    { namespace = "payments"; to = [ "203.0.113.64/26" ]; dscp = 0; },
    { namespace = "web"; dscp = 63; })"));
  expect_tos(gateway, "203.0.113.5", 0, 46 << 2);
  expect_tos(gateway, "198.51.100.7", 0, 46 << 2);
  expect_tos(gateway, "203.0.113.65", 10 << 2, 0);
  expect_tos(gateway, "198.51.100.8", 10 << 2, 10 << 2);
}

TEST(Marks, KeepWhatBelongsToEcn) {
  Gateway gateway(marked(R"({ namespace = "payments"; dscp = 10; })"));
  for (const int ecn : {0, 1, 2, 3}) {
    expect_tos(gateway, kServer, static_cast<uint8_t>(46 << 2 | ecn),
               static_cast<uint8_t>(10 << 2 | ecn));
  }
}

TEST(Marks, LeaveInboundPacketsAlone) {
  Gateway gateway(marked(R"({ namespace = "payments"; dscp = 46; })"));
  expect_tos(gateway, kServer, 0, 46 << 2);
  const uint16_t port = gateway.only_session().egress_port.host();
  const Bytes back =
      only_frame(gateway.receive("uplink", from_outside()
                                               .ipv4(kServer, kPodAddress, {.tos = 8 << 2})
                                               .udp(53, port)
                                               .payload("answer")),
                 "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back), 8 << 2)
                                     .ipv4(kServer, kPod, {.ttl = 63, .tos = 8 << 2})
                                     .udp(53, 7777)
                                     .payload("answer")
                                     .bytes()));
}

TEST(Marks, AreDecidedAtTheFirstPacket) {
  Gateway gateway(marked(R"({ namespace = "payments"; dscp = 46; })"));
  expect_tos(gateway, kServer, 0, 46 << 2);
  gateway.apply(marked(R"({ namespace = "payments"; dscp = 10; })"));
  expect_tos(gateway, kServer, 0, 46 << 2);
  expect_tos(gateway, "198.51.100.7", 0, 10 << 2);
  gateway.apply(policy("firewall : { default = \"allow\"; };\n"));
  expect_tos(gateway, kServer, 0, 46 << 2);
  expect_tos(gateway, "198.51.100.8", 12, 12);
}

TEST(Marks, OnThePodsErrorsAboutTheSession) {
  Gateway gateway(marked(R"({ namespace = "payments"; dscp = 46; })"));
  expect_tos(gateway, kServer, 0, 46 << 2);
  const uint16_t port = gateway.only_session().egress_port.host();
  const auto unreachable = [](Packet packet, const Packet& quoted) {
    return packet.icmp_error(IcmpHeader::kUnreachable, 3, quoted);
  };
  const auto heard = Packet().ipv4(kServer, kPod, {.ttl = 63}).udp(53, 7777).payload("answer");
  const auto sent =
      Packet().ipv4(kServer, kPodAddress, {.ttl = 63}).udp(53, port).payload("answer");
  const Bytes out = only_frame(
      gateway.receive("underlay",
                      unreachable(from_node1().ipv4(kPod, kServer, {.tos = 0xc1}), heard)),
      "uplink");
  EXPECT_EQ(
      decode(out),
      decode(
          unreachable(on_uplink().ipv4(kPodAddress, kServer, {.ttl = 63, .tos = 46 << 2 | 1}), sent)
              .bytes()));
}

TEST(Marks, OnEchoAndTcpToo) {
  Gateway gateway(marked(R"({ namespace = "payments"; dscp = 46; })"));
  const Bytes echo = only_frame(
      gateway.receive("underlay", from_node1().ipv4(kPod, kServer).echo_request(42, 7)), "uplink");
  EXPECT_EQ(decode(echo), decode(on_uplink()
                                     .ipv4(kPodAddress, kServer, {.ttl = 63, .tos = 46 << 2})
                                     .echo_request(load<Be16>(&echo[38]).host(), 7)
                                     .bytes()));
  const TcpOptions syn{.flags = TcpHeader::kSyn, .sequence = 1000};
  const Bytes out = only_frame(
      gateway.receive("underlay", from_node1().ipv4(kPod, kServer).tcp(40000, 443, syn)), "uplink");
  EXPECT_EQ(decode(out), decode(on_uplink()
                                    .ipv4(kPodAddress, kServer, {.ttl = 63, .tos = 46 << 2})
                                    .tcp(load<Be16>(&out[34]).host(), 443, syn)
                                    .bytes()));
}

// Expects the RST of a closed port for a SYN to the server, under the reason.
void expect_reset(Gateway& gateway, Reason reason, std::string_view server) {
  const uint64_t before = gateway.dropped(reason);
  const Bytes back = only_frame(
      gateway.receive("underlay",
                      from_node1()
                          .ipv4(kPod, server)
                          .tcp(40000, 443, {.flags = TcpHeader::kSyn, .sequence = 1000})),
      "underlay");
  constexpr uint8_t kRstAck = TcpHeader::kRst | TcpHeader::kAck;
  EXPECT_EQ(decode(back),
            decode(to_node1(entropy_of(back))
                       .ipv4(server, kPod)
                       .tcp(443, 40000, {.flags = kRstAck, .acknowledgement = 1001, .window = 0})
                       .bytes()));
  EXPECT_EQ(gateway.dropped(reason), before + 1);
}

// Expects ICMP 3/13 for a datagram to the server, under the reason.
void expect_prohibited(Gateway& gateway, Reason reason, std::string_view server) {
  const uint64_t before = gateway.dropped(reason);
  const Packet inner = Packet().ipv4(kPod, server).udp(7777, 53).payload("question");
  const Bytes back =
      only_frame(gateway.receive("underlay",
                                 from_node1().ipv4(kPod, server).udp(7777, 53).payload("question")),
                 "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4("10.0.0.254", kPod)
                                     .icmp_error(IcmpHeader::kUnreachable, 13, inner, 0, 576)
                                     .bytes()));
  EXPECT_EQ(gateway.dropped(reason), before + 1);
}

uint64_t hits(Gateway& gateway, RuleNumber rule) {
  return gateway.rules().hits(gateway.snapshot().policy.firewall.version, rule);
}
Packet datagram(std::string_view server, uint16_t source_port) {
  return from_node1().ipv4(kPod, server).udp(source_port, 53).payload("question");
}

TEST(Rules, CountTheSessionsTheyAllowAndThePacketsTheyRefuse) {
  const std::string rules = R"({ namespace = "*"; action = "deny"; to = [ "203.0.113.0/24" ]; },
      { namespace = "payments"; action = "allow"; to = [ "198.51.100.0/24" ]; })";
  Gateway gateway(refusing(rules));
  gateway.receive("underlay", {datagram(kServer, 1), datagram(kServer, 1), datagram(kServer, 2)});
  gateway.receive("underlay", {datagram("198.51.100.7", 1), datagram("198.51.100.7", 1),
                               datagram("198.51.100.7", 2), datagram("192.0.3.1", 3)});
  gateway.receive("underlay", datagram("198.51.100.7", 2));
  EXPECT_EQ(hits(gateway, 0), 3u);
  EXPECT_EQ(hits(gateway, 1), 2u) << "sessions, not packets";
  RuleNote note;
  EXPECT_FALSE(gateway.rules().pop(note)) << "without log";
  gateway.apply(refusing(rules) + "qos = ( { namespace = \"web\"; dscp = 1; } );\n");
  EXPECT_EQ(hits(gateway, 1), 2u) << "the same rules";
  gateway.apply(refusing(R"({ namespace = "web"; action = "allow"; }, )" + rules));
  EXPECT_EQ(hits(gateway, 1), 0u) << "other rules";
  gateway.receive("underlay", datagram(kServer, 9));
  EXPECT_EQ(hits(gateway, 1), 1u);
  EXPECT_EQ(hits(gateway, 2), 0u);
}

TEST(Rules, TellOfWhatIsToBeLogged) {
  Gateway gateway(refusing(R"(
      { namespace = "*"; action = "deny"; to = [ "203.0.113.0/24" ]; log = true; },
      { namespace = "payments"; action = "allow"; log = true; })"));
  gateway.receive("underlay", {datagram(kServer, 1), datagram("198.51.100.7", 2)});
  RuleNote note;
  ASSERT_TRUE(gateway.rules().pop(note));
  EXPECT_EQ(note.rule, 0u);
  EXPECT_EQ(Ipv4Address::from(note.packet.remote_ip).text(), kServer);
  EXPECT_EQ(note.packet.source_port.host(), 1);
  EXPECT_EQ(note.rules_version, gateway.snapshot().policy.firewall.version);
  ASSERT_TRUE(gateway.rules().pop(note));
  EXPECT_EQ(note.rule, 1u);
  EXPECT_FALSE(gateway.rules().pop(note));
  // A full ring loses notes, never a packet.
  for (uint16_t i = 0; i < 300; ++i) gateway.receive("underlay", datagram(kServer, i));
  EXPECT_EQ(gateway.dropped(Reason::kFirewallDenied), 301u);
  EXPECT_EQ(gateway.rules().lost(), 300u - 256u);
}

TEST(Reject, I5_AnswersForARuleAndForTheDefault) {
  Gateway gateway(refusing(R"({ namespace = "*"; action = "deny"; to = [ "203.0.113.0/24" ]; },
      { namespace = "payments"; action = "allow"; to = [ "198.51.100.7" ]; })"));
  expect_reset(gateway, Reason::kFirewallDenied, kServer);
  expect_prohibited(gateway, Reason::kFirewallDenied, kServer);
  expect_reset(gateway, Reason::kFirewallDefault, "198.51.100.8");
  expect_prohibited(gateway, Reason::kFirewallDefault, "198.51.100.8");
  expect_tos(gateway, "198.51.100.7", 0, 0);
  EXPECT_EQ(gateway.counters().icmp_error_sent.read(), 2u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Reject, I5_IsLimitedForEachSource) {
  Gateway gateway(refusing(""));
  size_t answered = 0;
  for (uint16_t i = 0; i < 400; ++i) {
    answered += gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(i, 53)).size();
  }
  EXPECT_EQ(answered, 50u);  // the burst; no time passes here
  EXPECT_EQ(gateway.dropped(Reason::kFirewallDefault), 400u);
  // Another source has its own.
  EXPECT_EQ(gateway.receive("underlay", from_node2().ipv4(kPodOfWeb, kServer).udp(7, 53)).size(),
            1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(Reject, I5_ExhaustedPortsAreTold) {
  const auto exhausted = [](const std::string& refuse) {
    Gateway gateway(policy("firewall : { default = \"allow\"; refuse = \"" + refuse +
                           "\"; };\nsessions : { port_range = \"2048-2111\"; };\n"));
    for (uint16_t i = 1; i <= 64; ++i) {
      EXPECT_EQ(gateway.receive("underlay", datagram(kServer, i)).size(), 1u);
    }
    if (refuse == "reject") {
      expect_prohibited(gateway, Reason::kNoPort, kServer);
    } else {
      EXPECT_TRUE(gateway.receive("underlay", datagram(kServer, 65)).empty());
    }
    return gateway.counters().icmp_error_sent.read();
  };
  EXPECT_EQ(exhausted("reject"), 1u);
  EXPECT_EQ(exhausted("drop"), 0u);
}

TEST(Reject, I5_SilentWhereTheFileSaysDrop) {
  Gateway gateway(policy("firewall : { default = \"deny\"; };\n"));
  EXPECT_TRUE(gateway.receive("underlay", from_node1().ipv4(kPod, kServer).udp(7, 53)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kFirewallDefault), 1u);
}

}  // namespace
}  // namespace postern::test
