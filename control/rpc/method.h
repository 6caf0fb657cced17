// The methods of the control socket: one table that says for each method its name, who may call
// it, what it does, what it takes, and who answers it. Dispatch, the check of parameters and
// `rpc.discover` derive from the table. Adding a method is one entry:
//
//   methods.add({.name = "log.set",
//                .access = Access::kChange,
//                .help = "Sets how much is logged.",
//                .params = {{.name = "level",
//                            .kind = ParamKind::kText,
//                            .required = true,
//                            .choices = {"error", "warn", "info", "debug"},
//                            .help = "the new level"}},
//                .handler = [&log](const nlohmann::json& params, Responder responder) {
//                  log.set_level(params["level"].get<std::string>());
//                  responder.result({{"level", params["level"]}});
//                }});
//
// Before a handler is called its parameters have been held against `params`: the required ones
// are there, each is of its kind, within its range and one of its choices, and nothing unknown
// was given. Event loop thread.
#ifndef POSTERN_CONTROL_RPC_METHOD_H_
#define POSTERN_CONTROL_RPC_METHOD_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/rpc/responder.h"
#include "control/rpc/rpc_error.h"

namespace postern {

// What a method does to the gateway, hence who may call it.
enum class Access : uint8_t { kRead, kChange };

enum class ParamKind : uint8_t {
  kText,       // a string
  kInteger,    // an integer between `min` and `max`
  kBoolean,    // true or false
  kTextLists,  // an object whose values are lists of strings, as {"payments": ["10.0.0.1"]}
};

struct Param {
  std::string_view name;
  ParamKind kind = ParamKind::kText;
  bool required = false;
  std::vector<std::string_view> choices = {};  // of a text; empty: any
  int64_t min = 0;                             // of an integer
  int64_t max = std::numeric_limits<int64_t>::max();
  std::string_view help = {};
};

// Answers a call now or later: `params` is an object that fits the method's `params` and lives
// only during the call; the responder may be moved away and answered later, on the event loop
// thread. Answers of one client go out in the order of its requests, whoever is ready first.
using Handler = std::function<void(const nlohmann::json& params, Responder responder)>;

struct Method {
  std::string_view name;
  Access access = Access::kChange;
  std::string_view help = {};  // a sentence for operators
  std::vector<Param> params = {};
  Handler handler = {};
};

class MethodTable {
 public:
  // `version` is the gateway's, shown by `rpc.discover`, which every table answers.
  explicit MethodTable(std::string version);
  MethodTable(const MethodTable&) = delete;  // the entry of rpc.discover points at its table
  MethodTable& operator=(const MethodTable&) = delete;

  // Adds a method. Its texts are literals: the table keeps views. A name that is there already
  // is an error of the program and ends it.
  void add(Method method);

  // Has a call of that name, which nothing is added for, answered as "not supported yet".
  void announce(std::string_view name) { announced_.push_back(name); }
  [[nodiscard]] bool is_announced(std::string_view name) const {
    return std::find(announced_.begin(), announced_.end(), name) != announced_.end();
  }

  // The method of that name, or nullptr. Valid until the next add().
  [[nodiscard]] const Method* find(std::string_view name) const;
  [[nodiscard]] const std::vector<Method>& methods() const { return methods_; }

  // The table as an OpenRPC document.
  [[nodiscard]] nlohmann::json discover() const;

 private:
  std::string version_;
  std::vector<Method> methods_;
  std::vector<std::string_view> announced_;
};

// Holds an object of parameters against the method's list; nothing where they fit. The error is
// -32602 with one entry for each fault.
std::optional<RpcError> check_params(const Method& method, const nlohmann::json& params);

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_METHOD_H_
