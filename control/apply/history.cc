#include "control/apply/history.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "config/units.h"

namespace postern {
namespace {

constexpr uint64_t kMicroseconds = 1'000'000;

// Seconds that are left, a begun one counted.
uint64_t seconds_left(uint64_t until_us, uint64_t now_us) {
  return until_us <= now_us ? 0 : (until_us - now_us + kMicroseconds - 1) / kMicroseconds;
}

}  // namespace

void History::applied(Step before, bool differs) {
  returned_.clear();
  last_differed_ = differs;
  if (!differs) return;
  steps_.push_back(std::move(before));
  if (steps_.size() > kSteps) steps_.pop_front();
}

History::Wait History::begin_wait(Step before, uint32_t timeout_s, uint64_t now_us) {
  waiting_ = Waiting{.id = ++last_wait_,
                     .before = std::move(before),
                     .has_step = last_differed_,
                     .timeout_s = timeout_s,
                     .until_us = now_us + timeout_s * kMicroseconds};
  return last_wait_;
}

void History::went_back() {
  returned_.clear();
  const bool has_step = !waiting_ || waiting_->has_step;
  if (has_step && !steps_.empty()) steps_.pop_back();
  waiting_.reset();
}

void History::returned(uint64_t generation) {
  const uint32_t timeout_s = waiting_ ? waiting_->timeout_s : 0;
  went_back();
  returned_ =
      absl::StrCat("nobody confirmed the last change within ", config::duration_text(timeout_s),
                   ": the gateway went back to the configuration before, generation ", generation);
}

void History::forget_layers() {
  for (Step& step : steps_) step.gone.clear();
  if (waiting_) waiting_->before.gone.clear();
}

absl::Status History::may_apply(uint64_t now_us) const {
  if (!waiting_) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the last change waits to be confirmed, for ", seconds_left(waiting_->until_us, now_us),
      " s more: posternctl config confirm, or config rollback, first; nothing was changed"));
}

absl::StatusOr<History::Step> History::step_back() const {
  if (waiting_) return waiting_->before;
  if (!steps_.empty()) return steps_.back();
  return absl::FailedPreconditionError(
      absl::StrCat("no earlier configuration is remembered (the last ", kSteps,
                   " since the start are): apply a file, posternctl config apply FILE"));
}

absl::Status History::confirm() {
  if (!waiting_) {
    return absl::FailedPreconditionError("no change waits to be confirmed: nothing is to be done");
  }
  if (waiting_->over) {
    return absl::FailedPreconditionError(
        "too late: the time is over and the gateway goes back; apply the change again");
  }
  waiting_.reset();
  return absl::OkStatus();
}

void History::time_is_over() {
  if (waiting_) waiting_->over = true;
}

std::string History::attention(uint64_t now_us) const {
  if (!waiting_) return returned_;
  if (waiting_->over) return "nobody confirmed the last change: the gateway goes back";
  return absl::StrCat(
      "the last change goes back by itself in ", seconds_left(waiting_->until_us, now_us),
      " s: keep it with posternctl config confirm, or undo it with config rollback");
}

}  // namespace postern
