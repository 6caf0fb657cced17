#include "bench/compiled_tables.h"

#include <absl/status/status.h>

#include <utility>

#include "bench/scenario.h"
#include "config/load.h"

namespace postern::bench {
namespace {

// Any number does: the maps are keyed against strangers, and here are none.
constexpr uint64_t kSeed = 0x9e3779b97f4a7c15;

}  // namespace

absl::StatusOr<std::unique_ptr<CompiledTables>> CompiledTables::make(const std::string& text) {
  config::LoadResult loaded = config::load_text(text, "bench.cfg");
  if (!loaded.model) {
    std::string errors = "the configuration of the benchmark is refused:";
    for (const config::Diagnostic& error : loaded.errors) errors += "\n  " + error.text();
    return absl::InternalError(errors);
  }
  std::unique_ptr<CompiledTables> tables(new CompiledTables(std::move(*loaded.model)));
  absl::Status status = tables->compile();
  if (!status.ok()) return status;
  return tables;
}

absl::Status CompiledTables::compile() {
  const PortFacts facts[] = {{0, Scenario::kClusterMac}, {1, Scenario::kUplinkMac}};
  absl::StatusOr<Compiled> compiled = postern::compile(model_, facts, Books{}, kSeed);
  if (!compiled.ok()) return compiled.status();
  absl::StatusOr<SourceChange> change = sources_.plan(source_inputs(model_, compiled->books));
  if (!change.ok()) return change.status();
  sources_.prepare(*change);
  snapshot_ = std::move(compiled->snapshot);
  snapshot_->generation = 1;
  snapshot_->shared = &shared_;
  snapshot_->sources = sources_.build_map(*change, kSeed);
  sources_.commit(*change);
  for (const NextHop& hop : compiled->next_hops) {
    shared_.neighbours.store(hop.slot, {Scenario::kNextHopMac, NeighbourState::kReachable});
    shared_.neighbours.bind(hop.key, hop.slot);
  }
  return absl::OkStatus();
}

}  // namespace postern::bench
