// Whose request is executed next: the client's that will have used the least time when it is done
// (weighted fair queueing with equal weights). A client that was idle starts level with the
// least of those at work, so nobody saves up. One who floods, or asks for much, waits for himself;
// who asks little comes at once. At equal figures who waited longer. Costs are in microseconds.
#ifndef POSTERN_CONTROL_RPC_FAIR_QUEUE_H_
#define POSTERN_CONTROL_RPC_FAIR_QUEUE_H_

#include <algorithm>
#include <compare>
#include <cstdint>
#include <map>
#include <set>

namespace postern {

class FairQueue {
 public:
  struct Turn {
    uint64_t client = 0;
    uint64_t expected_cost = 0;  // as it was enqueued
  };

  // The client has a request, probably of that cost. Nothing where it is queued already.
  void enqueue(uint64_t client, uint64_t expected_cost) {
    Usage& usage = usage_[client];
    if (usage.queued) return;
    usage.start = std::max(usage.start, floor_);
    usage.expected_cost = expected_cost;
    usage.place = {.finish = usage.start + expected_cost, .order = order_++, .client = client};
    usage.queued = true;
    places_.insert(usage.place);
  }

  [[nodiscard]] bool empty() const { return places_.empty(); }

  // Takes the next client out of the queue. The queue is not empty.
  Turn take() {
    const uint64_t client = places_.begin()->client;
    places_.erase(places_.begin());
    Usage& usage = usage_[client];
    usage.queued = false;
    return {.client = client, .expected_cost = usage.expected_cost};
  }

  // What the request of that client, now executed, really cost.
  void charge(uint64_t client, uint64_t cost) {
    Usage& usage = usage_[client];
    floor_ = std::max(floor_, usage.start);
    usage.start += cost;
  }

  void forget(uint64_t client) {
    const auto found = usage_.find(client);
    if (found == usage_.end()) return;
    if (found->second.queued) places_.erase(found->second.place);
    usage_.erase(found);
  }

 private:
  struct Place {
    uint64_t finish = 0;
    uint64_t order = 0;
    uint64_t client = 0;
    auto operator<=>(const Place&) const = default;
  };
  struct Usage {
    uint64_t start = 0;  // virtual time at which its next request begins
    uint64_t expected_cost = 0;
    Place place;
    bool queued = false;
  };

  std::map<uint64_t, Usage> usage_;
  std::set<Place> places_;
  uint64_t floor_ = 0;  // the start of the request executed last, never less
  uint64_t order_ = 0;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_FAIR_QUEUE_H_
