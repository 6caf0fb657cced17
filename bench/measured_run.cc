#include "bench/measured_run.h"

#include <rte_cycles.h>
#include <signal.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <semaphore>

#include "bench/bench_eal.h"
#include "bench/nat_traffic.h"
#include "bench/report.h"
#include "dataplane/run/environment.h"

namespace postern::bench {
namespace {

// Fewer undisturbed samples than this have no interval to speak of.
constexpr size_t kEnoughSamples = 10;

bool was_interrupted() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

Direction direction_of(Case which) {
  return which == Case::kNatOut ? Direction::kOutbound : Direction::kInbound;
}

// What the worker's thread is given, and what it gives back.
struct Work {
  const Options& options;
  const Scenario& scenario;
  rte_mempool* pool;
  PortlessGateway& gateway;
  std::binary_semaphore& done;
  RunResult result = {};
  std::string failure = {};
};

// Measures until the time is over and prints a line a second.
void measure(Work& work, Alternation& alternation) {
  RunResult& result = work.result;
  const uint64_t hz = rte_get_tsc_hz();
  const uint64_t begin = rte_rdtsc();
  const uint64_t end = begin + work.options.duration_ms * (hz / 1000);
  const auto seconds = [&] {
    return static_cast<double>(rte_rdtsc() - begin) / static_cast<double>(hz);
  };
  std::vector<Sample> of_this_second;
  double next_line = 1;
  while (rte_rdtsc() < end && !result.interrupted) {
    const std::optional<Sample> sample = alternation.measure();
    if (!sample) break;
    (sample->disturbed ? result.disturbed : result.samples).push_back(*sample);
    of_this_second.push_back(*sample);
    result.interrupted = was_interrupted();
    if (seconds() < next_line) continue;
    print(progress_line(seconds(), of_this_second, hz));
    of_this_second.clear();
    next_line += 1;
  }
  result.seconds = seconds();
  result.walked = alternation.walked();
  work.failure = alternation.failure();
  if (result.samples.size() >= kEnoughSamples) return;
  result.on_disturbed = !result.disturbed.empty();
  result.samples.insert(result.samples.end(), result.disturbed.begin(), result.disturbed.end());
  result.disturbed.clear();
}

void carry_out(Work& work) {
  work.failure = open_sessions(work.scenario, work.pool, work.gateway);
  if (!work.failure.empty()) return;
  const Direction direction = direction_of(work.options.which);
  const Frames frames(work.scenario, direction, work.options.frame_bytes);
  const std::vector<FrameRecord> packets =
      draw_packets(work.scenario, frames, direction, work.options.seed, work.gateway);
  const bool outbound = direction == Direction::kOutbound;
  ReceiveRing ring(work.pool, frames, packets);
  Alternation alternation(ring, work.gateway,
                          outbound ? Scenario::kClusterPort : Scenario::kUplinkPort);
  const StolenTime before = StolenTime::now();
  measure(work, alternation);
  work.result.stolen_percent = StolenTime::now().percent_since(before);
}

int work_entry(void* argument) {
  Work& work = *static_cast<Work*>(argument);
  carry_out(work);
  work.done.release();
  return 0;
}

std::string report(const Options& options, const RunSetting& setting, const RunResult& result) {
  if (result.samples.empty()) return "there was no time for a single sample: measure longer";
  const Environment environment = read_environment();
  print(closing_block(options, setting, result, environment));
  if (options.json.empty()) return "";
  std::ofstream file(options.json);
  file << to_json(options, setting, result, environment);
  file.close();
  return file ? "" : options.json + " cannot be written";
}

std::string run_with(const Options& options, uint32_t cpu, Eal& eal) {
  auto pool = make_bench_pool();
  if (!pool) return pool.complaint().text();
  const Scenario scenario = nat_scenario(options.sessions);
  auto tables = CompiledTables::make(scenario.configuration());
  if (!tables.ok()) return std::string(tables.status().message());
  const bool huge = eal.memory_mode() != MemoryMode::kNoHuge;
  auto gateway = PortlessGateway::make(**tables, pool.value().get(), huge);
  if (!gateway) return gateway.complaint().text();
  std::binary_semaphore done(0);
  Work work{.options = options,
            .scenario = scenario,
            .pool = pool.value().get(),
            .gateway = *gateway.value(),
            .done = done};
  if (!eal.launch(0, work_entry, &work)) return "the worker's thread does not run";
  done.acquire();  // asleep: EAL's own waiting keeps a CPU busy
  eal.wait(0);
  if (!work.failure.empty()) return work.failure;
  const RunSetting setting{.pods = scenario.pods,
                           .nodes = scenario.nodes(),
                           .cpu = cpu,
                           .memory = std::string(name_of(eal.memory_mode())),
                           .session_pages = std::string(name_of(gateway.value()->session_pages())),
                           .session_table_bytes = gateway.value()->session_table_bytes()};
  return report(options, setting, work.result);
}

}  // namespace

std::string run_measurement(const Options& options) {
  if (!options.json.empty() && !std::ofstream(options.json)) {
    return options.json + " cannot be written";
  }
  auto started = start_bench_eal(options.memory, options.cpu);
  if (!started) return started.complaint().text();
  return run_with(options, started.value().worker_cpu, started.value().eal);
}

}  // namespace postern::bench
