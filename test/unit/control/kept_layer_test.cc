// The layer of pods over a restart: what the gateway tells its store, when it answers, and what it
// makes of a layer that an earlier process kept.
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/unit/control/worked_gateway.h"

namespace postern {
namespace {

using std::chrono::milliseconds;

// Keeps a layer as a disk would, when it is told to.
class FakeStore : public LayerStore {
 public:
  uint64_t note(std::vector<LayerEdit> edits) override {
    for (const LayerEdit& edit : edits) layer.note(edit.name, edit.pod, edit.is_pod, edit.in_file);
    return ++changes;
  }
  uint64_t replace(PodLayer other) override {
    layer = std::move(other);
    return ++changes;
  }
  void when_kept(uint64_t change, std::function<void(const absl::Status&)> kept) override {
    if (change <= kept_changes) return kept(absl::OkStatus());
    waiting_.push_back(std::move(kept));
  }
  void finish(const absl::Status& status) {
    if (status.ok()) kept_changes = changes;
    while (!waiting_.empty()) {
      const auto kept = std::move(waiting_.front());
      waiting_.pop_front();
      kept(status);
    }
  }

  PodLayer layer;
  uint64_t changes = 0;
  uint64_t kept_changes = 0;

 private:
  std::deque<std::function<void(const absl::Status&)>> waiting_;
};

class NoResolver : public NextHopResolver {
 public:
  void published(const Snapshot&, std::span<const NextHop>) override {}
  void forget(std::span<const NeighbourSlot>) override {}
};

config::Model model_of(const std::string& text) {
  config::LoadResult loaded = config::load_text(text, "text");
  EXPECT_TRUE(loaded.model) << (loaded.errors.empty() ? "" : loaded.errors[0].text());
  return loaded.model ? *loaded.model : config::Model{};
}

Ipv4Prefix prefix(std::string_view text) { return *Ipv4Prefix::parse(text); }

class KeptLayerTest : public ::testing::Test {
 protected:
  std::vector<config::Diagnostic> start(PodLayer kept = {},
                                        const std::string& text = kWorkedConfig) {
    auto left_out = gateway_.start(model_of(text), std::move(kept));
    EXPECT_TRUE(left_out.ok()) << left_out.status();
    settle();
    return left_out.ok() ? *left_out : std::vector<config::Diagnostic>{};
  }
  void settle() {
    loop_.run_helper();
    for (int i = 0; i < 2; ++i) {  // a removal is answered after another burst
      worker_.turn();
      loop_.pass(milliseconds(1));
    }
  }
  void patch(PodPatch request, ChangeOptions options = {}) {
    gateway_.patch(std::move(request), options,
                   [this](ChangeResult result) { answers_.push_back(std::move(result)); });
    settle();
  }
  void apply(const std::string& text) {
    gateway_.apply({true, text}, {},
                   [this](ChangeResult result) { answers_.push_back(std::move(result)); });
    settle();
  }
  std::string owner(std::string_view pod) const {
    const SourceSlot slot = gateway_.snapshot().sources->find(100, *Ipv4Address::parse(pod));
    if (slot == kNoSource) return "off node";
    const NamespaceIndex index = tables_.source_records.load(slot).namespace_index;
    return index == kNoNamespace ? "-" : gateway_.names().namespaces.at(index);
  }
  static PodPatch adding(const char* name, const char* pod) {
    return {.add = {{name, {pod}}}, .remove = {}};
  }

  FakeLoop loop_;
  PublishedSnapshot published_;
  FakeWorker worker_{&published_};
  Publisher publisher_{&loop_, &published_, {&worker_.channel}};
  SharedTables tables_{kMaxSources, kMaxNextHops + kMaxOnLink, kMaxNodes, 7};
  NoResolver resolver_;
  FakeStore store_;
  std::vector<ChangeResult> answers_;
  Gateway gateway_{{.loop = &loop_,
                    .publisher = &publisher_,
                    .tables = &tables_,
                    .resolver = &resolver_,
                    .store = &store_,
                    .machine = {{{0, {}}, {1, {}}}, 7},
                    .on_commit = {}}};
};

TEST_F(KeptLayerTest, APatchIsAnsweredWhenItIsKept) {
  start();
  patch(adding("payments", "10.128.0.70"));
  EXPECT_EQ(owner("10.128.0.70"), "payments") << "in force without waiting for the disk";
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(store_.layer.size(), 1u);
  loop_.pass(milliseconds(40));
  store_.finish(absl::OkStatus());
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_TRUE(answers_[0].status.ok());
  EXPECT_TRUE(answers_[0].warnings.empty());
  EXPECT_LT(answers_[0].visible_after_us, 5000u) << "the disk does not count";
}

TEST_F(KeptLayerTest, WhatCannotBeKeptIsSaidWithTheAnswer) {
  start();
  patch(adding("payments", "10.128.0.70"));
  store_.finish(absl::UnavailableError("the disk is full"));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_TRUE(answers_[0].status.ok()) << "it is in force";
  ASSERT_EQ(answers_[0].warnings.size(), 1u);
  EXPECT_EQ(answers_[0].warnings[0].message,
            "in force, but a restart would lose it: the disk is full");
  EXPECT_EQ(owner("10.128.0.70"), "payments");
}

TEST_F(KeptLayerTest, WhoAsksForWhatIsThereWaitsForTheDiskToo) {
  start();
  patch(adding("payments", "10.128.0.70"));
  patch(adding("payments", "10.128.0.70"));
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(store_.changes, 1u);
  store_.finish(absl::OkStatus());
  EXPECT_EQ(answers_.size(), 2u);
}

TEST_F(KeptLayerTest, WhatTheFileSaysTooIsKeptWhenItIsAskedFor) {
  start();
  patch(adding("payments", "10.128.0.11"));
  patch({.add = {}, .remove = {{"payments", {"10.128.0.77"}}}});
  EXPECT_TRUE(answers_.empty()) << "answered when it is kept";
  EXPECT_EQ(store_.layer.size(), 2u);
  store_.finish(absl::OkStatus());
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[0].changed, 0u);
  EXPECT_EQ(gateway_.generation(), 1u);
  patch(adding("payments", "10.128.0.11"));
  EXPECT_EQ(answers_.size(), 3u);
  EXPECT_EQ(store_.changes, 2u) << "said already";
}

TEST_F(KeptLayerTest, RefusalsAndTrialsDoNotWait) {
  start();
  patch(adding("payments", "10.128.0.70"));
  patch(adding("nobody", "10.128.0.71"));
  patch(adding("payments", "10.128.0.72"), {.dry_run = true});
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_FALSE(answers_[0].status.ok());
  EXPECT_EQ(answers_[1].changed, 1u);
  EXPECT_EQ(store_.changes, 1u) << "neither changed anything";
}

TEST_F(KeptLayerTest, ResetAndVanishingNamespacesAreKept) {
  start();
  patch(adding("payments", "10.128.0.70"));
  patch(adding("shop", "10.128.2.200"));
  EXPECT_EQ(store_.layer.size(), 2u);
  std::string without = kWorkedConfig;
  for (const std::string_view each : {"\"shop\"; pods", "\"shop\" ]"}) {
    without.replace(without.find(each) + 1, 4, "mall");
  }
  apply(without);
  EXPECT_EQ(store_.layer.size(), 1u);
  EXPECT_EQ(store_.layer.all().begin()->first, "payments");
  patch({.add = {}, .remove = {}, .reset = true});
  EXPECT_TRUE(store_.layer.empty());
  store_.finish(absl::OkStatus());
  EXPECT_EQ(answers_.size(), 4u);
}

TEST_F(KeptLayerTest, AKeptLayerIsInForceFromTheStart) {
  PodLayer kept;
  kept.note("payments", prefix("10.128.0.70"), true, false);
  kept.note("payments", prefix("10.128.0.12"), false, true);
  EXPECT_TRUE(start(kept).empty());
  EXPECT_EQ(owner("10.128.0.70"), "payments");
  EXPECT_EQ(owner("10.128.0.11"), "payments");
  EXPECT_EQ(owner("10.128.0.12"), "-");
  EXPECT_EQ(gateway_.layer().size(), 2u);
  EXPECT_EQ(store_.changes, 0u) << "it is kept already";
  patch({.add = {}, .remove = {}, .reset = true});
  EXPECT_EQ(owner("10.128.0.70"), "-");
  EXPECT_EQ(owner("10.128.0.12"), "payments");
}

// What the file says by now does not leave the layer: it would be gone with the next file.
TEST_F(KeptLayerTest, WhatTheFileSaysTooStaysInTheLayer) {
  PodLayer kept;
  kept.note("payments", prefix("10.128.0.11"), true, false);
  EXPECT_TRUE(start(kept).empty());
  EXPECT_EQ(gateway_.layer().size(), 1u);
  EXPECT_EQ(owner("10.128.0.11"), "payments");
}

TEST_F(KeptLayerTest, TheFileHoldsWhereTheLayerDoesNotFitAnyMore) {
  PodLayer kept;
  kept.note("payments", prefix("10.128.2.7"), true, false);   // shop's by now
  kept.note("payments", prefix("10.128.0.70"), true, false);  // fits
  kept.note("shop", prefix("10.128.0.11"), false, true);      // payments' by now: nothing to say
  kept.note("gone", prefix("10.128.0.71"), true, false);
  const std::vector<config::Diagnostic> left_out = start(kept);
  ASSERT_EQ(left_out.size(), 2u);
  EXPECT_EQ(left_out[0].path, "namespaces.gone");
  EXPECT_EQ(left_out[1].path, "namespaces.payments.pods");
  EXPECT_EQ(left_out[1].message,
            "10.128.2.7 overlaps 10.128.2.0/26 of namespace \"shop\": what namespaces.patch set "
            "was dropped");
  EXPECT_EQ(owner("10.128.2.7"), "shop");
  EXPECT_EQ(owner("10.128.0.11"), "payments");
  EXPECT_EQ(owner("10.128.0.70"), "payments");
  EXPECT_EQ(owner("10.128.0.71"), "-");
  EXPECT_EQ(gateway_.layer().size(), 2u);
}

}  // namespace
}  // namespace postern
