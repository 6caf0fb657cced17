#include "control/apply/transaction.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <utility>

#include "control/apply/kept_out.h"
#include "control/apply/plan_names.h"
#include "control/apply/restart_errors.h"

namespace postern {
namespace {

using config::Diagnostic;

// "1 error" or "7 errors".
std::string counted(size_t n, const char* word) {
  return absl::StrCat(n, " ", word, n == 1 ? "" : "s");
}

Refusal refused_for_restart(const std::vector<std::string>& paths, std::vector<Diagnostic> errors) {
  Refusal refusal;
  refusal.status = absl::FailedPreconditionError(
      absl::StrCat("needs a restart: ", absl::StrJoin(paths, ", "), "; nothing was changed"));
  refusal.errors = std::move(errors);
  return refusal;
}

// Makes the edits that fit; the others are dropped from the layer.
void lay_what_fits(const PodEdits& edits, Plan& plan) {
  for (Misfit& each : edit_pods_that_fit(plan.inputs, plan.namespaces, edits)) {
    plan.warnings.push_back({"", 0, each.edit.path,
                             each.error.message + ": what namespaces.patch set was dropped",
                             "set it again where it is still meant"});
    plan.dropped.push_back(std::move(each.edit));
  }
}

// Lays the layer over the inputs of a new file. Namespaces that went take their pods along.
void lay_over(const PodLayer& layer, Plan& plan, Misfits misfits) {
  for (const auto& [name, pods] : layer.all()) {
    if (plan.namespaces.contains(name)) continue;
    plan.warnings.push_back(
        {"", 0, "namespaces." + name, "its pods set by namespaces.patch went with the namespace",
         misfits == Misfits::kRefuse ? "config.rollback brings both back" : ""});
  }
  const PodEdits edits = edits_of(layer, plan.namespaces, plan.file_pods);
  if (misfits == Misfits::kDrop) return lay_what_fits(edits, plan);
  PodChanges changes = edit_pods(plan.inputs, plan.namespaces, edits);
  if (changes.errors.empty()) return;
  for (Diagnostic& error : changes.errors) {
    error.message += " (set by namespaces.patch, kept over the file)";
    error.hint = "take it out with namespaces.patch, or out of the file";
  }
  plan.refusal = refused_pods(std::move(changes.errors));
}

}  // namespace

Refusal refused_pods(std::vector<Diagnostic> errors) {
  Refusal refusal;
  refusal.status = absl::InvalidArgumentError(
      absl::StrCat(errors[0].path.empty() ? "" : errors[0].path + ": ", errors[0].message,
                   errors.size() == 1 ? "" : ", and more", "; nothing was changed"));
  refusal.errors = std::move(errors);
  return refusal;
}

config::LoadResult load(const ConfigSource& source) {
  return source.is_text ? config::load_text(source.value, "text") : config::load_file(source.value);
}

Plan plan_model(const DesiredState& state, const SourceBook& sources, const MachineFacts& machine,
                std::shared_ptr<const config::Model> model, const config::Model* running,
                Misfits misfits, PodLayer restored) {
  Plan plan;
  if (running != nullptr) {
    plan.diff = diff(*running, *model);
    if (!plan.diff.needs_restart.empty()) {
      plan.refusal = refused_for_restart(plan.diff.needs_restart, restart_errors(*running, *model));
      return plan;
    }
  }
  absl::StatusOr<Compiled> compiled = compile(*model, machine.ports, state.books, machine.seed);
  if (!compiled.ok()) {
    plan.refusal.status = compiled.status();
    return plan;
  }
  plan.compiled = std::move(*compiled);
  plan.refusal.status = put_names(*model, plan.compiled.books, plan.compiled.names, {},
                                  *state.addresses, *plan.compiled.snapshot);
  if (!plan.refusal.status.ok()) return plan;
  plan.namespaces = namespace_keys(*model, plan.compiled.books);
  plan.inputs = source_inputs(*model, plan.compiled.books);
  plan.file_pods = plan.inputs.pods;
  plan.file = std::move(model);
  PodLayer layer = state.layer;
  layer.restore(restored);
  plan.restored = std::move(restored);
  lay_over(layer, plan, misfits);
  if (!plan.refusal.status.ok()) return plan;
  absl::StatusOr<SourceChange> change = sources.plan(plan.inputs);
  if (!change.ok()) {
    plan.refusal.status = change.status();
    return plan;
  }
  plan.sources = std::move(*change);
  plan.map = sources.build_map(plan.sources, machine.seed);
  return plan;
}

Plan plan_apply(const DesiredState& state, const SourceBook& sources, const MachineFacts& machine,
                const ConfigSource& source) {
  config::LoadResult loaded = load(source);
  Plan plan;
  if (!loaded.model) {
    plan.refusal.status = absl::InvalidArgumentError(absl::StrCat(
        "the configuration has ", counted(loaded.errors.size(), "error"), "; nothing was changed"));
    plan.refusal.errors = std::move(loaded.errors);
    plan.warnings = std::move(loaded.warnings);
    return plan;
  }
  auto model = std::make_shared<const config::Model>(*std::move(loaded.model));
  plan = plan_model(state, sources, machine, std::move(model), state.file.get());
  plan.warnings.insert(plan.warnings.begin(), loaded.warnings.begin(), loaded.warnings.end());
  if (!plan.refusal.status.ok()) return plan;
  std::vector<Diagnostic> kept_out = warn_of_kept_out(*plan.file, pods_taken_out(state.layer));
  for (Diagnostic& each : kept_out) {
    plan.warnings.push_back(std::move(each));
  }
  return plan;
}

}  // namespace postern
