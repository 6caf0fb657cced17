// Which address a new session bears: spread = source keeps pods where they are whatever happens to
// the addresses of others.
#include "dataplane/stage/choose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace postern {
namespace {

constexpr uint32_t kPods = 2000;

// One policy over addresses that come and go. Slots are dealt in the order of arrival and used
// again, as the control thread does.
class Pool {
 public:
  explicit Pool(Spread spread) : spread_(spread) {}

  void add(uint32_t address) {
    AddressSlot slot = 0;
    while (slot < table_.addresses.size() && table_.addresses[slot].in_use) ++slot;
    if (slot == table_.addresses.size()) table_.addresses.emplace_back();
    table_.addresses[slot] = {.address = {address}, .in_use = true};
    table_.address_slots.push_back(slot);
  }
  void remove(uint32_t address) {
    std::erase_if(table_.address_slots, [&](AddressSlot slot) {
      if (table_.addresses[slot].address.value != address) return false;
      table_.addresses[slot].in_use = false;
      return true;
    });
  }
  void shuffle(std::mt19937& random) {
    std::shuffle(table_.address_slots.begin(), table_.address_slots.end(), random);
  }
  // The addresses for a flow in the order in which they are tried.
  [[nodiscard]] std::vector<uint32_t> tried(const Flow& flow, uint16_t source_port) const {
    const EgressPolicy policy{.addresses = {0, static_cast<uint32_t>(table_.address_slots.size())},
                              .spread = spread_};
    AddressChoice choice(table_, policy, flow, source_port);
    std::vector<uint32_t> addresses;
    for (AddressSlot slot = choice.next(); slot != kNoAddress; slot = choice.next()) {
      addresses.push_back(table_.addresses[slot].address.value);
    }
    return addresses;
  }
  // The address of every pod.
  [[nodiscard]] std::vector<uint32_t> of_pods() const {
    std::vector<uint32_t> all;
    for (uint32_t pod = 0; pod < kPods; ++pod) all.push_back(tried(flow(pod), 1).at(0));
    return all;
  }
  static Flow flow(uint32_t pod, uint32_t destination = 0xcb007105) {
    return {.source = {0x0a800000 + pod},
            .destination = {destination},
            .destination_port = 443,
            .protocol = 6,
            .vni = 100};
  }

 private:
  Spread spread_;
  PolicyTable table_;
};

TEST(Choose, OnlyThePodsOfALostAddressMove) {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    Pool pool(Spread::kSource);
    std::vector<uint32_t> addresses(2 + random() % 9);
    for (uint32_t& address : addresses) pool.add(address = static_cast<uint32_t>(random()));
    const std::vector<uint32_t> before = pool.of_pods();
    const uint32_t lost = addresses[random() % addresses.size()];
    pool.remove(lost);
    pool.shuffle(random);
    const std::vector<uint32_t> after = pool.of_pods();
    std::set<uint32_t> heirs;
    for (uint32_t pod = 0; pod < kPods; ++pod) {
      if (before[pod] == lost) {
        EXPECT_NE(after[pod], lost);
        heirs.insert(after[pod]);
      } else {
        ASSERT_EQ(after[pod], before[pod]) << "round " << round << " pod " << pod;
      }
    }
    EXPECT_EQ(heirs.size(), addresses.size() - 1) << "spread over all that are left";
    pool.add(lost);
    EXPECT_EQ(pool.of_pods(), before) << "as if it had never gone";
  }
}

TEST(Choose, ANewAddressTakesItsShareAndMovesNobodyElse) {
  std::mt19937 random(12);
  for (uint32_t there = 1; there <= 9; ++there) {
    Pool pool(Spread::kSource);
    for (uint32_t i = 0; i < there; ++i) pool.add(static_cast<uint32_t>(random()));
    const std::vector<uint32_t> before = pool.of_pods();
    pool.add(1);
    const std::vector<uint32_t> after = pool.of_pods();
    uint32_t moved = 0;
    for (uint32_t pod = 0; pod < kPods; ++pod) {
      if (after[pod] == before[pod]) continue;
      ASSERT_EQ(after[pod], 1u);
      ++moved;
    }
    const uint32_t share = kPods / (there + 1);
    EXPECT_GT(moved, share * 3 / 4);
    EXPECT_LT(moved, share * 5 / 4);
  }
}

TEST(Choose, APodKeepsItsAddressWhateverItDials) {
  Pool pool(Spread::kSource);
  for (const uint32_t address : {10u, 20u, 30u, 40u}) pool.add(address);
  for (uint32_t pod = 0; pod < 50; ++pod) {
    const auto order = pool.tried(Pool::flow(pod), 1000);
    EXPECT_EQ(std::set(order.begin(), order.end()), (std::set<uint32_t>{10, 20, 30, 40}));
    for (uint16_t port = 1; port < 20; ++port) {
      EXPECT_EQ(pool.tried(Pool::flow(pod, 0xc6336400u + port), port), order);
    }
  }
}

TEST(Choose, SessionsSpreadByThemselvesAndFirstTakesTheFirst) {
  Pool sessions(Spread::kSession);
  Pool first(Spread::kFirst);
  for (const uint32_t address : {30u, 10u, 20u}) {
    sessions.add(address);
    first.add(address);
  }
  std::map<uint32_t, int> used;
  for (uint16_t port = 1; port <= 300; ++port) ++used[sessions.tried(Pool::flow(1), port)[0]];
  for (const uint32_t address : {10u, 20u, 30u}) EXPECT_GT(used[address], 60) << address;
  EXPECT_EQ(first.tried(Pool::flow(1), 1), (std::vector<uint32_t>{30, 10, 20}));
  first.remove(30);
  EXPECT_EQ(first.tried(Pool::flow(1), 1), (std::vector<uint32_t>{10, 20}));
}

}  // namespace
}  // namespace postern
