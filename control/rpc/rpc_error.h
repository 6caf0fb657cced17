// An error as the control socket tells it: a code, one sentence, and where it concerns text of
// the operator's, the places. Values only; any thread.
#ifndef POSTERN_CONTROL_RPC_RPC_ERROR_H_
#define POSTERN_CONTROL_RPC_RPC_ERROR_H_

#include <absl/status/status.h>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

// JSON-RPC 2.0, section 5.1.
inline constexpr int kRpcParseError = -32700;
inline constexpr int kRpcInvalidRequest = -32600;
inline constexpr int kRpcMethodNotFound = -32601;
inline constexpr int kRpcInvalidParams = -32602;
inline constexpr int kRpcInternalError = -32603;
// Ours are this plus the code of the absl::Status: 1005 not found, 1007 permission denied, 1009
// failed precondition, 1012 not built yet.
inline constexpr int kRpcStatusBase = 1000;

// One fault and its place: an entry of `data.errors`, `errors` or `warnings`. What does not apply
// stays empty (line 0), the members are always there.
struct RpcFault {
  std::string file = {};
  int line = 0;
  std::string path = {};  // of the setting or parameter, as "egress_ips.payments-out"
  std::string text = {};
  std::string hint = {};  // what to do
};

struct RpcError {
  int code = kRpcInternalError;
  std::string message = {};
  std::vector<RpcFault> errors = {};
};

// 1000 + the status's code and its message. The status is not ok.
RpcError rpc_error(const absl::Status& status, std::vector<RpcFault> errors = {});

// The list as `data.errors` has it: [{file, line, path, text, hint}].
nlohmann::json to_json(const std::vector<RpcFault>& faults);
// The `error` member of an answer.
nlohmann::json to_json(const RpcError& error);

// JSON on one line: invalid UTF-8 is replaced, never an exception.
std::string json_line(const nlohmann::json& value);

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_RPC_ERROR_H_
