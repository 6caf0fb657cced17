// The stages that every packet of an established session walks: arrive, track, route, translate,
// forward.
#include "bench/stage_bench.h"

namespace postern::bench {
namespace {

struct Step {
  const char* name;
  void (StagedBurst::*run)();
};
constexpr Step kSteps[] = {{"arrive", &StagedBurst::arrive},
                           {"track", &StagedBurst::track},
                           {"route", &StagedBurst::route},
                           {"translate", &StagedBurst::translate},
                           {"forward", &StagedBurst::forward}};

void run(benchmark::State& state, EstablishedTraffic& traffic, const Step& timed, uint32_t size) {
  const Direction direction = traffic.is_outbound() ? Direction::kOutbound : Direction::kInbound;
  StagedBurst staged(traffic.gateway(), direction);
  ReceiveRing ring(traffic.pool(), traffic.frames(), traffic.packets());
  StageCycles cycles;
  Burst taken;
  const uint64_t before = traffic.gateway().forwarded();
  for (auto _ : state) {
    if (!ring.take(taken)) return state.SkipWithError("no packet buffer is free");
    for (uint32_t first = 0; first < kBurst; first += size) {
      staged.begin({&taken.frame[first], size});
      for (const Step& step : kSteps) {
        if (&step == &timed) {
          cycles.time(size, [&] { (staged.*step.run)(); });
        } else {
          (staged.*step.run)();
        }
      }
      staged.send();
    }
  }
  const uint64_t packets = static_cast<uint64_t>(state.iterations()) * kBurst;
  if (traffic.gateway().forwarded() - before != packets) state.SkipWithError("packets were lost");
  cycles.report(state);
}

}  // namespace

void add_established_stages(const PacketBench& bench) {
  auto established = std::make_shared<Established>(bench);
  for (const uint32_t sessions : session_ladder()) {
    for (const Direction direction : {Direction::kOutbound, Direction::kInbound}) {
      for (const Step& step : kSteps) {
        for (const uint32_t size : kStageBursts) {
          const std::string name = stage_name(step.name, direction, sessions, size);
          benchmark::RegisterBenchmark(name.c_str(), [=, &step](benchmark::State& state) {
            EstablishedTraffic* traffic = established->get(state, direction, sessions);
            if (traffic != nullptr) run(state, *traffic, step, size);
          });
        }
      }
    }
  }
}

}  // namespace postern::bench
