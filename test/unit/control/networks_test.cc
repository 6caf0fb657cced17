// Networks of tunnels with vni = "any": the book of source records and the layer of pods, where
// some namespaces name a VNI and others are in all of them.
#include "control/apply/networks.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string_view>

#include "control/apply/pod_layer.h"
#include "control/apply/sources.h"

namespace postern {
namespace {

constexpr NetworkId kWide = wide_network(3);
constexpr uint32_t kVnis[] = {0, 7, 0xffffff};  // the last one is named by nobody

Ipv4Prefix prefix(std::string_view text) { return *Ipv4Prefix::parse(text); }

TEST(Networks, AreTold) {
  EXPECT_TRUE(is_fixed(0xffffff));
  EXPECT_FALSE(is_fixed(wide_network(1)));
  EXPECT_FALSE(is_fixed(narrow_network(wide_network(1), 0)));
  for (const uint32_t number : {1u, kMaxWideNetworks}) {
    const NetworkId wide = wide_network(number);
    EXPECT_FALSE(is_narrow(wide));
    EXPECT_EQ(network_behind(wide), wide);
    for (const uint32_t vni : kVnis) {
      EXPECT_TRUE(is_narrow(narrow_network(wide, vni)));
      EXPECT_EQ(network_behind(narrow_network(wide, vni)), wide);
    }
  }
}

// Random nodes and pods in one wide network and two narrow ones; after every change each address in
// each VNI has its owner by definition, and patch and full build agree.
class NetworksProperty : public ::testing::Test {
 protected:
  static constexpr uint32_t kNetwork = 10u << 24;
  static constexpr uint32_t kAddresses = 64;

  uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  Ipv4Prefix random_prefix() {
    const auto length = static_cast<uint8_t>(27 + number(6));
    return {{kNetwork | (number(kAddresses) & Ipv4Prefix::mask_of(length))}, length};
  }

  // By definition, without the records.
  std::optional<SourceOwner> owner_of(uint32_t vni, uint32_t offset) const {
    const OverlayPrefix host{kWide, {{kNetwork | offset}, 32}};
    if (const NodeIndex* node = inputs_.platform.find(host)) return SourceOwner{*node, kPlatform};
    const auto* cidr = inputs_.cidrs.holding(host);
    if (cidr == nullptr) return std::nullopt;
    const auto* pods = inputs_.pods.holding({narrow_network(kWide, vni), host.prefix});
    if (pods == nullptr) pods = inputs_.pods.holding(host);
    return SourceOwner{cidr->second, pods == nullptr ? kNoNamespace : pods->second};
  }

  void change_nodes() {
    const OverlayPrefix at{kWide, random_prefix()};
    if (!inputs_.cidrs.erase(at)) inputs_.cidrs.insert(at, number(4));
    const OverlayPrefix host{kWide, {at.prefix.address, 32}};
    if (number(8) == 0 && !inputs_.platform.erase(host)) inputs_.platform.insert(host, 1);
  }

  bool has_pods_at(NetworkId network, const Ipv4Prefix& pods) const {
    if (inputs_.pods.holding({network, pods}) != nullptr) return true;
    bool any = false;
    inputs_.pods.for_each_within({network, pods}, [&](const auto&, NamespaceIndex) { any = true; });
    return any;
  }

  // A namespace for each network. What is in a narrow one is not in the wide one, too.
  OverlayPrefix change_pods() {
    const uint32_t which = number(3);
    const NetworkId network = which == 2 ? kWide : narrow_network(kWide, kVnis[which]);
    const OverlayPrefix at{network, random_prefix()};
    if (inputs_.pods.erase(at)) return at;
    for (const NetworkId other :
         {kWide, narrow_network(kWide, kVnis[0]), narrow_network(kWide, kVnis[1])}) {
      const bool apart = other == network || (is_narrow(other) && is_narrow(network));
      if (!apart && has_pods_at(other, at.prefix)) return at;
    }
    inputs_.pods.insert(at, 1 + which);
    return at;
  }

  SourceSlot find(uint32_t vni, uint32_t offset) const {
    return map_ == nullptr ? kNoSource : map_->find_sender(kWide, vni, {kNetwork | offset});
  }

  void apply_and_check(const SourceChange& change) {
    std::map<std::pair<uint32_t, uint32_t>, SourceSlot> before;
    for (const uint32_t vni : kVnis) {
      for (uint32_t i = 0; i < kAddresses; ++i) before[{vni, i}] = find(vni, i);
    }
    book_.prepare(change);
    map_ = book_.build_map(change, 7);
    book_.commit(change);
    book_.retire(change.retired);
    const std::set<SourceSlot> retired(change.retired.begin(), change.retired.end());
    for (const auto& [place, was] : before) {
      const auto [vni, i] = place;
      const SourceSlot slot = find(vni, i);
      const std::optional<SourceOwner> owner = owner_of(vni, i);
      ASSERT_EQ(slot == kNoSource, !owner) << vni << " " << i;
      if (owner) {
        const SourceRecord record = records_.load(slot);
        EXPECT_EQ(record.node, owner->node) << vni << " " << i;
        EXPECT_EQ(record.namespace_index, owner->namespace_index) << vni << " " << i;
        EXPECT_EQ(records_.network(slot), kWide);
      }
      if (was == kNoSource || was == slot || retired.contains(was)) continue;
      // A node's own address has the same record in each network: sessions of either are right.
      const NamespaceIndex whose = records_.load(was).namespace_index;
      EXPECT_TRUE(whose == kNoNamespace || (whose == kPlatform && owner->namespace_index == whose))
          << vni << " " << i << " left a live slot that sessions may name";
    }
    book_.release(change.retired);
  }

  SourceRecords records_{4096};
  SourceBook book_{&records_};
  SourceInputs inputs_;
  std::shared_ptr<SourceMap> map_;
  std::mt19937 random_{8926};
};

TEST_F(NetworksProperty, EveryAddressHasItsOwnerInEveryVniAfterEveryChange) {
  for (int step = 0; step < 2000 && !HasFailure(); ++step) {
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

// What namespaces.patch may add beside which pods.
class PatchedNetworks : public ::testing::Test {
 protected:
  PatchedNetworks() {
    namespaces_ = {{"wide", {1, kWide}},
                   {"red", {2, narrow_network(kWide, 7)}},
                   {"blue", {3, narrow_network(kWide, 8)}},
                   {"other", {4, wide_network(4)}},
                   {"fixed", {5, 7}}};
    inputs_.platform.insert({kWide, prefix("10.128.0.1")}, 0);
  }
  std::string add(const char* name, std::string_view pod) {
    PodEdits edits;
    edits.add.push_back({name, prefix(pod), "add"});
    const PodChanges changes = edit_pods(inputs_, namespaces_, edits);
    return changes.errors.empty() ? "" : changes.errors[0].message;
  }

  SourceInputs inputs_;
  NamespaceKeys namespaces_;
};

TEST_F(PatchedNetworks, ANarrowPodIsNoWidePodToo) {
  EXPECT_EQ(add("red", "10.128.0.16/28"), "");
  EXPECT_EQ(add("blue", "10.128.0.16/28"), "");
  EXPECT_EQ(add("other", "10.128.0.16/28"), "") << "another tunnel";
  EXPECT_EQ(add("fixed", "10.128.0.16/28"), "");
  EXPECT_EQ(add("wide", "10.128.0.17"), "10.128.0.17 overlaps 10.128.0.16/28 of namespace \"red\"");
  EXPECT_EQ(add("wide", "10.128.0.32"), "");
  EXPECT_EQ(add("blue", "10.128.0.32"), "10.128.0.32 belongs to namespace \"wide\"");
  EXPECT_EQ(add("red", "10.128.0.32/29"),
            "10.128.0.32/29 overlaps 10.128.0.32 of namespace \"wide\"");
  EXPECT_EQ(add("red", "10.128.0.1"), "10.128.0.1 is a node's own address");
}

}  // namespace
}  // namespace postern
