// Pods that a configuration names and namespaces.patch keeps out: said where the configuration is
// compared or applied, because nothing else shows it. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_KEPT_OUT_H_
#define POSTERN_CONTROL_APPLY_KEPT_OUT_H_

#include <map>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/model.h"
#include "control/apply/pod_layer.h"

namespace postern {

// What the layer takes out of namespaces, by their names, each list in order. A copy, for threads
// beside the one that the layer belongs to.
using PodsTakenOut = std::map<std::string, std::vector<Ipv4Prefix>>;
PodsTakenOut pods_taken_out(const PodLayer& layer);

// The first pods of the file that are kept out, each with its line, and how many more there are.
std::vector<config::Diagnostic> warn_of_kept_out(const config::Model& file,
                                                 const PodsTakenOut& taken_out);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_KEPT_OUT_H_
