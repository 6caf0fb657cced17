#include "dataplane/table/shared_sessions.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "dataplane/table/sessions.h"

namespace postern {

SharedSessions::SharedSessions(const Setup& setup)
    : owners_(setup.owners),
      max_sessions_(setup.max_sessions == 0 ? kMaxSessions : setup.max_sessions),
      usage_(setup.namespaces) {}

uint64_t SharedSessions::live() const {
  uint64_t sum = 0;
  for (uint32_t worker = 0; worker < workers(); ++worker) sum += accounts_[worker]->live.read();
  return sum;
}

uint64_t SharedSessions::active(NamespaceIndex name) const {
  uint64_t sum = 0;
  for (uint32_t worker = 0; worker < workers(); ++worker) {
    sum += accounts_[worker]->active[name].read();
  }
  return sum;
}

void SharedSessions::ask_for_room(WorkerIndex self, uint32_t name, uint32_t& turn) {
  for (uint32_t tries = 1; tries < workers(); ++tries) {
    const uint32_t worker = (self + 1U + turn++ % (workers() - 1)) % workers();
    const SessionAccounts& its = *accounts_[worker];
    if ((name == kAnybody ? its.live : its.active[name]).read() == 0) continue;
    uint32_t nobody = kNobody;
    requests_[worker].name.compare_exchange_strong(nobody, name, std::memory_order_relaxed);
    return;
  }
}

uint32_t SharedSessions::take_request(WorkerIndex self) {
  std::atomic<uint32_t>& name = requests_[self].name;
  if (name.load(std::memory_order_relaxed) == kNobody) [[likely]]
    return kNobody;
  return name.exchange(kNobody, std::memory_order_relaxed);
}

uint32_t SharedSessions::table_size(uint32_t max_sessions, const OwnerMap& owners,
                                    WorkerIndex worker) {
  const auto owned = static_cast<uint32_t>(std::popcount(owners.owned_shards(worker)));
  const double share = static_cast<double>(max_sessions) * owned / owners.shards();
  const double slack = owned == owners.shards() ? 0 : 6 * std::sqrt(share) + 64;
  return std::min(max_sessions, static_cast<uint32_t>(std::ceil(share + slack)));
}

}  // namespace postern
