// The checks on models that no file can say yet, ties in detail, and size.
#include "config/check.h"

#include <chrono>

#include "config/load.h"
#include "gtest/gtest.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

Model sample() {
  LoadResult loaded = load_text(kSample, "f.cfg");
  EXPECT_EQ(all_text(loaded.errors), "");
  return *std::move(loaded.model);
}

std::string errors(const Model& model) { return all_text(check(model).errors); }

At<Ipv4Prefix> at(const char* text) { return {*Ipv4Prefix::parse(text), {}}; }

TEST(Check, TheSampleIsGood) { EXPECT_EQ(errors(sample()), ""); }

// V8: a tunnel may end on an egress address, on a port of role both.
TEST(Check, TunnelOnAnEgressAddress) {
  Model model = sample();
  model.tunnels[0].local.value = *Ipv4Address::parse("192.0.2.60");
  EXPECT_EQ(
      errors(model),
      "f.cfg:8: error: tunnels.overlay.local: 192.0.2.60 is not an address of a cluster port\n");
  model.ports[1].role.value = PortRole::kBoth;
  EXPECT_EQ(errors(model), "");
  model.tunnels[0].local.value = *Ipv4Address::parse("192.0.2.10");
  EXPECT_EQ(errors(model), "");
}

TEST(Check, TunnelsOfTwoTypesOnOneSocket) {
  Model model = sample();
  Tunnel second = model.tunnels[0];
  second.name.value = "second";
  second.vni.value = 7;
  model.tunnels.push_back(second);
  EXPECT_EQ(errors(model), "");
  model.tunnels[1].type = TunnelType::kGeneve;
  EXPECT_EQ(
      errors(model),
      "f.cfg:8: error: tunnels.second: same local and udp_port as a tunnel of another type on "
      "line 8\n");
  model.tunnels[1].udp_port.value = kGeneveUdpPort;
  EXPECT_EQ(errors(model), "");
}

TEST(Check, NamespacesInATunnelWithAnyVni) {
  Model model = sample();
  model.tunnels[0].vni.value.reset();
  model.namespaces[0].vni = At<uint32_t>{7, {0, 15}};
  model.namespaces[1].vni = At<uint32_t>{8, {0, 16}};
  model.namespaces[1].pods = model.namespaces[0].pods;
  EXPECT_EQ(errors(model), "");  // two networks
  model.namespaces[1].vni->value = 7;
  EXPECT_NE(errors(model), "");
  model.namespaces[1].vni.reset();  // in all networks
  EXPECT_EQ(
      errors(model),
      "f.cfg:15: error: namespaces.lab.pods[0]: 10.128.0.11 overlaps 10.128.0.11 of namespace "
      "\"payments\" on line 15\n"
      "f.cfg:15: error: namespaces.lab.pods[1]: 10.128.1.0/26 overlaps 10.128.1.0/26 of "
      "namespace \"payments\" on line 15\n");
}

TEST(Check, VniThatComesByAnotherTunnel) {
  Model model = sample();
  Tunnel any = model.tunnels[0];
  any.name.value = "any";
  any.vni.value.reset();
  model.tunnels.push_back(any);
  model.namespaces[0].tunnel.value = "any";
  model.namespaces[0].vni = At<uint32_t>{7, {0, 15}};
  EXPECT_EQ(errors(model), "");
  model.namespaces[0].vni->value = 100;
  EXPECT_EQ(errors(model),
            "f.cfg:15: error: namespaces.payments.vni: VNI 100 comes by tunnel \"overlay\", which "
            "names it\n");
  model.tunnels[1].udp_port.value = 4790;
  EXPECT_EQ(errors(model), "");
}

TEST(Check, VniThatTheTunnelDoesNotHave) {
  Model model = sample();
  model.namespaces[0].vni = At<uint32_t>{7, {0, 15}};
  EXPECT_EQ(errors(model),
            "f.cfg:15: error: namespaces.payments.vni: tunnel \"overlay\" has VNI 100\n");
  model.namespaces[0].vni->value = 100;
  EXPECT_EQ(errors(model), "");
}

TEST(Check, OneVniThroughTwoTunnelsIsOneNetwork) {
  Model model = sample();
  Tunnel second = model.tunnels[0];
  second.name.value = "second";
  second.udp_port.value = 4790;
  model.tunnels.push_back(second);
  model.namespaces[1].tunnel.value = "second";
  model.namespaces[1].pods = {model.namespaces[0].pods[0]};
  EXPECT_EQ(
      errors(model),
      "f.cfg:15: error: namespaces.lab.pods[0]: 10.128.0.11 overlaps 10.128.0.11 of namespace "
      "\"payments\" on line 15\n");
}

TEST(Check, RouterAddresses) {
  Model model = sample();
  EgressRouter router;
  router.line = {0, 31};
  router.name.value = "db";
  router.destinations = {{"80 tcp 203.0.113.25", {0, 32}},
                         {"81 tcp 10.128.0.11", {0, 33}},
                         {"82 tcp 192.0.2.50", {0, 34}}};
  router.namespaces = {{"labs", {0, 31}}};
  router.listen = {*Ipv4Address::parse("10.131.255.10"), {0, 31}};
  router.source = {*Ipv4Address::parse("192.0.2.60"), {0, 31}};
  model.egress_routers.push_back(router);
  EXPECT_EQ(
      errors(model),
      "f.cfg:31: error: egress_routers.db.namespaces[0]: no namespace is named \"labs\"; did you "
      "mean \"lab\"?\n"
      "f.cfg:31: error: egress_routers.db.source: 192.0.2.60 is owned twice, also by "
      "egress_ips.lab-out.addresses[0] on line 22\n"
      "f.cfg:33: error: egress_routers.db.destinations[1]: 10.128.0.11 is inside the cluster\n"
      "f.cfg:34: error: egress_routers.db.destinations[2]: 192.0.2.50 is inside the cluster\n");
  model.egress_routers[0].mode = RouterMode::kHttpProxy;
  model.egress_routers[0].destinations = {{"!10.128.0.11", {0, 32}}, {"0.0.0.0/0", {0, 33}}};
  model.egress_routers[0].namespaces.clear();
  model.egress_routers[0].source.value = *Ipv4Address::parse("192.0.2.70");
  EXPECT_EQ(errors(model), "");
}

TEST(Check, TwoWorkersNeedPortsForTwo) {
  Model model = sample();
  model.workers.cpus.value = {1, 2};
  model.sessions.port_range = {{1024, 1024 + 127}, {0, 30}};
  EXPECT_EQ(errors(model), "");
  model.sessions.port_range.value.last -= 8;
  EXPECT_EQ(
      errors(model),
      "f.cfg:30: error: sessions.port_range: 120 ports are too few for 2 workers; each worker "
      "needs at least 64\n");
}

// Two entries for payments, to play with.
class Ties : public ::testing::Test {
 protected:
  Ties() : model_(sample()), a_(model_.egress_ips[0]), b_(model_.egress_ips[1]) {
    b_.namespaces = a_.namespaces;
  }
  void expect(bool tie) {
    const std::string found = errors(model_);
    if (tie) {
      EXPECT_NE(found.find("egress_ips.lab-out: ties with egress_ips.payments-out on line 20"),
                std::string::npos)
          << found;
    } else {
      EXPECT_EQ(found, "");
    }
  }

  Model model_;
  EgressIp& a_;
  EgressIp& b_;
};

TEST_F(Ties, EqualDestinations) { expect(true); }

TEST_F(Ties, LongerDestinationsDecide) {
  b_.destinations = {at("203.0.113.0/24")};
  expect(false);
  a_.destinations.push_back(at("203.0.113.0/24"));
  expect(true);
}

TEST_F(Ties, OtherNamespacesDoNotMeet) {
  b_.namespaces = {{"lab", {}}};
  expect(false);
  b_.namespaces.push_back({"payments", {}});
  expect(true);
}

TEST_F(Ties, PodsGoBeforeNamespaces) {
  b_.pods = {at("10.128.1.5")};
  expect(false);
}

TEST_F(Ties, PodsThatOverlap) {
  a_.pods = {at("10.128.0.11"), at("10.128.1.0/27")};
  b_.pods = {at("10.128.1.32/27")};
  expect(false);
  b_.pods.push_back(at("10.128.1.5"));
  expect(true);
}

TEST_F(Ties, PodsInsideSeveralOthers) {
  a_.pods = {at("10.128.1.0/26")};
  b_.pods = {at("10.128.1.0/28"), at("10.128.1.1")};
  expect(true);
}

TEST_F(Ties, ExceptOfEqualLengthTakesTheEntryOut) {
  b_.destinations = {at("203.0.113.0/24"), at("198.51.100.0/24")};
  a_.destinations = {at("203.0.113.0/24")};
  expect(true);
  a_.except = {at("203.0.113.0/24")};
  expect(false);
  a_.except = {at("203.0.113.0/25")};
  expect(true);  // the other half is left
  b_.except = {at("203.0.113.128/25")};
  expect(false);
}

TEST_F(Ties, ShorterExceptDoesNot) {
  a_.destinations = b_.destinations = {at("203.0.113.0/24")};
  a_.except = {at("203.0.0.0/16")};
  expect(true);
}

TEST_F(Ties, LongerDestinationsThatCoverAll) {
  a_.destinations = {at("203.0.113.0/24")};
  b_.destinations = {at("203.0.113.0/24"), at("203.0.113.0/25")};
  expect(true);
  b_.destinations.push_back(at("203.0.113.128/25"));
  expect(false);
}

TEST_F(Ties, ANamespaceNamedTwiceDoesNotTieWithItself) {
  b_.namespaces = {{"lab", {}}, {"lab", {}}};
  b_.destinations = {at("0.0.0.0/0"), at("0.0.0.0/0")};
  expect(false);
}

// Issue size: 100,000 pods in 5,000 namespaces, 1,000 nodes, 1,000 egress addresses, 10,000 rules.
TEST(Check, ALargeModelIsCheckedQuickly) {
  Model model = sample();
  model.nodes.clear();
  model.namespaces.clear();
  model.egress_ips.clear();
  model.firewall.rules.clear();
  for (uint32_t i = 0; i < 1000; ++i) {
    Node node;
    node.name.value = "node-" + std::to_string(i);
    node.tunnel.value = "overlay";
    node.vtep.value = {(11u << 24) + i};
    node.pod_cidrs = {{{{(100u << 24) + (i << 9)}, 23}, {}}};
    model.nodes.push_back(node);
  }
  for (uint32_t i = 0; i < 5000; ++i) {
    Namespace name_space;
    name_space.name.value = "ns-" + std::to_string(i);
    name_space.tunnel.value = "overlay";
    for (uint32_t j = 0; j < 20; ++j) {
      name_space.pods.push_back({{{(100u << 24) + j * 5000 + i}, 32}, {}});
    }
    model.namespaces.push_back(name_space);
  }
  for (uint32_t i = 0; i < 1000; ++i) {
    EgressIp egress;
    egress.name.value = "out-" + std::to_string(i);
    for (uint32_t j = 0; j < 5; ++j) {
      egress.namespaces.push_back({"ns-" + std::to_string(i * 5 + j), {}});
    }
    egress.addresses = {{{(192u << 24) + (9u << 16) + i}, {}}};
    model.egress_ips.push_back(egress);
  }
  for (uint32_t i = 0; i < 10000; ++i) {
    FirewallRule rule;
    rule.name_space.value = "ns-" + std::to_string(i % 5000);
    model.firewall.rules.push_back(rule);
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(errors(model), "");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(took.count(), 5.0);
  // One mistake among so many is found.
  model.namespaces[4999].pods[0].value = {model.namespaces[17].pods[3]->address, 32};
  EXPECT_NE(errors(model).find("of namespace \"ns-17\""), std::string::npos);
}

}  // namespace
}  // namespace postern::config
