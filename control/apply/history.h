// The way back: configurations that were in force before, and the change that waits to be
// confirmed, if there is one.
//
//   config.apply      puts the configuration before on the stack, with the pods of the layer that
//                     went with their namespaces (one that changes nothing is not put there)
//   config.rollback   goes to the top of the stack and takes it off; a rollback is not put on it
//   confirm_timeout   the change waits; until it is confirmed no other one is applied, and when the
//                     time is over the gateway goes back to the configuration before
//
// What is in force is not known here: whoever changes it says so. Time is an argument. Control
// thread.
#ifndef POSTERN_CONTROL_APPLY_HISTORY_H_
#define POSTERN_CONTROL_APPLY_HISTORY_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "config/model.h"
#include "control/apply/pod_layer.h"

namespace postern {

class History {
 public:
  // A configuration that was in force, and what the change from it took out of the layer of pods.
  struct Step {
    std::shared_ptr<const config::Model> file;
    PodLayer gone;
  };
  static constexpr size_t kSteps = 8;

  // Names a wait for confirmation; 0: none.
  using Wait = uint64_t;

  // config.apply came into force in place of `before`. `differs`: from it.
  void applied(Step before, bool differs);
  // The change that was just applied waits for its confirmation; `before` as there.
  Wait begin_wait(Step before, uint32_t timeout_s, uint64_t now_us);
  // The gateway went back one step: what step_back() gave is in force.
  void went_back();
  // It did so because nobody confirmed; `generation` is that of the step.
  void returned(uint64_t generation);
  // The operator took the whole layer away: no step brings a pod of it back.
  void forget_layers();

  // FailedPrecondition while a change waits: no other one may be applied.
  [[nodiscard]] absl::Status may_apply(uint64_t now_us) const;
  // Where one step leads; FailedPrecondition where no earlier configuration is remembered.
  [[nodiscard]] absl::StatusOr<Step> step_back() const;
  // The wait that is on.
  [[nodiscard]] Wait waiting() const { return waiting_ ? waiting_->id : 0; }

  // The change stays. FailedPrecondition where none waits, or its time is over.
  absl::Status confirm();
  // Its time is over: it cannot be confirmed any more.
  void time_is_over();
  [[nodiscard]] bool is_time_over() const { return waiting_ && waiting_->over; }

  // What the operator should know, a sentence; empty: nothing.
  [[nodiscard]] std::string attention(uint64_t now_us) const;

 private:
  struct Waiting {
    Wait id = 0;
    Step before;
    bool has_step = false;  // it is on top of the stack, too
    uint32_t timeout_s = 0;
    uint64_t until_us = 0;
    bool over = false;
  };

  std::deque<Step> steps_;  // the last one is the top
  std::optional<Waiting> waiting_;
  Wait last_wait_ = 0;
  bool last_differed_ = false;  // the last config.apply
  std::string returned_;        // what became of the last change, until the next one
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_HISTORY_H_
