// The listening Unix socket and its file. Taking the path is safe against what may lie there: the
// directory is made where it is missing; a socket file that nobody listens on is a crashed
// predecessor's and is replaced; a live gateway, a symbolic link and anything else that is no
// socket are left alone and refused. A lock on the directory keeps two starting gateways apart.
// The file is removed at the end where it is still the one that was made here. Any thread.
#ifndef POSTERN_CONTROL_RPC_LISTEN_SOCKET_H_
#define POSTERN_CONTROL_RPC_LISTEN_SOCKET_H_

#include <sys/types.h>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <string>

#include "control/rpc/fd.h"

namespace postern {

class ListenSocket {
 public:
  // Listens at the path; everybody may open the socket. Errors say what to do: AlreadyExists
  // where another gateway answers there, FailedPrecondition where the path is taken by something
  // else or its directory is open to all, otherwise the system's.
  static absl::StatusOr<ListenSocket> open(const std::string& path);
  ListenSocket(ListenSocket&&) noexcept = default;
  ListenSocket& operator=(ListenSocket&&) = delete;
  ~ListenSocket() { close(); }  // nothing for one that was moved from

  // Not blocking; to accept on.
  [[nodiscard]] int fd() const { return socket_.get(); }
  // Closes the socket and removes its file where it is still ours. Idempotent.
  void close();

 private:
  ListenSocket(Fd directory, std::string name, Fd socket);

  Fd directory_;      // so that the file is found even if a directory above was renamed
  std::string name_;  // in the directory
  Fd socket_;
  dev_t device_ = 0;  // with inode_: which file is ours
  ino_t inode_ = 0;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_LISTEN_SOCKET_H_
