#include "control/worker_unit.h"

#include <utility>

#include "control/apply/books.h"

namespace postern {

Outcome<std::unique_ptr<WorkerUnit>> WorkerUnit::make(uint32_t index,
                                                      const SessionTableConfig& sessions,
                                                      const FragmentTableConfig& fragments,
                                                      const WorkerSettings& settings,
                                                      const Shared& shared) {
  Outcome<SessionMemory> for_sessions =
      SessionMemory::map(SessionTable::memory_bytes(sessions), shared.huge_pages);
  if (!for_sessions) return for_sessions.complaint();
  Outcome<SessionMemory> for_fragments =
      SessionMemory::map(FragmentTable::memory_bytes(fragments), /*huge=*/false);
  if (!for_fragments) return for_fragments.complaint();
  return std::unique_ptr<WorkerUnit>(
      new WorkerUnit(index, {std::move(for_sessions).value(), std::move(for_fragments).value()},
                     sessions, fragments, settings, shared));
}

WorkerUnit::WorkerUnit(uint32_t index, Memory memory, const SessionTableConfig& sessions,
                       const FragmentTableConfig& fragments, const WorkerSettings& settings,
                       const Shared& shared)
    : memory_(std::move(memory)),
      table_(sessions, memory_.sessions.bytes()),
      fragments_(fragments, memory_.fragments.bytes()),
      accounts_(kMaxNamespaces, kMaxAddresses),
      worker_(settings, {.published = *shared.published,
                         .shared = *shared.tables,
                         .table = table_,
                         .fragments = fragments_,
                         .accounts = accounts_,
                         .counters = counters_,
                         .sessions = *shared.sessions,
                         .handover = shared.mesh->ends(index),
                         .pool = shared.pool->get(),
                         .channel = channel_,
                         .clock = *shared.clock}) {}

bool WorkerUnit::launch(Eal& eal, size_t index) {
  launched_ = eal.launch(
      index,
      [](void* worker) {
        static_cast<Worker*>(worker)->run();
        return 0;
      },
      &worker_);
  return launched_;
}

void WorkerUnit::finish(Eal& eal, size_t index) {
  if (!launched_) return;
  eal.wait(index);
  launched_ = false;
}

}  // namespace postern
