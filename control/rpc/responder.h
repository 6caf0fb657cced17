// The right and the duty to answer one request. A handler gets it by value and answers at once,
// or moves it away and answers later. It answers once: further answers are ignored, and one that
// is destroyed unanswered answers with an internal error, so that no client waits for ever. The
// client may be gone meanwhile; then nothing happens. Event loop thread only.
#ifndef POSTERN_CONTROL_RPC_RESPONDER_H_
#define POSTERN_CONTROL_RPC_RESPONDER_H_

#include <absl/status/status.h>

#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "control/rpc/access.h"
#include "control/rpc/rpc_error.h"

namespace postern {

// Of an answer: what is larger is an error that says so. A client may have that much unread
// (RpcLimits::output_bytes) beside what it was told before.
inline constexpr size_t kMaxAnswerBytes = size_t{12} << 20;

class Responder {
 public:
  // Takes the answer as one line without its newline (empty for a notification, which is not
  // answered) and whether it is an error. Called once.
  using Deliver = std::function<void(std::string line, bool is_error)>;

  // `id` is the request's id as JSON text, empty for a notification.
  Responder(std::string id, Peer peer, Deliver deliver);
  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  // Who asked: for the log of changes.
  [[nodiscard]] const Peer& peer() const { return peer_; }

  void result(const nlohmann::json& value);
  void error(const RpcError& error);
  // error() with 1000 + the status's code. The status is not ok.
  void error(const absl::Status& status) { error(rpc_error(status)); }

 private:
  void deliver(const char* member, const nlohmann::json& value, bool is_error);
  void abandon();

  std::string id_;
  Peer peer_;
  Deliver deliver_;  // empty once answered or moved away
};

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_RESPONDER_H_
