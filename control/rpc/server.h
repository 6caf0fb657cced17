// The control socket's server: JSON-RPC 2.0, one JSON value a line, on an event loop of the
// caller's. It owns the listening socket, its clients and their queues.
//
//   accept -> credentials -> hello -> lines -> fair queue -> dispatch -> answers in order
//
// Nobody can hold up the others. Lines, nesting, output, unanswered requests and the number of
// clients are bounded; a client that sends or reads too slowly is cut off; at the limit of
// clients the one that was silent longest gives way. Requests are executed a few milliseconds at
// a time, and the client that has used the least time comes first, so that one who floods waits
// for his own requests only. Event loop thread only.
#ifndef POSTERN_CONTROL_RPC_SERVER_H_
#define POSTERN_CONTROL_RPC_SERVER_H_

#include <absl/status/statusor.h>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "control/rpc/access.h"
#include "control/rpc/method.h"

struct event_base;

namespace postern {

// Bounds of the socket; the first three are promised by the interface.
struct RpcLimits {
  size_t line_bytes = size_t{1} << 20;     // of a request, without its newline
  int nesting = 32;                        // objects and arrays within each other
  size_t clients = 64;                     // connected at once
  size_t output_bytes = size_t{16} << 20;  // unread answers of a client: cut off beyond
  size_t pause_bytes = size_t{1} << 20;    // unread answers: no further request is executed beyond
  size_t unanswered = 16;                  // requests of a client: not read further beyond
  int malformed_lines = 16;                // in a row: cut off beyond
  int line_s = 30;                         // for the rest of a line that was begun
  int unread_s = 30;                       // for a client that does not read its answers
  int silent_s = 3600;                     // for a client that asks nothing
  int turn_us = 5000;                      // executing requests before input is looked at again
};

struct RpcServerOptions {
  std::string socket_path = {};
  std::string version = {};                   // for hello
  std::function<uint64_t()> generation = {};  // of the configuration in force, for hello
  AccessPolicy access = {};
  RpcLimits limits = {};
};

// `control.requests` and `control.errors`: lines taken, and those that were answered with an
// error or cut off. Refused peers count as one of each.
struct RpcCounts {
  uint64_t requests = 0;
  uint64_t errors = 0;
};

class RpcServer {
 public:
  // Listens at the path and serves on `loop`. `methods` and `loop` outlive the server. Fails where
  // the path cannot be taken (listen_socket.h), with what to do.
  static absl::StatusOr<std::unique_ptr<RpcServer>> start(event_base* loop,
                                                          const MethodTable* methods,
                                                          RpcServerOptions options);
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;
  ~RpcServer();  // stop()

  // Closes the socket, removes its file where it is still ours, hands out the answers that are
  // ready as far as the clients take them at once, and disconnects. Idempotent. In a method nothing
  // that was asked behind it is executed; the server must outlive the call.
  void stop();

  [[nodiscard]] RpcCounts counts() const;
  [[nodiscard]] size_t client_count() const;

 private:
  class Loop;
  explicit RpcServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_SERVER_H_
