// The stages of fragments: gather, track_fragments and translate for datagrams of established
// sessions in four pieces each, in order; and split, which makes fragments. What a fragment costs
// in all is in fragment_bench.
#include <vector>

#include "bench/frame_templates.h"
#include "bench/stage_bench.h"
#include "dataplane/stage/gather.h"
#include "dataplane/stage/split.h"
#include "dataplane/stage/track_fragments.h"
#include "dataplane/wire/checksum.h"

namespace postern::bench {
namespace {

constexpr uint32_t kPieces = 4;
constexpr uint32_t kPieceBytes = 24;  // of the datagram's payload; a frame of 64 bytes has 26

// Makes piece number `piece` of a datagram out of a whole packet.
void make_piece(rte_mbuf* frame, bool outbound, uint16_t datagram, uint32_t piece) {
  const size_t ip_at = outbound ? sizeof(TunnelEncapsulation) : sizeof(EthernetHeader);
  auto* const at = rte_pktmbuf_mtod_offset(frame, uint8_t*, ip_at);
  auto ip = load<Ipv4Header>(at);
  ip.total_bytes = Be16(sizeof(Ipv4Header) + kPieceBytes);
  ip.id = Be16(datagram);
  ip.fragment = Be16(static_cast<uint16_t>(
      piece * kPieceBytes / 8 | (piece + 1 == kPieces ? 0 : Ipv4Header::kMoreFragments)));
  ip.checksum = Be16(0);
  ip.checksum = checksum_of(&ip, sizeof ip);
  store(at, ip);
}

// Four pieces of every fourth packet, in place of the four packets.
class Datagrams {
 public:
  explicit Datagrams(EstablishedTraffic& traffic) : traffic_(traffic) {}
  bool make(std::span<rte_mbuf*> frames) {
    const auto count = static_cast<unsigned>(frames.size());
    if (rte_pktmbuf_alloc_bulk(traffic_.pool(), frames.data(), count) != 0) return false;
    for (size_t i = 0; i < frames.size(); ++i) {
      frames[i]->data_len = traffic_.frames().bytes();
      frames[i]->pkt_len = traffic_.frames().bytes();
      traffic_.frames().write(traffic_.packets()[next_], rte_pktmbuf_mtod(frames[i], uint8_t*));
      make_piece(frames[i], traffic_.is_outbound(), static_cast<uint16_t>(next_), i % kPieces);
      if (i % kPieces == kPieces - 1) next_ = (next_ + 1) % traffic_.packets().size();
    }
    return true;
  }

 private:
  EstablishedTraffic& traffic_;
  size_t next_ = 0;
};

void run(benchmark::State& state, EstablishedTraffic& traffic, uint32_t size) {
  const Direction direction = traffic.is_outbound() ? Direction::kOutbound : Direction::kInbound;
  PortlessGateway& gateway = traffic.gateway();
  StagedRow row(gateway, direction, size);
  WalkContext& context = gateway.context();
  Datagrams pieces(traffic);
  StageCycles gathering;
  StageCycles tracking;
  StageCycles translating;
  std::array<rte_mbuf*, kMostStaged> frames;
  const uint64_t before = gateway.forwarded();
  for (auto _ : state) {
    if (!pieces.make({frames.data(), size})) return state.SkipWithError("no buffer is free");
    row.begin({frames.data(), size});
    row.each(&StagedBurst::arrive);
    // Those that are ready to go on are in the burst's `in`.
    row.each([](StagedBurst& staged) { staged.in.clear(); });
    gathering.time(size, [&] {
      row.each([&](StagedBurst& staged) {
        const IndexList& fragments = traffic.is_outbound() ? staged.arrivals.outbound_fragments
                                                           : staged.arrivals.inbound_fragments;
        context.fragments.gather(staged.snapshot(), staged.burst, fragments, direction, staged.now,
                                 staged.in, staged.refusals, context.doors);
      });
    });
    tracking.time(size, [&] {
      row.each([&](StagedBurst& staged) {
        track_fragments(staged.snapshot(), staged.sessions(), staged.burst, staged.in, direction,
                        staged.now, staged.tracked, staged.refusals);
      });
    });
    row.each(&StagedBurst::route);
    translating.time(size, [&] {
      row.each([&](StagedBurst& staged) {
        translate_apart(staged.snapshot(), staged.sessions(), staged.burst, staged.routed,
                        direction);
      });
    });
    row.each(&StagedBurst::forward);
    row.send();
  }
  const uint64_t packets = static_cast<uint64_t>(state.iterations()) * size;
  if (gateway.forwarded() - before != packets) {
    return state.SkipWithError(("fragments were lost: " + gateway.lost()).c_str());
  }
  gathering.report(state);
  tracking.report(state, "track");
  translating.report(state, "translate");
}

// A packet of 1,500 bytes for a link of `mtu_bytes`.
void split(benchmark::State& state, rte_mempool* pool, uint32_t mtu_bytes) {
  test::Packet packet;
  FrameTemplates templates({packet.ethernet(Scenario::kNextHopMac, Scenario::kUplinkMac)
                                .ipv4("192.0.2.1", "198.18.0.1")
                                .udp(5000, 443)
                                .payload(1500 - sizeof(Ipv4Header) - sizeof(UdpHeader))
                                .bytes()});
  StageCycles cycles;
  rte_mbuf* frame = nullptr;
  Pieces pieces;
  for (auto _ : state) {
    if (!templates.make(pool, {&frame, 1})) return state.SkipWithError("no buffer is free");
    bool done = false;
    cycles.time(1, [&] { done = split_ipv4(frame, mtu_bytes, pool, pieces); });
    rte_pktmbuf_free_bulk(pieces.frame.data(), pieces.size);
    if (!done) return state.SkipWithError("it was not split");
  }
  cycles.report(state);
  state.counters["pieces"] = pieces.size;
}

}  // namespace

void add_fragment_stages(const PacketBench& bench) {
  auto established = std::make_shared<Established>(bench);
  for (const uint32_t sessions : session_ladder()) {
    for (const Direction direction : {Direction::kOutbound, Direction::kInbound}) {
      for (const uint32_t size : kStageBursts) {
        const std::string name = stage_name("gather", direction, sessions, size);
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          EstablishedTraffic* traffic = established->get(state, direction, sessions);
          if (traffic != nullptr) run(state, *traffic, size);
        });
      }
    }
  }
  for (const uint32_t mtu_bytes : {1400u, 576u}) {
    benchmark::RegisterBenchmark(
        ("split/mtu:" + std::to_string(mtu_bytes)).c_str(),
        [=](benchmark::State& state) { split(state, bench.pool, mtu_bytes); });
  }
}

}  // namespace postern::bench
