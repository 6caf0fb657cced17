// What a worker does between bursts beside packets: its share of the sweep over its sessions, every
// millisecond, and purges that the control thread asks for; at the pace of dataplane/run/worker.cc.
//
// Used by the worker's thread.
#ifndef POSTERN_BENCH_RUN_WORKER_CHORES_H_
#define POSTERN_BENCH_RUN_WORKER_CHORES_H_

#include <algorithm>
#include <cstdint>
#include <deque>

#include "bench/portless_gateway.h"
#include "dataplane/run/channel.h"

namespace postern::bench {

class WorkerChores {
 public:
  // `channel` may be null: nobody asks. Both outlive it.
  WorkerChores(PortlessGateway& gateway, WorkerChannel* channel)
      : gateway_(gateway), channel_(channel), swept_until_ms_(gateway.now().ms) {}

  // After every turn.
  void turn() {
    const uint64_t now_ms = gateway_.now().ms;
    if (now_ms == swept_until_ms_) return;
    WorkerCommand command;
    if (channel_ != nullptr && channel_->commands.pop(command) &&
        command.kind == WorkerCommand::Kind::kPurge) {
      purges_.push_back(gateway_.table().purge());
    }
    const uint64_t round_ms = purges_.empty() ? kSweepRound_ms : kPurgeRound_ms;
    const uint64_t due =
        uint64_t{gateway_.sessions().capacity()} * (now_ms - swept_until_ms_) / round_ms + 1;
    swept_until_ms_ = now_ms;
    gateway_.sweep(static_cast<uint32_t>(std::min(due, kPositionsPerTurn)));
    while (!purges_.empty() && gateway_.sessions().purged(purges_.front())) {
      purges_.pop_front();
      channel_->purges_finished.fetch_add(1, std::memory_order_release);
    }
  }

 private:
  static constexpr uint64_t kSweepRound_ms = 2000;
  static constexpr uint64_t kPurgeRound_ms = 500;
  static constexpr uint64_t kPositionsPerTurn = 32768;

  PortlessGateway& gateway_;
  WorkerChannel* channel_;
  uint64_t swept_until_ms_;
  std::deque<uint64_t> purges_;  // tickets of those under way
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_WORKER_CHORES_H_
