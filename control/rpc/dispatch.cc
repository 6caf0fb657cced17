#include "control/rpc/dispatch.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace postern {
namespace {

using nlohmann::json;

// A name from the line as a sentence can show it.
std::string shown(std::string_view name) {
  constexpr size_t kMost = 100;
  return name.size() <= kMost ? std::string(name) : std::string(name.substr(0, kMost)) + "...";
}

// Watches the parser for a member that appears twice in one object.
class DuplicateWatch {
 public:
  // The parser's callback; keeps everything.
  bool operator()(json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) open_.emplace_back();
    if (event == json::parse_event_t::object_end) open_.pop_back();
    if (event == json::parse_event_t::key && duplicate_.empty()) {
      const std::string& name = parsed.get_ref<const std::string&>();
      if (!open_.back().insert(name).second) duplicate_ = "\"" + shown(name) + "\"";
    }
    return true;
  }
  // The first such member in quotation marks, or nothing.
  [[nodiscard]] const std::string& duplicate() const { return duplicate_; }

 private:
  std::vector<std::set<std::string>> open_;
  std::string duplicate_;
};

// A request on its way to its handler; `error` where it cannot go on.
struct Request {
  std::string id = "null";  // as JSON text; empty for a notification
  std::string method;
  json params = json::object();
  std::optional<RpcError> error;
  bool malformed = false;

  void refuse(int code, std::string message) {
    if (!error) error = RpcError{.code = code, .message = std::move(message)};
  }
  // No request: answered with id null, counted against the client.
  void refuse_line(int code, std::string message) {
    malformed = true;
    refuse(code, std::move(message));
  }
};

json parse(std::string_view line, int nesting, Request& request) {
  if (is_nested_deeper(line, nesting)) {
    request.refuse_line(kRpcInvalidRequest,
                        "nested deeper than " + std::to_string(nesting) + " levels");
    return nullptr;
  }
  DuplicateWatch watch;
  try {
    json value = json::parse(line, [&watch](int, json::parse_event_t event, json& parsed) {
      return watch(event, parsed);
    });
    if (!watch.duplicate().empty()) {
      request.refuse_line(kRpcInvalidRequest,
                          "the member " + watch.duplicate() + " is there twice");
    }
    return value;
  } catch (const json::parse_error& error) {
    request.refuse_line(kRpcParseError,
                        "not JSON in UTF-8: see byte " + std::to_string(error.byte));
  } catch (const json::exception&) {
    request.refuse_line(kRpcParseError, "not JSON: a number is out of range");
  }
  return nullptr;
}

void take_id(const json& envelope, Request& request) {
  const auto id = envelope.find("id");
  if (id == envelope.end()) {
    request.id = "";
    return;
  }
  if (!id->is_string() && !id->is_number() && !id->is_null()) {
    request.refuse_line(kRpcInvalidRequest, "\"id\" must be a string, a number or null");
    return;
  }
  request.id = json_line(*id);
}

void take_method(const json& envelope, Request& request) {
  const auto version = envelope.find("jsonrpc");
  if (version == envelope.end() || *version != "2.0") {
    request.refuse_line(kRpcInvalidRequest, "\"jsonrpc\" must be \"2.0\"");
  }
  const auto method = envelope.find("method");
  if (method == envelope.end() || !method->is_string()) {
    request.refuse_line(kRpcInvalidRequest, "\"method\" must name the method");
    return;
  }
  request.method = method->get<std::string>();
}

void take_params(json& envelope, Request& request) {
  const auto params = envelope.find("params");
  if (params == envelope.end()) return;
  if (params->is_object()) {
    request.params = std::move(*params);
    return;
  }
  if (params->is_array() && params->empty()) return;
  request.refuse(kRpcInvalidParams, "\"params\" must be an object: parameters go by name");
}

void refuse_unknown_members(const json& envelope, Request& request) {
  for (const auto& [name, value] : envelope.items()) {
    if (name == "jsonrpc" || name == "id" || name == "method" || name == "params") continue;
    request.refuse_line(kRpcInvalidRequest, "unknown member \"" + shown(name) + "\"");
    return;
  }
}

Request read_request(std::string_view line, int nesting) {
  Request request;
  json envelope = parse(line, nesting, request);
  if (request.error) return request;
  if (!envelope.is_object()) {
    request.refuse_line(kRpcInvalidRequest, envelope.is_array()
                                                ? "batches are not taken: one request a line"
                                                : "a request is an object");
    return request;
  }
  take_id(envelope, request);
  take_method(envelope, request);
  refuse_unknown_members(envelope, request);
  take_params(envelope, request);
  // A broken request is answered even without an id: who sent it did not mean a notification.
  if (request.malformed && request.id.empty()) request.id = "null";
  return request;
}

void call(const Method& method, const json& params, Responder responder) {
  try {
    method.handler(params, std::move(responder));
  } catch (const std::exception&) {
    // The responder was destroyed on the way here and has answered with an internal error.
  }
}

// The method to call, or nullptr with the reason in `request`.
const Method* callable(const MethodTable& methods, Rights rights, Request& request) {
  if (request.error) return nullptr;
  const Method* method = methods.find(request.method);
  if (method == nullptr && methods.is_announced(request.method)) {
    request.error = rpc_error(absl::UnimplementedError(request.method + " is not supported yet"));
    return nullptr;
  }
  if (method == nullptr) {
    request.refuse(kRpcMethodNotFound,
                   "no method \"" + shown(request.method) + "\": rpc.discover lists them");
    return nullptr;
  }
  const Rights needed = method->access == Access::kRead ? Rights::kRead : Rights::kChange;
  if (rights < needed) {
    request.error =
        rpc_error(absl::PermissionDeniedError(
            request.method + " changes the gateway: only root and members of gateway.control_group "
                             "may, you may read"));
    return nullptr;
  }
  request.error = check_params(*method, request.params);
  return request.error ? nullptr : method;
}

}  // namespace

std::string_view probable_method(std::string_view line) {
  constexpr std::string_view kMember = "\"method\"";
  constexpr size_t kNear = 256;
  line = line.substr(0, kNear);
  size_t at = line.find(kMember);
  if (at == std::string_view::npos) return {};
  at = line.find_first_not_of(" \t:", at + kMember.size());
  if (at == std::string_view::npos || line[at] != '"') return {};
  line.remove_prefix(at + 1);
  return line.substr(0, line.find('"'));
}

bool is_nested_deeper(std::string_view text, int nesting) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if ((c == '{' || c == '[') && ++depth > nesting) return true;
    if (c == '}' || c == ']') --depth;
  }
  return false;
}

Dispatched dispatch_line(const MethodTable& methods, const Peer& peer, Rights rights, int nesting,
                         std::string_view line, Responder::Deliver deliver) {
  Request request = read_request(line, nesting);
  const Method* method = callable(methods, rights, request);
  Responder responder(std::move(request.id), peer, std::move(deliver));
  if (method != nullptr) {
    call(*method, request.params, std::move(responder));
    return {.malformed = false, .called = method};
  }
  responder.error(*request.error);
  return {.malformed = request.malformed, .called = nullptr};
}

}  // namespace postern
