// What the live sessions come to, by each of the things that they hang on: one
// reading of all sessions, for lists and for `sessions.top`. Control thread.
#ifndef POSTERN_CONTROL_METHODS_SESSION_SUMS_H_
#define POSTERN_CONTROL_METHODS_SESSION_SUMS_H_

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

#include "control/methods/context.h"
#include "dataplane/run/channel.h"
#include "dataplane/table/snapshot.h"

namespace postern {

struct SessionSum {
  uint64_t sessions = 0;
  SessionTotals totals;

  void add(const SessionTotals& of_session);
  void add(const SessionSum& other);
  // Puts `sessions`, `packets` and `bytes` into a row.
  void put_into(nlohmann::json& row) const;
};

// A remote endpoint as seen from an egress address: each session with it takes
// a port.
struct Remote {
  Ipv4Address address;
  uint16_t port = 0;
  uint8_t protocol = 0;
  friend bool operator==(const Remote&, const Remote&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const Remote& remote) {
    return H::combine(std::move(hash), remote.address.value, remote.port, remote.protocol);
  }
};

class SessionSums {
 public:
  explicit SessionSums(const MethodContext& context);

  void add(const Snapshot& snapshot, const SessionCopy& copy);

  // A sum of zeros where there is nothing of that number.
  [[nodiscard]] const SessionSum& of_namespace(NamespaceIndex index) const;
  [[nodiscard]] const SessionSum& of_node(NodeIndex index) const;
  [[nodiscard]] const SessionSum& of_address(AddressSlot slot) const;
  // Of a port of the gateway, by its index: sessions whose packets come and go
  // by it.
  [[nodiscard]] const SessionSum& of_port(size_t index) const;

  struct Fullness {
    Remote remote;
    uint64_t ports = 0;
  };
  // The remotes to which most ports of these addresses are in use, at most
  // `count` of them, the fullest first. One address and one remote make one
  // entry.
  [[nodiscard]] std::vector<Fullness> fullest(std::span<const AddressSlot> slots,
                                              size_t count) const;

 private:
  std::vector<SessionSum> namespaces_;
  std::vector<SessionSum> nodes_;
  std::vector<SessionSum> ports_;
  std::vector<SessionSum> addresses_;
  std::vector<absl::flat_hash_map<Remote, uint64_t>> remotes_;  // by address slot
};

// Reads all sessions and hands the sums to `done`, later. As read_sessions().
void sum_sessions(const MethodContext& context, std::function<void(const SessionSums&)> done);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_SESSION_SUMS_H_
