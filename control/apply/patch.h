// Changes of pods (`namespaces.patch`): which edits a patch means, and what they lead to.
//
// A patch is written into tables that all snapshots share (source records and the map that finds
// them), so it costs what its pods cost and not what the configuration costs: no compilation, no
// new snapshot. Only when the map has no room left for new prefixes, another one is built, and the
// snapshot copied to go with it.
//
// Small patches are planned on the control thread, others on the helper thread.
#ifndef POSTERN_CONTROL_APPLY_PATCH_H_
#define POSTERN_CONTROL_APPLY_PATCH_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/apply/transaction.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Pods as the client wrote them, by namespace.
struct PodPatch {
  std::map<std::string, std::vector<std::string>> add;
  std::map<std::string, std::vector<std::string>> remove;
  bool reset = false;  // takes the whole layer away; then the others are empty
};

// Whether planning and committing it is a matter of some milliseconds at most, whatever the
// configuration holds, and whether `map` has room for all that it may add.
bool is_small(const PodPatch& patch, const SourceMap& map);

// What the patch would lead to. `in_force`: the snapshot that was published last. Where nothing is
// refused the edits are made in the state's inputs; undo_pods() takes them back. One of these or of
// the plans of transaction.h at a time.
Plan plan_patch(DesiredState& state, const SourceBook& sources, const MachineFacts& machine,
                const PodPatch& patch, const Snapshot& in_force);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_PATCH_H_
