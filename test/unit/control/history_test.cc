// The stack of configurations and the change that waits.
#include "control/apply/history.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace postern {
namespace {

constexpr uint64_t kSecond_us = 1'000'000;

History::Step named(const std::string& name) {
  auto model = std::make_shared<config::Model>();
  model->gateway.name = name;
  return {std::move(model), {}};
}

std::string next_step(const History& history) {
  const auto step = history.step_back();
  return step.ok() ? step->file->gateway.name : "none";
}

TEST(History, RemembersSomeSteps) {
  History history;
  EXPECT_EQ(history.step_back().status().code(), absl::StatusCode::kFailedPrecondition);
  for (int i = 0; i < 12; ++i) history.applied(named(std::to_string(i)), true);
  history.applied(named("the same again"), false);
  for (int i = 11; i > 11 - static_cast<int>(History::kSteps); --i) {
    EXPECT_EQ(next_step(history), std::to_string(i));
    history.went_back();
  }
  EXPECT_EQ(next_step(history), "none");
}

TEST(History, AWaitingChangeKeepsOthersOut) {
  History history;
  EXPECT_TRUE(history.may_apply(0).ok());
  history.applied(named("before"), true);
  history.begin_wait(named("before"), 90, 5 * kSecond_us);
  EXPECT_EQ(history.may_apply(20 * kSecond_us).message(),
            "the last change waits to be confirmed, for 75 s more: posternctl config confirm, or "
            "config rollback, first; nothing was changed");
  EXPECT_NE(history.attention(20 * kSecond_us).find(" in 75 s:"), std::string::npos);
  EXPECT_TRUE(history.confirm().ok());
  EXPECT_TRUE(history.may_apply(20 * kSecond_us).ok());
  EXPECT_EQ(history.attention(20 * kSecond_us), "");
  EXPECT_EQ(next_step(history), "before") << "it can still be undone";
  EXPECT_EQ(history.confirm().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(History, TellsOfAReturnUntilTheNextChange) {
  History history;
  history.applied(named("first"), true);
  history.applied(named("second"), true);
  const History::Wait wait = history.begin_wait(named("second"), 90, 0);
  EXPECT_EQ(history.waiting(), wait);
  history.time_is_over();
  EXPECT_FALSE(history.confirm().ok()) << "too late";
  EXPECT_EQ(next_step(history), "second");
  history.returned(9);
  EXPECT_EQ(history.waiting(), 0u);
  EXPECT_EQ(history.attention(0),
            "nobody confirmed the last change within 1m30s: the gateway went back to the "
            "configuration before, generation 9");
  EXPECT_EQ(next_step(history), "first");
  history.applied(named("third"), true);
  EXPECT_EQ(history.attention(0), "");
}

TEST(History, ReturningFromAChangeThatChangedNothingTakesNoStep) {
  History history;
  history.applied(named("first"), true);
  history.applied(named("same"), false);
  history.begin_wait(named("same"), 5, 0);
  EXPECT_EQ(next_step(history), "same");
  history.returned(3);
  EXPECT_EQ(next_step(history), "first");
}

}  // namespace
}  // namespace postern
