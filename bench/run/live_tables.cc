#include "bench/run/live_tables.h"

#include <chrono>
#include <utility>

namespace postern::bench {
namespace {

// How often the control thread looks for what is wanted of it.
constexpr std::chrono::milliseconds kLook{1};
// Any number does: the maps are keyed against strangers, and here are none.
constexpr uint64_t kSeed = 0x9e3779b97f4a7c15;

}  // namespace

absl::StatusOr<std::unique_ptr<LiveTables>> LiveTables::make(const std::string& text) {
  config::LoadResult loaded = config::load_text(text, "bench.cfg");
  if (!loaded.model) {
    std::string errors = "the configuration of the benchmark is refused:";
    for (const config::Diagnostic& error : loaded.errors) errors += "\n  " + error.text();
    return absl::InternalError(errors);
  }
  std::unique_ptr<LiveTables> tables(new LiveTables(*std::move(loaded.model)));
  const auto started = tables->gateway_->start(tables->model_);
  if (!started.ok()) return started.status();
  LiveTables* const self = tables.get();
  self->loop_.every(kLook, [self] { self->look(); });
  self->thread_ = std::thread([self] { self->loop_.run(); });
  return tables;
}

LiveTables::LiveTables(config::Model model) : model_(std::move(model)) {
  const MachineFacts machine{.ports = {{0, Scenario::kClusterMac}, {1, Scenario::kUplinkMac}},
                             .seed = kSeed};
  gateway_ = std::make_unique<Gateway>(Gateway::Parts{.loop = &loop_,
                                                      .publisher = &publisher_,
                                                      .tables = &shared_,
                                                      .resolver = &resolver_,
                                                      .machine = machine,
                                                      .on_commit = [](const config::Model&) {}});
}

LiveTables::~LiveTables() {
  stop_.store(true, std::memory_order_release);
  if (thread_.joinable()) thread_.join();
  loop_.stop_helpers();
}

void LiveTables::begin_change(const std::string& text) {
  changed_.store(false, std::memory_order_relaxed);
  wanted_.store(&text, std::memory_order_release);
}

void LiveTables::look() {
  if (stop_.load(std::memory_order_acquire)) return loop_.stop();
  const std::string* const text = wanted_.exchange(nullptr, std::memory_order_acq_rel);
  if (text == nullptr) return;
  gateway_->apply({.is_text = true, .value = *text}, {}, [this](ChangeResult result) {
    refusal_ = std::string(result.status.message());
    for (const config::Diagnostic& error : result.errors) refusal_ += "; " + error.text();
    changed_.store(true, std::memory_order_release);
  });
}

void LiveTables::Resolver::published(const Snapshot& /*snapshot*/,
                                     std::span<const NextHop> next_hops) {
  for (const NextHop& hop : next_hops) {
    table_->store(hop.slot, {Scenario::kNextHopMac, NeighbourState::kReachable});
    table_->bind(hop.key, hop.slot);
  }
}

}  // namespace postern::bench
