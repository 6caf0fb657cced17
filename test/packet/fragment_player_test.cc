// Datagrams at random, both ways at once: cut, mixed, doubled, cut again on their way, over several
// workers, while the configuration is applied anew and next hops come and go. Whatever happens, a
// receiver puts together what was sent, translated (nat.md F1, F2, F5, F6).
#include <algorithm>
#include <map>
#include <random>

#include "test/packet/fragments.h"

namespace postern::test {
namespace {

class FragmentPlayer {
 public:
  explicit FragmentPlayer(uint32_t workers)
      : gateway_(world(), {.workers = workers}), workers_(workers), random_(workers) {
    for (uint16_t n = 0; n < kFlows; ++n) open("10.128.1." + std::to_string(n % 7), 7000 + n);
  }

  // A window of datagrams: in random order, they arrive anywhere.
  void play() {
    std::vector<Frame> frames;
    for (size_t n = 0; n < kDatagrams; ++n) send(frames);
    std::shuffle(frames.begin(), frames.end(), random_);
    std::vector<Sent> sent;
    for (size_t at = 0; at < frames.size();) {
      const bool waits = one_in(8);
      if (waits) hops(NeighbourState::kUnresolved);
      at = arrive(frames, at, sent);
      if (one_in(3)) gateway_.apply(world());
      if (waits || one_in(3)) take(gateway_.hand_on(), sent);
      if (!waits) continue;
      hops(NeighbourState::kReachable);
      take(gateway_.release_held(), sent);
    }
    take(gateway_.hand_on(), sent);
    judge(sent);
  }

  // What is left is doubles of datagrams that were complete.
  void end() {
    gateway_.pass_seconds(31);
    gateway_.release_held();
    EXPECT_EQ(gateway_.imbalance(), 0);
    uint64_t dropped = 0;
    uint64_t handed = 0;
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      const Counters& counters = gateway_.counters(worker);
      EXPECT_EQ(counters.fragments_held.read(), 0u);
      EXPECT_EQ(counters.fragments_followed.read(), 0u);
      dropped += counters.dropped.read();
      handed += counters.handover_packets.read();
    }
    EXPECT_EQ(dropped, gateway_.dropped(Reason::kFragmentTimeout));
    EXPECT_LE(dropped, doubles_);
    EXPECT_EQ(handed != 0, workers_ > 1);
    EXPECT_EQ(gateway_.all_sessions().live(), kFlows);
  }

 private:
  static constexpr uint16_t kFlows = 24;
  static constexpr size_t kDatagrams = 16;
  struct Flow {
    std::string pod;
    uint16_t pod_port;
    uint16_t external_port;
    bool echo;
  };
  struct Frame {
    std::string_view port;
    Packet packet;
  };

  [[nodiscard]] uint32_t draw(uint32_t low, uint32_t high) {
    return std::uniform_int_distribution<uint32_t>(low, high)(random_);
  }
  [[nodiscard]] bool one_in(uint32_t n) { return draw(1, n) == 1; }
  static void take(std::vector<Sent> from, std::vector<Sent>& sent) {
    for (Sent& one : from) sent.push_back(std::move(one));
  }

  void open(const std::string& pod, int port) {
    Flow flow{pod, static_cast<uint16_t>(port), 0, one_in(4)};
    const Bytes first = outbound(flow, pod, flow.pod_port, 64, {1, 2, 3}).bytes();
    std::vector<Sent> sent =
        gateway_.receive_at(draw(0, workers_ - 1), "underlay", {inner_piece(first)});
    take(gateway_.hand_on(), sent);
    ASSERT_EQ(sent.size(), 1u);
    const size_t port_at = sizeof(EthernetHeader) + sizeof(Ipv4Header) + (flow.echo ? 4 : 0);
    flow.external_port = load<Be16>(&sent[0].frame[port_at]).host();
    flows_.push_back(flow);
  }

  static Packet outbound(const Flow& flow, std::string_view source, uint16_t port, uint8_t ttl,
                         const Bytes& data) {
    Packet packet;
    packet.ipv4(source, kServer, {.ttl = ttl});
    return flow.echo ? packet.echo_request(port).raw(data) : packet.udp(port, 53).raw(data);
  }
  static Packet inbound(const Flow& flow, std::string_view destination, uint16_t port, uint8_t ttl,
                        const Bytes& data) {
    Packet packet;
    packet.ipv4(kServer, destination, {.ttl = ttl});
    return flow.echo ? packet.echo_reply(port).raw(data) : packet.udp(53, port).raw(data);
  }

  // Cuts a datagram at random places, and notes what it must become.
  void send(std::vector<Frame>& frames) {
    const Flow& flow = flows_[draw(0, kFlows - 1)];
    Bytes data(draw(100, 6000));
    for (uint8_t& byte : data) byte = static_cast<uint8_t>(random_());
    const bool out = one_in(2);
    const Packet sent = out ? outbound(flow, flow.pod, flow.pod_port, 64, data)
                            : inbound(flow, kPodAddress, flow.external_port, 64, data);
    expected_[++id_] = whole(out ? outbound(flow, kPodAddress, flow.external_port, 63, data)
                                 : inbound(flow, flow.pod, flow.pod_port, 63, data));
    const Bytes ip = ip_of(sent);
    const size_t least = ip.size() / 8;  // of a piece
    for (size_t at = 0; at + sizeof(Ipv4Header) < ip.size();) {
      const size_t bytes = (draw(static_cast<uint32_t>(least), 1900) / 8 + 1) * 8;
      const Bytes piece = piece_of(ip, at, at + bytes, id_);
      at += bytes;
      const bool twice = one_in(20);
      doubles_ += twice ? 1 : 0;
      for (int times = twice ? 2 : 1; times > 0; --times) {
        frames.push_back(
            {out ? "underlay" : "uplink", out ? inner_piece(piece) : outer_piece(piece)});
      }
    }
  }

  // A few of them, as one burst for each port, at any worker.
  size_t arrive(const std::vector<Frame>& frames, size_t at, std::vector<Sent>& sent) {
    const size_t end = std::min(frames.size(), at + draw(1, 8));
    for (const std::string_view port : {"underlay", "uplink"}) {
      std::vector<Packet> burst;
      for (size_t i = at; i < end; ++i) {
        if (frames[i].port == port) burst.push_back(frames[i].packet);
      }
      take(gateway_.receive_at(draw(0, workers_ - 1), port, burst), sent);
    }
    return end;
  }

  void hops(NeighbourState state) {
    gateway_.set_neighbour(0, "10.0.0.1", state);
    gateway_.set_neighbour(1, "192.0.2.1", state);
  }

  void judge(const std::vector<Sent>& sent) {
    std::map<uint16_t, std::vector<Bytes>> by_id;
    for (const std::string_view port : {"underlay", "uplink"}) {
      for (Bytes& ip : ip_packets(sent, port)) {
        EXPECT_LE(ip.size(), port == "uplink" ? 1500u : 1550u);
        by_id[load<Ipv4Header>(ip.data()).id.host()].push_back(std::move(ip));
      }
    }
    for (const auto& [id, text] : expected_) EXPECT_EQ(together(by_id[id]), text) << id;
    expected_.clear();
  }

  Gateway gateway_;
  uint32_t workers_;
  std::mt19937 random_;
  std::vector<Flow> flows_;
  std::map<uint16_t, std::string> expected_;  // by identification, of the window
  uint16_t id_ = 0;
  uint64_t doubles_ = 0;
};

class FragmentsAtRandom : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(One, FragmentsAtRandom, testing::Values(1U));
INSTANTIATE_TEST_SUITE_P(Two, FragmentsAtRandom, testing::Values(2U));
INSTANTIATE_TEST_SUITE_P(Three, FragmentsAtRandom, testing::Values(3U));

TEST_P(FragmentsAtRandom, F1_WhatWasSentIsPutTogether) {
  FragmentPlayer player(GetParam());
  for (int window = 0; window < 40; ++window) player.play();
  player.end();
}

}  // namespace
}  // namespace postern::test
