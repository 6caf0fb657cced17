#include "bench/frames.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <tuple>
#include <vector>

#include "bench/nat_traffic.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/parse_tunnel.h"
#include "dataplane/wire/checksum.h"

namespace postern::bench {
namespace {

// Everything at `ip` is as a host would send it, checksums included.
Ipv4Parts expect_good_packet(const uint8_t* ip, uint32_t bytes) {
  const Ipv4Parts parts = parse_ipv4(ip, bytes);
  EXPECT_EQ(parts.form, Form::kFlow);
  EXPECT_EQ(parts.protocol, kProtocolUdp);
  EXPECT_EQ(parts.total_bytes, bytes);
  const auto header = load<Ipv4Header>(ip);
  const auto udp_bytes = static_cast<uint16_t>(bytes - sizeof(Ipv4Header));
  const uint64_t pseudo =
      pseudo_header_sum(header.source, header.destination, kProtocolUdp, udp_bytes);
  EXPECT_EQ(checksum_of(ip + sizeof(Ipv4Header), udp_bytes, pseudo).raw(), 0);
  return parts;
}

TEST(BenchFrames, OutboundFramesAreTunnelPacketsOfTheirNode) {
  const Scenario scenario = nat_scenario(100'000);
  for (const uint32_t frame_bytes : {64u, 512u, 1518u}) {
    const Frames frames(scenario, Direction::kOutbound, frame_bytes);
    for (const uint32_t number : {0u, 101u, 99'999u}) {
      const Conversation conversation = Conversation::at(scenario, number);
      uint8_t frame[2048] = {};
      frames.write(frames.outbound_record(conversation), frame);
      ASSERT_EQ(frames.bytes(), 50 + frame_bytes - Frames::kEthernetChecksumBytes);
      const uint8_t* outer = frame + sizeof(EthernetHeader);
      const Ipv4Parts parts = parse_ipv4(outer, frames.bytes() - 14u);
      ASSERT_EQ(parts.form, Form::kFlow);
      EXPECT_EQ(Ipv4Address::from(load<Ipv4Header>(outer).source),
                Scenario::node_vtep(conversation.node));
      const TunnelParts vxlan = parse_vxlan(outer + sizeof(Ipv4Header), parts.total_bytes - 20u);
      EXPECT_TRUE(vxlan.valid);
      EXPECT_EQ(vxlan.vni, Scenario::kVni);
      const Ipv4Parts inner = expect_good_packet(frame + 64, frames.bytes() - 64u);
      EXPECT_EQ(inner.source_port.host(), conversation.source_port);
      EXPECT_EQ(Ipv4Address::from(load<Ipv4Header>(frame + 64).source), conversation.pod);
    }
  }
}

TEST(BenchFrames, GeneveHasItsOptionsBeforeTheInnerFrame) {
  for (const Overlay overlay : {Overlay::kGeneve, Overlay::kGeneveOptions}) {
    Scenario scenario = nat_scenario(1000);
    scenario.overlay = overlay;
    const uint32_t options = overlay == Overlay::kGeneve ? 0 : 8;
    ASSERT_EQ(scenario.tunnel_options().size(), options);
    const Frames frames(scenario, Direction::kOutbound, 64);
    const Conversation conversation = Conversation::at(scenario, 7);
    uint8_t frame[2048] = {};
    frames.write(frames.outbound_record(conversation), frame);
    ASSERT_EQ(frames.bytes(), 50 + options + 64 - Frames::kEthernetChecksumBytes);
    const Ipv4Parts parts = parse_ipv4(frame + sizeof(EthernetHeader), frames.bytes() - 14u);
    ASSERT_EQ(parts.form, Form::kFlow);
    EXPECT_EQ(parts.destination_port.host(), 6081);
    const uint8_t* const udp = frame + sizeof(EthernetHeader) + sizeof(Ipv4Header);
    const TunnelParts geneve = parse_geneve(udp, parts.total_bytes - 20u);
    EXPECT_TRUE(geneve.valid);
    EXPECT_EQ(geneve.vni, Scenario::kVni);
    EXPECT_EQ(geneve.header_bytes, 16 + options);
    const Ipv4Parts inner =
        expect_good_packet(frame + 64 + options, frames.bytes() - 64u - options);
    EXPECT_EQ(inner.source_port.host(), conversation.source_port);
  }
}

TEST(BenchFrames, InboundFramesAreRepliesToTheEgressAddress) {
  const Scenario scenario = nat_scenario(1000);
  const Frames frames(scenario, Direction::kInbound, 64);
  const Conversation conversation = Conversation::at(scenario, 7);
  uint8_t frame[2048] = {};
  frames.write(frames.record(conversation, Scenario::egress_address(3), 40'000), frame);
  const Ipv4Parts parts = expect_good_packet(frame + 14, frames.bytes() - 14u);
  EXPECT_EQ(parts.source_port.host(), Conversation::kRemotePort);
  EXPECT_EQ(parts.destination_port.host(), 40'000);
  EXPECT_EQ(Ipv4Address::from(load<Ipv4Header>(frame + 14).source), conversation.remote);
  EXPECT_EQ(Ipv4Address::from(load<Ipv4Header>(frame + 14).destination),
            Scenario::egress_address(3));
}

TEST(BenchFrames, NoTwoConversationsAreTheSameFlow) {
  const Scenario scenario = nat_scenario(50'000);
  std::set<std::tuple<uint32_t, uint16_t, uint32_t>> seen;
  for (uint32_t number = 0; number < scenario.sessions; ++number) {
    const Conversation c = Conversation::at(scenario, number);
    EXPECT_TRUE(seen.emplace(c.pod.value, c.source_port, c.remote.value).second);
    EXPECT_TRUE(Scenario::kRemotes.contains(c.remote));
    EXPECT_LT(c.node, scenario.nodes());
  }
}

TEST(BenchFrames, SeveralSizesAreGoodPacketsEach) {
  constexpr std::array<uint32_t, 3> kSizes = {64, 570, 1518};
  const Scenario scenario;
  const Frames frames(scenario, Direction::kInbound, kSizes);
  ASSERT_EQ(frames.sizes(), 3u);
  for (size_t size = 0; size < kSizes.size(); ++size) {
    const FrameRecord record =
        frames.record(Conversation::at(scenario, 7), Scenario::egress_address(0), 4000, size);
    ASSERT_EQ(frames.bytes(record), kSizes[size] - Frames::kEthernetChecksumBytes);
    std::vector<uint8_t> frame(frames.bytes(record) + Frames::kTemplateBytes);
    frames.write(record, frame.data());
    expect_good_packet(frame.data() + 14, frames.bytes(record) - 14u);
  }
}

}  // namespace
}  // namespace postern::bench
