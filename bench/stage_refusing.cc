// The stages of packets that go no further for now: refuse (with and without an answer), and hold
// with its release.
#include "bench/stage_bench.h"
#include "dataplane/stage/hold.h"
#include "dataplane/stage/refuse.h"

namespace postern::bench {
namespace {

// Every packet is refused for this reason.
void refuse_all(benchmark::State& state, EstablishedTraffic& traffic, Reason reason,
                uint32_t size) {
  PortlessGateway& gateway = traffic.gateway();
  StagedRow row(gateway, Direction::kOutbound, size);
  ReceiveRing ring(traffic.pool(), traffic.frames(), traffic.packets());
  RateLimiter limit(kUnlimited, kUnlimited, 1);
  WalkContext& context = gateway.context();
  const AnswerTools tools{.pool = traffic.pool(),
                          .limit = limit,
                          .holds = context.tools.holds,
                          .counters = context.tools.counters};
  StageCycles cycles;
  TakenFrames taken(size);
  for (auto _ : state) {
    if (!taken.take(ring)) return state.SkipWithError("no packet buffer is free");
    for (uint32_t first = 0; first < taken.size(); first += size) {
      row.begin(taken.part(first, size));
      row.each(&StagedBurst::arrive);
      row.each(&StagedBurst::look_up);
      row.each(&StagedBurst::settle);
      row.each([&](StagedBurst& staged) {
        for (const uint8_t i : staged.in) staged.refusals.push(i, reason);
      });
      cycles.time(size, [&] {
        row.each([&](StagedBurst& staged) {
          refuse(staged.snapshot(), staged.burst, staged.refusals, Direction::kOutbound, staged.now,
                 tools, context.doors);
        });
      });
      row.send();
    }
  }
  cycles.report(state);
}

// The uplink's next hop is not resolved while packets are forwarded, and is again afterwards.
// `size` is at most 64: as many wait for one neighbour.
void hold(benchmark::State& state, EstablishedTraffic& traffic, uint32_t size) {
  PortlessGateway& gateway = traffic.gateway();
  StagedBurst staged(gateway, Direction::kOutbound);
  ReceiveRing ring(traffic.pool(), traffic.frames(), traffic.packets());
  WalkContext& context = gateway.context();
  NeighbourTable& neighbours = gateway.snapshot().shared->neighbours;
  StageCycles holding;
  StageCycles releasing;
  Burst taken;
  const uint64_t before = gateway.forwarded();
  for (auto _ : state) {
    if (!ring.take(taken)) return state.SkipWithError("no packet buffer is free");
    for (uint32_t first = 0; first < kBurst; first += size) {
      staged.begin({&taken.frame[first], size});
      staged.arrive();
      staged.look_up();
      staged.settle();
      staged.track();
      staged.route();
      staged.translate();
      const NeighbourSlot slot = staged.burst.meta[0].next_hop;
      neighbours.store(slot, {Scenario::kNextHopMac, NeighbourState::kUnresolved});
      holding.time(size, [&] { staged.forward(); });
      neighbours.store(slot, {Scenario::kNextHopMac, NeighbourState::kReachable});
      releasing.time(size, [&] {
        context.tools.holds.release(staged.snapshot(), staged.sessions(), staged.now, kBurst,
                                    context.doors);
      });
      staged.send();
    }
  }
  const uint64_t packets = static_cast<uint64_t>(state.iterations()) * kBurst;
  if (gateway.forwarded() - before != packets) state.SkipWithError("packets were lost");
  holding.report(state);
  releasing.report(state, "release");
}

}  // namespace

void add_refusing_stages(const PacketBench& bench) {
  auto established = std::make_shared<Established>(bench);
  const auto add = [&](const char* stage, uint32_t size, auto run) {
    const std::string name = stage_name(stage, Direction::kOutbound, 1000, size);
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
      EstablishedTraffic* traffic = established->get(state, Direction::kOutbound, 1000);
      if (traffic != nullptr) run(state, *traffic, size);
    });
  };
  const auto refusing = [](Reason reason) {
    return [reason](benchmark::State& state, EstablishedTraffic& traffic, uint32_t size) {
      refuse_all(state, traffic, reason, size);
    };
  };
  for (const uint32_t size : kStageBursts) {
    add("refuse-silently", size, refusing(Reason::kBadTcpState));
    add("refuse-with-answer", size, refusing(Reason::kTtlExpired));
    if (size <= HoldQueue::kFramesPerNeighbour) add("hold", size, hold);
  }
}

}  // namespace postern::bench
