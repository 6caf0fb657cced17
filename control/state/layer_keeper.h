// Keeps the layer of pods on the disk (state_file.h, state_folder.h), one writing after the other.
//
//   changes noted -> [ those while the disk was busy ] -> one writing for all of them -> answers
//
// The writing happens on the loop's thread for that, with a copy of the layer that only this
// thread touches; the control thread hands over what changed and never waits. A writing that fails
// is tried again, with what was noted meanwhile, until one succeeds; as long as none does,
// attention() says so.
//
// Control thread, where nothing else is said.
#ifndef POSTERN_CONTROL_STATE_LAYER_KEEPER_H_
#define POSTERN_CONTROL_STATE_LAYER_KEEPER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/apply/layer_store.h"
#include "control/apply/loop.h"
#include "control/state/state_folder.h"

namespace postern {

// What an earlier process kept in the folder, nothing where there was none; or why it cannot be
// used, and what to do. Blocks on the disk.
Outcome<PodLayer> read_layer(const StateFolder& folder, std::string_view gateway);

class LayerKeeper : public LayerStore {
 public:
  // `gateway`: gateway.name. `told` is called when writing begins to fail, with the reason, and
  // when it succeeds again. `loop` outlives the keeper and calls nothing after it stopped.
  LayerKeeper(Loop* loop, StateFolder folder, std::string gateway,
              std::function<void(const absl::Status&)> told);

  // The layer as it is before the first change. What the file has beyond that stays there until
  // then: a mistake in the configuration can be mended without loss. `left_out`: how many entries
  // of the file are not in the layer.
  void begin_with(PodLayer layer, size_t left_out) {
    written_->layer = std::move(layer);
    left_out_ = left_out;
  }
  // The operator has changed the configuration since.
  void forget_left_out() { left_out_ = 0; }

  uint64_t note(std::vector<LayerEdit> edits) override;
  uint64_t replace(PodLayer layer) override;
  void when_kept(uint64_t change, std::function<void(const absl::Status&)> kept) override;

  // What an operator should look at, each a sentence.
  [[nodiscard]] std::vector<std::string> attention() const;

  // Writes what is not written yet; at the end, when the loop's threads have stopped.
  absl::Status finish();

 private:
  struct Change {
    std::optional<PodLayer> whole;  // instead of what was
    std::vector<LayerEdit> edits;
  };
  // Handed to the writing thread and back. Outlives the keeper where that thread is at it.
  struct Written {
    Written(StateFolder f, std::string g) : folder(std::move(f)), gateway(std::move(g)) {}
    void take(std::vector<Change> changes);
    void save();

    StateFolder folder;
    std::string gateway;
    PodLayer layer;
    std::vector<Change> changes;  // to be made in the layer first
    absl::Status status;
  };
  struct Waiting {
    uint64_t change = 0;
    std::function<void(const absl::Status&)> kept;
  };

  uint64_t add(Change change);
  void begin();
  void ended();
  void tell(const absl::Status& status);

  Loop* loop_;
  std::shared_ptr<Written> written_;
  std::function<void(const absl::Status&)> told_;
  std::vector<Change> noted_;             // not handed over yet
  uint64_t last_ = 0;                     // number of the change noted last
  uint64_t handed_ = 0;                   // all up to this one were handed over
  uint64_t kept_ = 0;                     // all up to this one are on the disk
  bool busy_ = false;                     // the writing thread has `written_`, or rests
  uint64_t began_us_ = 0;                 // the writing under way
  std::deque<Waiting> waiting_;           // in the order of their changes
  std::optional<std::string> complaint_;  // why what is in force is not kept at present
  size_t left_out_ = 0;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_STATE_LAYER_KEEPER_H_
