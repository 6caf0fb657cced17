// The layer of pods over the file, set by `namespaces.patch`: effective = file + added - removed.
// It belongs to namespaces by name and is kept when the file is applied again.
//
// What a patch said last of a pod holds over later files, also where it was so already: an added
// pod stays one when the file drops it, a removed one stays none when the file gets it. Only taking
// away what a patch had added beyond the file leaves no word: pods that come and go by patches
// alone leave nothing behind.
//
// edit_pods() judges a change against who holds which address now, and makes it in the inputs of
// the source book; what it did is written down, so that it can be undone and committed.
//
// Values; edit_pods may run beside the event loop while nothing else touches the inputs.
#ifndef POSTERN_CONTROL_APPLY_POD_LAYER_H_
#define POSTERN_CONTROL_APPLY_POD_LAYER_H_

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/model.h"
#include "control/apply/books.h"
#include "control/apply/sources.h"

namespace postern {

// Where a namespace's pods live.
struct NamespaceKey {
  NamespaceIndex index = kNoNamespace;
  NetworkId network = 0;
};
using NamespaceKeys = absl::flat_hash_map<std::string, NamespaceKey>;

// `books` know every namespace of the model.
NamespaceKeys namespace_keys(const config::Model& model, const Books& books);

class PodLayer {
 public:
  struct Pods {
    absl::btree_set<Ipv4Prefix> added;
    absl::btree_set<Ipv4Prefix> removed;
    [[nodiscard]] bool empty() const { return added.empty() && removed.empty(); }
  };

  // Notes that `pod` is a pod of the namespace from now on, or is none. `in_file`: the file says
  // that it is one. False where the layer said so already.
  bool note(const std::string& name, Ipv4Prefix pod, bool is_pod, bool in_file);
  void clear() { by_namespace_.clear(); }
  // What the layer says of that pod is said no more.
  void forget(const std::string& name, Ipv4Prefix pod);
  // Takes out what is said of namespaces that are not there any more, and gives it.
  PodLayer take_strangers(const NamespaceKeys& namespaces);
  // Says again what was taken out; namespaces of which something is said meanwhile stay as they
  // are.
  void restore(const PodLayer& taken);

  [[nodiscard]] const absl::btree_map<std::string, Pods>& all() const { return by_namespace_; }
  [[nodiscard]] bool empty() const { return by_namespace_.empty(); }
  // Pods added and removed.
  [[nodiscard]] size_t size() const;

 private:
  absl::btree_map<std::string, Pods> by_namespace_;
};

// One pod of the layer that changed, with what PodLayer::note() wants to know.
struct LayerEdit {
  std::string name;
  Ipv4Prefix pod;
  bool is_pod = false;
  bool in_file = false;
};

// One pod of a change; `path` says where the client wrote it.
struct PodEdit {
  std::string name;  // of the namespace
  Ipv4Prefix pod;
  std::string path;
};

// Removals come first, so that a pod can be moved from one namespace to another.
struct PodEdits {
  std::vector<PodEdit> remove;
  std::vector<PodEdit> add;
};

// What edit_pods changed.
struct PodChanges {
  struct Change {
    std::string name;
    OverlayPrefix key;
    NamespaceIndex index = kNoNamespace;
    bool added = false;
  };
  std::vector<Change> changes;
  std::vector<Change> said;  // these and the edits that changed nothing, in their order
  std::vector<config::Diagnostic> errors;  // nothing was changed when there are any
};

// Makes the edits in `inputs`. A pod that is there already, or is not, is left as it is. An error
// is a namespace that is not there, and a pod that is held by another namespace or is a node's own
// address.
PodChanges edit_pods(SourceInputs& inputs, const NamespaceKeys& namespaces, const PodEdits& edits);

// Makes those of the edits that can be made, and gives the others, each with its error.
struct Misfit {
  PodEdit edit;
  config::Diagnostic error;
};
std::vector<Misfit> edit_pods_that_fit(SourceInputs& inputs, const NamespaceKeys& namespaces,
                                       const PodEdits& edits);

// Takes back what edit_pods changed.
void undo_pods(SourceInputs& inputs, const PodChanges& changes);

// The edits that lay the layer over what the file says. `file`: its pods; what the layer removes
// from a namespace that does not have it in this file is no edit.
PodEdits edits_of(const PodLayer& layer, const NamespaceKeys& namespaces,
                  const PrefixMap<NamespaceIndex>& file);
// The edits that take the layer away and leave what the file says.
PodEdits edits_against(const PodLayer& layer, const NamespaceKeys& namespaces,
                       const PrefixMap<NamespaceIndex>& file);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_POD_LAYER_H_
