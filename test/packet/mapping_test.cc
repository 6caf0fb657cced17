// External ports (nat.md M) through the whole walk: who may use which, for how long, and whom a
// packet from outside reaches.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr uint8_t kSyn = TcpHeader::kSyn;
constexpr uint8_t kRst = TcpHeader::kRst;
constexpr size_t kPodAt = 14 + 20 + 8 + 8 + 14;  // the inner IP header of a tunnel frame

// Pods 10.128.1.0/24 leave by 192.0.2.50 with few ports.
std::string few_ports(uint32_t ports = 64) {
  return world(R"(
namespaces = ( { name = "payments"; pods = [ "10.128.1.0/24" ]; } );
egress_ips = ( { name = "out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; } );
firewall : { default = "allow"; };
sessions : { port_range = "2048-)" +
               std::to_string(2047 + ports) + "\"; };\n");
}

// What arrives at a worker, and is handed over to where it belongs; what left.
std::vector<Sent> carry(Gateway& gateway, uint32_t worker, std::string_view port,
                        const std::vector<Packet>& packets) {
  std::vector<Sent> sent = gateway.receive_at(worker, port, packets);
  for (Sent& one : gateway.hand_on()) sent.push_back(std::move(one));
  return sent;
}

class MappingOfWorkers : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Workers, MappingOfWorkers, testing::Values(1U, 2U, 3U));

// The external port that a pod's datagram leaves with; 0 when it does not leave.
uint16_t outside_port(Gateway& gateway, const std::string& pod, uint16_t source_port,
                      std::string_view server = kServer, uint16_t server_port = 53) {
  const auto sent = gateway.receive(
      "underlay", from_node1().ipv4(pod, server).udp(source_port, server_port).payload("x"));
  return sent.empty() ? 0 : load<Be16>(&sent[0].frame[34]).host();
}

TEST(Mapping, M1_EveryRemoteEndpointHasAllPortsOfTheAddress) {
  Gateway gateway(few_ports());
  const auto fill = [&gateway](std::string_view server, uint16_t server_port) {
    std::set<uint16_t> ports;
    for (uint16_t source_port = 1; source_port <= 64; ++source_port) {
      ports.insert(outside_port(gateway, "10.128.1.5", source_port, server, server_port));
    }
    return ports;
  };
  const std::set<uint16_t> first = fill(kServer, 53);
  EXPECT_EQ(first.size(), 64u);
  EXPECT_EQ(*first.begin(), 2048);
  EXPECT_EQ(*first.rbegin(), 2111);
  EXPECT_EQ(fill(kServer, 54), first) << "another port of the same host";
  EXPECT_EQ(fill("203.0.113.6", 53), first) << "another host";
  for (uint16_t source_port = 1; source_port <= 64; ++source_port) {
    const auto syn = from_node1()
                         .ipv4("10.128.1.5", kServer)
                         .tcp(source_port, 53, {.flags = kSyn, .sequence = 1});
    EXPECT_EQ(gateway.receive("underlay", syn).size(), 1u) << "another protocol";
  }
  EXPECT_EQ(gateway.table().live(), 4 * 64u);
  EXPECT_EQ(gateway.dropped(Reason::kNoPort), 0u);
}

TEST_P(MappingOfWorkers, M2_AWorkerRefusesWhenAllItsPortsAreUsedAndNotBefore) {
  constexpr uint32_t kPorts = 256;
  constexpr uint32_t kFlows = 2000;
  Gateway gateway(few_ports(kPorts), {.workers = GetParam()});
  std::map<uint32_t, uint32_t> owned;
  for (uint32_t port = 2048; port < 2048 + kPorts; ++port) {
    ++owned[gateway.owners().inbound(kProtocolUdp, Be16(static_cast<uint16_t>(port)))];
  }
  ASSERT_EQ(owned.size(), GetParam());
  std::set<uint16_t> used;
  for (uint32_t n = 0; n < kFlows; ++n) {
    const std::string pod = "10.128.1." + std::to_string(1 + n % 10);
    const auto source_port = static_cast<uint16_t>(1000 + n / 10);
    const auto sent = carry(gateway, n % GetParam(), "underlay",
                            {from_node1().ipv4(pod, kServer).udp(source_port, 53)});
    if (!sent.empty()) {
      EXPECT_TRUE(used.insert(load<Be16>(&sent[0].frame[34]).host()).second);
      continue;
    }
    const uint32_t owner =
        gateway.owners().outbound({.source_ip = Ipv4Address::parse(pod)->wire(),
                                   .vni_protocol = OutboundKey::pack(100, kProtocolUdp),
                                   .remote_ip = Ipv4Address::parse(kServer)->wire(),
                                   .remote_port = Be16(53),
                                   .source_port = Be16(source_port)});
    ASSERT_EQ(gateway.table(owner).live(), owned[owner]) << "refused a free port";
  }
  EXPECT_EQ(used.size(), kPorts);
  EXPECT_EQ(gateway.dropped(Reason::kNoPort), kFlows - kPorts);
}

TEST(Mapping, M3_PortsLieInTheWholeDefaultRangeWithoutAPattern) {
  Gateway gateway(world());
  constexpr int kSessions = 3000;
  std::array<int, 16> spread{};
  std::map<int, int> steps;
  int kept = 0;
  uint16_t before = 0;
  for (int i = 0; i < kSessions; ++i) {
    const auto source_port = static_cast<uint16_t>(20000 + i);
    const uint16_t port = outside_port(gateway, std::string(kPod), source_port);
    ASSERT_GE(port, 1024);
    ++spread[port / 4096];
    ++steps[port - before];
    kept += port == source_port ? 1 : 0;
    before = port;
  }
  for (size_t part = 1; part < spread.size(); ++part) {
    EXPECT_NEAR(spread[part], kSessions * 4096 / 64512, 60) << part;
  }
  int most = 0;
  for (const auto& [step, count] : steps) most = std::max(most, count);
  EXPECT_LE(most, 5) << "the next port follows from the last one";
  EXPECT_LE(kept, 2) << "the port follows from the pod's own";
}

// What a live session shows outside.
using Outside = std::tuple<uint8_t, uint32_t, uint16_t, uint32_t, uint16_t>;

// The sessions of all workers by what they show outside. Two that show the same are a failure.
std::map<Outside, const SessionEntry*> sessions_by_outside(Gateway& gateway) {
  std::map<Outside, const SessionEntry*> found;
  for (uint32_t worker = 0; worker < gateway.workers(); ++worker) {
    const SessionTable& table = gateway.table(worker);
    for (SessionHandle handle = 0; handle < table.capacity(); ++handle) {
      if (!table.is_live(handle)) continue;
      const SessionEntry& entry = table.entry(handle);
      const Outside outside{entry.protocol(), entry.egress_ip.host(), entry.egress_port.host(),
                            entry.remote_ip.host(), entry.remote_port.host()};
      EXPECT_TRUE(found.emplace(outside, &entry).second)
          << "two sessions have " << int{entry.protocol()} << " port " << entry.egress_port.host();
    }
  }
  return found;
}
uint64_t held_taken(Gateway& gateway) {
  uint64_t sum = 0;
  for (uint32_t worker = 0; worker < gateway.workers(); ++worker) {
    sum += gateway.table(worker).statistics().held_taken;
  }
  return sum;
}

// A random packet of one of ten pods to one of six remote endpoints.
Packet random_packet(std::mt19937& random) {
  const std::string pod = "10.128.1." + std::to_string(1 + random() % 10);
  const std::string server = "203.0.113." + std::to_string(1 + random() % 3);
  const auto source_port = static_cast<uint16_t>(1 + random() % 30);
  const auto server_port = static_cast<uint16_t>(80 + random() % 2);
  const Packet from = from_node1().ipv4(pod, server);
  switch (random() % 6) {
    case 0:
    case 1:
      return Packet(from).udp(source_port, server_port);
    case 2:
      return Packet(from).echo_request(source_port);
    case 3:
      return Packet(from).tcp(source_port, server_port, {.flags = kRst, .sequence = 1001});
    default:
      return Packet(from).tcp(source_port, server_port, {.flags = kSyn, .sequence = 1000});
  }
}

TEST_P(MappingOfWorkers, M4_NoTwoLiveSessionsShowTheSameOutside) {
  Gateway gateway(few_ports(64 * GetParam()), {.workers = GetParam()});
  std::mt19937 random(11);
  const auto any_worker = [](std::mt19937& draw) {
    return static_cast<uint32_t>(draw() % GetParam());
  };
  size_t most = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<Packet> burst;
    while (burst.size() < kBurst) burst.push_back(random_packet(random));
    carry(gateway, any_worker(random), "underlay", burst);
    gateway.pass_ms(random() % (20'000 / GetParam()));
    if (round % 3 == 0) gateway.sweep();
    most = std::max(most, sessions_by_outside(gateway).size());
  }
  EXPECT_GT(most, 500u);
  EXPECT_GT(gateway.dropped(Reason::kNoPort), 0u) << "ports never ran short";
  EXPECT_GT(held_taken(gateway), 0u) << "no held port was taken back";
  EXPECT_EQ(gateway.imbalance(), 0);
  // And each answer reaches the pod that asked.
  size_t answered = 0;
  const std::map<Outside, const SessionEntry*> all = sessions_by_outside(gateway);
  for (const auto& [outside, session] : all) {
    const SessionEntry& entry = *session;
    if (entry.protocol() != kProtocolUdp) continue;
    const std::string server = Ipv4Address::from(entry.remote_ip).text();
    const auto answer = from_outside()
                            .ipv4(server, kPodAddress)
                            .udp(entry.remote_port.host(), entry.egress_port.host());
    const Bytes back =
        only_frame(carry(gateway, any_worker(random), "uplink", {answer}), "underlay");
    ASSERT_GT(back.size(), kPodAt + 24);
    const auto ip = load<Ipv4Header>(&back[kPodAt]);
    EXPECT_EQ(ip.destination, entry.source_ip);
    EXPECT_EQ(load<Be16>(&back[kPodAt + 22]), entry.source_port);
    ++answered;
  }
  EXPECT_GT(answered, 50u);
}

TEST(Mapping, M6_ALatePacketOfAnEndedSessionHitsNobody) {
  Gateway gateway(few_ports());
  const uint16_t port = outside_port(gateway, "10.128.1.5", 7777);
  gateway.pass_seconds(301);
  gateway.sweep();
  ASSERT_EQ(gateway.table().live(), 0u);
  for (uint16_t source_port = 1; source_port <= 63; ++source_port) {
    EXPECT_NE(outside_port(gateway, "10.128.1.6", source_port), port);
  }
  const auto late = from_outside().ipv4(kServer, kPodAddress).udp(53, port).payload("late");
  EXPECT_TRUE(gateway.receive("uplink", late).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), 1u);
  // After the hold it is a port as any other.
  gateway.pass_seconds(62);
  gateway.sweep();
  EXPECT_EQ(gateway.table().held(), 0u);
  EXPECT_EQ(outside_port(gateway, "10.128.1.7", 1), port);
}

TEST(Mapping, M6_OfHeldPortsTheOldestIsTakenFirst) {
  Gateway gateway(few_ports());
  std::set<uint16_t> older;
  for (uint16_t source_port = 1; source_port <= 32; ++source_port) {
    older.insert(outside_port(gateway, "10.128.1.5", source_port));
  }
  gateway.pass_seconds(10);
  for (uint16_t source_port = 33; source_port <= 64; ++source_port) {
    outside_port(gateway, "10.128.1.5", source_port);
  }
  gateway.pass_seconds(292);
  gateway.sweep();
  gateway.pass_seconds(10);
  gateway.sweep();
  ASSERT_EQ(gateway.table().held(), 64u);
  gateway.pass_seconds(2);
  for (uint16_t source_port = 1; source_port <= 64; ++source_port) {
    const uint16_t port = outside_port(gateway, "10.128.1.6", source_port);
    EXPECT_EQ(older.count(port), source_port <= 32 ? 1u : 0u) << source_port;
  }
  EXPECT_EQ(outside_port(gateway, "10.128.1.6", 65), 0) << "all are in use";
  EXPECT_EQ(gateway.dropped(Reason::kNoPort), 1u);
}

TEST(Mapping, M7_OnlyTheRemoteEndpointReachesThePod) {
  Gateway gateway(world());
  const uint16_t port = outside_port(gateway, std::string(kPod), 7777);
  const uint16_t expires_s = gateway.only_session().expires_s;
  gateway.pass_seconds(60);
  const auto from = [](std::string_view source) {
    return from_outside().ipv4(source, kPodAddress);
  };
  const auto neighbour = static_cast<uint16_t>(port ^ 1);
  const std::vector<Packet> strangers = {
      from("203.0.113.6").udp(53, port),  // another host
      from(kServer).udp(54, port),        // another port of the host
      from(kServer).udp(53, neighbour),   // another port of ours
      from(kServer).tcp(53, port, {.flags = TcpHeader::kAck, .sequence = 1}),
      from(kServer).echo_reply(port),
      from(kServer).echo_request(port)};
  EXPECT_TRUE(gateway.receive("uplink", strangers).empty());
  EXPECT_EQ(gateway.dropped(Reason::kNoSession), strangers.size());
  EXPECT_EQ(gateway.only_session().expires_s, expires_s) << "a stranger refreshed the session";
  EXPECT_EQ(gateway.receive("uplink", from(kServer).udp(53, port)).size(), 1u);
}

TEST(Mapping, M8_ASecondSynMakesNoSecondSession) {
  Gateway gateway(world());
  const auto syn =
      from_node1().ipv4(kPod, kServer).tcp(40000, 443, {.flags = kSyn, .sequence = 1000});
  const auto sent = gateway.receive("underlay", {syn, syn});
  ASSERT_EQ(sent.size(), 2u);
  const uint16_t port = gateway.only_session().egress_port.host();
  gateway.pass_seconds(1);
  const auto again = gateway.receive("underlay", syn);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(decode(again[0].frame), decode(sent[0].frame));
  EXPECT_EQ(decode(again[0].frame), decode(sent[1].frame));
  EXPECT_EQ(gateway.only_session().egress_port.host(), port);
  EXPECT_EQ(gateway.counters().session_created.read(), 1u);
}

}  // namespace
}  // namespace postern::test
