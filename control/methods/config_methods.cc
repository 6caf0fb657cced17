// The methods that change the configuration.
#include <absl/strings/str_cat.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "control/methods/config_json.h"
#include "control/methods/methods.h"

namespace postern {
namespace {

using nlohmann::json;

ChangeOptions options_of(const json& params) {
  ChangeOptions options;
  options.dry_run = params.value("dry_run", false);
  if (params.contains("if_generation")) {
    options.if_generation = params.at("if_generation").get<uint64_t>();
  }
  return options;
}

// Answers with what became of a change, and logs it. Responders cannot be copied, functions must.
Gateway::Done answer_with(const MethodContext& context, Responder responder, std::string what,
                          bool dry_run, bool is_patch) {
  auto held = std::make_shared<Responder>(std::move(responder));
  return [&context, held, what = std::move(what), dry_run, is_patch](ChangeResult result) {
    const std::string who =
        absl::StrCat(what, " by uid ", held->peer().uid, ", pid ", held->peer().pid, ": ");
    if (!result.status.ok()) {
      const std::string why(result.status.message());
      context.log->warn(absl::StrCat(who, "refused: ", why));
      held->error(rpc_error(result.status, faults_of(result.errors)));
      return;
    }
    json answer = {{"generation", result.generation},
                   {"visible_after_us", result.visible_after_us}};
    if (is_patch) {
      answer["changed"] = result.changed;
    } else {
      answer["diff"] = to_json(result.diff);
    }
    if (!result.warnings.empty()) answer["warnings"] = to_json(faults_of(result.warnings));
    held->result(answer);
    context.log->debug(absl::StrCat(who, dry_run ? "tried at generation " : "generation ",
                                    result.generation, ", visible after ", result.visible_after_us,
                                    " us"));
  };
}

void apply(const MethodContext& context, const json& params, Responder responder) {
  if (params.contains("confirm_timeout") || params.value("revalidate", false)) {
    responder.error(absl::UnimplementedError(
        "`confirm_timeout` and `revalidate` are not supported yet: leave them out"));
    return;
  }
  std::optional<ConfigSource> source = source_of(context, params, responder);
  if (!source) return;
  const ChangeOptions options = options_of(params);
  context.gateway->apply(
      *std::move(source), options,
      answer_with(context, std::move(responder), "config.apply", options.dry_run, false));
}

std::map<std::string, std::vector<std::string>> pods_of(const json& params, const char* side) {
  if (!params.contains(side)) return {};
  return params.at(side).get<std::map<std::string, std::vector<std::string>>>();
}

void patch(const MethodContext& context, const json& params, Responder responder) {
  PodPatch patch{pods_of(params, "add"), pods_of(params, "remove"), params.value("reset", false)};
  if (patch.reset && !(patch.add.empty() && patch.remove.empty())) {
    responder.error({kRpcInvalidParams, "`reset` stands alone: patch in a second request"});
    return;
  }
  const ChangeOptions options = options_of(params);
  context.gateway->patch(
      std::move(patch), options,
      answer_with(context, std::move(responder), "namespaces.patch", options.dry_run, true));
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

std::vector<Param> apply_params() {
  std::vector<Param> params = source_params();
  params.push_back(dry_run_param());
  params.push_back(if_generation_param());
  params.push_back(
      {.name = "confirm_timeout", .kind = ParamKind::kText, .help = "not supported yet"});
  params.push_back(
      {.name = "revalidate", .kind = ParamKind::kBoolean, .help = "not supported yet"});
  return params;
}

}  // namespace

void add_config_methods(MethodTable& table, const MethodContext& context) {
  table.add({.name = "config.apply",
             .access = Access::kChange,
             .help = "Puts a configuration into force, whole or not at all.",
             .params = apply_params(),
             .handler = [&context](const json& params, Responder responder) {
               apply(context, params, std::move(responder));
             }});
  table.add(
      {.name = "namespaces.patch",
       .access = Access::kChange,
       .help = "Adds pods to namespaces and removes them, as a layer over the file.",
       .params =
           {{.name = "add", .kind = ParamKind::kTextLists, .help = "pods to add, by namespace"},
            {.name = "remove",
             .kind = ParamKind::kTextLists,
             .help = "pods to remove, by namespace"},
            {.name = "reset", .kind = ParamKind::kBoolean, .help = "take the whole layer away"},
            dry_run_param(),
            if_generation_param()},
       .handler = [&context](const json& params, Responder responder) {
         patch(context, params, std::move(responder));
       }});
}

}  // namespace postern
