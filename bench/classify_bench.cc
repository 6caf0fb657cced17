// What the first packet of a session pays for its classification: bursts of 64 over tables compiled
// from a configuration text, by pods, firewall rules and egress entries. Flows are random over all
// pods and destinations, so large tables are read from where they lie.
//
//   classify_bench --benchmark_filter=pods:1000/
#include <benchmark/benchmark.h>

#include <array>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/compiled_tables.h"
#include "bench/scenario.h"
#include "bench/table_bench.h"
#include "dataplane/packet/burst.h"
#include "dataplane/stage/classify.h"

namespace postern::bench {
namespace {

constexpr uint32_t kFlows = 1u << 16;

std::vector<Flow> random_flows(const Scenario& scenario, const Snapshot& snapshot) {
  std::mt19937 random(1);
  std::vector<Flow> flows(kFlows);
  for (Flow& flow : flows) {
    const uint32_t pod = static_cast<uint32_t>(random()) % scenario.pods;
    const uint64_t node = snapshot.nodes_by_vtep.find(
        Snapshot::node_key(0, Scenario::node_vtep(Scenario::node_of(pod))));
    flow = {.source = Scenario::pod(pod),
            .destination = {Scenario::kRemotes.address.value |
                            (static_cast<uint32_t>(random()) & ~Scenario::kRemotes.mask())},
            .destination_port = 443,
            .protocol = kProtocolUdp,
            .vni = Scenario::kVni,
            .node = static_cast<NodeIndex>(node)};
  }
  return flows;
}

// One size of tables, made when its benchmark first runs.
struct Subject {
  explicit Subject(const Scenario& given) : scenario(given) {}

  bool prepare() {
    if (tables != nullptr) return true;
    auto made = CompiledTables::make(scenario.configuration());
    if (!made.ok()) {
      std::cerr << made.status().message() << '\n';
      return false;
    }
    tables = std::move(*made);
    flows = random_flows(scenario, tables->snapshot());
    return true;
  }

  Scenario scenario;
  std::unique_ptr<CompiledTables> tables;
  std::vector<Flow> flows;
};

void run(benchmark::State& state, Subject& subject) {
  if (!subject.prepare()) return state.SkipWithError("no tables");
  std::array<Decision, kBurst> decisions;
  uint32_t at = 0;
  uint64_t refused = 0;
  for (auto _ : state) {
    classify(subject.tables->snapshot(), {&subject.flows[at], kBurst}, decisions);
    refused += !decisions[0].allowed;
    at = (at + kBurst) % kFlows;
  }
  if (refused != 0) return state.SkipWithError("a flow was refused");
  const auto flows = static_cast<double>(state.iterations()) * kBurst;
  state.SetItemsProcessed(static_cast<int64_t>(flows));
  state.counters["per_flow"] =
      benchmark::Counter(flows, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void add(uint32_t pods, uint32_t rules, uint32_t entries, uint32_t namespaces,
         bool nested = false) {
  Scenario scenario;
  scenario.nested_rules = nested;
  scenario.rules_of_one_namespace = nested;
  scenario.pods = pods;
  scenario.namespaces = namespaces;
  scenario.egress_entries = entries;
  scenario.firewall_rules = rules;
  const std::string name = "classify/pods:" + std::to_string(pods) +
                           (nested ? "/nested:" : "/rules:") + std::to_string(rules) +
                           "/entries:" + std::to_string(entries) +
                           "/namespaces:" + std::to_string(namespaces);
  auto subject = std::make_shared<Subject>(scenario);
  benchmark::RegisterBenchmark(name.c_str(),
                               [subject](benchmark::State& state) { run(state, *subject); });
}

void add_all() {
  for (const uint32_t pods : {1000u, 100'000u}) {
    for (const uint32_t rules : {1u, 10u, 100u, 8000u}) add(pods, rules, 1, 1);
    for (const uint32_t rules : {10u, 8000u}) add(pods, rules, 1, 1, true);
    // Many entries are many namespaces with their own addresses, or one that goes many ways.
    add(pods, 1, 1000, 1000);
    add(pods, 1, 1000, 1);
  }
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  return postern::bench::run_benchmarks(argc, argv, postern::bench::add_all);
}
