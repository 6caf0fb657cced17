// Frames in several segments: wherever they are cut, what leaves is what leaves for the same frame
// in one. Every segment is a piece of heap of its own, so that AddressSanitizer sees what is read
// behind its end.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "test/packet/only_frame.h"
#include "test/packet/vlan_world.h"

namespace postern::test {
namespace {

// The frame, cut before each of these bytes, in rising order.
rte_mbuf* chained_frame(rte_mempool* pool, const Bytes& bytes, std::span<const size_t> cuts) {
  rte_mbuf* first = nullptr;
  rte_mbuf* last = nullptr;
  size_t from = 0;
  for (size_t n = 0; n <= cuts.size(); ++n) {
    const size_t to = n == cuts.size() ? bytes.size() : std::min(cuts[n], bytes.size());
    rte_mbuf* segment = exact_frame(pool, Bytes(bytes.begin() + static_cast<ptrdiff_t>(from),
                                                bytes.begin() + static_cast<ptrdiff_t>(to)));
    from = to;
    if (first == nullptr) {
      first = last = segment;
      continue;
    }
    last->next = segment;
    last = segment;
    ++first->nb_segs;
    first->pkt_len += segment->data_len;
  }
  return first;
}

FrameMaker cut_before(std::vector<size_t> cuts) {
  return [cuts = std::move(cuts)](rte_mempool* pool, const Bytes& bytes) {
    return chained_frame(pool, bytes, cuts);
  };
}

std::string text_of(const std::vector<Sent>& sent) {
  std::string text;
  for (const Sent& one : sent) text += one.port + "\n" + decode(one.frame);
  return text;
}

// One gateway after another would differ in the ports that it draws: this one has its session.
class SegmentsTest : public testing::Test {
 protected:
  SegmentsTest() {
    gateway_.receive("underlay", question());
    gateway_.receive("underlay", syn());
    const SessionTable& table = gateway_.table();
    EXPECT_EQ(table.live(), 2u);
    for (SessionHandle handle = 0; handle < table.capacity(); ++handle) {
      if (!table.is_live(handle)) continue;
      const SessionEntry& entry = table.entry(handle);
      (entry.protocol() == kProtocolTcp ? tcp_port_ : udp_port_) = entry.egress_port.host();
    }
  }

  static Packet question() { return from_node1().ipv4(kPod, kServer).udp(7777, 53).payload(90); }
  static Packet syn() {
    return from_node1()
        .ipv4(kPod, kServer)
        .tcp(8888, 443, {.flags = TcpHeader::kSyn, .sequence = 1, .options = {2, 4, 0x23, 0x28}});
  }

  // What leaves for the packet must be the same however it is cut in two.
  void expect_the_same(std::string_view port, const Packet& packet) {
    gateway_.receive_as(exact_frame);
    const std::string whole = text_of(gateway_.receive(port, packet));
    ASSERT_FALSE(whole.empty());
    const size_t bytes = packet.bytes().size();
    for (size_t cut = 0; cut <= bytes; ++cut) {
      gateway_.pass_seconds(1);  // answers are limited in rate
      gateway_.receive_as(cut_before({cut}));
      ASSERT_EQ(text_of(gateway_.receive(port, packet)), whole) << "cut before byte " << cut;
    }
    EXPECT_EQ(gateway_.counters().dropped.read(), 0u);
    EXPECT_EQ(gateway_.imbalance(), 0);
  }

  Gateway gateway_{world()};
  uint16_t udp_port_ = 0;
  uint16_t tcp_port_ = 0;
};

TEST_F(SegmentsTest, OutboundDatagrams) { expect_the_same("underlay", question()); }

TEST_F(SegmentsTest, OutboundDatagramsWithAnOuterChecksum) {
  expect_the_same("underlay", Packet()
                                  .ethernet(kNode1Mac, Gateway::kClusterMac)
                                  .ipv4("10.0.0.1", "10.0.0.254")
                                  .udp(50000, 4789)
                                  .vxlan(100)
                                  .ethernet(kNode1InnerMac, kInnerMac)
                                  .ipv4(kPod, kServer)
                                  .udp(7777, 53)
                                  .payload(11));
}

TEST_F(SegmentsTest, OutboundTcpWithOptions) { expect_the_same("underlay", syn()); }

TEST_F(SegmentsTest, InboundDatagrams) {
  expect_the_same("uplink",
                  from_outside().ipv4(kServer, kPodAddress).udp(53, udp_port_).payload(90));
}

TEST_F(SegmentsTest, InboundTcpWithOptions) {
  expect_the_same("uplink", from_outside()
                                .ipv4(kServer, kPodAddress, {.options = {1, 1, 1, 0}})
                                .tcp(443, tcp_port_,
                                     {.flags = TcpHeader::kSyn | TcpHeader::kAck,
                                      .sequence = 7,
                                      .acknowledgement = 2,
                                      .options = {2, 4, 0x23, 0x28}}));
}

TEST_F(SegmentsTest, InboundErrors) {
  const auto quoted = Packet().ipv4(kPodAddress, kServer).udp(udp_port_, 53).payload(20);
  expect_the_same("uplink", from_outside()
                                .ipv4("203.0.113.99", kPodAddress)
                                .icmp_error(IcmpHeader::kTimeExceeded, 0, quoted));
}

TEST_F(SegmentsTest, OutboundErrors) {
  const auto quoted = Packet().ipv4(kServer, kPod).udp(53, 7777).payload(20);
  expect_the_same("underlay",
                  from_node1().ipv4(kPod, kServer).icmp_error(IcmpHeader::kUnreachable, 3, quoted));
}

TEST_F(SegmentsTest, Fragments) {
  const auto first = from_node1()
                         .ipv4(kPod, kServer, {.more_fragments = true})
                         .udp(7777, 53, /*checksum=*/false)
                         .payload(24);
  expect_the_same("underlay", first);
}

TEST_F(SegmentsTest, Arp) {
  expect_the_same("underlay", Packet()
                                  .ethernet(kNode1Mac, MacAddress::broadcast())
                                  .arp_request(kNode1Mac, "10.0.0.1", "10.0.0.254"));
}

TEST_F(SegmentsTest, ArpInsideATunnel) {
  expect_the_same("underlay", from_node1().arp_request(kNode1InnerMac, kPod, "10.128.0.1"));
}

TEST_F(SegmentsTest, InThree) {
  const std::string whole = text_of(gateway_.receive("underlay", question()));
  const size_t bytes = question().bytes().size();
  for (size_t first = 0; first < bytes; first += 3) {
    for (size_t second = first; second <= bytes; second += 5) {
      gateway_.receive_as(cut_before({first, second}));
      ASSERT_EQ(text_of(gateway_.receive("underlay", question())), whole)
          << "cut before bytes " << first << " and " << second;
    }
  }
}

TEST_F(SegmentsTest, AByteEach) {
  const std::string whole = text_of(gateway_.receive("underlay", question()));
  std::vector<size_t> cuts;
  for (size_t cut = 1; cut < question().bytes().size(); ++cut) cuts.push_back(cut);
  gateway_.receive_as(cut_before(cuts));
  EXPECT_EQ(text_of(gateway_.receive("underlay", question())), whole);
}

// Nothing may be read behind the end of a frame that says it is longer than it is.
TEST_F(SegmentsTest, CutShort) {
  const Bytes whole = question().bytes();
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    const auto end = whole.begin() + static_cast<ptrdiff_t>(bytes);
    gateway_.receive_as(cut_before({bytes / 2}));
    EXPECT_TRUE(gateway_.receive("underlay", Packet().raw(Bytes(whole.begin(), end))).empty());
  }
  EXPECT_EQ(gateway_.counters().dropped.read(), whole.size());
  EXPECT_EQ(gateway_.imbalance(), 0);
}

TEST_F(SegmentsTest, LongerThanABuffer) {
  const uint32_t room = rte_pktmbuf_data_room_size(gateway_.pool()) - RTE_PKTMBUF_HEADROOM;
  const auto frame = [](size_t bytes) {
    Bytes whole = question().bytes();
    whole.resize(bytes);  // padding
    return Packet().raw(whole);
  };
  gateway_.receive_as(cut_before({100}));
  EXPECT_EQ(gateway_.receive("underlay", frame(room)).size(), 1u);
  EXPECT_TRUE(gateway_.receive("underlay", frame(room + 1)).empty());
  gateway_.receive_as(cut_before({100, 30'000}));
  EXPECT_TRUE(gateway_.receive("underlay", frame(60'000)).empty());
  EXPECT_EQ(gateway_.dropped(Reason::kFrameTooLong), 2u);
  EXPECT_EQ(gateway_.imbalance(), 0);
}

TEST_F(SegmentsTest, WithoutABuffer) {
  std::vector<rte_mbuf*> taken;
  gateway_.receive_as([&](rte_mempool* pool, const Bytes& bytes) {
    rte_mbuf* frame = chained_frame(pool, bytes, std::vector<size_t>{40});
    while (rte_mbuf* other = rte_pktmbuf_alloc(pool)) taken.push_back(other);
    return frame;
  });
  EXPECT_TRUE(gateway_.receive("underlay", question()).empty());
  EXPECT_EQ(gateway_.dropped(Reason::kNoBuffer), 1u);
  for (rte_mbuf* other : taken) rte_pktmbuf_free(other);
  EXPECT_EQ(gateway_.imbalance(), 0);
}

// What the device said of a frame holds for it in one segment, too.
TEST_F(SegmentsTest, TagsAndChecksums) {
  Gateway gateway(vlan_world());
  gateway.let_devices_judge_sums();
  const Bytes frame = tagged(question(), kUnderlayVlan);
  for (size_t cut = 0; cut <= frame.size(); ++cut) {
    gateway.receive_as(cut_before({cut}));
    ASSERT_EQ(gateway.receive("underlay", Packet().raw(frame)).size(), 1u) << cut;
  }
  Bytes damaged = question().bytes();
  damaged[sizeof(EthernetHeader) + offsetof(Ipv4Header, checksum)] ^= 1;
  gateway.receive_as([](rte_mempool* pool, const Bytes& bytes) {
    rte_mbuf* made = chained_frame(pool, bytes, std::vector<size_t>{20});
    made->vlan_tci = kUnderlayVlan;
    made->ol_flags |=
        RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
    return made;
  });
  EXPECT_EQ(gateway.receive("underlay", Packet().raw(damaged)).size(), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

}  // namespace
}  // namespace postern::test
