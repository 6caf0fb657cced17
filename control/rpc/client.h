// The other end of the control socket: connects, takes the greeting, asks one request at a time
// and waits for its answer. Blocking, with a limit in time. Owned by one thread.
#ifndef POSTERN_CONTROL_RPC_CLIENT_H_
#define POSTERN_CONTROL_RPC_CLIENT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "control/rpc/fd.h"

namespace postern {

// What the gateway said of itself on connecting.
struct Greeting {
  std::string version;
  int api = 0;
  int64_t pid = 0;
  uint64_t generation = 0;
};

class RpcClient {
 public:
  // Unavailable where no gateway answers at the path, PermissionDenied where this user may not use
  // it, FailedPrecondition where it speaks another version of the interface. The messages say
  // what to do.
  static absl::StatusOr<RpcClient> connect(const std::string& path,
                                           std::chrono::milliseconds patience);

  // The answer to the request: an object with `result` or `error`. Fails where the connection was
  // lost, the answer did not come in time or is none; then the client is of no further use.
  absl::StatusOr<nlohmann::json> call(const std::string& method, const nlohmann::json& params);

  [[nodiscard]] const Greeting& greeting() const { return greeting_; }
  // Whether the gateway has closed the connection meanwhile.
  [[nodiscard]] bool is_closed() const;

 private:
  using Clock = std::chrono::steady_clock;

  RpcClient(Fd socket, std::chrono::milliseconds patience);
  absl::Status greet(const std::string& path);
  absl::Status send(std::string_view bytes, Clock::time_point deadline);
  absl::StatusOr<nlohmann::json> receive(Clock::time_point deadline);
  absl::Status wait(short events, Clock::time_point deadline) const;

  Fd socket_;
  std::chrono::milliseconds patience_;
  Greeting greeting_;
  std::string buffer_;  // received, not yet taken
  int64_t last_id_ = 0;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_CLIENT_H_
