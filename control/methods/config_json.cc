#include "control/methods/config_json.h"

#include <absl/strings/str_cat.h>

#include <nlohmann/json.hpp>
#include <string>

namespace postern {

using nlohmann::json;

namespace {

constexpr size_t kMostFaults = 1000;

}  // namespace

std::vector<Param> source_params() {
  return {
      {.name = "path",
       .kind = ParamKind::kText,
       .help = "a file that the gateway reads, @include allowed"},
      {.name = "text", .kind = ParamKind::kText, .help = "the configuration, without @include"}};
}

std::optional<ConfigSource> source_of(const MethodContext& context, const json& params,
                                      Responder& responder) {
  const bool path = params.contains("path");
  const bool text = params.contains("text");
  if (path && text) {
    responder.error({kRpcInvalidParams, "give `path` or `text`, not both"});
    return std::nullopt;
  }
  if (!path && !text) return ConfigSource{false, context.config_path};
  return ConfigSource{text, params.at(text ? "text" : "path").get<std::string>()};
}

Param dry_run_param() {
  return {
      .name = "dry_run", .kind = ParamKind::kBoolean, .help = "only say whether it could be done"};
}

Param if_generation_param() {
  return {.name = "if_generation",
          .kind = ParamKind::kInteger,
          .help = "refuse unless this generation is in force"};
}

ChangeOptions change_options(const json& params) {
  ChangeOptions options;
  options.revalidate = params.value("revalidate", false);
  options.dry_run = params.value("dry_run", false);
  if (params.contains("if_generation")) {
    options.if_generation = params.at("if_generation").get<uint64_t>();
  }
  return options;
}

std::vector<RpcFault> faults_of(const std::vector<config::Diagnostic>& diagnostics) {
  std::vector<RpcFault> faults;
  for (const config::Diagnostic& each : diagnostics) {
    if (faults.size() == kMostFaults) {
      faults.push_back({.text = absl::StrCat("and ", diagnostics.size() - kMostFaults, " more"),
                        .hint = "look at these first"});
      break;
    }
    faults.push_back({each.file, static_cast<int>(each.line), each.path, each.message, each.hint});
  }
  return faults;
}

json to_json(const ConfigDiff& diff) {
  const auto value = [](const std::optional<std::string>& text) {
    return text ? json(*text) : json();
  };
  json details = json::array();
  for (const KeyChange& each : diff.details) {
    details.push_back({{"path", each.path},
                       {"key", each.key},
                       {"old", value(each.was)},
                       {"new", value(each.is)}});
  }
  json answer = {{"added", diff.added},
                 {"removed", diff.removed},
                 {"changed", diff.changed},
                 {"needs_restart", diff.needs_restart}};
  if (!details.empty()) answer["details"] = std::move(details);
  return answer;
}

}  // namespace postern
