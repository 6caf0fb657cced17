// Who takes most: the live sessions summed by pod, namespace, destination or egress address, and of
// those the first. Takes the sessions in the order in which workers copy them and keeps a bounded
// number of sums: where there are more, the smaller half is given up from time to time and counts
// anew if it comes again, so that the largest stay exact to within what was given up. Control
// thread.
#ifndef POSTERN_CONTROL_METHODS_SESSION_TOP_H_
#define POSTERN_CONTROL_METHODS_SESSION_TOP_H_

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "control/apply/gateway.h"
#include "control/methods/session_sums.h"
#include "dataplane/run/channel.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// What `sessions.top` sums by.
enum class TopBy : uint8_t { kPods, kNamespaces, kDestinations, kEgressIps };

// "pods", "namespaces", "destinations", "egress-ips".
std::optional<TopBy> top_by_named(std::string_view name);

class SessionTop {
 public:
  // Every pod of the largest configuration at once; about 10 MB.
  static constexpr size_t kMostSums = 1u << 17;

  explicit SessionTop(TopBy by, size_t most_sums = kMostSums) : by_(by), most_sums_(most_sums) {}

  void add(const Snapshot& snapshot, const SessionCopy& copy);

  // {key, sessions, packets: {out, in}, bytes: {out, in}}, of pods also `namespace`; most bytes of
  // both directions first, then most sessions, then the lower key; at most `limit` rows.
  [[nodiscard]] nlohmann::json rows(const Names& names, size_t limit) const;

 private:
  using Sums = absl::flat_hash_map<uint64_t, SessionSum>;
  // The namespace above, the address below; only one of both where only one is asked for.
  [[nodiscard]] uint64_t key_of(const Snapshot& snapshot, const SessionCopy& copy) const;
  void give_up_half();

  TopBy by_;
  size_t most_sums_;
  Sums sums_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_SESSION_TOP_H_
