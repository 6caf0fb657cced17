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
  StagedRow row(gateway, Direction::kOutbound, size);
  const uint16_t port = row.first().port();
  Snapshot snapshot = gateway.snapshot();
  snapshot.ports[port].vlan = kVlan;
  ReceiveRing ring(traffic.pool(), traffic.frames(), traffic.packets());
  Doors& doors = gateway.context().doors;
  StageCycles untagging;
  StageCycles tagging;
  TakenFrames taken(size);
  for (auto _ : state) {
    if (!taken.take(ring)) return state.SkipWithError("no packet buffer is free");
    for (uint32_t first = 0; first < taken.size(); first += size) {
      for (rte_mbuf* frame : taken.part(first, size)) put_on(*frame, by_device);
      row.begin(taken.part(first, size));
      untagging.time(size, [&] {
        row.each([&](StagedBurst& staged) { untag(snapshot, port, staged.burst, doors); });
      });
      uint32_t left = 0;
      row.each([&](StagedBurst& staged) {
        for (uint32_t i = 0; i < staged.burst.size; ++i) doors.forward(staged.burst.frame[i], port);
        left += staged.burst.size;
      });
      if (left != size) return state.SkipWithError("packets were lost");
      tagging.time(size, [&] { doors.tag(port, kVlan, by_device); });
      row.send();
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
