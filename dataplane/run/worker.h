// A worker: one poll loop that runs to completion, on one CPU.
//
// A worker is a function of what it is given: its ports, its session table, its memory pool and its
// channel to the control thread; nothing is global, so a second worker is a second object and a
// second call. It polls its ports, walks each burst through the stages, and between bursts does a
// bounded amount of housekeeping: frames from the control thread, held packets, the sweep over
// its sessions, and what is asked of them (session_errands.h, trial_facts.h).
//
// Fail closed: without a published snapshot it does not touch its ports, and once it was told to
// stop nothing leaves any more.
#ifndef POSTERN_DATAPLANE_RUN_WORKER_H_
#define POSTERN_DATAPLANE_RUN_WORKER_H_

#include <rte_mempool.h>

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/packet/counters.h"
#include "dataplane/packet/rate_limit.h"
#include "dataplane/run/channel.h"
#include "dataplane/run/clock.h"
#include "dataplane/run/heard_filter.h"
#include "dataplane/run/session_errands.h"
#include "dataplane/run/sweep_pace.h"
#include "dataplane/run/trial_facts.h"
#include "dataplane/run/walk.h"
#include "dataplane/table/fragment_table.h"
#include "dataplane/table/sessions.h"

namespace postern {

struct WorkerSettings {
  std::vector<uint16_t> devices;     // DPDK port id by index into Snapshot::ports
  uint16_t queue = 0;                // receive and transmit queue of each that is this worker's
  uint64_t receives = ~uint64_t{0};  // ports that have that receive queue, a bit each
  bool sleep_when_idle = false;      // workers.idle = "sleep"
  uint64_t hash_key = 0;             // secret, made at start: rate limiter slots
};

// What a worker is given; all of it outlives the worker.
struct WorkerResources {
  const PublishedSnapshot& published;
  SharedTables& shared;
  SessionTable& table;
  FragmentTable& fragments;
  SessionAccounts& accounts;
  Counters& counters;
  SharedSessions& sessions;      // of all workers
  const HandoverEnds& handover;  // its ends
  rte_mempool* pool;
  WorkerChannel& channel;
  const Clock& clock;
};

class Worker {
 public:
  Worker(const WorkerSettings& settings, const WorkerResources& resources);

  // Polls until channel.stop is set; then sets channel.stopped. On the worker's own thread.
  void run();

  // One turn of the loop, for tests: returns the number of packets received.
  uint32_t turn(const Snapshot& snapshot);

 private:
  // A bound of memory: changes that ask for one wait while so many are under way.
  static constexpr uint32_t kPurgesUnderWay = 64;

  uint32_t receive(const Snapshot& snapshot, uint16_t port, Now now);
  uint32_t take_from_others(const Snapshot& snapshot, Now now);
  void housekeep(const Snapshot& snapshot, Now now);
  void take_command();
  void sweep(const Snapshot& snapshot, Now now);
  void tend_fragments(const Snapshot& snapshot, Now now);
  void report(const Snapshot& snapshot, const HeardNeighbours& heard, Now now);
  void flush(const Snapshot& snapshot);
  void leave();
  void rest(uint32_t idle_turns) const;

  WorkerSettings settings_;
  WorkerResources given_;
  Sessions sessions_;
  SessionErrands errands_{sessions_};
  Doors doors_;
  HoldQueue holds_;
  FactsErrand facts_{sessions_, holds_};
  FragmentGatherer fragments_;
  RateLimiter answers_;
  RateLimiter arp_answers_;
  HeardFilter heard_filter_;
  WalkContext walk_;
  Burst burst_;
  uint64_t released_at_ms_ = 0;
  SweepPace sweep_pace_;
  // Tickets of the purges under way, a ring: begun at purges_begun_, ended at purges_ended_.
  std::array<uint64_t, kPurgesUnderWay> purge_tickets_{};
  uint64_t purges_begun_ = 0;
  uint64_t purges_ended_ = 0;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_WORKER_H_
