#include "control/apply/patch.h"

#include <absl/strings/str_cat.h>

#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "config/form.h"

namespace postern {
namespace {

using config::Diagnostic;
using PodLists = std::map<std::string, std::vector<std::string>>;

// Prefixes that a small patch may touch. About 5 us each are spent on one, so this is as long as
// the event loop may be kept from others without being noticed.
constexpr size_t kSmallPatch = 512;

// How many records may lie within what a client wrote: every prefix within it may be one.
size_t most_records_within(std::string_view pod) {
  const std::optional<Ipv4Prefix> prefix = Ipv4Prefix::parse(pod);
  if (!prefix || prefix->length == 32) return 1;
  const int bits = 32 - prefix->length;
  return bits < 16 ? size_t{2} << bits : kSmallPatch + 1;
}

size_t most_records_of(const PodLists& lists) {
  size_t most = 0;
  for (const auto& [name, pods] : lists) {
    ++most;
    for (const std::string& pod : pods) {
      most += most_records_within(pod);
      if (most > kSmallPatch) return most;
    }
  }
  return most;
}

// The pods of one side of a patch; what cannot be read is an error.
void read_pods(const PodLists& lists, const char* side, std::vector<PodEdit>& edits,
               std::vector<Diagnostic>& errors) {
  for (const auto& [name, pods] : lists) {
    for (size_t i = 0; i < pods.size(); ++i) {
      std::string path = absl::StrCat(side, ".", name, "[", i, "]");
      const auto pod = config::Prefix{}.read(config::Scalar(std::string_view(pods[i])));
      if (!pod.value) {
        errors.push_back({"", 0, std::move(path), pod.problem, ""});
        continue;
      }
      edits.push_back({name, *pod.value, std::move(path)});
    }
  }
}

// Every namespace that a patch names must be there, with pods to name or without.
void check_names(const PodLists& lists, const char* side, const NamespaceKeys& namespaces,
                 std::vector<Diagnostic>& errors) {
  for (const auto& [name, pods] : lists) {
    if (namespaces.contains(name)) continue;
    errors.push_back({"", 0, absl::StrCat(side, ".", name),
                      absl::StrCat("there is no namespace \"", name, "\""),
                      "namespaces are made in the configuration file"});
  }
}

// Pods that no node can have, said as the check of a file says it (config/check_pods.cc).
std::vector<Diagnostic> warn_of_homeless(const SourceInputs& inputs, const PodChanges& changes) {
  struct Homeless {
    size_t added = 0;
    size_t count = 0;
    Ipv4Prefix first;
  };
  std::map<std::string, Homeless> by_namespace;
  for (const PodChanges::Change& change : changes.changes) {
    if (!change.added) continue;
    Homeless& homeless = by_namespace[change.name];
    ++homeless.added;
    bool has_node = inputs.cidrs.holding(change.key) != nullptr;
    if (!has_node) {
      inputs.cidrs.for_each_within(change.key, [&](const auto&, NodeIndex) { has_node = true; });
    }
    if (has_node) continue;
    if (homeless.count++ == 0) homeless.first = change.key.prefix;
  }
  std::vector<Diagnostic> warnings;
  for (const auto& [name, homeless] : by_namespace) {
    if (homeless.count == 0) continue;
    warnings.push_back(
        {"", 0, "add." + name,
         absl::StrCat(homeless.count, " of ", homeless.added,
                      " outside of every node's pod_cidrs, first ", homeless.first.text()),
         "packets from there are dropped until a node has them"});
  }
  return warnings;
}

// Pods that were none when the patch took them away: its word on them holds over later files.
std::vector<Diagnostic> warn_of_no_pods(const SourceInputs& inputs, const PodChanges& changes) {
  constexpr size_t kMostNamed = 3;
  std::set<OverlayPrefix> removed;
  for (const PodChanges::Change& change : changes.changes) {
    if (!change.added) removed.insert(change.key);
  }
  std::vector<Diagnostic> warnings;
  size_t count = 0;
  for (const PodChanges::Change& said : changes.said) {
    if (said.added || removed.contains(said.key)) continue;
    if (inputs.pods.find(said.key) != nullptr || count++ >= kMostNamed) continue;
    warnings.push_back({"", 0, "remove." + said.name,
                        absl::StrCat(said.key.prefix.text(), " was no pod of ", said.name,
                                     ": it stays out also where a later file names it"),
                        "{\"reset\": true} or adding it takes that back"});
  }
  if (count > kMostNamed) {
    warnings.push_back({"", 0, "remove",
                        absl::StrCat("... and ", count - kMostNamed, " more of ", count,
                                     " that were no pods stay out as well"),
                        ""});
  }
  return warnings;
}

// The edits that a patch means, or why it means none.
Refusal read_patch(const DesiredState& state, const PodPatch& patch, PodEdits& edits) {
  if (patch.reset) {
    edits = edits_against(state.layer, state.namespaces, state.file_pods);
    return {};
  }
  std::vector<Diagnostic> errors;
  check_names(patch.remove, "remove", state.namespaces, errors);
  check_names(patch.add, "add", state.namespaces, errors);
  if (!errors.empty()) {
    Refusal refusal = refused_pods(std::move(errors));
    refusal.status = absl::NotFoundError(refusal.status.message());
    return refusal;
  }
  read_pods(patch.remove, "remove", edits.remove, errors);
  read_pods(patch.add, "add", edits.add, errors);
  return errors.empty() ? Refusal{} : refused_pods(std::move(errors));
}

}  // namespace

bool is_small(const PodPatch& patch, const SourceMap& map) {
  if (patch.reset) return false;
  const size_t most = most_records_of(patch.add) + most_records_of(patch.remove);
  // Beside its own record each may renew the one above it; that one is in the map already.
  return most <= kSmallPatch && most <= map.room();
}

Plan plan_patch(DesiredState& state, const SourceBook& sources, const MachineFacts& machine,
                const PodPatch& patch, const Snapshot& in_force) {
  Plan plan;
  PodEdits edits;
  plan.refusal = read_patch(state, patch, edits);
  if (!plan.refusal.status.ok()) return plan;
  plan.clears_layer = patch.reset;
  plan.pods = edit_pods(state.inputs, state.namespaces, edits);
  if (!plan.pods.errors.empty()) {
    plan.refusal = refused_pods(std::move(plan.pods.errors));
    return plan;
  }
  std::vector<OverlayPrefix> touched;
  for (const PodChanges::Change& change : plan.pods.changes) touched.push_back(change.key);
  absl::StatusOr<SourceChange> change = sources.plan_pods(state.inputs, touched);
  if (change.ok() && state.inputs.pods.size() > kMaxSources) {
    change = absl::ResourceExhaustedError(
        absl::StrCat("too many pods: there is room for ", kMaxSources, "; nothing was changed"));
  }
  if (!change.ok()) {
    plan.refusal.status = change.status();
    undo_pods(state.inputs, plan.pods);
    return plan;
  }
  plan.sources = std::move(*change);
  plan.warnings = warn_of_homeless(state.inputs, plan.pods);
  if (!patch.reset) {
    std::vector<Diagnostic> no_pods = warn_of_no_pods(state.inputs, plan.pods);
    for (Diagnostic& each : no_pods) plan.warnings.push_back(std::move(each));
  }
  if (plan.sources.assigned.size() > in_force.sources->room()) {
    plan.map = sources.build_map(plan.sources, machine.seed);
    plan.compiled.snapshot = std::make_unique<Snapshot>(in_force);
  }
  return plan;
}

}  // namespace postern
