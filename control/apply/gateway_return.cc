// The gateway's way back: config.rollback, and the return of a change that nobody confirmed. Both
// are transactions like any other, from models that have been in force before. Pods that went from
// the layer with their namespaces come back with them. They are not refused for a pod that
// namespaces.patch gave away meanwhile: it is dropped from the layer.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "control/apply/gateway.h"

namespace postern {
namespace {

// Numbers of removed things are free again after some seconds.
constexpr std::chrono::seconds kTryAgain{1};
// A confirmation that waits behind other changes has its turn before long.
constexpr std::chrono::milliseconds kTurnComes{50};
// Of warnings, in the log; the others are known by their number.
constexpr size_t kMostWarnings = 20;

}  // namespace

void Gateway::note_applied(const History::Step& before, const ConfigDiff& diff,
                           const ChangeOptions& options) {
  history_.applied(before, !diff.empty());
  if (!options.confirm_timeout_s) return;
  const uint32_t timeout_s = *options.confirm_timeout_s;
  const History::Wait wait = history_.begin_wait(before, timeout_s, parts_.loop->now_us());
  parts_.loop->after(std::chrono::seconds(timeout_s), [this, wait] { wait_is_over(wait); });
}

// `wait`: the one that is meant to end by this, or 0.
Gateway::Transaction Gateway::step_back(History::Wait wait) {
  const auto target = std::make_shared<History::Step>();
  return {.plan =
              [this, target] {
                return plan_model(state_, sources_, parts_.machine, target->file, state_.file.get(),
                                  Misfits::kDrop, target->gone);
              },
          .is_small = nullptr,
          .admit = [this, target, wait]() -> absl::Status {
            if (wait != 0 && history_.waiting() != wait) {
              return absl::FailedPreconditionError(
                  "the change that waited was confirmed or undone meanwhile; nothing was changed");
            }
            absl::StatusOr<History::Step> before = history_.step_back();
            if (before.ok()) *target = *before;
            return before.status();
          },
          .committed = [this](const History::Step&, const ConfigDiff&) { history_.went_back(); },
          .options = {},
          .done = nullptr};
}

void Gateway::rollback(ChangeOptions options, Done done) {
  Transaction transaction = step_back(history_.waiting());
  transaction.options = options;
  transaction.done = std::move(done);
  enqueue(std::move(transaction));
}

void Gateway::confirm(Done done) {
  if (history_.is_time_over()) {  // the gateway is about to go back, and that is not waited for
    ChangeResult late;
    late.status = history_.confirm();
    return done(std::move(late));
  }
  enqueue({.plan =
               [this] {
                 Plan plan;
                 plan.refusal.status = history_.confirm();
                 return plan;
               },
           .is_small = [] { return true; },
           .options = {},
           .done = std::move(done),
           .is_confirmation = true});
}

bool Gateway::is_confirmation_queued() const {
  return std::ranges::any_of(queue_, [](const Job& job) { return job->is_confirmation; });
}

void Gateway::wait_is_over(History::Wait wait) {
  if (history_.waiting() != wait) return;
  if (is_confirmation_queued()) {  // it came in time
    parts_.loop->after(kTurnComes, [this, wait] { wait_is_over(wait); });
    return;
  }
  history_.time_is_over();
  return_now(wait);
}

void Gateway::tell_warnings(const std::vector<config::Diagnostic>& warnings) {
  if (!parts_.tell) return;
  for (size_t i = 0; i < std::min(warnings.size(), kMostWarnings); ++i) {
    parts_.tell(warnings[i].text("warning"));
  }
  if (warnings.size() <= kMostWarnings) return;
  parts_.tell(absl::StrCat("and ", warnings.size() - kMostWarnings, " more warnings like these"));
}

// Before all that waits for its turn.
void Gateway::return_now(History::Wait wait) {
  Transaction transaction = step_back(wait);
  transaction.asked_us = parts_.loop->now_us();
  transaction.committed = [this](const History::Step&, const ConfigDiff&) {
    history_.returned(state_.generation);
    if (parts_.tell) parts_.tell(attention());
  };
  transaction.done = [this, wait](const ChangeResult& result) {
    tell_warnings(result.warnings);
    if (result.status.ok() || history_.waiting() != wait) return;
    if (parts_.tell) {
      parts_.tell(absl::StrCat("cannot go back to the configuration before, and tries again: ",
                               result.status.message()));
    }
    parts_.loop->after(kTryAgain, [this, wait] { wait_is_over(wait); });
  };
  queue_.push_front(std::make_shared<Transaction>(std::move(transaction)));
  next();
}

}  // namespace postern
