// What a fragment costs in all: the walk of datagrams in four pieces each, of random established
// sessions, in order and with the first piece last. Times the walk alone, not the making of frames.
//
//   fragment_bench --benchmark_filter=/65536/
#include <benchmark/benchmark.h>
#include <rte_cycles.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "bench/established_traffic.h"
#include "bench/packet_bench.h"
#include "dataplane/wire/checksum.h"

namespace postern::bench {
namespace {

constexpr uint32_t kPieces = 4;
constexpr uint32_t kPieceBytes = 40;  // of the datagram's payload
constexpr uint32_t kPieceFrameBytes =
    sizeof(EthernetHeader) + sizeof(Ipv4Header) + kPieceBytes + Frames::kEthernetChecksumBytes;
constexpr std::array<uint32_t, kPieces> kInOrder{0, 1, 2, 3};
constexpr std::array<uint32_t, kPieces> kFirstLast{3, 2, 1, 0};

// Established sessions and fragments for them, one way.
class Traffic {
 public:
  Traffic(rte_mempool* pool, Direction direction, uint32_t sessions)
      : established_(pool, direction, sessions) {}

  // "" or what went wrong.
  std::string prepare(bool huge_pages) {
    return established_.prepare(huge_pages, kPieceFrameBytes);
  }

  // Walks 64 fragments; in TSC cycles. 0 when there are no buffers.
  uint64_t carry(const std::array<uint32_t, kPieces>& order) {
    if (rte_pktmbuf_alloc_bulk(established_.pool(), burst_.frame.data(), kBurst) != 0) return 0;
    burst_.size = kBurst;
    for (uint32_t i = 0; i < kBurst; ++i) {
      write_piece(burst_.frame[i], established_.packets()[next_], order[i % kPieces]);
      if (i % kPieces == kPieces - 1) next_ = (next_ + 1) % established_.packets().size();
    }
    const uint16_t port = established_.port();
    const uint64_t begun = rte_rdtsc();
    established_.gateway().carry(burst_, port);
    return rte_rdtsc() - begun;
  }
  [[nodiscard]] uint64_t forwarded() const { return established_.gateway().forwarded(); }
  [[nodiscard]] std::string lost() const { return established_.gateway().lost(); }

 private:
  void write_piece(rte_mbuf* frame, const FrameRecord& record, uint32_t piece) {
    frame->data_len = established_.frames().bytes();
    frame->pkt_len = established_.frames().bytes();
    auto* const at = rte_pktmbuf_mtod(frame, uint8_t*);
    established_.frames().write(record, at);
    uint8_t* const ip_at =
        at + (established_.is_outbound() ? sizeof(TunnelEncapsulation) : sizeof(EthernetHeader));
    auto ip = load<Ipv4Header>(ip_at);
    ip.id = Be16(static_cast<uint16_t>(next_));
    ip.fragment = Be16(static_cast<uint16_t>(
        piece * kPieceBytes / 8 | (piece + 1 == kPieces ? 0 : Ipv4Header::kMoreFragments)));
    ip.checksum = Be16(0);
    ip.checksum = checksum_of(&ip, sizeof ip);
    store(ip_at, ip);
  }

  EstablishedTraffic established_;
  size_t next_ = 0;
  Burst burst_;
};

void run(benchmark::State& state, Traffic& traffic, bool huge_pages,
         const std::array<uint32_t, kPieces>& order) {
  const std::string failure = traffic.prepare(huge_pages);
  if (!failure.empty()) return state.SkipWithError(failure.c_str());
  const uint64_t before = traffic.forwarded();
  uint64_t cycles = 0;
  for (auto _ : state) {
    const uint64_t of_burst = traffic.carry(order);
    if (of_burst == 0) return state.SkipWithError("no buffers");
    cycles += of_burst;
    state.SetIterationTime(static_cast<double>(of_burst) / static_cast<double>(rte_get_tsc_hz()));
  }
  const auto packets = static_cast<uint64_t>(state.iterations()) * kBurst;
  if (traffic.forwarded() - before != packets) {
    return state.SkipWithError(("fragments were lost: " + traffic.lost()).c_str());
  }
  state.SetItemsProcessed(static_cast<int64_t>(packets));
  state.counters["cycles_per_fragment"] =
      static_cast<double>(cycles) / static_cast<double>(packets);
}

void add_all(const PacketBench& bench) {
  for (const Direction direction : {Direction::kOutbound, Direction::kInbound}) {
    for (const uint32_t sessions : {1000u, 65'536u, 1'048'576u}) {
      auto traffic = std::make_shared<Traffic>(bench.pool, direction, sessions);
      for (const bool in_order : {true, false}) {
        const std::string name =
            std::string(direction == Direction::kOutbound ? "fragments-out/" : "fragments-in/") +
            std::to_string(sessions) + (in_order ? "/in-order" : "/first-last");
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          run(state, *traffic, bench.huge_pages, in_order ? kInOrder : kFirstLast);
        })->UseManualTime();
      }
    }
  }
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  return postern::bench::run_packet_benchmarks(argc, argv, "fragment_bench",
                                               postern::bench::add_all);
}
