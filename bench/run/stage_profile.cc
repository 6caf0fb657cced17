#include "bench/run/stage_profile.h"

#include <rte_cycles.h>

#include <utility>
#include <vector>

#include "bench/statistics.h"
#include "dataplane/stage/arrive.h"
#include "dataplane/stage/fast_path.h"
#include "dataplane/stage/forward.h"
#include "dataplane/stage/route.h"
#include "dataplane/stage/track.h"
#include "dataplane/stage/translate.h"

namespace postern::bench {
namespace {

constexpr uint32_t kBursts = 4096;
// The counter itself, read twice in a row so often.
constexpr uint32_t kReadings = 1000;

enum Stage : uint8_t { kArrive, kLookUp, kCarry, kSettle, kTrack, kRoute, kTranslate, kForward };

double cycles_of_reading() {
  std::vector<double> readings;
  for (uint32_t i = 0; i < kReadings; ++i) {
    const uint64_t begun = rte_rdtsc_precise();
    readings.push_back(static_cast<double>(rte_rdtsc_precise() - begun));
  }
  return median_of(std::move(readings)).value;
}

class Profile {
 public:
  Profile(TrafficPort& port, PortlessGateway& gateway, Direction direction)
      : port_(port),
        gateway_(gateway),
        outbound_(direction == Direction::kOutbound),
        reading_(cycles_of_reading()) {}

  std::optional<StageCycles> measure() {
    for (uint32_t i = 0; i < kBursts; ++i) {
      if (!port_.receive(burst_)) return std::nullopt;
      if (burst_.size == 0) continue;
      walk(i % 2 == 0);
      gateway_.send_all();
    }
    StageCycles medians{};
    for (size_t stage = 0; stage < medians.size(); ++stage) {
      if (samples_[stage].empty()) return std::nullopt;
      medians[stage] = median_of(std::move(samples_[stage])).value;
    }
    return medians;
  }

 private:
  template <typename Work>
  void time(Stage stage, Work&& work) {
    const uint64_t begun = rte_rdtsc_precise();
    work();
    const auto cycles = static_cast<double>(rte_rdtsc_precise() - begun);
    samples_[stage].push_back((cycles - reading_) / burst_.size);
  }

  void walk(bool by_fast_path) {
    const Snapshot& snapshot = gateway_.snapshot();
    WalkContext& context = gateway_.context();
    const Now now = gateway_.now();
    const uint16_t port = outbound_ ? Scenario::kClusterPort : Scenario::kUplinkPort;
    Arrivals arrivals;
    context.doors.set_time(now);
    time(kArrive, [&] { arrive(snapshot, port, burst_, arrivals, context.doors); });
    const IndexList& arrived = outbound_ ? arrivals.outbound : arrivals.inbound;
    time(kLookUp, [&] {
      (outbound_ ? look_up_outbound : look_up_inbound)(context.sessions, burst_, arrived);
    });
    IndexList rest = arrived;
    Refusals refusals;
    if (by_fast_path) {
      rest.clear();
      time(kCarry, [&] {
        (outbound_ ? carry_outbound : carry_inbound)(snapshot, context.sessions, burst_, arrived,
                                                     now, rest, refusals, context.doors);
      });
    }
    if (!rest.empty()) walk_rest(rest, refusals, now);
    for (const uint8_t i : refusals.packets) context.doors.drop(burst_, i, refusals.reason[i]);
  }

  void walk_rest(IndexList& rest, Refusals& refusals, Now now) {
    const Snapshot& snapshot = gateway_.snapshot();
    WalkContext& context = gateway_.context();
    const Direction direction = outbound_ ? Direction::kOutbound : Direction::kInbound;
    time(kSettle, [&] { settle(snapshot, burst_, rest, direction, context.doors); });
    IndexList tracked;
    IndexList routed;
    time(kTrack, [&] {
      (outbound_ ? track_outbound : track_inbound)(snapshot, context.sessions, burst_, rest, now,
                                                   tracked, refusals);
    });
    time(kRoute, [&] {
      if (outbound_) {
        route_outbound(snapshot, context.sessions, burst_, tracked, routed, refusals);
      } else {
        route_inbound(snapshot, burst_, tracked, routed, refusals);
      }
    });
    time(kTranslate, [&] {
      (outbound_ ? translate_outbound : translate_inbound)(snapshot, context.sessions, burst_,
                                                           routed);
    });
    time(kForward, [&] {
      (outbound_ ? forward_outbound : forward_inbound)(snapshot, burst_, routed, now,
                                                       context.tools.holds, context.doors);
    });
  }

  TrafficPort& port_;
  PortlessGateway& gateway_;
  const bool outbound_;
  const double reading_;
  Burst burst_;
  std::array<std::vector<double>, kStageNames.size()> samples_;
};

}  // namespace

std::optional<StageCycles> profile_stages(TrafficPort& port, PortlessGateway& gateway,
                                          Direction direction) {
  return Profile(port, gateway, direction).measure();
}

}  // namespace postern::bench
