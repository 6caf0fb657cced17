#include "bench/run/alternating_run.h"

#include <rte_cycles.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <vector>

#include "bench/nat_traffic.h"
#include "bench/report.h"
#include "bench/run/console.h"
#include "bench/run/ports.h"
#include "bench/run/stage_profile.h"
#include "bench/run/worker_thread.h"
#include "dataplane/run/environment.h"

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

class AlternatingRun {
 public:
  AlternatingRun(const Options& options, BenchEal& started, rte_mempool* pool)
      : options_(options),
        started_(started),
        pool_(pool),
        treatment_(treatment_of(options.which)),
        scenario_(nat_scenario(options.sessions)) {}

  std::string carry_out() {
    auto tables = CompiledTables::make(scenario_.configuration());
    if (!tables.ok()) return std::string(tables.status().message());
    const bool huge = started_.eal.memory_mode() != MemoryMode::kNoHuge;
    auto gateway = PortlessGateway::make(**tables, pool_, huge);
    if (!gateway) return gateway.complaint().text();
    gateway_ = gateway.value().get();
    Eal& eal = started_.eal;
    std::string failure = on_worker(eal, 0, [&] { return prepare(); });
    if (failure.empty()) failure = make_ports();
    if (failure.empty()) failure = on_worker(eal, 0, [&] { return measure(); });
    // Their buffers go back before the pool goes.
    ways_.clear();
    return failure.empty() ? tell() : failure;
  }

 private:
  // On the worker: sessions and packets.
  std::string prepare() {
    if (treatment_ == Treatment::kWalk) {
      const std::string failure = open_sessions(scenario_, pool_, *gateway_);
      if (!failure.empty()) return failure;
    }
    const std::vector<Direction> directions = directions_of(options_.which);
    ways_.reserve(directions.size());
    for (const Direction direction : directions) {
      const std::span<const uint32_t> sizes = options_.which == Case::kImix
                                                  ? std::span<const uint32_t>(kImixSizes)
                                                  : std::span(&options_.frame_bytes, 1);
      Way& way = ways_.emplace_back(Way{direction, Frames(scenario_, direction, sizes)});
      way.packets = draw_for_port(options_, scenario_, way.frames, direction, *gateway_);
    }
    return "";
  }

  std::string make_ports() {
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

  // On the worker: until the time is over, with a line a second.
  std::string measure() {
    std::vector<Lane> lanes;
    for (const Way& way : ways_) {
      const bool outbound = way.direction == Direction::kOutbound;
      lanes.push_back({way.port.get(), outbound ? Scenario::kClusterPort : Scenario::kUplinkPort});
    }
    Alternation alternation(lanes, *gateway_, treatment_);
    const StolenTime before = StolenTime::now();
    measure(alternation);
    result_.stolen_percent = StolenTime::now().percent_since(before);
    result_.walked = alternation.walked();
    result_.lost = alternation.lost();
    if (alternation.failure().empty()) profile();
    return alternation.failure();
  }

  // The stages by themselves, of both directions where there are two.
  void profile() {
    if (treatment_ != Treatment::kWalk) return;
    for (const Way& way : ways_) {
      const auto cycles = profile_stages(*way.port, *gateway_, way.direction);
      if (cycles) result_.stages.push_back({way.direction == Direction::kOutbound, *cycles});
    }
  }

  void measure(Alternation& alternation) {
    const uint64_t hz = rte_get_tsc_hz();
    const uint64_t begin = rte_rdtsc();
    const uint64_t end = begin + options_.duration_ms * (hz / 1000);
    const auto seconds = [&] {
      return static_cast<double>(rte_rdtsc() - begin) / static_cast<double>(hz);
    };
    Second second;
    double next_line = 1;
    while (rte_rdtsc() < end && !result_.interrupted) {
      const std::optional<Sample> sample = alternation.measure();
      if (!sample) break;
      (sample->disturbed ? result_.disturbed : result_.samples).push_back(*sample);
      second.samples.push_back(*sample);
      result_.interrupted = was_interrupted();
      if (seconds() < next_line) continue;
      second.at_s = seconds();
      second.lost = alternation.lost() - lost_before_;
      second.sessions = gateway_->sessions().live();
      second.latency = alternation.latency().summary(hz);
      print(progress_line(second, hz));
      lost_before_ = alternation.lost();
      result_.latency.merge(alternation.latency());
      alternation.latency().clear();
      second.samples.clear();
      next_line += 1;
    }
    result_.latency.merge(alternation.latency());
    result_.seconds = seconds();
    if (result_.samples.size() >= kEnoughSamples) return;
    result_.on_disturbed = !result_.disturbed.empty();
    result_.samples.insert(result_.samples.end(), result_.disturbed.begin(),
                           result_.disturbed.end());
    result_.disturbed.clear();
  }

  std::string tell() const {
    if (result_.samples.empty()) return "there was no time for a single sample: measure longer";
    const RunSetting setting{.pods = scenario_.pods,
                             .nodes = scenario_.nodes(),
                             .cpu = started_.worker_cpu,
                             .memory = std::string(name_of(started_.eal.memory_mode())),
                             .session_pages = std::string(name_of(gateway_->session_pages())),
                             .session_table_bytes = gateway_->session_table_bytes()};
    const Environment environment = read_environment();
    print(closing_block(options_, setting, result_, environment));
    if (options_.json.empty()) return "";
    std::ofstream file(options_.json);
    file << to_json(options_, setting, result_, environment);
    file.close();
    return file ? "" : options_.json + " cannot be written";
  }

  const Options& options_;
  BenchEal& started_;
  rte_mempool* pool_;
  const Treatment treatment_;
  const Scenario scenario_;
  PortlessGateway* gateway_ = nullptr;
  TemporaryFolder folder_;
  std::vector<Way> ways_;
  uint64_t lost_before_ = 0;
  RunResult result_;
};

}  // namespace

std::string run_alternating(const Options& options, BenchEal& started, rte_mempool* pool) {
  return AlternatingRun(options, started, pool).carry_out();
}

}  // namespace postern::bench
