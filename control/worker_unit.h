// One worker with everything that it is given and that lives as long as it: memory for
// its tables, these, accounts, counters, channel. Made, launched and taken down by the control
// thread; in between the worker's own thread has it.
#ifndef POSTERN_CONTROL_WORKER_UNIT_H_
#define POSTERN_CONTROL_WORKER_UNIT_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "control/methods/context.h"
#include "dataplane/run/clock.h"
#include "dataplane/run/eal.h"
#include "dataplane/run/handover_mesh.h"
#include "dataplane/run/mbuf_pool.h"
#include "dataplane/run/session_memory.h"
#include "dataplane/run/worker.h"
#include "dataplane/table/session_table.h"
#include "dataplane/table/shared_sessions.h"
#include "dataplane/table/snapshot.h"

namespace postern {

class WorkerUnit {
 public:
  struct Shared {  // by all workers
    const PublishedSnapshot* published = nullptr;
    SharedTables* tables = nullptr;
    const MbufPool* pool = nullptr;
    const Clock* clock = nullptr;
    SharedSessions* sessions = nullptr;
    const HandoverMesh* mesh = nullptr;
    bool huge_pages = false;
  };

  // Worker `index`. Complains where there is no memory for the sessions or fragments.
  static Outcome<std::unique_ptr<WorkerUnit>> make(uint32_t index,
                                                   const SessionTableConfig& sessions,
                                                   const FragmentTableConfig& fragments,
                                                   const WorkerSettings& settings,
                                                   const Shared& shared);
  WorkerUnit(const WorkerUnit&) = delete;
  WorkerUnit& operator=(const WorkerUnit&) = delete;

  // Starts it on the thread of EAL's worker `index`. False where that runs already.
  [[nodiscard]] bool launch(Eal& eal, size_t index);
  // Tells it to leave its loop; after finish(), which waits until it has, nothing leaves any more.
  void stop() { channel_.stop.store(true, std::memory_order_release); }
  void finish(Eal& eal, size_t index);

  [[nodiscard]] WorkerChannel& channel() { return channel_; }
  [[nodiscard]] RuleJournal& rules() { return accounts_.rules; }
  void forget_namespace(NamespaceIndex name) { accounts_.forget_namespace(name); }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] SessionMemory::Pages pages() const { return memory_.sessions.pages(); }
  [[nodiscard]] WorkerView view(uint32_t cpu) {
    return {.cpu = cpu, .counters = &counters_, .accounts = &accounts_, .channel = &channel_};
  }

 private:
  struct Memory {
    SessionMemory sessions;
    SessionMemory fragments;
  };
  WorkerUnit(uint32_t index, Memory memory, const SessionTableConfig& sessions,
             const FragmentTableConfig& fragments, const WorkerSettings& settings,
             const Shared& shared);

  Memory memory_;
  SessionTable table_;
  FragmentTable fragments_;
  SessionAccounts accounts_;
  Counters counters_;
  WorkerChannel channel_;
  Worker worker_;
  bool launched_ = false;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_WORKER_UNIT_H_
