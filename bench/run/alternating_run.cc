#include "bench/run/alternating_run.h"

#include <rte_cycles.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/environment_json.h"
#include "bench/nat_traffic.h"
#include "bench/report.h"
#include "bench/run/console.h"
#include "bench/run/ports.h"
#include "bench/run/stage_profile.h"

namespace postern::bench {
namespace {

// Fewer undisturbed samples than this have no interval to speak of.
constexpr size_t kEnoughSamples = 10;

Treatment treatment_of(Case which) {
  if (which == Case::kIo) return Treatment::kNone;
  return which == Case::kDecap ? Treatment::kDecapsulate : Treatment::kWalk;
}

std::vector<Direction> directions_of(Case which) {
  if (which == Case::kNatIn) return {Direction::kInbound};
  if (which == Case::kMix || which == Case::kImix) {
    return {Direction::kOutbound, Direction::kInbound};
  }
  return {Direction::kOutbound};
}

// Frames one way, and the port that they come by.
struct Way {
  Direction direction;
  Frames frames;
  std::vector<FrameRecord> packets = {};
  std::unique_ptr<TrafficPort> port = {};
};

class AlternatingRun : public SoloCase {
 public:
  explicit AlternatingRun(const CaseParts& parts)
      : SoloCase(parts, scenario_of(parts.options)),
        treatment_(treatment_of(parts.options.which)) {}

 private:
  // Sessions and packets.
  std::string prepare() override {
    if (treatment_ == Treatment::kWalk) {
      const std::string failure = SoloCase::prepare();
      if (!failure.empty()) return failure;
    }
    const std::vector<Direction> directions = directions_of(options_.which);
    ways_.reserve(directions.size());
    for (const Direction direction : directions) {
      const std::span<const uint32_t> sizes = options_.which == Case::kImix
                                                  ? std::span<const uint32_t>(kImixSizes)
                                                  : std::span(&options_.frame_bytes, 1);
      Way& way = ways_.emplace_back(Way{direction, Frames(scenario_, direction, sizes)});
      way.packets = draw_for_port(options_, scenario_, way.frames, direction, gateway());
    }
    return "";
  }

  std::string make_ports() override {
    const PortParts parts{.pool = pool_,
                          .folder = folder_,
                          .log = started_.eal.log(),
                          .options = options_,
                          .worker_cpu = started_.worker_cpu};
    for (uint32_t i = 0; i < ways_.size(); ++i) {
      auto port = make_port(i, parts, ways_[i].frames, ways_[i].packets);
      if (!port) return port.complaint().text();
      ways_[i].port = std::move(port).value();
    }
    return "";
  }

  // Until the time is over, with a line a second.
  std::string measure() override {
    std::vector<Lane> lanes;
    for (const Way& way : ways_) {
      const bool outbound = way.direction == Direction::kOutbound;
      lanes.push_back({way.port.get(), outbound ? Scenario::kClusterPort : Scenario::kUplinkPort});
    }
    Alternation alternation(lanes, gateway(), treatment_);
    measure(alternation);
    result_.walked = alternation.walked();
    result_.lost = alternation.lost();
    if (alternation.failure().empty()) profile();
    return alternation.failure();
  }

  // The stages by themselves, of both directions where there are two.
  void profile() {
    if (treatment_ != Treatment::kWalk) return;
    for (const Way& way : ways_) {
      const auto cycles = profile_stages(*way.port, gateway(), way.direction);
      if (cycles) result_.stages.push_back({way.direction == Direction::kOutbound, *cycles});
    }
  }

  void measure(Alternation& alternation) {
    const uint64_t hz = rte_get_tsc_hz();
    attention_.begin();
    const uint64_t end = rte_rdtsc() + options_.duration_ms * (hz / 1000);
    std::vector<Sample> recent;
    do {
      const std::optional<Sample> sample = alternation.measure();
      if (!sample) break;
      (sample->disturbed ? result_.disturbed : result_.samples).push_back(*sample);
      recent.push_back(*sample);
      if (!attention_.line_is_due()) continue;
      tell_second(alternation, recent);
      recent.clear();
    } while (rte_rdtsc() < end && !attention_.is_called_off());
    result_.interrupted = was_interrupted();
    result_.latency.merge(alternation.latency());
    result_.seconds = attention_.seconds();
    if (result_.samples.size() >= kEnoughSamples) return;
    result_.on_disturbed = !result_.disturbed.empty();
    result_.samples.insert(result_.samples.end(), result_.disturbed.begin(),
                           result_.disturbed.end());
    result_.disturbed.clear();
  }

  void tell_second(Alternation& alternation, const std::vector<Sample>& recent) {
    Second second = second_of(recent, rte_get_tsc_hz());
    second.at_s = attention_.seconds();
    second.lost = alternation.lost() - lost_before_;
    second.sessions = gateway().sessions().live();
    second.latency = alternation.latency().summary(rte_get_tsc_hz());
    print(line_of(second));
    lost_before_ = alternation.lost();
    result_.latency.merge(alternation.latency());
    alternation.latency().clear();
  }

  std::string tell() override {
    if (result_.samples.empty()) return "it was interrupted before anything was measured";
    result_.stolen_percent = stolen_percent_;
    const Environment environment = read_environment();
    print(closing_block(options_, setting(), result_, environment));
    return write_result(options_.json, to_json(options_, setting(), result_, environment));
  }

  const Treatment treatment_;
  TemporaryFolder folder_;
  std::vector<Way> ways_;
  uint64_t lost_before_ = 0;
  RunResult result_;
};

}  // namespace

std::string run_alternating(const CaseParts& parts) { return AlternatingRun(parts).carry_out(); }

}  // namespace postern::bench
