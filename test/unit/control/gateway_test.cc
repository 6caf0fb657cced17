// Transactions from end to end, without sockets and EAL: text in, tables and answers out.
#include "control/apply/gateway.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "test/unit/control/gateway_world.h"

namespace postern {
namespace {

using std::chrono::milliseconds;

using GatewayTest = GatewayWorld;

TEST_F(GatewayTest, StartsWithItsFile) {
  EXPECT_EQ(gateway_.generation(), 1u);
  EXPECT_EQ(published_.current()->generation, 1u);
  EXPECT_EQ(owner("10.128.0.11"), "payments");
  EXPECT_EQ(owner("10.128.2.5"), "shop");
  EXPECT_EQ(owner("10.128.0.99"), "-");
  EXPECT_EQ(owner("10.128.0.2"), "") << "platform";
  EXPECT_EQ(resolver_.hops.size(), 3u);
}

TEST_F(GatewayTest, AnswersWhenTheWorkerHasIt) {
  std::optional<ChangeResult> result;
  gateway_.apply({true, head() + kBody}, {}, [&](ChangeResult r) { result = r; });
  loop_.run_helper();
  loop_.pass(milliseconds(30));
  EXPECT_EQ(published_.current()->generation, 2u);
  EXPECT_FALSE(result) << "the worker has not passed to it";
  worker_.turn();
  loop_.pass(milliseconds(1));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->status.ok());
  EXPECT_EQ(result->generation, 2u);
  EXPECT_GE(result->visible_after_us, 30'000u);
}

TEST_F(GatewayTest, ABadFileChangesNothing) {
  const ChangeResult result = apply(head() + "nodes = 7;\n" + kBody);
  EXPECT_EQ(result.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(result.errors.empty());
  EXPECT_EQ(gateway_.generation(), 1u);
  EXPECT_EQ(owner("10.128.0.11"), "payments");
}

TEST_F(GatewayTest, ARestartOnlyDifferenceIsRefusedWithItsList) {
  const ChangeResult result = apply(head("info", "1400") + kBody);
  EXPECT_EQ(result.status.code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(result.errors[0].path, "ports.uplink.mtu");
  EXPECT_NE(result.errors[0].line, 0u);
  EXPECT_EQ(gateway_.generation(), 1u);
  EXPECT_EQ(gateway_.snapshot().ports[1].mtu_bytes, 1500u);
}

TEST_F(GatewayTest, TheLogLevelMayChange) {
  EXPECT_TRUE(apply(head("debug") + kBody).status.ok());
  EXPECT_EQ(levels_, std::vector{config::LogLevel::kDebug});
}

TEST_F(GatewayTest, DryRunsAndStaleGenerationsChangeNothing) {
  EXPECT_TRUE(apply(head() + kBody, {.dry_run = true}).status.ok());
  EXPECT_EQ(gateway_.generation(), 1u);
  const PodPatch one{.add = {{"shop", {"10.128.2.200"}}}, .remove = {}};
  EXPECT_EQ(patch(one, {.dry_run = true}).changed, 1u);
  EXPECT_EQ(owner("10.128.2.200"), "-");
  EXPECT_EQ(patch(one, {.if_generation = 7}).status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(owner("10.128.2.200"), "-");
  EXPECT_EQ(patch(one, {.if_generation = 1}).generation, 2u);
  EXPECT_EQ(owner("10.128.2.200"), "shop");
}

TEST_F(GatewayTest, ARemovedPodIsRetiredBeforeTheAnswer) {
  const SourceSlot slot = slot_of("10.128.0.11");
  std::optional<bool> was_current;
  gateway_.patch(
      {.add = {}, .remove = {{"payments", {"10.128.0.11"}}}}, {},
      [&](const ChangeResult&) { was_current = tables_.source_records.is_current(slot); });
  loop_.run_helper();
  EXPECT_TRUE(tables_.source_records.is_current(slot)) << "a worker may still be using it";
  settle();
  EXPECT_EQ(was_current, false);
  EXPECT_EQ(owner("10.128.0.11"), "-");
}

// The worker may have judged a burst by the record in the moment before, and send it after: the
// answer waits for the next burst, and so do answers that speak of the same.
TEST_F(GatewayTest, ARemovalIsAnsweredWhenTheBurstOfItsMomentIsOver) {
  const SourceSlot slot = slot_of("10.128.0.11");
  const PodPatch removal{.add = {}, .remove = {{"payments", {"10.128.0.11"}}}};
  std::vector<int> order;
  gateway_.patch(removal, {}, [&](const ChangeResult&) { order.push_back(1); });
  gateway_.patch({.add = {{"shop", {"10.128.2.200"}}}, .remove = {}}, {},
                 [&](const ChangeResult&) { order.push_back(2); });
  gateway_.patch(removal, {}, [&](const ChangeResult& r) {
    EXPECT_EQ(r.changed, 0u);
    order.push_back(3);
  });
  worker_.turn();
  loop_.pass(milliseconds(5));
  EXPECT_FALSE(tables_.source_records.is_current(slot));
  EXPECT_TRUE(order.empty()) << "the worker is still in the burst in which it was retired";
  worker_.turn();
  loop_.pass(milliseconds(1));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(GatewayTest, SlotsComeBackAfterAPurge) {
  const SourceSlot slot = slot_of("10.128.0.11");
  remove("payments", {"10.128.0.11"});
  add("payments", {"10.128.0.70"});
  EXPECT_EQ(slot_of("10.128.0.70"), slot);
  EXPECT_EQ(tables_.source_records.load(slot).epoch, 1);
}

TEST_F(GatewayTest, ThePatchIsALayerThatApplyKeeps) {
  EXPECT_EQ(add("payments", {"10.128.0.70", "10.128.0.11"}).changed, 1u) << "one was there";
  EXPECT_EQ(remove("payments", {"10.128.0.12"}).changed, 1u);
  EXPECT_TRUE(apply(head() + kBody).status.ok());
  EXPECT_EQ(owner("10.128.0.70"), "payments");
  EXPECT_EQ(owner("10.128.0.12"), "-");
  EXPECT_EQ(owner("10.128.0.11"), "payments");

  const ChangeResult reset = patch({.add = {}, .remove = {}, .reset = true});
  EXPECT_EQ(reset.changed, 2u);
  EXPECT_EQ(owner("10.128.0.70"), "-");
  EXPECT_EQ(owner("10.128.0.12"), "payments");
  EXPECT_TRUE(gateway_.layer().empty());
}

TEST_F(GatewayTest, APatchThatUndoesItselfLeavesNoLayer) {
  add("payments", {"10.128.0.70"});
  remove("payments", {"10.128.0.70"});
  EXPECT_TRUE(gateway_.layer().empty());
}

// What a patch says holds over later files, also where the file said the same.
TEST_F(GatewayTest, APatchIsRememberedWhereTheFileSaysTheSame) {
  EXPECT_EQ(add("payments", {"10.128.0.11"}).changed, 0u);
  EXPECT_EQ(remove("payments", {"10.128.0.77"}).changed, 0u);
  EXPECT_EQ(gateway_.generation(), 1u) << "nothing changes at present";
  EXPECT_EQ(gateway_.layer().size(), 2u);
  const std::string other =
      replaced(kBody, "\"10.128.0.11\", \"10.128.0.12\"", "\"10.128.0.12\", \"10.128.0.77\"");
  EXPECT_TRUE(apply(head() + other).status.ok());
  EXPECT_EQ(owner("10.128.0.11"), "payments");
  EXPECT_EQ(owner("10.128.0.77"), "-");
  EXPECT_TRUE(patch({.add = {}, .remove = {}, .reset = true}).status.ok());
  EXPECT_EQ(owner("10.128.0.11"), "-");
  EXPECT_EQ(owner("10.128.0.77"), "payments");
}

TEST_F(GatewayTest, WhatIsOnlyTriedIsNotRemembered) {
  patch({.add = {{"payments", {"10.128.0.11"}}}, .remove = {}}, {.dry_run = true});
  patch({.add = {{"payments", {"10.128.0.11", "10.128.2.7"}}}, .remove = {}});  // refused
  EXPECT_TRUE(gateway_.layer().empty());
}

TEST_F(GatewayTest, APodThatWasAddedAgainStaysWhenTheFileDropsIt) {
  remove("payments", {"10.128.0.12"});
  EXPECT_EQ(add("payments", {"10.128.0.12"}).changed, 1u);
  EXPECT_TRUE(apply(head() + replaced(kBody, "\"10.128.0.11\", \"10.128.0.12\"", "\"10.128.0.11\""))
                  .status.ok());
  EXPECT_EQ(owner("10.128.0.12"), "payments");
}

TEST_F(GatewayTest, RefusesStrangersPodsAndUnknownNamespaces) {
  const ChangeResult unknown =
      patch({.add = {{"nobody", {"10.128.0.70"}}, {"payments", {"10.128.0.71"}}}, .remove = {}});
  EXPECT_EQ(unknown.status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(owner("10.128.0.71"), "-") << "nothing changes";
  EXPECT_EQ(add("nobody", {}).status.code(), absl::StatusCode::kNotFound);

  for (const char* pod :
       {"10.128.2.7", "10.128.2.0/24", "10.128.0.2", "10.128.0", "10.128.0.1/24"}) {
    const ChangeResult result = add("payments", {"10.128.0.71", pod});
    EXPECT_EQ(result.status.code(), absl::StatusCode::kInvalidArgument) << pod;
    ASSERT_EQ(result.errors.size(), 1u) << pod;
    EXPECT_EQ(result.errors[0].path, "add.payments[1]");
    EXPECT_EQ(owner("10.128.0.71"), "-") << pod;
  }
  EXPECT_FALSE(remove("shop", {"10.128.0.11"}).status.ok());
  EXPECT_EQ(gateway_.generation(), 1u);
}

TEST_F(GatewayTest, MovesAPodBetweenNamespacesInOneRequest) {
  const ChangeResult result =
      patch({.add = {{"shop", {"10.128.0.11"}}}, .remove = {{"payments", {"10.128.0.11"}}}});
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(owner("10.128.0.11"), "shop");
  // Now the file is in the way of its own layer: it is not, because the layer removed it there.
  EXPECT_TRUE(apply(head() + kBody).status.ok());
  EXPECT_EQ(owner("10.128.0.11"), "shop");
}

TEST_F(GatewayTest, AFileAgainstTheLayerIsRefused) {
  add("payments", {"10.128.0.70"});
  const std::string taken = replaced(kBody, "\"10.128.2.0/26\"", "\"10.128.0.70\"");
  const ChangeResult result = apply(head() + taken);
  EXPECT_EQ(result.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(result.errors[0].path, "namespaces.payments.pods");
  EXPECT_EQ(owner("10.128.2.5"), "shop") << "nothing changed";
}

// The layer removes a pod from one namespace, a later file gives it to another: no contradiction.
TEST_F(GatewayTest, APodThatWasRemovedMayBeAnothersInTheFile) {
  EXPECT_TRUE(remove("payments", {"10.128.0.12"}).status.ok());
  std::string moved = replaced(kBody, "\"10.128.0.11\", \"10.128.0.12\"", "\"10.128.0.11\"");
  moved = replaced(moved, "\"10.128.2.0/26\"", "\"10.128.2.0/26\", \"10.128.0.12\"");
  EXPECT_TRUE(apply(head() + moved).status.ok());
  EXPECT_EQ(owner("10.128.0.12"), "shop");
}

// After a reset the file is what counts, also where it says by now what the layer said.
TEST_F(GatewayTest, AResetLeavesWhatTheFileSaysNow) {
  EXPECT_TRUE(add("payments", {"10.128.0.77"}).status.ok());
  EXPECT_TRUE(remove("payments", {"10.128.0.12"}).status.ok());
  const std::string grown =
      replaced(kBody, "\"10.128.0.11\", \"10.128.0.12\"", "\"10.128.0.11\", \"10.128.0.77\"");
  EXPECT_TRUE(apply(head() + grown).status.ok());
  EXPECT_TRUE(patch({.add = {}, .remove = {}, .reset = true}).status.ok());
  EXPECT_EQ(owner("10.128.0.77"), "payments");
  EXPECT_EQ(owner("10.128.0.12"), "-");
  EXPECT_TRUE(gateway_.layer().empty());
}

TEST_F(GatewayTest, ANamespaceTakesItsLayerAlong) {
  add("shop", {"10.128.2.200"});
  std::string without = replaced(kBody, "{ name = \"shop\"; pods = [ \"10.128.2.0/26\" ]; }",
                                 "{ name = \"other\"; pods = [ \"10.128.2.0/26\" ]; }");
  without = replaced(without, "namespaces = [ \"shop\" ]", "namespaces = [ \"other\" ]");
  const ChangeResult result = apply(head() + without);
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.warnings.size(), 1u);
  EXPECT_TRUE(gateway_.layer().empty());
  EXPECT_EQ(owner("10.128.2.5"), "other");
  EXPECT_EQ(owner("10.128.2.200"), "-");
}

TEST_F(GatewayTest, NextHopsAreForgottenWhenNobodyUsesThem) {
  const std::string one_node = replaced(kBody, R"(,
  { name = "node-2"; tunnel = "overlay"; vtep = "10.0.0.2"; pod_cidrs = [ "10.128.2.0/23" ]; })",
                                        "");
  const auto gone = gateway_.books().next_hops.find(NeighbourKey{0, address("10.0.0.2")}.packed());
  ASSERT_TRUE(gone);
  gateway_.apply({true, head() + one_node}, {}, {});
  loop_.run_helper();
  EXPECT_TRUE(resolver_.forgotten.empty()) << "workers still have the old snapshot";
  settle();
  EXPECT_EQ(resolver_.forgotten, std::vector<NeighbourSlot>{*gone});
  EXPECT_EQ(owner("10.128.2.5"), "off node");
}

TEST_F(GatewayTest, APatchNeedsNoNewSnapshot) {
  const Snapshot* before = published_.current();
  EXPECT_EQ(add("payments", {"10.128.0.70"}).generation, 2u);
  EXPECT_EQ(published_.current(), before);
  EXPECT_EQ(published_.generation(), 2u);
  EXPECT_EQ(owner("10.128.0.70"), "payments");
}

TEST_F(GatewayTest, PatchesDoNotWaitForTheWorkersOneByOne) {
  std::vector<uint64_t> generations;
  for (const char* pod : {"10.128.0.70", "10.128.0.71", "10.128.0.72"}) {
    gateway_.patch({.add = {{"payments", {pod}}}, .remove = {}}, {},
                   [&](const ChangeResult& r) { generations.push_back(r.generation); });
  }
  EXPECT_EQ(published_.generation(), 4u) << "committed at once";
  loop_.pass(milliseconds(5));
  EXPECT_TRUE(generations.empty()) << "but the worker is still in an older turn";
  worker_.turn();
  loop_.pass(milliseconds(1));
  EXPECT_EQ(generations, (std::vector<uint64_t>{2, 3, 4}));
}

// Who asks for what another client just changed is told "it is so" only when the workers know it.
TEST_F(GatewayTest, WhatChangesNothingIsAnsweredAfterWhatDid) {
  std::vector<int> order;
  const PodPatch one{.add = {{"shop", {"10.128.2.200"}}}, .remove = {}};
  gateway_.patch(one, {}, [&](const ChangeResult& r) {
    EXPECT_EQ(r.changed, 1u);
    order.push_back(1);
  });
  gateway_.patch(one, {}, [&](const ChangeResult& r) {
    EXPECT_EQ(r.changed, 0u);
    EXPECT_EQ(r.generation, 2u);
    order.push_back(2);
  });
  gateway_.patch(one, {.if_generation = 1}, [&](const ChangeResult& r) {
    EXPECT_EQ(r.status.code(), absl::StatusCode::kFailedPrecondition);
    order.push_back(3);
  });
  loop_.pass(milliseconds(5));
  EXPECT_TRUE(order.empty()) << "the worker has none of it";
  settle();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

// What a large patch finds is planned beside the event loop, and means the same.
TEST_F(GatewayTest, LargePatchesArePlannedOnTheHelperThread) {
  gateway_.patch({.add = {{"payments", {"10.128.0.0/16"}}}, .remove = {}}, {}, {});
  EXPECT_EQ(gateway_.generation(), 1u) << "the helper has not run";
  gateway_.patch({.add = {{"payments", {"10.128.0.70"}}}, .remove = {}}, {}, {});
  EXPECT_EQ(gateway_.generation(), 1u) << "in its turn";
  settle();
  EXPECT_EQ(gateway_.generation(), 2u) << "the first overlaps what is shop's";
  EXPECT_EQ(owner("10.128.0.70"), "payments");
  EXPECT_EQ(owner("10.128.0.71"), "-");
}

// More new pods than the map has cells for: it is built anew, and nothing else is.
TEST_F(GatewayTest, TheMapGrowsWithTheSnapshotAsItWas) {
  const size_t namespaces = published_.current()->policy.egress.namespaces.size();
  for (uint32_t i = 0; i < 6000; ++i) {
    const std::string pod = Ipv4Address{(10u << 24) + (144u << 16) + i}.text();
    ASSERT_EQ(add("payments", {pod}).changed, 1u) << pod;
    ASSERT_EQ(owner(pod), "payments") << pod;
  }
  EXPECT_GT(published_.current()->generation, 1u) << "another one came with the map";
  EXPECT_EQ(published_.current()->policy.egress.namespaces.size(), namespaces);
  EXPECT_EQ(published_.current()->shared, &tables_);
  EXPECT_NE(published_.current()->local(address("192.0.2.50")), nullptr);
  EXPECT_EQ(gateway_.generation(), 6001u);
  EXPECT_EQ(owner("10.128.0.11"), "payments");
  EXPECT_EQ(resolver_.generations.size(), 1u) << "next hops are as they were";
}

TEST_F(GatewayTest, TransactionsAreTakenInTheirOrder) {
  std::vector<int> order;
  gateway_.apply({true, head() + kBody}, {}, [&](const ChangeResult&) { order.push_back(1); });
  gateway_.patch({.add = {{"shop", {"10.128.2.200"}}}, .remove = {}}, {},
                 [&](const ChangeResult&) { order.push_back(2); });
  gateway_.apply({true, "nonsense"}, {}, [&](const ChangeResult&) { order.push_back(3); });
  for (int i = 0; i < 4; ++i) settle();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(gateway_.generation(), 3u);
}

// 1,000 pods in one patch, again and again: slots and map come back, nothing grows.
TEST_F(GatewayTest, ChurnGivesBackWhatItTakes) {
  for (int round = 0; round < 30; ++round) {
    PodPatch come;
    PodPatch go;
    for (uint32_t i = 0; i < 200; ++i) {
      const std::string pod = Ipv4Address{(10u << 24) + (128u << 16) + (1u << 8) + i}.text();
      come.add["payments"].push_back(pod);
      go.remove["payments"].push_back(pod);
    }
    EXPECT_EQ(patch(come).changed, 200u);
    EXPECT_EQ(owner("10.128.1.7"), "payments");
    EXPECT_EQ(patch(go).changed, 200u);
  }
  EXPECT_EQ(owner("10.128.1.7"), "-");
  add("payments", {"10.128.1.7"});
  EXPECT_LT(slot_of("10.128.1.7"), 512u) << "slots are reused";
}

}  // namespace
}  // namespace postern
