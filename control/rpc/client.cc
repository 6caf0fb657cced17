#include "control/rpc/client.h"

#include <absl/strings/str_cat.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

namespace postern {
namespace {

using nlohmann::json;

constexpr int kApi = 1;
constexpr size_t kReadBytes = size_t{64} << 10;
// More than any answer: the server's bound for one client's output.
constexpr size_t kAnswerBytes = size_t{32} << 20;

absl::Status lost(const char* what) {
  return absl::AbortedError(
      absl::StrCat("the gateway ", what, ": whether it did what was asked is not known"));
}

absl::Status no_gateway(const std::string& path, int error) {
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError(
        absl::StrCat("may not open ", path, ": ", strerror(error), ". Run it with sudo"));
  }
  return absl::UnavailableError(
      absl::StrCat("no gateway at ", path, ": ", strerror(error),
                   ". Is postern running? -s SOCKET names another socket"));
}

// A member of that type, or the fallback.
template <typename Value>
Value member(const json& object, const char* name, Value fallback) {
  const auto found = object.find(name);
  if (found == object.end()) return fallback;
  if constexpr (std::is_integral_v<Value>) {
    return found->is_number_integer() ? found->get<Value>() : fallback;
  } else {
    return found->is_string() ? found->get<Value>() : fallback;
  }
}

}  // namespace

absl::StatusOr<RpcClient> RpcClient::connect(const std::string& path,
                                             std::chrono::milliseconds patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::UnavailableError(absl::StrCat("no gateway at ", path,
                                               ": a socket's path has 1 to ",
                                               sizeof(address.sun_path) - 1, " characters"));
  }
  std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return absl::ErrnoToStatus(errno, "making a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return no_gateway(path, errno);
  }
  RpcClient client(std::move(socket), patience);
  absl::Status greeted = client.greet(path);
  if (!greeted.ok()) return greeted;
  return client;
}

RpcClient::RpcClient(Fd socket, std::chrono::milliseconds patience)
    : socket_(std::move(socket)), patience_(patience) {}

absl::Status RpcClient::greet(const std::string& path) {
  absl::StatusOr<json> hello = receive(Clock::now() + patience_);
  if (!hello.ok()) {
    return absl::UnavailableError(absl::StrCat("no gateway at ", path,
                                               ": something takes connections there, but does not "
                                               "greet; see whether postern is busy or stopped"));
  }
  if (hello->contains("error")) {
    const json& error = (*hello)["error"];
    return absl::PermissionDeniedError(
        error.is_object() ? member<std::string>(error, "message", "refused") : "refused");
  }
  const json none = json::object();
  const json& params = hello->contains("params") ? (*hello)["params"] : none;
  if (member<std::string>(*hello, "method", "") != "hello" || !params.is_object()) {
    return absl::FailedPreconditionError(
        absl::StrCat("what answers at ", path, " is no gateway: name another socket with -s"));
  }
  greeting_ = {.version = member<std::string>(params, "version", ""),
               .api = member<int>(params, "api", 0),
               .pid = member<int64_t>(params, "pid", 0),
               .generation = member<uint64_t>(params, "generation", 0)};
  if (greeting_.api == kApi) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the gateway speaks version ", greeting_.api, " of the interface, this program ",
                   kApi, ": use the posternctl of postern ", greeting_.version));
}

absl::StatusOr<json> RpcClient::call(const std::string& method, const json& params) {
  const Clock::time_point deadline = Clock::now() + patience_;
  const int64_t id = ++last_id_;
  const json request = {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}};
  // Where sending fails the gateway may have said why before it closed.
  const absl::Status sent =
      send(request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n", deadline);
  for (;;) {
    absl::StatusOr<json> answer = receive(deadline);
    if (!answer.ok()) return sent.ok() ? answer.status() : sent;
    const auto answered = answer->find("id");
    const bool is_error = answer->contains("error");
    if (!is_error && !answer->contains("result")) continue;  // an event
    // An error without an id is about the connection, and the last that comes.
    if (answered != answer->end() && (*answered == id || (is_error && answered->is_null()))) {
      return answer;
    }
  }
}

bool RpcClient::is_closed() const {
  pollfd poll{.fd = socket_.get(), .events = POLLIN | POLLRDHUP, .revents = 0};
  return ::poll(&poll, 1, 0) > 0 && (poll.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

absl::Status RpcClient::send(std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return lost("closed the connection");
    absl::Status ready = wait(POLLOUT, deadline);
    if (!ready.ok()) return ready;
  }
  return absl::OkStatus();
}

absl::StatusOr<json> RpcClient::receive(Clock::time_point deadline) {
  size_t searched = 0;
  size_t end = 0;
  while ((end = buffer_.find('\n', searched)) == std::string::npos) {
    searched = buffer_.size();
    if (searched > kAnswerBytes) return lost("sends a line without an end");
    absl::Status ready = wait(POLLIN, deadline);
    if (!ready.ok()) return ready;
    buffer_.resize(searched + kReadBytes);
    const ssize_t got = recv(socket_.get(), buffer_.data() + searched, kReadBytes, MSG_DONTWAIT);
    const int error = errno;
    buffer_.resize(searched + static_cast<size_t>(got > 0 ? got : 0));
    if (got < 0 && (error == EINTR || error == EAGAIN)) continue;
    if (got <= 0) return lost("closed the connection before it answered");
  }
  json line =
      json::parse(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(end), nullptr, false);
  buffer_.erase(0, end + 1);
  if (!line.is_object()) return lost("answered with something that is no JSON-RPC");
  return line;
}

absl::Status RpcClient::wait(short events, Clock::time_point deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd poll{.fd = socket_.get(), .events = events, .revents = 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "waiting for the gateway");
    if (ready == 0) return lost("did not answer in time");
  }
}

}  // namespace postern
