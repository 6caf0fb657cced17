#include "control/rpc/responder.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace postern {

Responder::Responder(std::string id, Peer peer, Deliver deliver)
    : id_(std::move(id)), peer_(std::move(peer)), deliver_(std::move(deliver)) {}

Responder::Responder(Responder&& other) noexcept
    : id_(std::move(other.id_)),
      peer_(std::move(other.peer_)),
      deliver_(std::exchange(other.deliver_, nullptr)) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this == &other) return *this;
  abandon();
  id_ = std::move(other.id_);
  peer_ = std::move(other.peer_);
  deliver_ = std::exchange(other.deliver_, nullptr);
  return *this;
}

Responder::~Responder() { abandon(); }

void Responder::result(const nlohmann::json& value) { deliver("result", value, false); }

void Responder::error(const RpcError& error) { deliver("error", to_json(error), true); }

void Responder::deliver(const char* member, const nlohmann::json& value, bool is_error) {
  if (!deliver_) return;
  std::string line;
  if (!id_.empty()) {
    line.append(R"({"jsonrpc":"2.0","id":)").append(id_).append(",\"").append(member);
    line.append("\":").append(json_line(value)).append("}");
  }
  if (line.size() > kMaxAnswerBytes) {
    return error(absl::ResourceExhaustedError(
        "the answer has " + std::to_string(line.size()) + " bytes, more than the " +
        std::to_string(kMaxAnswerBytes) +
        " of an answer: ask for less, by `name`, `filter` or `limit` where the method has them"));
  }
  std::exchange(deliver_, nullptr)(std::move(line), is_error);
}

void Responder::abandon() {
  error({.code = kRpcInternalError,
         .message = "the gateway failed to answer: please report it with its log"});
}

}  // namespace postern
