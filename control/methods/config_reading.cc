// The methods that read configurations and change nothing. What takes long is done on the helper
// thread.
#include <absl/strings/str_cat.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/print.h"
#include "control/apply/kept_out.h"
#include "control/methods/config_json.h"
#include "control/methods/methods.h"

namespace postern {
namespace {

using nlohmann::json;

void check(const MethodContext& context, const json& params, Responder responder) {
  std::optional<ConfigSource> source = source_of(context, params, responder);
  if (!source) return;
  auto held = std::make_shared<Responder>(std::move(responder));
  context.gateway->check(*std::move(source), [held](const config::LoadResult& result) {
    held->result({{"valid", result.model.has_value()},
                  {"errors", to_json(faults_of(result.errors))},
                  {"warnings", to_json(faults_of(result.warnings))}});
  });
}

// What a configuration would change.
struct Outlook {
  config::LoadResult loaded;
  ConfigDiff diff;
};

void find_out(Outlook& outlook, const ConfigSource& source, const config::Model& running,
              const PodsTakenOut& taken_out) {
  outlook.loaded = load(source);
  if (!outlook.loaded.model) return;
  outlook.diff = diff(running, *outlook.loaded.model);
  std::vector<config::Diagnostic> kept_out = warn_of_kept_out(*outlook.loaded.model, taken_out);
  for (config::Diagnostic& each : kept_out) outlook.loaded.warnings.push_back(std::move(each));
  outlook.loaded.model.reset();
}

void tell(const Outlook& outlook, Responder& responder) {
  const size_t errors = outlook.loaded.errors.size();
  if (errors != 0) {
    const absl::Status status = absl::InvalidArgumentError(
        absl::StrCat("the configuration has ", errors, errors == 1 ? " error" : " errors"));
    responder.error(rpc_error(status, faults_of(outlook.loaded.errors)));
    return;
  }
  json answer = to_json(outlook.diff);
  if (!outlook.loaded.warnings.empty()) {
    answer["warnings"] = to_json(faults_of(outlook.loaded.warnings));
  }
  responder.result(answer);
}

void compare(const MethodContext& context, const json& params, Responder responder) {
  std::optional<ConfigSource> source = source_of(context, params, responder);
  if (!source) return;
  auto held = std::make_shared<Responder>(std::move(responder));
  auto outlook = std::make_shared<Outlook>();
  context.loop->read_beside(
      [outlook, source = *std::move(source), running = context.gateway->shared_file(),
       taken_out = pods_taken_out(context.gateway->layer())] {
        find_out(*outlook, source, *running, taken_out);
      },
      [outlook, held] { tell(*outlook, *held); });
}

void get(const MethodContext& context, Responder responder) {
  auto held = std::make_shared<Responder>(std::move(responder));
  auto text = std::make_shared<std::string>();
  context.loop->read_beside(
      [text, file = context.gateway->shared_file()] { *text = config::print(*file); },
      [text, held, generation = context.gateway->generation()] {
        held->result({{"text", std::move(*text)}, {"generation", generation}});
      });
}

}  // namespace

void add_config_reading_methods(MethodTable& table, const MethodContext& context) {
  table.add({.name = "config.check",
             .access = Access::kRead,
             .help = "Checks a configuration and changes nothing.",
             .params = source_params(),
             .handler = [&context](const json& params, Responder responder) {
               check(context, params, std::move(responder));
             }});
  table.add({.name = "config.diff",
             .access = Access::kRead,
             .help = "Says what a configuration would add, remove and change, and what of it needs "
                     "a restart.",
             .params = source_params(),
             .handler = [&context](const json& params, Responder responder) {
               compare(context, params, std::move(responder));
             }});
  table.add({.name = "config.get",
             .access = Access::kRead,
             .help = "The configuration in force as text, without what namespaces.patch laid over "
                     "it.",
             .handler = [&context](const json&, Responder responder) {
               get(context, std::move(responder));
             }});
}

}  // namespace postern
