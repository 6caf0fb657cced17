#include "control/worker_unit.h"

#include <utility>

#include "control/apply/books.h"

namespace postern {

Outcome<std::unique_ptr<WorkerUnit>> WorkerUnit::make(const SessionTableConfig& config,
                                                      const WorkerSettings& settings,
                                                      const Shared& shared) {
  Outcome<SessionMemory> memory =
      SessionMemory::map(SessionTable::memory_bytes(config), shared.huge_pages);
  if (!memory) return memory.complaint();
  return std::unique_ptr<WorkerUnit>(
      new WorkerUnit(std::move(memory).value(), config, settings, shared));
}

WorkerUnit::WorkerUnit(SessionMemory memory, const SessionTableConfig& config,
                       const WorkerSettings& settings, const Shared& shared)
    : memory_(std::move(memory)),
      table_(config, memory_.bytes()),
      accounts_(kMaxNamespaces, kMaxAddresses),
      worker_(settings, {.published = *shared.published,
                         .shared = *shared.tables,
                         .table = table_,
                         .accounts = accounts_,
                         .counters = counters_,
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

void WorkerUnit::stop(Eal& eal, size_t index) {
  if (!launched_) return;
  channel_.stop.store(true, std::memory_order_release);
  eal.wait(index);
  launched_ = false;
}

}  // namespace postern
