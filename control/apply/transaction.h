// What a change would lead to, worked out before anything happens: the part of a transaction that
// takes long and touches no worker. Runs on the helper thread, one transaction at a time, while the
// control thread leaves the state that is planned on alone.
#ifndef POSTERN_CONTROL_APPLY_TRANSACTION_H_
#define POSTERN_CONTROL_APPLY_TRANSACTION_H_

#include <absl/status/status.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/load.h"
#include "config/model.h"
#include "control/apply/compile.h"
#include "control/apply/diff.h"
#include "control/apply/drains.h"
#include "control/apply/name_addresses.h"
#include "control/apply/name_numbers.h"
#include "control/apply/pod_layer.h"
#include "control/apply/sources.h"

namespace postern {

// Where a configuration is to be read from.
struct ConfigSource {
  bool is_text = false;
  std::string value;  // the text, or the path of a file
};

config::LoadResult load(const ConfigSource& source);

// What is in force.
struct DesiredState {
  uint64_t generation = 0;
  std::shared_ptr<const config::Model> file;
  PodLayer layer;
  Books books;
  NamespaceKeys namespaces;
  // With the layer. Changed in place by the planning of a patch, which is undone when it fails:
  // read by transactions only.
  SourceInputs inputs;
  PrefixMap<NamespaceIndex> file_pods;  // without the layer
  NameNumbers names;                    // of the file, as the tables number them
  // What they stand for.
  std::shared_ptr<const NameAddresses> addresses = std::make_shared<const NameAddresses>();
};

// Why a change was refused; nothing has changed then.
struct Refusal {
  absl::Status status;
  std::vector<config::Diagnostic> errors;
};

// The refusal of pods that cannot be what they are to be; there is at least one error.
Refusal refused_pods(std::vector<config::Diagnostic> errors);

// A change that can be made.
struct Plan {
  Refusal refusal;  // with status ok: none
  std::vector<config::Diagnostic> warnings;

  SourceChange sources;
  // What replaces the map that the workers read, where the change needs another one; `compiled` has
  // a snapshot then.
  std::shared_ptr<SourceMap> map;

  Compiled compiled;  // of namespaces.patch the snapshot at most

  // Of config.apply: what replaces the state, and how the file differs.
  ConfigDiff diff;
  std::shared_ptr<const config::Model> file;
  NamespaceKeys namespaces;
  SourceInputs inputs;
  PrefixMap<NamespaceIndex> file_pods;
  std::vector<PodEdit> dropped;  // of the layer: they do not fit the file
  PodLayer restored;             // comes back to the layer, with its namespaces
  PodLayer gone;                 // went from the layer with its namespaces; known after the commit

  // Of namespaces.patch: made in the state's inputs already.
  PodChanges pods;
  bool clears_layer = false;  // nothing of it is left

  // Of names that changed: what replaces theirs in the state.
  std::shared_ptr<const NameAddresses> addresses;

  // Of egress_ips.drain.
  std::optional<DrainChange> drain;
};

// `machine`: what compile() needs beside model and books.
struct MachineFacts {
  std::vector<PortFacts> ports;
  uint64_t seed = 0;  // for maps, random
};

// What becomes of a pod of the layer that does not fit a file, because another namespace holds it
// there: the change is refused, or the pod is dropped from the layer, with a warning.
enum class Misfits : uint8_t { kRefuse, kDrop };

// From a configuration that was read and checked. `running`: the configuration that EAL, ports and
// tables were started with, or null at the start. `restored`: what an earlier change took out of
// the layer with namespaces that the model has again.
Plan plan_model(const DesiredState& state, const SourceBook& sources, const MachineFacts& machine,
                std::shared_ptr<const config::Model> model, const config::Model* running,
                Misfits misfits = Misfits::kRefuse, PodLayer restored = {});
Plan plan_apply(const DesiredState& state, const SourceBook& sources, const MachineFacts& machine,
                const ConfigSource& source);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_TRANSACTION_H_
