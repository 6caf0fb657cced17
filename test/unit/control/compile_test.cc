// What the compiler makes of a model: every part of the snapshot that workers rely on.
#include "control/apply/compile.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace postern {
namespace {

using config::At;
using config::Model;

Ipv4Prefix prefix(std::string_view text) { return *Ipv4Prefix::parse(text); }
Ipv4Address address(std::string_view text) { return *Ipv4Address::parse(text); }

template <typename T>
At<T> at(T value) {
  return {std::move(value), {}};
}

config::Port port(std::string name, config::PortRole role, std::string_view own, uint16_t mtu) {
  config::Port port;
  port.name = at(std::move(name));
  port.role = at(role);
  const Ipv4Prefix subnet = prefix(own);
  port.addresses.push_back(at(config::PortAddress{subnet.address, subnet.length}));
  port.mtu = mtu;
  return port;
}

config::Node node(std::string name, std::string_view vtep, std::string_view cidr) {
  config::Node node;
  node.name = at(std::move(name));
  node.tunnel = at(std::string("overlay"));
  node.vtep = at(address(vtep));
  node.pod_cidrs.push_back(at(prefix(cidr)));
  return node;
}

config::Namespace name_space(std::string name, std::string_view pods) {
  config::Namespace entry;
  entry.name = at(std::move(name));
  entry.pods.push_back(at(prefix(pods)));
  entry.tunnel = at(std::string("overlay"));
  return entry;
}

config::EgressIp egress_ip(std::string name, std::string name_space, std::string_view own) {
  config::EgressIp entry;
  entry.name = at(std::move(name));
  entry.namespaces.push_back(at(std::move(name_space)));
  entry.addresses.push_back(at(address(own)));
  return entry;
}

// The configuration of the documentation's example, as values.
Model example() {
  Model model;
  model.ports.push_back(port("underlay", config::PortRole::kCluster, "10.0.0.254/24", 1600));
  model.ports.push_back(port("uplink", config::PortRole::kExternal, "192.0.2.10/24", 1500));
  model.ports[1].gateway = at(address("192.0.2.1"));
  config::Tunnel tunnel;
  tunnel.name = at(std::string("overlay"));
  tunnel.local = at(address("10.0.0.254"));
  tunnel.vni = at(std::optional<uint32_t>(100));
  model.tunnels.push_back(tunnel);
  model.nodes.push_back(node("node-1", "10.0.0.1", "10.128.0.0/23"));
  model.nodes.push_back(node("node-2", "10.0.0.2", "10.128.2.0/23"));
  model.nodes[0].addresses.push_back(at(address("10.128.0.2")));
  model.cluster.no_snat.push_back(at(prefix("172.30.0.0/16")));
  model.namespaces.push_back(name_space("payments", "10.128.0.11"));
  model.namespaces.push_back(name_space("shop", "10.128.2.0/26"));
  model.egress_ips.push_back(egress_ip("payments-out", "payments", "192.0.2.50"));
  return model;
}

class CompileTest : public ::testing::Test {
 protected:
  const Snapshot& compile() {
    auto result = postern::compile(model_, facts_, books_, 42);
    EXPECT_TRUE(result.ok()) << result.status();
    compiled_ = std::move(*result);
    books_ = compiled_.books;
    return *compiled_.snapshot;
  }
  NamespaceIndex index_of(const std::string& name) { return *books_.namespaces.find(name); }
  NeighbourSlot hop(uint16_t port_index, std::string_view hop_address) {
    for (const NextHop& next : compiled_.next_hops) {
      if (next.key == NeighbourKey{port_index, address(hop_address)}) return next.slot;
    }
    return kNoNeighbour;
  }
  Model model_ = example();
  std::vector<PortFacts> facts_ = {{7, {{2, 0, 0, 0, 0, 1}}}, {9, {{2, 0, 0, 0, 0, 2}}}};
  Books books_;
  Compiled compiled_;
};

TEST_F(CompileTest, KnowsItsPortsAndItsAddresses) {
  const Snapshot& snapshot = compile();
  ASSERT_EQ(snapshot.ports.size(), 2u);
  EXPECT_EQ(snapshot.ports[0].device, 7);
  EXPECT_EQ(snapshot.ports[1].mac, facts_[1].mac);
  EXPECT_EQ(snapshot.ports[1].first_address, address("192.0.2.10"));
  EXPECT_TRUE(snapshot.ports[0].takes_tunnels() && !snapshot.ports[0].takes_replies());

  const LocalAddress* vtep = snapshot.local(address("10.0.0.254"));
  ASSERT_NE(vtep, nullptr);
  EXPECT_EQ(vtep->kinds, LocalAddress::kInterface | LocalAddress::kVtep);
  EXPECT_EQ(vtep->ports, 1u);
  const LocalAddress* egress = snapshot.local(address("192.0.2.50"));
  ASSERT_NE(egress, nullptr);
  EXPECT_EQ(egress->kinds, LocalAddress::kEgress);
  EXPECT_EQ(egress->ports, 2u) << "answered on the uplink only";
  EXPECT_EQ(snapshot.policy.addresses[egress->slot].address, address("192.0.2.50"));
  EXPECT_EQ(snapshot.local(address("192.0.2.51")), nullptr);
}

TEST_F(CompileTest, FindsTunnelsAndNodesAsPacketsDo) {
  model_.tunnels.push_back(model_.tunnels[0]);
  model_.tunnels[1].name = at(std::string("second"));
  model_.tunnels[1].vni = at(std::optional<uint32_t>(200));
  model_.nodes[1].tunnel = at(std::string("second"));
  const Snapshot& snapshot = compile();
  const uint64_t endpoint =
      snapshot.endpoints.find(Snapshot::endpoint_key(address("10.0.0.254"), 4789));
  ASSERT_NE(endpoint, FlatMap::kAbsent);
  EXPECT_EQ(snapshot.tunnels_by_vni.find(Snapshot::tunnel_key(endpoint, 100)), 0u);
  EXPECT_EQ(snapshot.tunnels_by_vni.find(Snapshot::tunnel_key(endpoint, 200)), 1u);
  EXPECT_EQ(snapshot.tunnels_by_vni.find(Snapshot::tunnel_key(endpoint, 300)), FlatMap::kAbsent);
  const uint64_t first = snapshot.nodes_by_vtep.find(Snapshot::node_key(0, address("10.0.0.1")));
  EXPECT_EQ(first, *books_.nodes.find("node-1"));
  EXPECT_EQ(snapshot.nodes_by_vtep.find(Snapshot::node_key(0, address("10.0.0.2"))),
            FlatMap::kAbsent)
      << "node-2 belongs to the other tunnel";
}

TEST_F(CompileTest, PreparesTheEncapsulation) {
  const Snapshot& snapshot = compile();
  const NodeEntry& entry = snapshot.nodes[*books_.nodes.find("node-2")];
  EXPECT_TRUE(entry.in_use);
  EXPECT_EQ(entry.port, 0);
  EXPECT_EQ(entry.next_hop, hop(0, "10.0.0.2")) << "on the link: the VTEP itself";
  const TunnelEncapsulation& outer = entry.encapsulation;
  EXPECT_EQ(outer.outer_ethernet.source, facts_[0].mac);
  EXPECT_EQ(outer.outer_ethernet.type.host(), kEtherTypeIpv4);
  EXPECT_EQ(outer.outer_ip.version_ihl, 0x45);
  EXPECT_EQ(outer.outer_ip.ttl, 64);
  EXPECT_EQ(outer.outer_ip.protocol, kProtocolUdp);
  EXPECT_EQ(outer.outer_ip.source.host(), address("10.0.0.254").value);
  EXPECT_EQ(outer.outer_ip.destination.host(), address("10.0.0.2").value);
  EXPECT_EQ(outer.udp.destination_port.host(), 4789);
  EXPECT_EQ(outer.udp.checksum.host(), 0);
  EXPECT_EQ(outer.vxlan.flags, VxlanHeader::kVniValid);
  EXPECT_EQ(outer.vxlan.vni_host(), 100u);
  EXPECT_EQ(outer.inner_ethernet.source, derived_inner_mac("overlay"));
  EXPECT_EQ(outer.inner_ethernet.type.host(), kEtherTypeIpv4);
}

TEST_F(CompileTest, PreparesGenevesEncapsulation) {
  model_.tunnels[0].type = config::TunnelType::kGeneve;
  model_.tunnels[0].udp_port = at(config::kGeneveUdpPort);
  model_.nodes[0].geneve_options = at(std::vector<uint8_t>{1, 2, 0, 1, 9, 8, 7, 6});
  model_.nodes[1].geneve_options = at(std::vector<uint8_t>{1, 2, 0, 0, 1, 2, 0x80, 0});
  const Snapshot& snapshot = compile();
  const NodeEntry& first = snapshot.nodes[*books_.nodes.find("node-1")];
  const NodeEntry& second = snapshot.nodes[*books_.nodes.find("node-2")];
  EXPECT_EQ(first.encapsulation.udp.destination_port.host(), 6081);
  EXPECT_EQ(first.encapsulation.geneve.version_length, 2);
  EXPECT_EQ(first.encapsulation.geneve.flags, 0) << "nothing critical";
  EXPECT_EQ(first.encapsulation.geneve.protocol.host(), 0x6558);
  EXPECT_EQ(first.encapsulation.geneve.vni.host(), 100u << 8);
  EXPECT_EQ(second.encapsulation.geneve.flags, GeneveHeader::kCritical);
  EXPECT_EQ(second.option_bytes, 8);
  EXPECT_EQ(snapshot.geneve_options[second.options_at + 6], 0x80);
  EXPECT_EQ(first.overhead_bytes(), 58u);
  const uint64_t endpoint =
      snapshot.endpoints.find(Snapshot::endpoint_key(address("10.0.0.254"), 6081));
  EXPECT_TRUE(Snapshot::speaks_geneve(endpoint));
}

TEST_F(CompileTest, GivesTunnelsOfAnyVniNumbersThatLast) {
  model_.tunnels[0].vni = at(std::optional<uint32_t>());
  compile();
  const uint32_t number = *books_.wide_tunnels.find("overlay");
  const Snapshot& snapshot = compile();
  EXPECT_EQ(snapshot.tunnels[0].network, wide_network(number));
  EXPECT_TRUE(snapshot.nodes[0].takes_any_vni);
  model_.tunnels[0].vni = at(std::optional<uint32_t>(100));
  EXPECT_EQ(compile().tunnels[0].network, 100u);
  EXPECT_EQ(compiled_.cooling.wide_tunnels, std::vector<uint32_t>{number});
  EXPECT_FALSE(books_.wide_tunnels.find("overlay"));
}

TEST_F(CompileTest, ReachesDistantNodesByTheirGateway) {
  model_.nodes[1].vtep = at(address("10.9.0.2"));
  EXPECT_EQ(compile().nodes[*books_.nodes.find("node-2")].next_hop, kNoNeighbour);
  model_.ports[0].gateway = at(address("10.0.0.99"));
  const Snapshot& snapshot = compile();
  EXPECT_EQ(snapshot.nodes[*books_.nodes.find("node-2")].next_hop, hop(0, "10.0.0.99"));
  EXPECT_EQ(snapshot.nodes[*books_.nodes.find("node-1")].next_hop, hop(0, "10.0.0.1"));
}

TEST_F(CompileTest, DerivesStableLocalMacs) {
  EXPECT_EQ(derived_inner_mac("overlay"), derived_inner_mac("overlay"));
  EXPECT_NE(derived_inner_mac("overlay"), derived_inner_mac("other"));
  EXPECT_EQ(derived_inner_mac("overlay").byte[0], 0x02);
  model_.tunnels[0].inner_mac = MacAddress{{2, 1, 1, 1, 1, 1}};
  EXPECT_EQ(compile().tunnels[0].inner_mac, (MacAddress{{2, 1, 1, 1, 1, 1}}));
}

TEST_F(CompileTest, ClampsToTheSmallerOfTunnelAndUplink) {
  EXPECT_EQ(compile().nodes[0].mss_bytes, 1460) << "uplink 1500";
  model_.ports[0].mtu = 1500;
  EXPECT_EQ(compile().nodes[0].mss_bytes, 1410) << "1500 less 50 of the tunnel";
  model_.tunnels[0].type = config::TunnelType::kGeneve;
  model_.nodes[0].geneve_options = at(std::vector<uint8_t>(252));
  EXPECT_EQ(compile().nodes[0].mss_bytes, 1158) << "less its options";
  model_.sessions.mss_clamp = {config::MssClamp::Mode::kNumber, 1200};
  EXPECT_EQ(compile().nodes[0].mss_bytes, 1200);
  model_.sessions.mss_clamp = {config::MssClamp::Mode::kOff, 0};
  EXPECT_EQ(compile().nodes[0].mss_bytes, 0);
}

TEST_F(CompileTest, KeepsTheTwoSidesOfRoutingApart) {
  model_.routes.push_back(
      {{}, at(prefix("198.51.100.0/24")), at(address("192.0.2.2")), at(std::string("uplink"))});
  const Snapshot& snapshot = compile();
  const Ipv4Address source = address("192.0.2.50");
  const Route* route = snapshot.external_routes.find(address("198.51.100.7"), source);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->via, hop(1, "192.0.2.2"));
  EXPECT_EQ(snapshot.external_routes.find(address("8.8.8.8"), source)->via, hop(1, "192.0.2.1"));
  EXPECT_EQ(snapshot.external_routes.find(address("192.0.2.77"), source)->via, kNoNeighbour);
  EXPECT_EQ(snapshot.cluster_routes.find(address("8.8.8.8"), source), nullptr);
  EXPECT_EQ(snapshot.cluster_routes.find(address("10.0.0.9"), source)->port, 0);
  for (const Route& each : snapshot.external_routes.all()) EXPECT_EQ(each.port, 1);
}

TEST_F(CompileTest, OfEqualRoutesTheOneOfTheEgressSubnetIsTaken) {
  model_.ports.push_back(port("second", config::PortRole::kExternal, "203.0.113.10/24", 1500));
  model_.ports[2].gateway = at(address("203.0.113.1"));
  model_.ports[2].addresses.push_back(at(config::PortAddress{address("198.18.0.10"), 24}));
  facts_.push_back({11, {{2, 0, 0, 0, 0, 3}}});
  const Snapshot& snapshot = compile();
  const auto port_for = [&](std::string_view source) {
    return snapshot.external_routes.find(address("8.8.8.8"), address(source))->port;
  };
  EXPECT_EQ(port_for("192.0.2.50"), 1);
  EXPECT_EQ(port_for("203.0.113.50"), 2);
  EXPECT_EQ(port_for("198.18.0.50"), 2) << "by its second subnet";
}

TEST_F(CompileTest, KnowsWhatIsInside) {
  const Snapshot& snapshot = compile();
  for (const char* inside : {"10.128.1.255", "10.0.0.1", "10.128.0.2", "172.30.9.9"}) {
    EXPECT_TRUE(snapshot.inside.contains(address(inside))) << inside;
  }
  for (const char* outside : {"10.0.0.3", "8.8.8.8", "10.128.4.0"}) {
    EXPECT_FALSE(snapshot.inside.contains(address(outside))) << outside;
  }
}

TEST_F(CompileTest, RulesKeepTheirNumbers) {
  const auto rule = [&](std::string name, bool allow, std::string_view to) {
    config::FirewallRule entry;
    entry.name_space = at(std::move(name));
    entry.action = allow ? config::FirewallAction::kAllow : config::FirewallAction::kDeny;
    entry.to.push_back(at(prefix(to)));
    model_.firewall.rules.push_back(entry);
  };
  rule("payments", true, "1.0.0.0/8");
  rule("*", false, "0.0.0.0/5");
  rule("payments", true, "1.0.0.0/8");
  rule("shop", true, "1.0.0.0/8");
  model_.firewall.rules[0].ports.push_back(
      at(config::FirewallPorts{config::FirewallProtocol::kUdp, 53, 54}));
  model_.firewall.refuse = config::FirewallRefuse::kReject;
  const Firewall& firewall = compile().policy.firewall;
  const auto first = [&](NamespaceIndex index, uint8_t protocol, uint16_t to_port) {
    return firewall.first_match(index, address("1.2.3.4"), protocol, to_port);
  };
  EXPECT_EQ(first(index_of("payments"), kProtocolUdp, 54), 0u);
  EXPECT_EQ(first(index_of("payments"), kProtocolTcp, 54), 1u);
  EXPECT_EQ(first(index_of("shop"), kProtocolTcp, 80), 1u);
  EXPECT_EQ(first(kPlatform, kProtocolUdp, 54), 1u);
  EXPECT_EQ(firewall.first_match(kPlatform, address("9.9.9.9"), kProtocolUdp, 54), kNoRule);
  EXPECT_TRUE(firewall.rules[0].allow && !firewall.rules[1].allow);
  EXPECT_FALSE(firewall.default_allow);
  EXPECT_TRUE(firewall.refuse_reject);
}

TEST_F(CompileTest, EgressEntriesLeadToTheirPolicies) {
  model_.node_ip.mode = at(config::NodeIpMode::kGateway);
  model_.node_ip.addresses.push_back(at(address("192.0.2.10")));
  config::EgressIp pods = egress_ip("pods", "payments", "192.0.2.52");
  pods.pods = {at(prefix("10.128.0.11"))};
  pods.destinations = {at(prefix("203.0.0.0/16"))};
  pods.spread = config::Spread::kSession;
  pods.when_exhausted = config::WhenExhausted::kNextAddress;
  pods.fallback = config::Fallback::kNodeIp;
  model_.egress_ips.push_back(pods);
  const PolicyTable& policy = compile().policy;
  const auto policy_to = [&](NamespaceIndex index, std::string_view to) {
    return policy.egress.find(index, address("10.128.0.11"), address(to));
  };
  const uint32_t of_pods = policy_to(index_of("payments"), "203.0.113.7");
  const uint32_t of_all = policy_to(index_of("payments"), "198.51.100.7");
  ASSERT_LT(of_pods, policy.policies.size());
  ASSERT_LT(of_all, policy.policies.size());
  EXPECT_EQ(policy.policies[of_pods].spread, Spread::kSession);
  EXPECT_TRUE(policy.policies[of_pods].next_address_when_exhausted);
  EXPECT_TRUE(policy.policies[of_pods].fall_back_to_node_ip);
  EXPECT_EQ(policy.policies[of_all].spread, Spread::kSource);
  const AddressSlot slot = policy.address_slots[policy.policies[of_all].addresses.first];
  EXPECT_EQ(policy.addresses[slot].address, address("192.0.2.50"));
  EXPECT_EQ(policy_to(index_of("shop"), "203.0.113.7"), kNoEgressPolicy);
  EXPECT_EQ(policy_to(kPlatform, "203.0.113.7"), kNoEgressPolicy);
}

TEST_F(CompileTest, NodeIpIsAPolicyOfItsOwn) {
  EXPECT_EQ(compile().policy.node_ip_policy, kNoEgressPolicy);
  model_.node_ip.mode = at(config::NodeIpMode::kGateway);
  model_.node_ip.addresses.push_back(at(address("192.0.2.10")));
  model_.node_ip.for_whom = config::NodeIpFor::kPlatform;
  const Snapshot& snapshot = compile();
  ASSERT_NE(snapshot.policy.node_ip_policy, kNoEgressPolicy);
  EXPECT_TRUE(snapshot.policy.node_ip_platform_only);
  const LocalAddress* shared = snapshot.local(address("192.0.2.10"));
  EXPECT_EQ(shared->kinds, LocalAddress::kInterface | LocalAddress::kEgress);
  const Range range = snapshot.policy.policies[snapshot.policy.node_ip_policy].addresses;
  ASSERT_EQ(range.count, 1u);
  EXPECT_EQ(snapshot.policy.address_slots[range.first], shared->slot);
}

TEST_F(CompileTest, ARemovedAddressDiesAndComesBackElsewhere) {
  const AddressSlot slot = compile().local(address("192.0.2.50"))->slot;
  EXPECT_EQ(compiled_.snapshot->policy.addresses[slot].epoch, 0);
  model_.egress_ips.clear();
  const Snapshot& without = compile();
  EXPECT_EQ(without.policy.addresses[slot].epoch, 1);
  EXPECT_FALSE(without.policy.addresses[slot].in_use);
  EXPECT_EQ(without.local(address("192.0.2.50")), nullptr);
  EXPECT_EQ(compiled_.cooling.addresses, std::vector<uint32_t>{slot});

  model_ = example();
  EXPECT_NE(compile().local(address("192.0.2.50"))->slot, slot) << "the old one still cools";
  books_.addresses.release(slot);
  model_.egress_ips.push_back(egress_ip("shop-out", "shop", "192.0.2.60"));
  const Snapshot& later = compile();
  ASSERT_EQ(later.local(address("192.0.2.60"))->slot, slot);
  EXPECT_EQ(later.policy.addresses[slot].epoch, 1) << "sessions of the first owner stay dead";
  EXPECT_TRUE(later.policy.addresses[slot].in_use);
}

TEST_F(CompileTest, NumbersStayWithTheirNames) {
  compile();
  const NamespaceIndex shop = index_of("shop");
  const NodeIndex second = *books_.nodes.find("node-2");
  EXPECT_EQ(compiled_.fresh_nodes.size(), 2u);
  model_.namespaces.erase(model_.namespaces.begin());
  model_.egress_ips.clear();
  model_.nodes.erase(model_.nodes.begin());
  const Snapshot& snapshot = compile();
  EXPECT_EQ(index_of("shop"), shop);
  EXPECT_EQ(*books_.nodes.find("node-2"), second);
  EXPECT_EQ(snapshot.nodes.size(), 2u);
  EXPECT_FALSE(snapshot.nodes[0].in_use && snapshot.nodes[1].in_use);
  EXPECT_EQ(compiled_.cooling.namespaces.size(), 1u);
  EXPECT_EQ(compiled_.cooling.nodes.size(), 1u);
  EXPECT_EQ(compiled_.cooling.next_hops.size(), 1u);
  EXPECT_TRUE(compiled_.fresh_nodes.empty());
}

TEST_F(CompileTest, GathersWhoHoldsWhichInnerAddress) {
  compile();
  const SourceInputs inputs = source_inputs(model_, books_);
  EXPECT_EQ(*inputs.cidrs.find({100, prefix("10.128.2.0/23")}), *books_.nodes.find("node-2"));
  EXPECT_EQ(*inputs.platform.find({100, prefix("10.128.0.2")}), *books_.nodes.find("node-1"));
  EXPECT_EQ(*inputs.pods.find({100, prefix("10.128.0.11")}), index_of("payments"));
  EXPECT_EQ(inputs.pods.size(), 2u);
}

}  // namespace
}  // namespace postern
