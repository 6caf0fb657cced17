#include "control/state/layer_keeper.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "control/state/state_file.h"

namespace postern {
namespace {

// Between two attempts when nothing new is noted.
constexpr std::chrono::seconds kTryAgain{1};
// After a writing the thread rests for as long as it took, so that it never takes more than half of
// a CPU from others, but no longer than this.
constexpr std::chrono::microseconds kLongestRest{50'000};

}  // namespace

Outcome<PodLayer> read_layer(const StateFolder& folder, std::string_view gateway) {
  const std::string file = folder.file();
  const std::string advice =
      "to start with the configuration file alone: mv " + file + " " + file + ".bad";
  absl::StatusOr<std::optional<std::string>> text = folder.read();
  if (!text.ok()) return Complaint{absl::StrCat(file, ": ", text.status().message()), advice};
  if (!*text) return PodLayer();
  absl::StatusOr<PodLayer> layer = read_state(**text, gateway);
  if (layer.ok()) return *std::move(layer);
  const std::string why(layer.status().message());
  const bool has_line = !why.empty() && why[0] >= '0' && why[0] <= '9';
  return Complaint{absl::StrCat(file, has_line ? ":" : ": ", why), advice};
}

void LayerKeeper::Written::take(std::vector<Change> noted) {
  changes.insert(changes.end(), std::make_move_iterator(noted.begin()),
                 std::make_move_iterator(noted.end()));
}

void LayerKeeper::Written::save() {
  for (Change& change : changes) {
    if (change.whole) layer = *std::move(change.whole);
    for (const LayerEdit& edit : change.edits) {
      layer.note(edit.name, edit.pod, edit.is_pod, edit.in_file);
    }
  }
  changes.clear();
  status = folder.write(write_state(gateway, layer));
}

LayerKeeper::LayerKeeper(Loop* loop, StateFolder folder, std::string gateway,
                         std::function<void(const absl::Status&)> told)
    : loop_(loop),
      written_(std::make_shared<Written>(std::move(folder), std::move(gateway))),
      told_(std::move(told)) {}

uint64_t LayerKeeper::note(std::vector<LayerEdit> edits) {
  return add({.whole = std::nullopt, .edits = std::move(edits)});
}

uint64_t LayerKeeper::replace(PodLayer layer) {
  return add({.whole = std::move(layer), .edits = {}});
}

uint64_t LayerKeeper::add(Change change) {
  noted_.push_back(std::move(change));
  ++last_;
  if (!busy_) begin();
  return last_;
}

void LayerKeeper::when_kept(uint64_t change, std::function<void(const absl::Status&)> kept) {
  if (change <= kept_) return kept(absl::OkStatus());
  waiting_.push_back({change, std::move(kept)});
}

void LayerKeeper::begin() {
  busy_ = true;
  handed_ = last_;
  began_us_ = loop_->now_us();
  written_->take(std::move(noted_));
  noted_.clear();
  loop_->write_beside([written = written_] { written->save(); }, [this] { ended(); });
}

void LayerKeeper::ended() {
  const absl::Status status = written_->status;
  if (status.ok()) kept_ = handed_;
  tell(status);
  while (!waiting_.empty() && waiting_.front().change <= handed_) {
    const Waiting done = std::move(waiting_.front());
    waiting_.pop_front();
    done.kept(status);
  }
  const std::chrono::microseconds took{loop_->now_us() - began_us_};
  const bool again = !status.ok() && last_ == handed_;
  loop_->after(again ? kTryAgain : std::min(took, kLongestRest), [this] {
    busy_ = false;
    if (kept_ < last_) begin();
  });
}

void LayerKeeper::tell(const absl::Status& status) {
  if (status.ok() == !complaint_.has_value()) return;
  if (status.ok()) {
    complaint_.reset();
  } else {
    complaint_ = std::string(status.message());
  }
  if (told_) told_(status);
}

std::vector<std::string> LayerKeeper::attention() const {
  std::vector<std::string> texts;
  if (complaint_) {
    texts.push_back("a restart would lose pods set by namespaces.patch: " + *complaint_ +
                    "; the gateway goes on trying");
  }
  if (left_out_ != 0) {
    texts.push_back(absl::StrCat(
        left_out_, left_out_ == 1 ? " entry" : " entries",
        " of the pods kept in gateway.state_dir did not fit the configuration at the start and ",
        left_out_ == 1 ? "was" : "were", " left out: see the log, patch or apply what is meant"));
  }
  return texts;
}

absl::Status LayerKeeper::finish() {
  if (kept_ == last_) return absl::OkStatus();
  written_->take(std::move(noted_));
  noted_.clear();
  written_->save();
  if (written_->status.ok()) kept_ = last_;
  return written_->status;
}

}  // namespace postern
