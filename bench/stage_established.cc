// The stages that packets of established sessions walk: arrive, look_up and the fast path, carry;
// and in its place settle, track, route, translate and forward, for those that it leaves.
#include <span>

#include "bench/stage_bench.h"

namespace postern::bench {
namespace {

struct Step {
  const char* name;
  void (StagedBurst::*run)();
};
constexpr Step kFast[] = {{"arrive", &StagedBurst::arrive},
                          {"look_up", &StagedBurst::look_up},
                          {"carry", &StagedBurst::carry}};
constexpr Step kGeneral[] = {
    {"arrive", &StagedBurst::arrive},  {"look_up", &StagedBurst::look_up},
    {"settle", &StagedBurst::settle},  {"track", &StagedBurst::track},
    {"route", &StagedBurst::route},    {"translate", &StagedBurst::translate},
    {"forward", &StagedBurst::forward}};

void run(benchmark::State& state, EstablishedTraffic& traffic, std::span<const Step> steps,
         const Step& timed, uint32_t size) {
  const Direction direction = traffic.is_outbound() ? Direction::kOutbound : Direction::kInbound;
  StagedRow row(traffic.gateway(), direction, size);
  ReceiveRing ring(traffic.pool(), traffic.frames(), traffic.packets());
  StageCycles cycles;
  TakenFrames taken(size);
  const uint64_t before = traffic.gateway().forwarded();
  for (auto _ : state) {
    if (!taken.take(ring)) return state.SkipWithError("no packet buffer is free");
    for (uint32_t first = 0; first < taken.size(); first += size) {
      row.begin(taken.part(first, size));
      for (const Step& step : steps) {
        if (&step == &timed) {
          cycles.time(size, [&] { row.each(step.run); });
        } else {
          row.each(step.run);
        }
      }
      row.send();
    }
  }
  const uint64_t packets = static_cast<uint64_t>(state.iterations()) * taken.size();
  if (traffic.gateway().forwarded() - before != packets) state.SkipWithError("packets were lost");
  cycles.report(state);
}

}  // namespace

void add_established_stages(const PacketBench& bench) {
  auto established = std::make_shared<Established>(bench);
  const auto add = [&](std::span<const Step> steps, const Step& step, Direction direction,
                       uint32_t sessions) {
    for (const uint32_t size : kStageBursts) {
      const std::string name = stage_name(step.name, direction, sessions, size);
      benchmark::RegisterBenchmark(name.c_str(), [=, &step](benchmark::State& state) {
        EstablishedTraffic* traffic = established->get(state, direction, sessions);
        if (traffic != nullptr) run(state, *traffic, steps, step, size);
      });
    }
  };
  for (const uint32_t sessions : session_ladder()) {
    for (const Direction direction : {Direction::kOutbound, Direction::kInbound}) {
      for (const Step& step : kFast) add(kFast, step, direction, sessions);
      for (const Step& step : std::span(kGeneral).subspan(2)) {
        add(kGeneral, step, direction, sessions);
      }
    }
  }
}

}  // namespace postern::bench
