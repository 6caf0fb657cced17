// What `explain` says of packets through Geneve, and through tunnels that take any VNI.
#include <gtest/gtest.h>

#include "test/packet/explainer.h"
#include "test/packet/overlay.h"

namespace postern::test {
namespace {

constexpr std::string_view kPolicy = R"(
namespaces = (
  { name = "red"; vni = 7; pods = [ "10.128.0.11" ]; },
  { name = "blue"; vni = 8; pods = [ "10.128.0.12" ]; },
  { name = "wide"; pods = [ "10.128.1.0/24" ]; } );
egress_ips = (
  { name = "out"; namespaces = [ "red", "wide" ]; addresses = [ "192.0.2.50" ]; } );
firewall : { default = "allow"; };
)";

ExplainQuestion question(std::string_view source) {
  return {.source = *Ipv4Address::parse(source),
          .destination = *Ipv4Address::parse(kServer),
          .protocol = kProtocolUdp,
          .destination_port = 53};
}

class ExplainOverlay : public ::testing::TestWithParam<Overlay> {};

INSTANTIATE_TEST_SUITE_P(Both, ExplainOverlay, ::testing::Values(Overlay::kVxlan, Overlay::kGeneve),
                         [](const auto& each) { return overlay_name(each.param); });

TEST_P(ExplainOverlay, APodOfANamedVni) {
  LiveGateway gateway(overlay_world(GetParam()));
  Explainer explainer(gateway);
  explainer.check(question(kPod));
  EXPECT_EQ(explainer.seen().end, "forwarded");
}

TEST_P(ExplainOverlay, PodsOfATunnelThatTakesAnyVni) {
  LiveGateway gateway(
      replaced(overlay_world(GetParam(), "", kPolicy), "vni = 100;", "vni = \"any\";"));
  Explainer explainer(gateway);
  explainer.check(question("10.128.0.11"));
  EXPECT_EQ(explainer.seen().end, "forwarded");
  EXPECT_NE(explainer.step("tunnel").dump().find("(VNI 7)"), std::string::npos);
  explainer.check(question("10.128.1.5"));
  EXPECT_EQ(explainer.seen().end, "forwarded");
  explainer.check(question("10.128.0.12"));
  EXPECT_EQ(explainer.seen().end, "no-policy");
  EXPECT_NE(explainer.step("tunnel").dump().find("(VNI 8)"), std::string::npos);
  explainer.check(question("10.128.0.13"));
  EXPECT_EQ(explainer.seen().end, "source-unknown");
}

// More options than a buffer has room for: the frame that leaves is another one.
TEST(ExplainOptions, AReplyThroughATunnelWithManyOptions) {
  const std::string option = "0102001e" + std::string(240, '0');  // 124 bytes
  LiveGateway gateway(overlay_world(Overlay::kGeneve, option + option));
  Explainer explainer(gateway);
  ExplainQuestion asked = question(kPod);
  asked.source_port = 7777;
  explainer.check(asked);
  ASSERT_EQ(explainer.seen().end, "forwarded");
  const uint16_t port = load<Be16>(&explainer.seen().frame[34]).host();
  explainer.check({.source = *Ipv4Address::parse(kServer),
                   .destination = *Ipv4Address::parse(kPodAddress),
                   .protocol = kProtocolUdp,
                   .destination_port = port,
                   .source_port = 53});
  EXPECT_EQ(explainer.seen().end, "forwarded");
  EXPECT_EQ(explainer.answer().at("translated").value("dst", ""), kPod);
}

}  // namespace
}  // namespace postern::test
