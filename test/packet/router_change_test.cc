// What a change of the configuration does to sessions through egress routers: they end with their
// router or its source address, and keep their translation over everything else.
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/router_world.h"

namespace postern::test {
namespace {

std::string router(const std::string& name, const std::string& listen, const std::string& source,
                   const std::string& line, const std::string& namespaces = "\"payments\"") {
  return "{ name = \"" + name + "\"; namespaces = [ " + namespaces + " ]; listen = \"" + listen +
         "\"; source = \"" + source + "\"; destinations = [ \"" + line + "\" ]; }";
}
std::string egress(const std::string& address) {
  return "{ name = \"out\"; namespaces = [ \"payments\" ]; addresses = [ \"" + address + "\" ]; }";
}
const std::string& before() {
  static const std::string text =
      router_world(router("db", "10.131.255.10", "192.0.2.70", "53 udp 203.0.113.53 5353"));
  return text;
}

Packet question(uint16_t port = 7777) {
  return from_node1().ipv4(kPod, kDb).udp(port, 53).payload("question");
}
Packet answer(uint16_t port) {
  return from_outside().ipv4("203.0.113.53", kDbSource).udp(5353, port).payload("answer");
}
// Opens the session; its external port.
uint16_t open(Gateway& gateway) {
  only_frame(gateway.receive("underlay", question()), "uplink");
  return gateway.only_session().egress_port.host();
}
void expect_serves(Gateway& gateway, uint16_t port, const std::string& what) {
  SCOPED_TRACE(what);
  const Bytes out = only_frame(gateway.receive("underlay", question()), "uplink");
  EXPECT_EQ(decode(out), decode(on_uplink()
                                    .ipv4(kDbSource, "203.0.113.53", {.ttl = 63})
                                    .udp(port, 5353)
                                    .payload("question")
                                    .bytes()));
  const Bytes back = only_frame(gateway.receive("uplink", answer(port)), "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4(kDb, kPod, {.ttl = 63})
                                     .udp(53, 7777)
                                     .payload("answer")
                                     .bytes()));
}
void expect_ended(Gateway& gateway, uint16_t port, const std::string& what) {
  SCOPED_TRACE(what);
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
  for (const Sent& sent : gateway.receive("underlay", question())) {
    EXPECT_EQ(decode(sent.frame).find("udp " + std::to_string(port) + " > 5353"), std::string::npos)
        << decode(sent.frame);
  }
  EXPECT_EQ(gateway.counters().session_deleted.read(), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST(RouterChange, SessionsKeepTheirTranslationWhileTheirRouterStays) {
  const std::pair<const char*, std::string> kept[] = {
      {"the same", before()},
      {"its line leads elsewhere",
       router_world(router("db", "10.131.255.10", "192.0.2.70", "53 udp 203.0.113.99 99"))},
      {"its line went",
       router_world(router("db", "10.131.255.10", "192.0.2.70", "54 udp 203.0.113.53"))},
      {"its namespace may not use it any more",
       router_world(
           router("db", "10.131.255.10", "192.0.2.70", "53 udp 203.0.113.53 5353", "\"web\""))},
      {"another namespace may use it, too",
       router_world(router("db", "10.131.255.10", "192.0.2.70", "53 udp 203.0.113.53 5353",
                           "\"web\", \"payments\""))},
      {"another router before it",
       router_world(router("first", "10.131.255.12", "192.0.2.72", "203.0.113.9") + "," +
                    router("db", "10.131.255.10", "192.0.2.70", "53 udp 203.0.113.53 5353"))}};
  for (const auto& [what, after] : kept) {
    Gateway gateway(before());
    const uint16_t port = open(gateway);
    gateway.apply(after);
    expect_serves(gateway, port, what);
    EXPECT_EQ(gateway.table().live(), 1u);
  }
}

TEST(RouterChange, NewSessionsFollowTheNewLine) {
  Gateway gateway(before());
  open(gateway);
  gateway.apply(
      router_world(router("db", "10.131.255.10", "192.0.2.70", "53 udp 203.0.113.99 99")));
  const std::string out = decode(only_frame(gateway.receive("underlay", question(7778)), "uplink"));
  EXPECT_NE(out.find("ipv4 192.0.2.70 > 203.0.113.99 "), std::string::npos) << out;
  EXPECT_NE(out.find(" > 99 "), std::string::npos) << out;
}

TEST(RouterChange, SessionsEndWithTheirRouter) {
  const std::string line = "53 udp 203.0.113.53 5353";
  const std::pair<const char*, std::string> ended[] = {
      {"the router went", router_world("")},
      {"its source is another one",
       router_world(router("db", "10.131.255.10", "192.0.2.71", line))},
      {"it listens elsewhere", router_world(router("db", "10.131.255.11", "192.0.2.70", line))},
      {"its source is another router's",
       router_world(router("other", "10.131.255.11", "192.0.2.70", line))},
      {"the routers changed sources",
       router_world(router("db", "10.131.255.10", "192.0.2.71", line) + "," +
                    router("other", "10.131.255.11", "192.0.2.70", line))},
      {"its source is a namespace's", router_world("", egress("192.0.2.70"), "allow")}};
  for (const auto& [what, after] : ended) {
    Gateway gateway(before());
    const uint16_t port = open(gateway);
    gateway.apply(after);
    expect_ended(gateway, port, what);
  }
}

TEST(RouterChange, ARouterThatCameBackDoesNotReviveOldSessions) {
  Gateway gateway(before());
  const uint16_t port = open(gateway);
  gateway.apply(router_world(""));
  gateway.apply(before());
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

TEST(RouterChange, SessionsOfAnEgressAddressEndWhenItBecomesARoutersSource) {
  Gateway gateway(router_world("", egress("192.0.2.70"), "allow"));
  only_frame(gateway.receive("underlay", from_node1().ipv4(kPod, "203.0.113.53").udp(7777, 5353)),
             "uplink");
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.apply(before());
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
}

TEST(RouterChange, T4_ANewConnectionOnAClosingTupleFollowsTheNewLine) {
  const auto with_line = [](const std::string& line) {
    return router_world(router("db", "10.131.255.10", "192.0.2.70", line));
  };
  constexpr uint8_t kFin = TcpHeader::kFin | TcpHeader::kAck;
  for (const auto& [line, server] : {std::pair{"80 tcp 203.0.113.25", "203.0.113.25"},
                                     std::pair{"80 tcp 203.0.113.26", "203.0.113.26"}}) {
    Gateway gateway(with_line("80 tcp 203.0.113.25"));
    const auto pod = [&](TcpOptions options) {
      return gateway.receive("underlay", from_node1().ipv4(kPod, kDb).tcp(40000, 80, options));
    };
    pod({.flags = TcpHeader::kSyn, .sequence = 1000});
    const uint16_t port = gateway.only_session().egress_port.host();
    const auto remote = [&](TcpOptions options) {
      return gateway.receive("uplink",
                             from_outside().ipv4(kDbServer, kDbSource).tcp(80, port, options));
    };
    remote({.flags = TcpHeader::kSyn | TcpHeader::kAck, .sequence = 5000, .acknowledgement = 1001});
    pod({.flags = kFin, .sequence = 1001, .acknowledgement = 5001});
    remote({.flags = kFin, .sequence = 5001, .acknowledgement = 1002});
    pod({.flags = TcpHeader::kAck, .sequence = 1002, .acknowledgement = 5002});
    gateway.apply(with_line(line));
    const std::string out =
        decode(only_frame(pod({.flags = TcpHeader::kSyn, .sequence = 90'000'000}), "uplink"));
    EXPECT_NE(out.find("ipv4 192.0.2.70 > " + std::string(server) + " "), std::string::npos) << out;
    EXPECT_EQ(gateway.table().live(), 1u);
    EXPECT_EQ(gateway.only_session().remote_ip, Ipv4Address::parse(server)->wire());
  }
}

TEST(RouterChange, RevalidateEndsWhatTheLinesNoLongerSay) {
  const std::pair<std::string, uint32_t> changes[] = {
      {before(), 0},
      {router_world(router("db", "10.131.255.10", "192.0.2.70", "53 udp 203.0.113.53 5354")), 1},
      {router_world(router("db", "10.131.255.10", "192.0.2.70", "53 udp 203.0.113.54 5353")), 1},
      {router_world(router("db", "10.131.255.10", "192.0.2.70", "53 tcp 203.0.113.53 5353")), 1},
      {router_world(router("db", "10.131.255.10", "192.0.2.70", "53 udp 203.0.113.53 5353",
                           "\"web\", \"payments\"")),
       0},
      {router_world(
           router("db", "10.131.255.10", "192.0.2.70", "53 udp 203.0.113.53 5353", "\"web\"")),
       1}};
  for (const auto& [after, ended] : changes) {
    Gateway gateway(before());
    const uint16_t port = open(gateway);
    gateway.apply(after);
    expect_serves(gateway, port, after);
    EXPECT_EQ(gateway.revalidate(), ended) << after;
    EXPECT_EQ(gateway.table().live(), 1u - ended);
  }
}

TEST(RouterChange, HeldPacketsOfARouterThatWentNeverLeave) {
  for (const bool goes : {false, true}) {
    Gateway gateway(before());
    gateway.set_neighbour(1, "192.0.2.1", NeighbourState::kUnresolved);
    EXPECT_TRUE(gateway.receive("underlay", question()).empty());
    ASSERT_EQ(gateway.counters().held.read(), 1u);
    gateway.apply(goes ? router_world("") : before());  // resolves the next hop again
    EXPECT_EQ(gateway.release_held().size(), goes ? 0u : 1u);
    EXPECT_EQ(gateway.dropped(Reason::kNoSession), goes ? 1u : 0u);
    EXPECT_EQ(gateway.imbalance(), 0);
  }
}

TEST(RouterChange, SessionsExpireAsOthersDo) {
  Gateway gateway(before());
  const uint16_t port = open(gateway);
  gateway.pass_seconds(299);
  only_frame(gateway.receive("uplink", answer(port)), "underlay");
  gateway.pass_seconds(299);
  gateway.sweep();
  EXPECT_EQ(gateway.table().live(), 1u) << "both directions refresh";
  gateway.pass_seconds(3);
  gateway.sweep();
  EXPECT_EQ(gateway.table().live(), 0u);
  EXPECT_EQ(gateway.counters().session_expired.read(), 1u);
  EXPECT_TRUE(gateway.receive("uplink", answer(port)).empty());
}

}  // namespace
}  // namespace postern::test
