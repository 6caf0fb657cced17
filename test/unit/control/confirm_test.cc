// config.confirm among other changes: it means the change before it, and ends one wait, once.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "test/unit/control/gateway_world.h"

namespace postern {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ConfirmTest : public GatewayWorld {
 protected:
  // Asked for, not worked on: what the helper thread has to do waits for settle().
  void ask_apply(std::string_view address) {
    gateway_.apply({true, head() + replaced(kBody, "192.0.2.50", address)},
                   {.confirm_timeout_s = 2}, note("apply"));
  }
  void ask_confirm() { gateway_.confirm(note("confirm")); }
  void ask_rollback() { gateway_.rollback({}, note("rollback")); }
  // A change that the helper thread plans.
  void ask_slow_patch() {
    gateway_.patch({.add = {}, .remove = {}, .reset = true}, {}, note("patch"));
  }

  Gateway::Done note(const std::string& what) {
    return [this, what](const ChangeResult& result) {
      answers_.push_back(what + (result.status.ok() ? "" : " refused"));
      last_ = std::string(result.status.message());
    };
  }
  std::string address_in_force() { return gateway_.file().egress_ips[0].addresses[0].value.text(); }
  void pass(seconds time) {
    for (seconds at{0}; at < time; at += seconds(1)) {
      settle();
      loop_.pass(seconds(1));
      settle();
    }
  }

  std::vector<std::string> answers_;
  std::string last_;
};

using Answers = std::vector<std::string>;

TEST_F(ConfirmTest, MeansTheApplyThatIsStillBeingPlanned) {
  ask_apply("192.0.2.51");
  ask_confirm();
  EXPECT_TRUE(answers_.empty());
  settle();
  EXPECT_EQ(answers_, (Answers{"apply", "confirm"}));
  pass(seconds(5));
  EXPECT_EQ(address_in_force(), "192.0.2.51");
  EXPECT_EQ(gateway_.attention(), "");
}

TEST_F(ConfirmTest, OfAnApplyThatIsRefusedIsRefusedToo) {
  gateway_.apply({true, "version = 1;"}, {.confirm_timeout_s = 2}, note("apply"));
  ask_confirm();
  settle();
  EXPECT_EQ(answers_, (Answers{"apply refused", "confirm refused"}));
  EXPECT_EQ(last_, "no change waits to be confirmed: nothing is to be done");
}

TEST_F(ConfirmTest, LetsTheNextOneBeApplied) {
  ask_apply("192.0.2.51");
  ask_apply("192.0.2.52");  // while the first one waits
  ask_confirm();
  ask_apply("192.0.2.53");
  settle();
  EXPECT_EQ(answers_, (Answers{"apply", "apply refused", "confirm", "apply"}));
  EXPECT_EQ(address_in_force(), "192.0.2.53");
  pass(seconds(3));
  EXPECT_EQ(address_in_force(), "192.0.2.51") << "the second was not confirmed";
}

TEST_F(ConfirmTest, BehindARollbackHasNothingToConfirm) {
  ask_apply("192.0.2.51");
  settle();
  ask_rollback();
  ask_confirm();
  settle();
  EXPECT_EQ(answers_, (Answers{"apply", "rollback", "confirm refused"}));
  EXPECT_EQ(address_in_force(), "192.0.2.50");
}

TEST_F(ConfirmTest, WhileTheReturnIsPlannedIsTooLate) {
  ask_apply("192.0.2.51");
  settle();
  loop_.pass(seconds(3));  // the return waits for the helper thread
  ask_confirm();
  EXPECT_EQ(answers_, (Answers{"apply", "confirm refused"}));
  EXPECT_EQ(last_, "too late: the time is over and the gateway goes back; apply the change again");
  settle();
  EXPECT_EQ(address_in_force(), "192.0.2.50");
  EXPECT_NE(gateway_.attention().find("went back"), std::string::npos) << gateway_.attention();
}

TEST_F(ConfirmTest, InTimeCountsThoughItsTurnComesLater) {
  ask_apply("192.0.2.51");
  settle();
  add("payments", {"10.128.0.70"});
  ask_slow_patch();
  ask_confirm();
  loop_.pass(seconds(3));
  EXPECT_EQ(answers_, (Answers{"apply"})) << "the patch is still being planned";
  settle();
  EXPECT_EQ(answers_, (Answers{"apply", "patch", "confirm"}));
  pass(seconds(3));
  EXPECT_EQ(address_in_force(), "192.0.2.51");
}

TEST_F(ConfirmTest, BehindAnotherConfirmationIsRefused) {
  ask_apply("192.0.2.51");
  ask_confirm();
  ask_confirm();
  settle();
  EXPECT_EQ(answers_, (Answers{"apply", "confirm", "confirm refused"}));
}

}  // namespace
}  // namespace postern
