// Fragments over several workers (nat.md F1): they arrive anywhere, meet at the worker of their
// datagram, and leave by the owner of their session.
#include <algorithm>
#include <random>

#include "test/packet/fragments.h"

namespace postern::test {
namespace {

constexpr size_t kPieceBytes = 496;

class WorkerFragments : public testing::TestWithParam<uint32_t> {
 protected:
  // Each piece arrives at a random worker; everything that leaves.
  std::vector<Sent> scatter(Gateway& gateway, std::string_view port,
                            const std::vector<Packet>& packets) {
    std::vector<Sent> sent;
    for (const Packet& packet : packets) {
      const auto worker = static_cast<uint32_t>(random_() % GetParam());
      for (Sent& one : gateway.receive_at(worker, port, {packet})) sent.push_back(std::move(one));
      for (Sent& one : gateway.hand_on()) sent.push_back(std::move(one));
    }
    return sent;
  }
  static uint64_t held(const Gateway& gateway) {
    uint64_t sum = 0;
    for (uint32_t worker = 0; worker < gateway.workers(); ++worker) {
      sum += gateway.counters(worker).fragments_held.read() +
             gateway.counters(worker).fragments_followed.read();
    }
    return sum;
  }
  // Of the first fragment among them; 0 where there is none.
  static uint16_t source_port(const std::vector<Bytes>& pieces) {
    for (const Bytes& piece : pieces) {
      const auto& ip = view<Ipv4Header>(piece.data());
      if (ip.fragment_offset_bytes() == 0) return load<Be16>(&piece[ip.header_bytes()]).host();
    }
    return 0;
  }
  std::mt19937 random_{4};
};
INSTANTIATE_TEST_SUITE_P(Two, WorkerFragments, testing::Values(2U));
INSTANTIATE_TEST_SUITE_P(Three, WorkerFragments, testing::Values(3U));

TEST_P(WorkerFragments, F1_BothWaysInEveryOrder) {
  Gateway gateway(world(), {.workers = GetParam()});
  uint64_t id = 1;
  for (uint16_t pod_port = 7000; pod_port < 7030; ++pod_port) {
    std::vector<Bytes> out = pieces_of(Packet().ipv4(kPod, kServer).udp(pod_port, 53).payload(1400),
                                       kPieceBytes, static_cast<uint16_t>(id++));
    std::shuffle(out.begin(), out.end(), random_);
    const std::vector<Bytes> left =
        ip_packets(scatter(gateway, "underlay", all_of(out, inner_piece)), "uplink");
    const uint16_t port = source_port(left);
    EXPECT_EQ(together(left),
              whole(Packet().ipv4(kPodAddress, kServer, {.ttl = 63}).udp(port, 53).payload(1400)));
    std::vector<Bytes> back =
        pieces_of(Packet().ipv4(kServer, kPodAddress).udp(53, port).payload(1400), kPieceBytes,
                  static_cast<uint16_t>(id++));
    std::shuffle(back.begin(), back.end(), random_);
    EXPECT_EQ(
        together(ip_packets(scatter(gateway, "uplink", all_of(back, outer_piece)), "underlay")),
        whole(Packet().ipv4(kServer, kPod, {.ttl = 63}).udp(53, pod_port).payload(1400)));
  }
  EXPECT_EQ(gateway.all_sessions().live(), 30u);
  EXPECT_EQ(held(gateway), 0u);
  EXPECT_EQ(gateway.imbalance(), 0);
  for (uint32_t worker = 0; worker < GetParam(); ++worker) {
    EXPECT_EQ(gateway.counters(worker).dropped.read(), 0u);
    EXPECT_GT(gateway.counters(worker).handover_packets.read(), 0u);
  }
}

// What waited in a ring with its ports known keeps them when it is sorted anew.
TEST_P(WorkerFragments, AChangeMeanwhileLosesNone) {
  Gateway gateway(world(), {.workers = GetParam()});
  for (uint16_t id = 1; id < 20; ++id) {
    const std::vector<Packet> pieces =
        all_of(pieces_of(Packet().ipv4(kPod, kServer).udp(7777, 53).payload(1400), kPieceBytes, id),
               inner_piece);
    std::vector<Sent> sent;
    for (const Packet& piece : pieces) {
      const auto worker = static_cast<uint32_t>(random_() % GetParam());
      for (Sent& one : gateway.receive_at(worker, "underlay", {piece})) {
        sent.push_back(std::move(one));
      }
      gateway.apply(world());
    }
    for (Sent& one : gateway.hand_on()) sent.push_back(std::move(one));
    EXPECT_EQ(sent.size(), pieces.size());
  }
  EXPECT_EQ(gateway.all_sessions().live(), 1u);
  EXPECT_EQ(gateway.imbalance(), 0);
}

}  // namespace
}  // namespace postern::test
