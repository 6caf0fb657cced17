// The stage of ports with a VLAN, untag, and what tags frames again when they leave.
#include <memory>

#include "bench/stage_bench.h"
#include "dataplane/packet/vlan.h"
#include "dataplane/stage/untag.h"

namespace postern::bench {
namespace {

constexpr uint16_t kVlan = 7;

// The tag lies in the frame, or the device has taken it off.
void put_on(rte_mbuf& frame, bool by_device) {
  if (!by_device) {
    put_tag_on(frame, kVlan, false);
    return;
  }
  frame.vlan_tci = kVlan;
  frame.ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
}

void untag_and_tag(benchmark::State& state, EstablishedTraffic& traffic, bool by_device,
                   uint32_t size) {
  PortlessGateway& gateway = traffic.gateway();
  StagedBurst staged(gateway, Direction::kOutbound);
  Snapshot snapshot = gateway.snapshot();
  snapshot.ports[staged.port()].vlan = kVlan;
  ReceiveRing ring(traffic.pool(), traffic.frames(), traffic.packets());
  Doors& doors = gateway.context().doors;
  StageCycles untagging;
  StageCycles tagging;
  Burst taken;
  for (auto _ : state) {
    if (!ring.take(taken)) return state.SkipWithError("no packet buffer is free");
    for (uint32_t first = 0; first < kBurst; first += size) {
      staged.begin({&taken.frame[first], size});
      for (uint32_t i = 0; i < size; ++i) put_on(*staged.burst.frame[i], by_device);
      untagging.time(size, [&] { untag(snapshot, staged.port(), staged.burst, doors); });
      if (staged.burst.size != size) return state.SkipWithError("packets were lost");
      for (uint32_t i = 0; i < size; ++i) doors.forward(staged.burst.frame[i], staged.port());
      tagging.time(size, [&] { doors.tag(staged.port(), kVlan, by_device); });
      staged.send();
    }
  }
  untagging.report(state);
  tagging.report(state, "tag");
}

}  // namespace

void add_tag_stages(const PacketBench& bench) {
  auto established = std::make_shared<Established>(bench);
  for (const bool by_device : {false, true}) {
    for (const uint32_t size : kStageBursts) {
      const std::string name =
          stage_name(by_device ? "untag-stripped" : "untag", Direction::kOutbound, 1000, size);
      benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        EstablishedTraffic* traffic = established->get(state, Direction::kOutbound, 1000);
        if (traffic != nullptr) untag_and_tag(state, *traffic, by_device, size);
      });
    }
  }
}

}  // namespace postern::bench
