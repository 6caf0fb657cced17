// Who keeps the layer of pods over a restart. The gateway tells it what changed and answers a
// change when it is kept; that workers have it earlier does not wait for a disk.
#ifndef POSTERN_CONTROL_APPLY_LAYER_STORE_H_
#define POSTERN_CONTROL_APPLY_LAYER_STORE_H_

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "control/apply/pod_layer.h"

namespace postern {

// Control thread.
class LayerStore {
 public:
  virtual ~LayerStore() = default;
  // The layer was changed so, or is another one from now on. Gives the number of the change, which
  // is one more than that of the change before.
  virtual uint64_t note(std::vector<LayerEdit> edits) = 0;
  virtual uint64_t replace(PodLayer layer) = 0;
  // Calls `kept` when the layer is kept with that change and all before it, or when an attempt at
  // that has failed: then with the reason, and others follow. Calls come in the order of the
  // changes. At once where it is kept already.
  virtual void when_kept(uint64_t change, std::function<void(const absl::Status&)> kept) = 0;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_LAYER_STORE_H_
