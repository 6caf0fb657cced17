// Keeps the host names of the configuration resolved: asks for each, asks again shortly before its
// answer's time to live ends, and tells what changed.
//
//              addresses                         shortly before the TTL ends
//   asked  ------------------>  resolved  ---------------------------------------> asked
//     |                            ^
//     | no addresses               | addresses
//     +------------------------> failing: asked again after 1 s, 2 s, 4 s ... 30 s
//
// The last good answer stays in use while resolving fails, whether no server answers or a server
// says that there is no such name. Bounded: questions on their way, questions a second, addresses a
// name, and how often changes are told: those that come together are told together.
//
// Names differ in their letters' case only where they are written: they are kept by host_key().
// Control thread.
#ifndef POSTERN_CONTROL_SERVE_NAMES_H_
#define POSTERN_CONTROL_SERVE_NAMES_H_

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/apply/loop.h"
#include "control/apply/name_addresses.h"
#include "control/serve/name_queries.h"
#include "control/serve/request_budget.h"

namespace postern {

class HostNames {
 public:
  // An answer is used at least and at most so long, whatever its TTL says.
  static constexpr uint32_t kShortestTtl_s = 1;
  static constexpr uint32_t kLongestTtl_s = 3600;
  // How long before the end of its TTL an answer is renewed, and at most a tenth of the TTL.
  static constexpr uint32_t kEarly_ms = 2'000;
  static constexpr uint32_t kShortestRetry_ms = 1'000;
  static constexpr uint32_t kLongestRetry_ms = 30'000;
  static constexpr size_t kInFlight = 64;
  static constexpr uint32_t kPerSecond = 500;
  // From a change until it is told, so that others join it; and from one telling to the next.
  static constexpr uint32_t kGather_ms = 50;
  static constexpr uint32_t kTellEvery_ms = 500;

  struct Parts {
    Loop* loop = nullptr;
    NameQueries* queries = nullptr;
    std::function<uint64_t()> unix_s;  // seconds of the calendar's clock, for texts
    // Addresses have changed; the argument holds those of all names.
    std::function<void(std::shared_ptr<const NameAddresses>)> changed;
  };
  struct Counts {
    uint64_t queries = 0;   // questions asked
    uint64_t failures = 0;  // of which brought no address
  };
  // What is known of one name.
  struct View {
    std::vector<Ipv4Address> addresses;  // ascending; none: never resolved
    uint64_t age_s = 0;                  // of the answer; 0 without one
    bool failing = false;
    std::string why;  // when failing
  };

  // What `parts` points to outlives it.
  explicit HostNames(Parts parts);

  // The names that are needed from now on, by host_key(). What is known of others is forgotten.
  void want(const std::set<std::string>& names);
  // Names that fail are asked for at once: the servers may have changed.
  void retry();
  // Does what is due; to be called every few milliseconds.
  void tick();

  [[nodiscard]] View view(const std::string& name) const;
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] size_t size() const { return entries_.size(); }
  // Names that fail, each a sentence; of many, the first ones and how many more.
  [[nodiscard]] std::vector<std::string> complaints() const;

 private:
  struct Entry {
    std::vector<Ipv4Address> addresses;  // the last good answer, ascending
    uint64_t answered_ms = 0;            // when it came
    uint64_t due_ms = 0;                 // when to ask; while it is asked: when it was due
    uint64_t question = 0;               // the number of the one on its way; 0: none is
    uint32_t failures = 0;               // in a row
    uint64_t failing_since_unix_s = 0;
    std::string why;
  };
  using Entries = absl::btree_map<std::string, Entry>;

  [[nodiscard]] uint64_t now_ms() const { return parts_.loop->now_us() / 1000; }
  void schedule(const std::string& name, Entry& entry, uint64_t due_ms);
  void ask(const std::string& name, Entry& entry);
  void take(const std::string& name, uint64_t question, NameAnswer answer);
  void succeed(const std::string& name, Entry& entry, NameAnswer answer);
  void fail(const std::string& name, Entry& entry, std::string why);
  void note_change();
  void tell();

  Parts parts_;
  Entries entries_;
  absl::btree_set<std::pair<uint64_t, std::string>> due_;  // what is not on its way
  RequestBudget budget_{kPerSecond, kInFlight};
  size_t in_flight_ = 0;
  uint64_t questions_ = 0;
  Counts counts_;
  bool untold_ = false;
  uint64_t tell_at_ms_ = 0;  // while `untold_`
  uint64_t told_at_ms_ = 0;  // 0: never
};

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_NAMES_H_
