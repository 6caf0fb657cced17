#include "control/rpc/access.h"

#include <grp.h>
#include <sys/socket.h>

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <algorithm>
#include <cerrno>
#include <utility>

namespace postern {
namespace {

bool is_member(const Peer& peer, gid_t group) {
  return peer.gid == group ||
         std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end();
}

absl::StatusOr<std::optional<gid_t>> group_named(const std::string& name, const char* key) {
  if (name.empty()) return std::nullopt;
  std::vector<char> buffer(1 << 12);
  group entry{};
  group* found = nullptr;
  int error = 0;
  // A group with many members needs more room; ERANGE says so.
  while ((error = getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
             ERANGE &&
         buffer.size() < (1 << 24)) {
    buffer.resize(buffer.size() * 2);
  }
  if (found != nullptr) return entry.gr_gid;
  if (error != 0) {
    return absl::ErrnoToStatus(error, absl::StrCat("gateway.", key, ": looking up group ", name));
  }
  return absl::NotFoundError(absl::StrCat("gateway.", key, ": there is no group \"", name,
                                          "\": make it with `groupadd --system ", name,
                                          "`, or remove the setting"));
}

}  // namespace

Rights rights_of(const Peer& peer, const AccessPolicy& policy) {
  if (peer.uid == 0) return Rights::kChange;
  if (policy.control_group && is_member(peer, *policy.control_group)) return Rights::kChange;
  if (policy.control_readers && is_member(peer, *policy.control_readers)) return Rights::kRead;
  return Rights::kNone;
}

absl::StatusOr<AccessPolicy> resolve_access(const std::string& control_group,
                                            const std::string& control_readers) {
  absl::StatusOr<std::optional<gid_t>> change = group_named(control_group, "control_group");
  if (!change.ok()) return change.status();
  absl::StatusOr<std::optional<gid_t>> read = group_named(control_readers, "control_readers");
  if (!read.ok()) return read.status();
  return AccessPolicy{.control_group = *change, .control_readers = *read};
}

absl::StatusOr<Peer> peer_of(int fd) {
  ucred credentials{};
  socklen_t length = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return absl::ErrnoToStatus(errno, "reading the peer's credentials");
  }
  Peer peer{.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid, .groups = {}};
  // The kernel tells the needed length with ERANGE (the most is NGROUPS_MAX, 65,536).
  std::vector<gid_t> groups(64);
  for (;;) {
    length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) == 0) break;
    if (errno != ERANGE) return absl::ErrnoToStatus(errno, "reading the peer's groups");
    groups.resize(length / sizeof(gid_t));
  }
  groups.resize(length / sizeof(gid_t));
  peer.groups = std::move(groups);
  return peer;
}

}  // namespace postern
