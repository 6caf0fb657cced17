#include "control/apply/pod_layer.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "control/apply/networks.h"

namespace postern {
namespace {

// Makes one list of edits after the other; names are needed for errors only.
class PodEditor {
 public:
  PodEditor(SourceInputs& inputs, const NamespaceKeys& namespaces)
      : inputs_(inputs), namespaces_(namespaces) {}

  void remove(const PodEdit& edit) {
    const NamespaceKey* key = namespace_of(edit);
    if (key == nullptr) return;
    const OverlayPrefix pod{key->network, edit.pod};
    const NamespaceIndex* owner = inputs_.pods.find(pod);
    if (owner != nullptr && *owner != key->index) return refuse_removal(edit, *owner);
    note({edit.name, pod, key->index, false}, inputs_.pods.erase(pod));
  }

  void add(const PodEdit& edit) {
    const NamespaceKey* key = namespace_of(edit);
    if (key == nullptr) return;
    const OverlayPrefix pod{key->network, edit.pod};
    if (inputs_.platform.find({network_behind(pod.network), pod.prefix}) != nullptr) {
      return fault(edit, absl::StrCat(edit.pod.text(), " is a node's own address"),
                   "a node's own address cannot be a pod's");
    }
    for (const NetworkId network : networks_around(pod.network)) {
      const Entry* other = stranger({network, pod.prefix}, key->index);
      if (other != nullptr) return refuse(edit, other->first, other->second);
    }
    note({edit.name, pod, key->index, true}, inputs_.pods.insert(pod, key->index));
  }

  [[nodiscard]] std::vector<config::Diagnostic>& errors() { return out_.errors; }

  PodChanges finish() {
    if (!out_.errors.empty()) {
      undo_pods(inputs_, out_);
      out_.changes.clear();
      out_.said.clear();
    }
    return std::move(out_);
  }

 private:
  using Entry = PrefixMap<NamespaceIndex>::Entry;

  void note(PodChanges::Change change, bool changed) {
    if (changed) out_.changes.push_back(change);
    out_.said.push_back(std::move(change));
  }

  const NamespaceKey* namespace_of(const PodEdit& edit) {
    const auto found = namespaces_.find(edit.name);
    if (found != namespaces_.end()) return &found->second;
    fault(edit, absl::StrCat("there is no namespace \"", edit.name, "\""),
          "namespaces are made in the configuration file");
    return nullptr;
  }

  // Where else the pods of a network could be another's: those of a narrow network and of the wide
  // one behind it are told apart by their addresses alone.
  std::vector<NetworkId> networks_around(NetworkId network) {
    if (is_narrow(network)) return {network, network_behind(network)};
    std::vector<NetworkId> around{network};
    if (is_fixed(network)) return around;
    if (!narrow_) {
      narrow_.emplace();
      for (const auto& [name, key] : namespaces_) {
        if (is_narrow(key.network)) narrow_->insert(key.network);
      }
    }
    for (const NetworkId each : *narrow_) {
      if (network_behind(each) == network) around.push_back(each);
    }
    return around;
  }

  // What another namespace has around the pod, or within it.
  const Entry* stranger(const OverlayPrefix& pod, NamespaceIndex own) const {
    const Entry* holder = inputs_.pods.holding(pod);
    if (holder != nullptr && holder->second != own) return holder;
    if (pod.prefix.length == 32) return nullptr;
    OverlayPrefix found;
    bool any = false;
    inputs_.pods.for_each_within(pod, [&](const OverlayPrefix& key, NamespaceIndex owner) {
      if (owner == own || any) return;
      found = key;
      any = true;
    });
    return any ? inputs_.pods.holding(found) : nullptr;
  }

  void refuse(const PodEdit& edit, const OverlayPrefix& held, NamespaceIndex owner) {
    const std::string& name = name_of(owner);
    const char* relation = held.prefix == edit.pod ? " belongs to" : " overlaps ";
    const std::string whose =
        held.prefix == edit.pod ? "" : absl::StrCat(held.prefix.text(), " of");
    fault(edit, absl::StrCat(edit.pod.text(), relation, whose, " namespace \"", name, "\""),
          absl::StrCat("remove it there first: posternctl namespace remove ", name, " ",
                       held.prefix.text(), "; or in the same request of namespaces.patch"));
  }

  void refuse_removal(const PodEdit& edit, NamespaceIndex owner) {
    const std::string& name = name_of(owner);
    fault(edit, absl::StrCat(edit.pod.text(), " belongs to namespace \"", name, "\""),
          absl::StrCat("nothing to remove; of that namespace: posternctl namespace remove ", name,
                       " ", edit.pod.text()));
  }

  const std::string& name_of(NamespaceIndex index) {
    if (names_.empty()) {
      for (const auto& [name, key] : namespaces_) names_.emplace(key.index, name);
    }
    return names_[index];
  }

  void fault(const PodEdit& edit, std::string message, std::string hint) {
    out_.errors.push_back({"", 0, edit.path, std::move(message), std::move(hint)});
  }

  SourceInputs& inputs_;
  const NamespaceKeys& namespaces_;
  std::optional<absl::btree_set<NetworkId>> narrow_;        // filled when one is asked for
  absl::flat_hash_map<NamespaceIndex, std::string> names_;  // filled when an error needs one
  PodChanges out_;
};

}  // namespace

NamespaceKeys namespace_keys(const config::Model& model, const Books& books) {
  const Networks networks(model, books);
  NamespaceKeys keys;
  for (const config::Namespace& entry : model.namespaces) {
    const std::string& name = entry.name.value;
    keys.emplace(
        name, NamespaceKey{books.namespaces.find(name).value_or(kNoNamespace), networks.of(entry)});
  }
  return keys;
}

bool PodLayer::note(const std::string& name, Ipv4Prefix pod, bool is_pod, bool in_file) {
  Pods& pods = by_namespace_[name];
  auto& before = is_pod ? pods.removed : pods.added;
  auto& now = is_pod ? pods.added : pods.removed;
  const bool was_otherwise = before.erase(pod) != 0;
  const bool taken_back = !is_pod && was_otherwise && !in_file;
  const bool changed = (!taken_back && now.insert(pod).second) || was_otherwise;
  if (pods.empty()) by_namespace_.erase(name);
  return changed;
}

void PodLayer::forget(const std::string& name, Ipv4Prefix pod) {
  const auto found = by_namespace_.find(name);
  if (found == by_namespace_.end()) return;
  found->second.added.erase(pod);
  found->second.removed.erase(pod);
  if (found->second.empty()) by_namespace_.erase(found);
}

PodLayer PodLayer::take_strangers(const NamespaceKeys& namespaces) {
  PodLayer taken;
  for (auto at = by_namespace_.begin(); at != by_namespace_.end();) {
    if (namespaces.contains(at->first)) {
      ++at;
      continue;
    }
    taken.by_namespace_.emplace(at->first, std::move(at->second));
    at = by_namespace_.erase(at);
  }
  return taken;
}

void PodLayer::restore(const PodLayer& taken) {
  by_namespace_.insert(taken.by_namespace_.begin(), taken.by_namespace_.end());
}

size_t PodLayer::size() const {
  size_t pods = 0;
  for (const auto& [name, each] : by_namespace_) pods += each.added.size() + each.removed.size();
  return pods;
}

PodChanges edit_pods(SourceInputs& inputs, const NamespaceKeys& namespaces, const PodEdits& edits) {
  PodEditor editor(inputs, namespaces);
  for (const PodEdit& edit : edits.remove) editor.remove(edit);
  for (const PodEdit& edit : edits.add) editor.add(edit);
  return editor.finish();
}

std::vector<Misfit> edit_pods_that_fit(SourceInputs& inputs, const NamespaceKeys& namespaces,
                                       const PodEdits& edits) {
  PodEditor editor(inputs, namespaces);
  std::vector<Misfit> misfits;
  const auto judge = [&](const PodEdit& edit) {
    if (editor.errors().empty()) return;
    misfits.push_back({edit, std::move(editor.errors().front())});
    editor.errors().clear();
  };
  for (const PodEdit& edit : edits.remove) {
    editor.remove(edit);
    judge(edit);
  }
  for (const PodEdit& edit : edits.add) {
    editor.add(edit);
    judge(edit);
  }
  return misfits;
}

void undo_pods(SourceInputs& inputs, const PodChanges& changes) {
  for (auto at = changes.changes.rbegin(); at != changes.changes.rend(); ++at) {
    if (at->added) {
      inputs.pods.erase(at->key);
    } else {
      inputs.pods.insert(at->key, at->index);
    }
  }
}

namespace {

// What the layer changes in what the file says: pods it removes that are in the file, pods it adds
// that are not.
PodEdits differences(const PodLayer& layer, const NamespaceKeys& namespaces,
                     const PrefixMap<NamespaceIndex>& file) {
  PodEdits edits;
  for (const auto& [name, pods] : layer.all()) {
    const auto found = namespaces.find(name);
    if (found == namespaces.end()) continue;
    const NamespaceKey key = found->second;
    const auto in_file = [&](const Ipv4Prefix& pod) {
      const NamespaceIndex* owner = file.find({key.network, pod});
      return owner != nullptr && *owner == key.index;
    };
    const std::string path = absl::StrCat("namespaces.", name, ".pods");
    for (const Ipv4Prefix& pod : pods.removed) {
      if (in_file(pod)) edits.remove.push_back({name, pod, path});
    }
    for (const Ipv4Prefix& pod : pods.added) {
      if (!in_file(pod)) edits.add.push_back({name, pod, path});
    }
  }
  return edits;
}

}  // namespace

PodEdits edits_of(const PodLayer& layer, const NamespaceKeys& namespaces,
                  const PrefixMap<NamespaceIndex>& file) {
  return differences(layer, namespaces, file);
}

PodEdits edits_against(const PodLayer& layer, const NamespaceKeys& namespaces,
                       const PrefixMap<NamespaceIndex>& file) {
  PodEdits edits = differences(layer, namespaces, file);
  std::swap(edits.remove, edits.add);
  return edits;
}

}  // namespace postern
