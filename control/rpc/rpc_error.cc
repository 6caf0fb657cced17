#include "control/rpc/rpc_error.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace postern {

RpcError rpc_error(const absl::Status& status, std::vector<RpcFault> errors) {
  return {.code = kRpcStatusBase + static_cast<int>(status.code()),
          .message = std::string(status.message()),
          .errors = std::move(errors)};
}

nlohmann::json to_json(const std::vector<RpcFault>& faults) {
  nlohmann::json list = nlohmann::json::array();
  for (const RpcFault& fault : faults) {
    list.push_back({{"file", fault.file},
                    {"line", fault.line},
                    {"path", fault.path},
                    {"text", fault.text},
                    {"hint", fault.hint}});
  }
  return list;
}

nlohmann::json to_json(const RpcError& error) {
  nlohmann::json value = {{"code", error.code}, {"message", error.message}};
  if (!error.errors.empty()) value["data"] = {{"errors", to_json(error.errors)}};
  return value;
}

std::string json_line(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace postern
