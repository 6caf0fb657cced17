#include "control/rpc/method.h"

#include <absl/strings/str_cat.h>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

namespace postern {
namespace {

using nlohmann::json;

// A request can hold tens of thousands of wrong names; the answer names the first of them.
constexpr size_t kMaxFaults = 20;

bool is_text_list(const json& value) {
  if (!value.is_array()) return false;
  for (const json& item : value) {
    if (!item.is_string()) return false;
  }
  return true;
}

// The views as a list for a sentence.
std::string joined(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

std::string check_text(const Param& param, const json& value) {
  if (!value.is_string()) return "must be a string";
  if (param.choices.empty()) return "";
  for (std::string_view choice : param.choices) {
    if (value.get_ref<const std::string&>() == choice) return "";
  }
  return "must be one of: " + joined(param.choices);
}

std::string check_integer(const Param& param, const json& value) {
  const bool fits =
      value.is_number_unsigned()
          ? param.max >= 0 && value.get<uint64_t>() <= static_cast<uint64_t>(param.max) &&
                (param.min < 0 || value.get<uint64_t>() >= static_cast<uint64_t>(param.min))
          : value.is_number_integer() && value.get<int64_t>() >= param.min &&
                value.get<int64_t>() <= param.max;
  if (fits) return "";
  if (param.max == std::numeric_limits<int64_t>::max()) {
    return absl::StrCat("must be an integer of at least ", param.min);
  }
  return absl::StrCat("must be an integer from ", param.min, " to ", param.max);
}

std::string check_text_lists(const json& value) {
  constexpr const char* kText =
      "must be an object whose values are lists of strings, as {\"payments\": [\"10.0.0.1\"]}";
  if (!value.is_object()) return kText;
  for (const json& item : value) {
    if (!is_text_list(item)) return kText;
  }
  return "";
}

// What is wrong with the value, or nothing.
std::string check_param(const Param& param, const json& value) {
  switch (param.kind) {
    case ParamKind::kText:
      return check_text(param, value);
    case ParamKind::kInteger:
      return check_integer(param, value);
    case ParamKind::kBoolean:
      return value.is_boolean() ? "" : "must be true or false";
    case ParamKind::kTextLists:
      return check_text_lists(value);
  }
  return "";
}

const Param* param_named(const Method& method, std::string_view name) {
  for (const Param& param : method.params) {
    if (param.name == name) return &param;
  }
  return nullptr;
}

std::string known_params(const Method& method) {
  if (method.params.empty()) return "it takes none";
  std::vector<std::string_view> names;
  for (const Param& param : method.params) names.push_back(param.name);
  return "it takes: " + joined(names);
}

json schema_of(const Param& param) {
  switch (param.kind) {
    case ParamKind::kText:
      if (param.choices.empty()) return {{"type", "string"}};
      return {{"type", "string"}, {"enum", param.choices}};
    case ParamKind::kInteger:
      return {{"type", "integer"}, {"minimum", param.min}, {"maximum", param.max}};
    case ParamKind::kBoolean:
      return {{"type", "boolean"}};
    case ParamKind::kTextLists:
      return {{"type", "object"},
              {"additionalProperties", {{"type", "array"}, {"items", {{"type", "string"}}}}}};
  }
  return {};
}

}  // namespace

MethodTable::MethodTable(std::string version) : version_(std::move(version)) {
  add({.name = "rpc.discover",
       .access = Access::kRead,
       .help = "Describes every method and its parameters, as an OpenRPC document.",
       .params = {},
       .handler = [this](const json&, Responder responder) { responder.result(discover()); }});
}

void MethodTable::add(Method method) {
  if (find(method.name) != nullptr) {
    std::fprintf(stderr, "method %.*s is defined twice\n", static_cast<int>(method.name.size()),
                 method.name.data());
    std::abort();
  }
  methods_.push_back(std::move(method));
}

const Method* MethodTable::find(std::string_view name) const {
  for (const Method& method : methods_) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

json MethodTable::discover() const {
  json methods = json::array();
  for (const Method& method : methods_) {
    json params = json::array();
    for (const Param& param : method.params) {
      params.push_back({{"name", param.name},
                        {"description", param.help},
                        {"required", param.required},
                        {"schema", schema_of(param)}});
    }
    methods.push_back({{"name", method.name},
                       {"summary", method.help},
                       {"paramStructure", "by-name"},
                       {"params", std::move(params)},
                       {"result", {{"name", "result"}, {"schema", json::object()}}},
                       {"x-access", method.access == Access::kRead ? "read" : "change"}});
  }
  return {{"openrpc", "1.2.6"},
          {"info", {{"title", "postern control socket"}, {"version", version_}}},
          {"methods", std::move(methods)}};
}

std::optional<RpcError> check_params(const Method& method, const json& params) {
  std::vector<RpcFault> faults;
  for (const auto& [name, value] : params.items()) {
    if (faults.size() == kMaxFaults) break;
    const Param* param = param_named(method, name);
    if (param == nullptr) {
      faults.push_back({.path = name, .text = "unknown parameter", .hint = known_params(method)});
      continue;
    }
    std::string fault = check_param(*param, value);
    if (fault.empty()) continue;
    faults.push_back({.path = name, .text = std::move(fault), .hint = std::string(param->help)});
  }
  for (const Param& param : method.params) {
    if (!param.required || params.contains(param.name)) continue;
    faults.push_back({.path = std::string(param.name),
                      .text = "missing parameter",
                      .hint = std::string(param.help)});
  }
  if (faults.empty()) return std::nullopt;
  std::string message(method.name);
  for (const RpcFault& fault : faults) {
    absl::StrAppend(&message, &fault == &faults.front() ? ": " : "; ", fault.path, ": ",
                    fault.text);
    if (message.size() > 500) break;  // the rest is in `errors`
  }
  return RpcError{
      .code = kRpcInvalidParams, .message = std::move(message), .errors = std::move(faults)};
}

}  // namespace postern
