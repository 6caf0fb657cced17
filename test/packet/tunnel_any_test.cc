// Tunnels with vni = "any": the VNI of a packet says which network its sender is in, and replies
// bear the VNI of their session.
#include <gtest/gtest.h>

#include "test/packet/only_frame.h"
#include "test/packet/overlay.h"

namespace postern::test {
namespace {

// `wide` has no VNI of its own; `red` and `blue` have the same addresses in two of them.
constexpr std::string_view kPolicy = R"(
namespaces = (
  { name = "wide"; pods = [ "10.128.1.0/24" ]; },
  { name = "red"; vni = 7; pods = [ "10.128.0.0/25", "10.128.2.9" ]; },
  { name = "blue"; vni = 0; pods = [ "10.128.0.0/24" ]; } );
egress_ips = (
  { name = "wide-out"; namespaces = [ "wide" ]; addresses = [ "192.0.2.50" ]; },
  { name = "red-out"; namespaces = [ "red" ]; addresses = [ "192.0.2.60" ]; },
  { name = "blue-out"; namespaces = [ "blue" ]; addresses = [ "192.0.2.70" ]; } );
node_ip : { mode = "gateway"; addresses = [ "192.0.2.80" ]; for = "platform"; };
firewall : { default = "allow"; };
)";

std::string any_world(Overlay overlay, std::string_view policy = kPolicy) {
  return replaced(overlay_world(overlay, "", policy), "vni = 100;", "vni = \"any\";");
}

class AnyVni : public ::testing::TestWithParam<Overlay> {
 protected:
  Packet question(std::string_view pod, uint32_t vni, int node = 1) const {
    return from_node(GetParam(), node, {.vni = vni}).ipv4(pod, kServer).udp(7777, 53);
  }
  // As whom the outside sees the sender; empty when it is dropped.
  std::string outside_of(Gateway& gateway, std::string_view pod, uint32_t vni, int node = 1) const {
    const auto sent = gateway.receive("underlay", question(pod, vni, node));
    if (sent.empty()) return "";
    const auto ip = load<Ipv4Header>(&sent[0].frame[14]);
    return Ipv4Address::from(ip.source).text();
  }
};

INSTANTIATE_TEST_SUITE_P(Both, AnyVni, ::testing::Values(Overlay::kVxlan, Overlay::kGeneve),
                         [](const auto& each) { return overlay_name(each.param); });

TEST_P(AnyVni, TheVniDecidesAmongPodsOfOneAddress) {
  Gateway gateway(any_world(GetParam()));
  EXPECT_EQ(outside_of(gateway, "10.128.0.11", 7), "192.0.2.60");
  EXPECT_EQ(outside_of(gateway, "10.128.0.11", 0), "192.0.2.70");
  EXPECT_EQ(outside_of(gateway, "10.128.0.200", 0), "192.0.2.70") << "outside of red's prefix";
  EXPECT_EQ(gateway.table().live(), 3u);
  EXPECT_EQ(outside_of(gateway, "10.128.0.11", 8), "") << "in neither";
  EXPECT_EQ(outside_of(gateway, "10.128.0.200", 7), "");
  EXPECT_EQ(gateway.dropped(Reason::kSourceUnknown), 2u);
}

TEST_P(AnyVni, ANamespaceWithoutOneIsInAllOfThem) {
  Gateway gateway(any_world(GetParam()));
  for (const uint32_t vni : {0u, 7u, 8u, 100u, 0xffffffu}) {
    EXPECT_EQ(outside_of(gateway, "10.128.1.5", vni), "192.0.2.50") << vni;
  }
  EXPECT_EQ(gateway.table().live(), 5u) << "each network has a pod of that address";
}

TEST_P(AnyVni, RepliesBearTheVniOfTheirSession) {
  Gateway gateway(any_world(GetParam()));
  for (const uint32_t vni : {0u, 7u, 8u, 0xabcdefu}) {
    const Bytes out =
        only_frame(gateway.receive("underlay", question("10.128.1.5", vni)), "uplink");
    const uint16_t port = load<Be16>(&out[34]).host();
    const Bytes back = only_frame(
        gateway.receive("uplink", from_outside().ipv4(kServer, "192.0.2.50").udp(53, port)),
        "underlay");
    EXPECT_EQ(decode(back), decode(to_node(GetParam(), back, 1, {.vni = vni})
                                       .ipv4(kServer, "10.128.1.5", {.ttl = 63})
                                       .udp(53, 7777)
                                       .bytes()));
    const Packet quoted = Packet().ipv4("192.0.2.50", kServer, {.ttl = 60}).udp(port, 53);
    const Bytes error = only_frame(
        gateway.receive("uplink",
                        from_outside().ipv4(kServer, "192.0.2.50").icmp_error(3, 3, quoted)),
        "underlay");
    EXPECT_NE(decode(error).find(" vni " + std::to_string(vni) + " reserved 00"), std::string::npos)
        << decode(error);
  }
  EXPECT_EQ(gateway.imbalance(), 0);
}

TEST_P(AnyVni, AnswersOfTheGatewayBearTheVniOfTheQuestion) {
  const std::string refusing = replaced(any_world(GetParam()), "default = \"allow\";",
                                        "default = \"deny\"; refuse = \"reject\";");
  Gateway gateway(refusing);
  const Bytes refusal =
      only_frame(gateway.receive("underlay", question("10.128.1.5", 4097)), "underlay");
  EXPECT_NE(decode(refusal).find(" vni 4097 reserved 00"), std::string::npos) << decode(refusal);
  const Bytes arp = only_frame(
      gateway.receive("underlay", from_node(GetParam(), 1, {.vni = 4098})
                                      .arp_request(kNode1InnerMac, "10.128.1.5", "10.128.0.1")),
      "underlay");
  EXPECT_NE(decode(arp).find(" vni 4098 reserved 00"), std::string::npos) << decode(arp);
}

TEST_P(AnyVni, PodsAreBoundToTheirNodeInEveryNetwork) {
  Gateway gateway(any_world(GetParam()));
  EXPECT_EQ(outside_of(gateway, "10.128.0.11", 7, 2), "");
  EXPECT_EQ(outside_of(gateway, "10.128.1.5", 9, 2), "");
  EXPECT_EQ(gateway.dropped(Reason::kSourceNotOnNode), 2u);
  EXPECT_EQ(outside_of(gateway, "10.128.2.9", 7, 2), "192.0.2.60");
  EXPECT_EQ(outside_of(gateway, "10.128.2.9", 8, 2), "");
}

TEST_P(AnyVni, NodesThemselvesAreInEveryNetwork) {
  const std::string inside = replaced(any_world(GetParam()), "addresses = [ \"10.0.0.1\" ];",
                                      "addresses = [ \"10.0.0.1\", \"10.128.0.2\" ];");
  Gateway gateway(inside);
  for (const uint32_t vni : {0u, 7u, 8u}) {
    EXPECT_EQ(outside_of(gateway, "10.0.0.1", vni), "192.0.2.80") << vni;
    EXPECT_EQ(outside_of(gateway, "10.128.0.2", vni), "192.0.2.80") << vni << ", within pods";
  }
}

TEST_P(AnyVni, ATunnelThatNamesItsVniGoesFirst) {
  const std::string type = GetParam() == Overlay::kGeneve ? "geneve" : "vxlan";
  const std::string two = replaced(
      replaced(any_world(GetParam()), "tunnels = (",
               "tunnels = ( { name = \"named\"; type = \"" + type +
                   "\"; local = \"10.0.0.254\"; vni = 100; },"),
      "nodes = (",
      "nodes = ( { name = \"node-9\"; tunnel = \"named\"; vtep = \"10.0.0.1\"; pod_cidrs = "
      "[ \"10.128.0.0/23\" ]; },");
  std::string text = two;
  for (const char* name : {"wide", "red", "blue"}) {
    const std::string head = std::string("{ name = \"") + name + "\";";
    text = replaced(text, head, head + " tunnel = \"overlay\";");
  }
  text = replaced(text, "namespaces = (",
                  "namespaces = ( { name = \"own\"; tunnel = \"named\"; pods = [ \"10.128.1.5\" ]; "
                  "},");
  text = replaced(text, "egress_ips = (",
                  "egress_ips = ( { name = \"own-out\"; namespaces = [ \"own\" ]; addresses = "
                  "[ \"192.0.2.90\" ]; },");
  Gateway gateway(text);
  EXPECT_EQ(outside_of(gateway, "10.128.1.5", 100), "192.0.2.90");
  EXPECT_EQ(outside_of(gateway, "10.128.1.5", 101), "192.0.2.50");
  EXPECT_EQ(outside_of(gateway, "10.128.1.6", 100), "") << "in no namespace of that tunnel";
}

TEST_P(AnyVni, V5_APodThatMovesKeepsItsSessionInItsNetwork) {
  Gateway gateway(any_world(GetParam()));
  for (const uint32_t vni : {7u, 0u}) outside_of(gateway, "10.128.0.11", vni);
  ASSERT_EQ(gateway.table().live(), 2u);
  gateway.apply(replaced(any_world(GetParam()), "[ \"10.128.2.0/23\" ]",
                         "[ \"10.128.2.0/23\", \"10.128.0.11\" ]"));
  EXPECT_EQ(outside_of(gateway, "10.128.0.11", 7, 2), "192.0.2.60");
  EXPECT_EQ(outside_of(gateway, "10.128.0.11", 0, 2), "192.0.2.70");
  EXPECT_EQ(gateway.table().live(), 2u);
  EXPECT_EQ(gateway.counters().session_created.read(), 2u);
  EXPECT_EQ(outside_of(gateway, "10.128.0.11", 7, 1), "");
  EXPECT_EQ(gateway.dropped(Reason::kSourceNotOnNode), 1u);
}

TEST_P(AnyVni, AnotherNamespacesVniEndsSessions) {
  Gateway gateway(any_world(GetParam()));
  EXPECT_EQ(outside_of(gateway, "10.128.0.11", 7), "192.0.2.60");
  gateway.apply(replaced(any_world(GetParam()), "vni = 7;", "vni = 9;"));
  EXPECT_EQ(outside_of(gateway, "10.128.0.11", 7), "");
  EXPECT_EQ(gateway.table().live(), 0u);
  EXPECT_EQ(outside_of(gateway, "10.128.0.11", 9), "192.0.2.60");
}

TEST_P(AnyVni, RevalidationFindsPodsInTheirNetwork) {
  Gateway gateway(any_world(GetParam()));
  outside_of(gateway, "10.128.0.11", 7);
  outside_of(gateway, "10.128.1.5", 7);
  EXPECT_EQ(gateway.revalidate(), 0u);
  EXPECT_EQ(gateway.table().live(), 2u);
}

}  // namespace
}  // namespace postern::test
