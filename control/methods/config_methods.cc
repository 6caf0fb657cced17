// The methods that change the configuration.
#include <absl/strings/str_cat.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "config/units.h"
#include "control/methods/config_json.h"
#include "control/methods/methods.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr uint32_t kLongestConfirmTimeout_s = 24 * 3600;

// Answers with what became of a change, and logs it: patches may come a thousand a second, and are
// for who looks closely, as is what was only tried. Responders cannot be copied, functions must.
Gateway::Done answer_with(const MethodContext& context, Responder responder, std::string what,
                          const ChangeOptions& options, bool is_patch) {
  auto held = std::make_shared<Responder>(std::move(responder));
  return [&context, held, what = std::move(what), options, is_patch](ChangeResult result) {
    const std::string who =
        absl::StrCat(what, " by uid ", held->peer().uid, " pid ", held->peer().pid, ": ");
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
      if (options.revalidate) answer["ended"] = result.ended;
    }
    if (!result.warnings.empty()) answer["warnings"] = to_json(faults_of(result.warnings));
    held->result(answer);
    const bool in_detail = is_patch || options.dry_run;
    context.log->write(in_detail ? config::LogLevel::kDebug : config::LogLevel::kInfo,
                       absl::StrCat(who, options.dry_run ? "tried at generation " : "generation ",
                                    result.generation));
  };
}

void apply(const MethodContext& context, const json& params, Responder responder) {
  ChangeOptions options = change_options(params);
  if (params.contains("confirm_timeout")) {
    options.confirm_timeout_s =
        config::parse_duration_s(params.at("confirm_timeout").get<std::string>());
    if (options.confirm_timeout_s.value_or(0) == 0 ||
        *options.confirm_timeout_s > kLongestConfirmTimeout_s) {
      responder.error(
          {kRpcInvalidParams,
           absl::StrCat("`confirm_timeout` must be a duration in ", config::duration_units(),
                        " such as \"5m\" or \"1m30s\", from 1s to 24h; nothing was "
                        "changed")});
      return;
    }
  }
  std::optional<ConfigSource> source = source_of(context, params, responder);
  if (!source) return;
  std::string what = source->is_text ? "config.apply of a text" : "config.apply " + source->value;
  context.gateway->apply(
      *std::move(source), options,
      answer_with(context, std::move(responder), std::move(what), options, false));
}

void rollback(const MethodContext& context, const json& params, Responder responder) {
  const ChangeOptions options = change_options(params);
  context.gateway->rollback(
      options, answer_with(context, std::move(responder), "config.rollback", options, false));
}

void confirm(const MethodContext& context, Responder responder) {
  auto held = std::make_shared<Responder>(std::move(responder));
  context.gateway->confirm([&context, held](const ChangeResult& result) {
    if (!result.status.ok()) return held->error(result.status);
    context.log->info(absl::StrCat("config.confirm by uid ", held->peer().uid, " pid ",
                                   held->peer().pid, ": generation ", result.generation));
    held->result({{"generation", result.generation}});
  });
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
  const ChangeOptions options = change_options(params);
  context.gateway->patch(
      std::move(patch), options,
      answer_with(context, std::move(responder), "namespaces.patch", options, true));
}

Param revalidate_param() {
  return {.name = "revalidate",
          .kind = ParamKind::kBoolean,
          .help = "end sessions that could not begin under the new policy; answers their number"};
}

std::vector<Param> apply_params() {
  std::vector<Param> params = source_params();
  params.push_back(dry_run_param());
  params.push_back(if_generation_param());
  params.push_back({.name = "confirm_timeout",
                    .kind = ParamKind::kText,
                    .help = "go back unless config.confirm comes within this duration, as \"5m\""});
  params.push_back(revalidate_param());
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
  table.add({.name = "config.confirm",
             .access = Access::kChange,
             .help = "Keeps the change that was applied with `confirm_timeout`.",
             .handler = [&context](const json&, Responder responder) {
               confirm(context, std::move(responder));
             }});
  table.add({.name = "config.rollback",
             .access = Access::kChange,
             .help = "Goes back to the configuration before the last one that was applied.",
             .params = {dry_run_param(), if_generation_param(), revalidate_param()},
             .handler = [&context](const json& params, Responder responder) {
               rollback(context, params, std::move(responder));
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
