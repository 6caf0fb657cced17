#include "control/apply/kept_out.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace postern {

PodsTakenOut pods_taken_out(const PodLayer& layer) {
  PodsTakenOut all;
  for (const auto& [name, pods] : layer.all()) {
    if (!pods.removed.empty()) all[name].assign(pods.removed.begin(), pods.removed.end());
  }
  return all;
}

std::vector<config::Diagnostic> warn_of_kept_out(const config::Model& file,
                                                 const PodsTakenOut& taken_out) {
  constexpr size_t kMostNamed = 3;
  std::vector<config::Diagnostic> warnings;
  if (taken_out.empty()) return warnings;
  size_t count = 0;
  for (const config::Namespace& entry : file.namespaces) {
    const auto out = taken_out.find(entry.name.value);
    if (out == taken_out.end()) continue;
    for (const auto& pod : entry.pods) {
      if (!std::binary_search(out->second.begin(), out->second.end(), pod.value)) continue;
      if (count++ >= kMostNamed) continue;
      const std::string text = pod->text();
      const auto& files = file.files.name;
      warnings.push_back(
          {pod.line.file < files.size() ? files[pod.line.file] : "", pod.line.line,
           absl::StrCat("namespaces.", entry.name.value, ".pods"),
           absl::StrCat(text, " stays out: namespaces.patch took it out"),
           absl::StrCat("put it back: posternctl namespace add ", entry.name.value, " ", text)});
    }
  }
  if (count > kMostNamed) {
    warnings.push_back({"", 0, "namespaces",
                        absl::StrCat("... and ", count - kMostNamed, " more of ", count,
                                     " pods of the file that namespaces.patch keeps out"),
                        "{\"reset\": true} of namespaces.patch takes all that it said back"});
  }
  return warnings;
}

}  // namespace postern
