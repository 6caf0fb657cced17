// The stage of packets for the gateway itself, answer: ARP requests of many askers.
#include <utility>
#include <vector>

#include "bench/frame_templates.h"
#include "bench/stage_bench.h"
#include "dataplane/stage/answer.h"

namespace postern::bench {
namespace {

constexpr uint32_t kAskers = 200;
constexpr std::string_view kUplinkAddress = "192.0.2.10";  // of Scenario's uplink

FrameTemplates questions() {
  std::vector<test::Bytes> frames;
  for (uint32_t i = 0; i < kAskers; ++i) {
    const std::string asker = "192.0.2." + std::to_string(20 + i);
    test::Packet packet;
    frames.push_back(packet.ethernet(Scenario::kNextHopMac, MacAddress::broadcast())
                         .arp_request(Scenario::kNextHopMac, asker, kUplinkAddress)
                         .bytes());
  }
  return FrameTemplates(std::move(frames));
}

void answer(benchmark::State& state, EstablishedTraffic& traffic, uint32_t size) {
  StagedRow row(traffic.gateway(), Direction::kInbound, size);
  FrameTemplates templates = questions();
  RateLimiter limit(kUnlimited, kUnlimited, 1);
  HeardNeighbours heard;
  StageCycles cycles;
  std::array<rte_mbuf*, kMostStaged> frames;
  for (auto _ : state) {
    if (!templates.make(traffic.pool(), {frames.data(), size})) {
      return state.SkipWithError("no packet buffer is free");
    }
    row.begin({frames.data(), size});
    row.each(&StagedBurst::arrive);
    heard.size = 0;
    uint32_t asked = 0;
    row.each([&](StagedBurst& staged) { asked += staged.arrivals.local.size(); });
    if (asked != size) return state.SkipWithError("questions were lost");
    cycles.time(size, [&] {
      row.each([&](StagedBurst& staged) {
        answer_local(staged.snapshot(), staged.burst, staged.arrivals.local, staged.now, limit,
                     heard, traffic.gateway().context().doors);
        heard.size = 0;
      });
    });
    row.send();
  }
  cycles.report(state);
}

}  // namespace

void add_local_stages(const PacketBench& bench) {
  auto established = std::make_shared<Established>(bench);
  for (const uint32_t size : kStageBursts) {
    const std::string name = stage_name("answer", Direction::kInbound, 1000, size);
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
      EstablishedTraffic* traffic = established->get(state, Direction::kInbound, 1000);
      if (traffic != nullptr) answer(state, *traffic, size);
    });
  }
}

}  // namespace postern::bench
