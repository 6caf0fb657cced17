// What the workers' sessions have in common: whose session is whose (OwnerMap), how many there are
// in all, what namespaces have used of their limits.
//
// Each worker counts its own sessions, in its own lines; a sum is made where it is asked for, by
// who begins a session. So the sum is as exact as the moment: workers that begin sessions at the
// same time may exceed a limit by what they begin within it, at most kUnseen each.
//
// At a limit an old half-open session gives way (nat.md T9). Where the worker that needs room has
// none, it asks another one, by a word: the packet at hand is refused, its retransmission finds the
// room.
//
// Made by the control thread before any worker runs; then used by all of them.
#ifndef POSTERN_DATAPLANE_TABLE_SHARED_SESSIONS_H_
#define POSTERN_DATAPLANE_TABLE_SHARED_SESSIONS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/table/limits.h"
#include "dataplane/table/owner_map.h"
#include "dataplane/table/source_table.h"

namespace postern {

struct SessionAccounts;

class SharedSessions {
 public:
  // Sessions that a worker may begin before it looks at those of the others again, which costs 3
  // cycles with two workers and 23 with 32 (bench/structure_bench): less than one a session.
  static constexpr uint32_t kUnseen = 32;
  // In ask_for_room(): of whatever namespace.
  static constexpr uint32_t kAnybody = ~uint32_t{0} - 1;
  static constexpr uint32_t kNobody = ~uint32_t{0};

  struct Setup {
    OwnerMap::Setup owners = {};
    uint32_t max_sessions = 0;  // in all; 0: as many as the tables hold
    uint32_t namespaces = 0;
  };
  explicit SharedSessions(const Setup& setup);

  // Before any worker runs.
  void join(WorkerIndex worker, const SessionAccounts* accounts) { accounts_[worker] = accounts; }

  [[nodiscard]] const OwnerMap& owners() const { return owners_; }
  [[nodiscard]] uint32_t workers() const { return owners_.workers(); }
  [[nodiscard]] uint32_t max_sessions() const { return max_sessions_; }
  [[nodiscard]] NamespaceUsage& usage(NamespaceIndex name) { return usage_[name]; }

  // Live sessions of all workers, and those of a namespace.
  [[nodiscard]] uint64_t live() const;
  [[nodiscard]] uint64_t active(NamespaceIndex name) const;

  // Asks one of the other workers that have sessions of the namespace (or kAnybody) to end a half-
  // open one, another one every time. `turn` is the asking worker's, kept by it.
  void ask_for_room(WorkerIndex self, uint32_t name, uint32_t& turn);
  // The namespace for which this worker was asked, or kNobody; each only once.
  uint32_t take_request(WorkerIndex self);

  // Entries that a worker's table needs so that it is not full before all workers together have
  // `max_sessions`: its share by shards, and six standard deviations of what a hash gives it beyond
  // that (once in a thousand million). `max_sessions` itself is enough for any.
  [[nodiscard]] static uint32_t table_size(uint32_t max_sessions, const OwnerMap& owners,
                                           WorkerIndex worker);

 private:
  // Word by which others ask a worker; on a line of its own.
  struct alignas(64) Request {
    std::atomic<uint32_t> name{kNobody};
  };

  OwnerMap owners_;
  uint32_t max_sessions_;
  std::array<const SessionAccounts*, kMaxWorkers> accounts_{};
  std::array<Request, kMaxWorkers> requests_;
  std::vector<NamespaceUsage> usage_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_SHARED_SESSIONS_H_
