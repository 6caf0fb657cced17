// Sums over workers, read so that they make sense while packets flow. Control thread.
#ifndef POSTERN_CONTROL_METHODS_TOTALS_H_
#define POSTERN_CONTROL_METHODS_TOTALS_H_

#include <cstdint>
#include <span>

#include "control/methods/context.h"
#include "dataplane/packet/counters.h"

namespace postern {

// Sessions that were created and have not ended. Ends are read first, so that it is never negative.
inline uint64_t active_sessions(const Counters& counters) {
  const uint64_t ended = counters.session_expired.read() + counters.session_deleted.read();
  return counters.session_created.read() - ended;
}

// Live sessions that bear an egress address; 0 where it is none.
inline uint64_t sessions_of_address(const MethodContext& context, Ipv4Address address) {
  const auto slot = context.gateway->books().addresses.find(address.value);
  if (!slot) return 0;
  uint64_t sum = 0;
  for (const WorkerView& worker : context.workers) {
    for (const Counter& used : worker.accounts->ports_used[*slot]) sum += used.read();
  }
  return sum;
}

// The sum of one counter, chosen by `pick(const Counters&) -> const Counter&`.
template <typename Pick>
uint64_t total(std::span<const WorkerView> workers, Pick&& pick) {
  uint64_t sum = 0;
  for (const WorkerView& worker : workers) sum += pick(*worker.counters).read();
  return sum;
}

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_TOTALS_H_
