// What a worker does between bursts beside packets: its share of the sweep over its sessions, and
// purges that the control thread asks for, at the worker's own pace.
//
// Used by the worker's thread.
#ifndef POSTERN_BENCH_RUN_WORKER_CHORES_H_
#define POSTERN_BENCH_RUN_WORKER_CHORES_H_

#include <rte_cycles.h>

#include <cstdint>
#include <deque>

#include "bench/portless_gateway.h"
#include "dataplane/run/channel.h"
#include "dataplane/run/sweep_pace.h"

namespace postern::bench {

class WorkerChores {
 public:
  // `channel` may be null: nobody asks. Both outlive it.
  WorkerChores(PortlessGateway& gateway, WorkerChannel* channel)
      : gateway_(gateway), channel_(channel) {}

  // After every turn. Whether there was anything to do.
  bool turn() {
    bool worked = false;
    WorkerCommand command;
    if (channel_ != nullptr && channel_->commands.pop(command) &&
        command.kind == WorkerCommand::Kind::kPurge) {
      purges_.push_back(gateway_.table().purge());
      worked = true;
    }
    pace_.turn(
        gateway_.now(), gateway_.sessions().capacity(), !purges_.empty(),
        [&](uint32_t positions) {
          worked = true;
          return gateway_.sweep(positions);
        },
        rte_rdtsc);
    while (!purges_.empty() && gateway_.sessions().purged(purges_.front())) {
      purges_.pop_front();
      channel_->purges_finished.fetch_add(1, std::memory_order_release);
      worked = true;
    }
    return worked;
  }

 private:
  PortlessGateway& gateway_;
  WorkerChannel* channel_;
  SweepPace pace_;
  std::deque<uint64_t> purges_;  // tickets of those under way
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_WORKER_CHORES_H_
