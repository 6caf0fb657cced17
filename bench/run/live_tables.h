// Tables that change while packets are walked, by the daemon's own code: its event loop with the
// helper threads, its gateway that reads, checks, compiles and publishes configurations.
//
//   control thread   LiveTables' own: the event loop; a helper thread plans changes
//   worker           reads published() once a turn, stores what it has seen into channel()
//
// Next hops are resolved at once: no neighbours are asked.
#ifndef POSTERN_BENCH_RUN_LIVE_TABLES_H_
#define POSTERN_BENCH_RUN_LIVE_TABLES_H_

#include <absl/status/statusor.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "bench/scenario.h"
#include "config/load.h"
#include "control/apply/gateway.h"
#include "control/apply/publisher.h"
#include "control/serve/event_loop.h"
#include "dataplane/run/channel.h"
#include "dataplane/table/snapshot.h"

namespace postern::bench {

class LiveTables {
 public:
  // `text` names Scenario's two ports. Fails with the errors of the configuration. The worker may
  // read the tables afterwards.
  static absl::StatusOr<std::unique_ptr<LiveTables>> make(const std::string& text);
  // The worker must not read the tables any more.
  ~LiveTables();
  LiveTables(const LiveTables&) = delete;
  LiveTables& operator=(const LiveTables&) = delete;

  [[nodiscard]] const PublishedSnapshot& published() const { return published_; }
  [[nodiscard]] const SharedTables& shared() const { return shared_; }
  [[nodiscard]] const config::Model& model() const { return model_; }
  [[nodiscard]] WorkerChannel& channel() { return channel_; }

  // Begins to replace the configuration by `text`, which stays where it is meanwhile. Any thread;
  // one at a time.
  void begin_change(const std::string& text);
  // Whether the last change that was begun is in force: every worker has it, and what it removed is
  // retired. Any thread.
  [[nodiscard]] bool changed() const { return changed_.load(std::memory_order_acquire); }
  // Once changed(): "" or why it was refused.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }

 private:
  class Resolver : public NextHopResolver {
   public:
    explicit Resolver(NeighbourTable* table) : table_(table) {}
    void published(const Snapshot& snapshot, std::span<const NextHop> next_hops) override;
    void forget(std::span<const NeighbourSlot> /*slots*/) override {}

   private:
    NeighbourTable* table_;
  };

  explicit LiveTables(config::Model model);
  // On the control thread: looks whether a change is wanted.
  void look();

  config::Model model_;
  SharedTables shared_{kMaxSources, kMaxNextHops + kMaxOnLink, kMaxNodes, 77};
  PublishedSnapshot published_;
  WorkerChannel channel_;
  EventLoop loop_;
  Publisher publisher_{&loop_, &published_, {&channel_}};
  Resolver resolver_{&shared_.neighbours};
  std::unique_ptr<Gateway> gateway_;
  std::atomic<const std::string*> wanted_{nullptr};
  std::atomic<bool> changed_{true};
  std::atomic<bool> stop_{false};
  std::string refusal_;  // written before changed_ is released
  std::thread thread_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_LIVE_TABLES_H_
