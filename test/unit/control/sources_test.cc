// The book of source records, against the definition of who owns an address.
#include "control/apply/sources.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string_view>

namespace postern {
namespace {

constexpr uint32_t kVni = 100;

Ipv4Prefix prefix(std::string_view text) { return *Ipv4Prefix::parse(text); }
Ipv4Address address(std::string_view text) { return *Ipv4Address::parse(text); }
OverlayPrefix key(std::string_view text) { return {kVni, prefix(text)}; }

// A book with its records and the map that workers would read.
class SourceBookTest : public ::testing::Test {
 protected:
  // Plans, applies and retires as a transaction does; gives what was planned.
  SourceChange apply_all() { return apply(*book_.plan(inputs_)); }

  SourceChange apply(const SourceChange& change) {
    book_.prepare(change);
    map_ = book_.build_map(change, 7);
    book_.commit(change);
    book_.retire(change.retired);
    return change;
  }

  SourceRecord lookup(std::string_view text) const {
    const SourceSlot slot = map_->find(kVni, address(text));
    return slot == kNoSource ? SourceRecord{} : records_.load(slot);
  }

  SourceRecords records_{4096};
  SourceBook book_{&records_};
  SourceInputs inputs_;
  std::shared_ptr<SourceMap> map_;
};

TEST_F(SourceBookTest, BindsPodsToTheNodeThatHoldsThem) {
  inputs_.cidrs.insert(key("10.128.0.0/23"), 3);
  inputs_.pods.insert(key("10.128.0.11"), 5);
  inputs_.platform.insert(key("10.0.0.1"), 3);
  apply_all();
  EXPECT_EQ(lookup("10.128.0.11"), (SourceRecord{3, 5, 0}));
  EXPECT_EQ(lookup("10.128.0.12"), (SourceRecord{3, kNoNamespace, 0}));
  EXPECT_EQ(lookup("10.0.0.1"), (SourceRecord{3, kPlatform, 0}));
  EXPECT_EQ(map_->find(kVni, address("10.0.0.2")), kNoSource);
  EXPECT_EQ(map_->find(kVni + 1, address("10.128.0.11")), kNoSource);
}

TEST_F(SourceBookTest, SplitsANamespacePrefixOverNodes) {
  inputs_.cidrs.insert(key("10.128.0.0/24"), 1);
  inputs_.cidrs.insert(key("10.128.1.0/24"), 2);
  inputs_.pods.insert(key("10.128.0.0/16"), 5);
  apply_all();
  EXPECT_EQ(lookup("10.128.0.9"), (SourceRecord{1, 5, 0}));
  EXPECT_EQ(lookup("10.128.1.9"), (SourceRecord{2, 5, 0}));
  EXPECT_EQ(map_->find(kVni, address("10.128.2.9")), kNoSource) << "on no node";
}

TEST_F(SourceBookTest, APodThatMovesIsFoundOnItsNewNode) {
  inputs_.cidrs.insert(key("10.128.0.0/24"), 1);
  inputs_.cidrs.insert(key("10.128.1.0/24"), 2);
  inputs_.pods.insert(key("10.128.0.0/26"), 5);
  apply_all();
  const SourceSlot before = map_->find(kVni, address("10.128.0.7"));
  const SourceSlot neighbour_before = map_->find(kVni, address("10.128.0.8"));
  EXPECT_EQ(before, neighbour_before);

  inputs_.cidrs.insert(key("10.128.0.7"), 2);
  const SourceChange change = apply_all();
  EXPECT_EQ(lookup("10.128.0.7").node, 2u);
  EXPECT_EQ(lookup("10.128.0.7").namespace_index, 5u);
  EXPECT_EQ(lookup("10.128.0.8").node, 1u);
  EXPECT_FALSE(records_.is_current(before)) << "its sessions must look again";
  EXPECT_EQ(change.assigned.size(), 2u);
  EXPECT_EQ(records_.load(before).namespace_index, 5u) << "whose the session was is still known";
}

TEST_F(SourceBookTest, LeavesWhatDidNotChangeAlone) {
  inputs_.cidrs.insert(key("10.128.0.0/24"), 1);
  inputs_.pods.insert(key("10.128.0.1"), 5);
  apply_all();
  const SourceSlot slot = map_->find(kVni, address("10.128.0.1"));
  inputs_.pods.insert(key("10.128.0.2"), 6);
  const SourceChange change = apply_all();
  EXPECT_EQ(map_->find(kVni, address("10.128.0.1")), slot);
  EXPECT_TRUE(records_.is_current(slot));
  EXPECT_EQ(change.assigned.size(), 1u);
  EXPECT_TRUE(change.retired.empty()) << "the CIDR around it has no sessions to look again";
}

TEST_F(SourceBookTest, ARemovedPodIsDeadAndItsSlotCools) {
  inputs_.cidrs.insert(key("10.128.0.0/24"), 1);
  inputs_.pods.insert(key("10.128.0.1"), 5);
  apply_all();
  const SourceSlot slot = map_->find(kVni, address("10.128.0.1"));
  inputs_.pods.erase(key("10.128.0.1"));
  const SourceChange removal = apply_all();
  EXPECT_FALSE(records_.is_current(slot));
  EXPECT_EQ(lookup("10.128.0.1").namespace_index, kNoNamespace);

  inputs_.pods.insert(key("10.128.0.1"), 5);
  apply_all();
  EXPECT_NE(map_->find(kVni, address("10.128.0.1")), slot) << "not before a purge";

  book_.release(removal.retired);
  inputs_.pods.insert(key("10.128.0.2"), 5);
  apply_all();
  EXPECT_EQ(map_->find(kVni, address("10.128.0.2")), slot);
  EXPECT_EQ(records_.load(slot).epoch, 1) << "what noted epoch 0 stays dead";
}

TEST_F(SourceBookTest, NodeAddressesComeBeforePods) {
  inputs_.cidrs.insert(key("10.128.0.0/24"), 1);
  inputs_.pods.insert(key("10.128.0.0/26"), 5);
  inputs_.platform.insert(key("10.128.0.2"), 1);
  apply_all();
  EXPECT_EQ(lookup("10.128.0.2").namespace_index, kPlatform);
  EXPECT_EQ(lookup("10.128.0.3").namespace_index, 5u);
}

TEST_F(SourceBookTest, RefusesMoreThanThereIsRoomFor) {
  SourceRecords few{2};
  SourceBook book{&few};
  inputs_.cidrs.insert(key("10.128.0.0/24"), 1);
  inputs_.pods.insert(key("10.128.0.1"), 5);
  inputs_.pods.insert(key("10.128.0.2"), 5);
  EXPECT_EQ(book.plan(inputs_).status().code(), absl::StatusCode::kResourceExhausted);
  inputs_.pods.erase(key("10.128.0.2"));
  EXPECT_TRUE(book.plan(inputs_).ok());
}

TEST_F(SourceBookTest, UpdatesALiveMapInPlace) {
  inputs_.cidrs.insert(key("10.128.0.0/24"), 1);
  inputs_.pods.insert(key("10.128.0.1"), 5);
  apply_all();
  inputs_.pods.erase(key("10.128.0.1"));
  inputs_.pods.insert(key("10.128.0.2"), 6);
  const OverlayPrefix touched[] = {key("10.128.0.1"), key("10.128.0.2")};
  const SourceChange change = *book_.plan_pods(inputs_, touched);
  book_.prepare(change);
  ASSERT_TRUE(SourceBook::update_map(*map_, change));
  book_.commit(change);
  EXPECT_EQ(lookup("10.128.0.1").namespace_index, kNoNamespace);
  EXPECT_EQ(lookup("10.128.0.2").namespace_index, 6u);
}

// A hundred editors' mistakes: random nodes and pods come and go; after every change each address
// has its owner by definition, patch and full build agree, and a slot that is not retired still
// belongs to every address that found it.
class SourceBookProperty : public SourceBookTest {
 protected:
  // Everything happens within 10.0.0.0/26, so that prefixes nest and collide.
  static constexpr uint32_t kNetwork = 10u << 24;
  static constexpr uint32_t kAddresses = 64;

  uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  OverlayPrefix random_prefix() {
    const uint8_t length = static_cast<uint8_t>(27 + number(6));
    const uint32_t bits = number(kAddresses) & Ipv4Prefix::mask_of(length);
    return {kVni, {{kNetwork | bits}, length}};
  }

  // By definition, without the records.
  std::optional<SourceOwner> owner_of(uint32_t offset) const {
    const OverlayPrefix host{kVni, {{kNetwork | offset}, 32}};
    if (const NodeIndex* node = inputs_.platform.find(host)) return SourceOwner{*node, kPlatform};
    const auto* cidr = inputs_.cidrs.holding(host);
    if (cidr == nullptr) return std::nullopt;
    const auto* pods = inputs_.pods.holding(host);
    return SourceOwner{cidr->second, pods == nullptr ? kNoNamespace : pods->second};
  }

  void change_nodes() {
    const OverlayPrefix at = random_prefix();
    if (!inputs_.cidrs.erase(at)) inputs_.cidrs.insert(at, number(4));
    const OverlayPrefix host{kVni, {at.prefix.address, 32}};
    if (number(8) == 0 && !inputs_.platform.erase(host)) inputs_.platform.insert(host, 1);
  }

  OverlayPrefix change_pods() {
    const OverlayPrefix at = random_prefix();
    if (!inputs_.pods.erase(at)) inputs_.pods.insert(at, 1 + number(3));
    return at;
  }

  void apply_and_check(const SourceChange& change) {
    std::map<uint32_t, SourceSlot> before;
    for (uint32_t i = 0; i < kAddresses; ++i) {
      before[i] = map_ == nullptr ? kNoSource : map_->find(kVni, {kNetwork | i});
    }
    apply(change);
    const std::set<SourceSlot> retired(change.retired.begin(), change.retired.end());
    for (uint32_t i = 0; i < kAddresses; ++i) {
      const SourceSlot slot = map_->find(kVni, {kNetwork | i});
      const std::optional<SourceOwner> owner = owner_of(i);
      ASSERT_EQ(slot == kNoSource, !owner) << i;
      if (owner) {
        EXPECT_EQ(records_.load(slot).node, owner->node) << i;
        EXPECT_EQ(records_.load(slot).namespace_index, owner->namespace_index) << i;
      }
      if (before[i] == kNoSource || before[i] == slot || retired.contains(before[i])) continue;
      EXPECT_EQ(records_.load(before[i]).namespace_index, kNoNamespace)
          << i << " left a live slot that sessions may name";
    }
    book_.release(change.retired);
  }

  std::mt19937 random_{20240607};
};

TEST_F(SourceBookProperty, EveryAddressHasItsOwnerAfterEveryChange) {
  for (int step = 0; step < 3000 && !HasFailure(); ++step) {
    if (step % 3 == 0) {
      change_nodes();
      apply_and_check(*book_.plan(inputs_));
      continue;
    }
    const OverlayPrefix touched[] = {change_pods(), change_pods()};
    const SourceChange patch = *book_.plan_pods(inputs_, touched);
    const SourceChange whole = *book_.plan(inputs_);
    ASSERT_EQ(patch.assigned.size(), whole.assigned.size());
    ASSERT_EQ(patch.erased, whole.erased);
    ASSERT_EQ(patch.retired.size(), whole.retired.size());
    apply_and_check(patch);
  }
}

}  // namespace
}  // namespace postern
