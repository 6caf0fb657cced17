// Who may do what over the control socket: a pure function of the peer's credentials and of the
// two groups that the configuration names. The socket itself can be opened by all, so that a
// stranger gets a sentence and not a riddle; what decides is what the kernel says about the peer
// (SO_PEERCRED, SO_PEERGROUPS: its credentials when it connected). Event loop thread.
#ifndef POSTERN_CONTROL_RPC_ACCESS_H_
#define POSTERN_CONTROL_RPC_ACCESS_H_

#include <sys/types.h>

#include <absl/status/statusor.h>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace postern {

// What a peer may do; each includes the one before.
enum class Rights : uint8_t { kNone, kRead, kChange };

// The peer of a connection, as the kernel vouches for it.
struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups = {};  // supplementary
};

// `gateway.control_group` and `gateway.control_readers`, resolved.
struct AccessPolicy {
  std::optional<gid_t> control_group = {};    // members may change things; root always may
  std::optional<gid_t> control_readers = {};  // members may read
};

// What that peer may do.
Rights rights_of(const Peer& peer, const AccessPolicy& policy);

// Looks the group names up; an empty name names nobody. An unknown group is an error that says
// how to make it.
absl::StatusOr<AccessPolicy> resolve_access(const std::string& control_group,
                                            const std::string& control_readers);

// The credentials of the peer of a connected Unix socket.
absl::StatusOr<Peer> peer_of(int fd);

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_ACCESS_H_
