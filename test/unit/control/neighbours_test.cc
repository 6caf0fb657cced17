// Resolution of next hops and on-link neighbours, without a wire: frames are looked at, answers
// are made up, time is virtual.
#include "control/serve/neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/serve/arp.h"
#include "test/unit/control/fake_loop.h"

namespace postern {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Ipv4Address address(std::string_view text) { return *Ipv4Address::parse(text); }
Ipv4Prefix prefix(std::string_view text) { return *Ipv4Prefix::parse(text); }

struct Sent {
  uint16_t port;
  EthernetHeader ethernet;
  ArpHeader arp;
  [[nodiscard]] Ipv4Address target() const { return Ipv4Address::from(arp.target_ip); }
  [[nodiscard]] Ipv4Address sender() const { return Ipv4Address::from(arp.sender_ip); }
  [[nodiscard]] bool announces() const { return target() == sender(); }
};

class RecordingSender : public FrameSender {
 public:
  bool send(uint16_t port, std::span<const std::byte> frame) override {
    if (full) return false;
    EXPECT_EQ(frame.size(), 60u);
    Sent sent{port, {}, {}};
    std::memcpy(&sent.ethernet, frame.data(), sizeof sent.ethernet);
    std::memcpy(&sent.arp, frame.data() + sizeof sent.ethernet, sizeof sent.arp);
    (sent.announces() ? announcements : requests).push_back(sent);
    return true;
  }
  bool full = false;
  std::vector<Sent> requests;
  std::vector<Sent> announcements;
};

constexpr MacAddress kClusterMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kUplinkMac{{2, 0, 0, 0, 0, 2}};
constexpr MacAddress kPeer{{2, 9, 9, 9, 9, 9}};
constexpr MacAddress kOtherPeer{{2, 8, 8, 8, 8, 8}};

class NeighboursTest : public ::testing::Test {
 protected:
  static std::vector<NeighbourPort> ports() {
    return {{"underlay",
             kClusterMac,
             false,
             {{address("10.0.0.254"), prefix("10.0.0.0/24")},
              {address("10.1.0.254"), prefix("10.1.0.0/24")}}},
            {"uplink",
             kUplinkMac,
             true,
             {{address("192.0.2.10"), prefix("192.0.2.0/24")},
              {address("198.18.0.10"), prefix("198.18.0.0/24")}}}};
  }
  NeighbourKey uplink(std::string_view text) const { return {1, address(text)}; }
  NeighbourKey cluster(std::string_view text) const { return {0, address(text)}; }

  // Makes the addresses the gateway's own, each on the ports of its mask, and publishes.
  void publish(std::vector<NextHop> hops,
               std::vector<std::pair<std::string_view, uint64_t>> own = {}) {
    hops_ = std::move(hops);
    snapshot_ = std::make_unique<Snapshot>();
    snapshot_->locals_by_address = FlatMap(64, 3);
    for (const auto& [text, mask] : own) {
      ASSERT_TRUE(snapshot_->locals_by_address.insert(Snapshot::local_key(address(text)),
                                                      snapshot_->locals.size()));
      snapshot_->locals.push_back({LocalAddress::kEgress, mask, 0});
    }
    neighbours_.published(*snapshot_, hops_);
  }
  void pass(milliseconds time) {
    for (milliseconds at{0}; at < time; at += milliseconds(10)) {
      loop_.pass(milliseconds(10));
      neighbours_.tick();
    }
  }
  void hear(NeighbourKey key, MacAddress mac = kPeer) {
    neighbours_.take({Punt::Kind::kHeard, key, mac});
  }
  void need(NeighbourKey key) { neighbours_.take({Punt::Kind::kResolve, key, {}}); }
  NeighbourState state(NeighbourSlot slot) const { return table_.load(slot).state; }
  // Requests for an address since the last call.
  size_t asked(std::string_view text) {
    const auto count = std::count_if(sender_.requests.begin(), sender_.requests.end(),
                                     [&](const Sent& s) { return s.target() == address(text); });
    sender_.requests.clear();
    return static_cast<size_t>(count);
  }

  FakeLoop loop_;
  NeighbourTable table_{kMaxNextHops + kMaxOnLink, 5};
  RecordingSender sender_;
  std::vector<NextHop> hops_;
  std::unique_ptr<Snapshot> snapshot_;
  Neighbours neighbours_{&loop_, &table_, &sender_, ports()};
};

TEST_F(NeighboursTest, AsksForNextHopsAtOnceAndUsesTheAnswer) {
  publish({{uplink("192.0.2.1"), 4}});
  ASSERT_EQ(sender_.requests.size(), 1u);
  const Sent& request = sender_.requests[0];
  EXPECT_EQ(request.port, 1);
  EXPECT_EQ(request.ethernet.destination, MacAddress::broadcast());
  EXPECT_EQ(request.ethernet.source, kUplinkMac);
  EXPECT_EQ(request.arp.operation.host(), ArpHeader::kRequest);
  EXPECT_EQ(request.sender(), address("192.0.2.10"));
  EXPECT_EQ(request.arp.sender_mac, kUplinkMac);
  EXPECT_EQ(request.target(), address("192.0.2.1"));
  EXPECT_EQ(state(4), NeighbourState::kUnresolved);
  hear(uplink("192.0.2.1"));
  EXPECT_EQ(state(4), NeighbourState::kReachable);
  EXPECT_EQ(table_.load(4).mac, kPeer);
  EXPECT_EQ(table_.find(uplink("192.0.2.1")), 4u) << "as an on-link destination, too";
  pass(seconds(20));
  EXPECT_EQ(sender_.requests.size(), 1u);
}

TEST_F(NeighboursTest, AsksAgainFastThenSlowThenFailsAndGoesOnAsking) {
  publish({{uplink("192.0.2.1"), 4}});
  pass(milliseconds(90));
  EXPECT_EQ(asked("192.0.2.1"), 1u);
  pass(milliseconds(50));
  EXPECT_EQ(asked("192.0.2.1"), 1u) << "after 100 ms";
  pass(milliseconds(1500));
  EXPECT_EQ(asked("192.0.2.1"), 2u) << "after 400 ms and 1.4 s";
  EXPECT_EQ(state(4), NeighbourState::kUnresolved);
  pass(milliseconds(1000));
  EXPECT_EQ(state(4), NeighbourState::kFailed);
  ASSERT_EQ(neighbours_.complaints().size(), 1u);
  EXPECT_NE(neighbours_.complaints()[0].find("192.0.2.1 on port uplink"), std::string::npos);
  pass(seconds(10));
  EXPECT_GE(asked("192.0.2.1"), 4u);
  hear(uplink("192.0.2.1"));
  EXPECT_EQ(state(4), NeighbourState::kReachable);
  EXPECT_TRUE(neighbours_.complaints().empty());
}

TEST_F(NeighboursTest, KeepsFreshWhatItKnowsAndUsesItMeanwhile) {
  publish({{uplink("192.0.2.1"), 4}});
  hear(uplink("192.0.2.1"));
  sender_.requests.clear();
  pass(seconds(31));
  ASSERT_FALSE(sender_.requests.empty());
  EXPECT_EQ(sender_.requests[0].ethernet.destination, kPeer) << "asked directly";
  EXPECT_EQ(state(4), NeighbourState::kReachable);
  pass(seconds(2));
  EXPECT_EQ(sender_.requests.back().ethernet.destination, MacAddress::broadcast());
  hear(uplink("192.0.2.1"), kOtherPeer);
  EXPECT_EQ(table_.load(4).mac, kOtherPeer) << "it moved";
  sender_.requests.clear();
  pass(seconds(60));
  EXPECT_EQ(state(4), NeighbourState::kFailed) << "silent for a minute";
}

TEST_F(NeighboursTest, OnTheUplinkOnlyTheFirstAddressAsks) {
  publish({{uplink("198.18.0.1"), 4}, {cluster("10.1.0.1"), 5}, {cluster("10.0.0.1"), 6}});
  ASSERT_EQ(sender_.requests.size(), 3u);
  for (const Sent& request : sender_.requests) {
    const Ipv4Address expected = request.target() == address("198.18.0.1") ? address("192.0.2.10")
                                 : request.target() == address("10.1.0.1") ? address("10.1.0.254")
                                                                           : address("10.0.0.254");
    EXPECT_EQ(request.sender(), expected);
  }
}

TEST_F(NeighboursTest, StrangersTeachItNothing) {
  publish({{uplink("192.0.2.1"), 4}});
  hear(uplink("192.0.2.77"));
  EXPECT_EQ(table_.find(uplink("192.0.2.77")), kNoNeighbour);
  EXPECT_EQ(neighbours_.on_link(), 0u);
  hear(uplink("192.0.2.1"), MacAddress::broadcast());
  hear(uplink("192.0.2.1"), MacAddress{});
  hear(uplink("192.0.2.1"), kUplinkMac);
  hear(cluster("192.0.2.1"));
  EXPECT_EQ(state(4), NeighbourState::kUnresolved);
}

TEST_F(NeighboursTest, ResolvesOnLinkNeighboursWhenAPacketNeedsThem) {
  publish({});
  need(uplink("192.0.2.77"));
  EXPECT_EQ(asked("192.0.2.77"), 1u);
  const NeighbourSlot slot = table_.find(uplink("192.0.2.77"));
  ASSERT_NE(slot, kNoNeighbour);
  EXPECT_EQ(state(slot), NeighbourState::kUnresolved);
  for (int i = 0; i < 50; ++i) need(uplink("192.0.2.77"));
  EXPECT_EQ(asked("192.0.2.77"), 0u) << "one request for many packets";
  hear(uplink("192.0.2.77"));
  EXPECT_EQ(state(slot), NeighbourState::kReachable);
}

TEST_F(NeighboursTest, NeverAsksForWhatCannotBeANeighbour) {
  publish({}, {{"192.0.2.50", 2}});
  for (const char* text : {"192.0.2.0", "192.0.2.255", "203.0.113.1", "192.0.2.50"}) {
    need(uplink(text));
    EXPECT_EQ(asked(text), 0u) << text;
  }
  need({9, address("192.0.2.1")});
  EXPECT_EQ(neighbours_.on_link(), 0u);
}

TEST_F(NeighboursTest, ForgetsOnLinkNeighboursThatFailed) {
  publish({});
  need(uplink("192.0.2.77"));
  const NeighbourSlot slot = table_.find(uplink("192.0.2.77"));
  pass(seconds(3));
  EXPECT_EQ(state(slot), NeighbourState::kFailed);
  EXPECT_TRUE(neighbours_.complaints().empty()) << "not the operator's business";
  pass(seconds(11));
  EXPECT_EQ(table_.find(uplink("192.0.2.77")), kNoNeighbour);
  EXPECT_EQ(neighbours_.on_link(), 0u);
  need(uplink("192.0.2.78"));
  EXPECT_NE(table_.find(uplink("192.0.2.78")), slot) << "frames may still wait for the old one";
  pass(seconds(11));
  need(uplink("192.0.2.79"));
  EXPECT_EQ(table_.find(uplink("192.0.2.79")), slot);
}

TEST_F(NeighboursTest, ALeaseEndsAndIsRenewedByTheNextPacket) {
  publish({});
  need(uplink("192.0.2.77"));
  hear(uplink("192.0.2.77"));
  for (int i = 0; i < 400 && table_.find(uplink("192.0.2.77")) != kNoNeighbour; ++i) {
    pass(seconds(1));
    if (asked("192.0.2.77") > 0) hear(uplink("192.0.2.77"));
  }
  ASSERT_EQ(table_.find(uplink("192.0.2.77")), kNoNeighbour);
  need(uplink("192.0.2.77"));
  const NeighbourSlot slot = table_.find(uplink("192.0.2.77"));
  ASSERT_NE(slot, kNoNeighbour);
  EXPECT_EQ(state(slot), NeighbourState::kReachable) << "used while it is asked";
  ASSERT_EQ(sender_.requests.size(), 1u);
  EXPECT_EQ(sender_.requests[0].ethernet.destination, kPeer) << "it may have moved";
}

TEST_F(NeighboursTest, AnUnusedNeighbourIsForgottenAfterItsLease) {
  publish({});
  need(uplink("192.0.2.77"));
  hear(uplink("192.0.2.77"));
  for (int i = 0; i < 400; ++i) {
    pass(seconds(1));
    if (asked("192.0.2.77") > 0) hear(uplink("192.0.2.77"));
  }
  EXPECT_EQ(neighbours_.on_link(), 0u);
}

TEST_F(NeighboursTest, AScanIsBoundedAndDoesNotStarveNextHops) {
  std::vector<NeighbourPort> wide = ports();
  wide[1].addresses[0].subnet = prefix("192.0.0.0/16");
  Neighbours neighbours{&loop_, &table_, &sender_, wide};
  for (uint32_t i = 1; i <= 2000; ++i) {
    neighbours.take({Punt::Kind::kResolve, {1, {address("192.0.0.0").value + i}}, {}});
  }
  EXPECT_LE(sender_.requests.size(), 110u);
  sender_.requests.clear();
  for (int i = 0; i < 100; ++i) {
    loop_.pass(milliseconds(10));
    neighbours.tick();
  }
  EXPECT_LE(sender_.requests.size(), 520u) << "a second of them";
  sender_.requests.clear();
  snapshot_ = std::make_unique<Snapshot>();
  const NextHop hop{uplink("192.0.2.1"), 4};
  neighbours.published(*snapshot_, {&hop, 1});
  EXPECT_EQ(asked("192.0.2.1"), 1u);
}

TEST_F(NeighboursTest, AScanForHoursUsesNothingUp) {
  std::vector<NeighbourPort> wide = ports();
  wide[1].addresses[0].subnet = prefix("192.0.0.0/8");
  Neighbours neighbours{&loop_, &table_, &sender_, wide};
  // More addresses than the table has slots, as fast as the hold queues let questions through.
  constexpr uint32_t kScanned = 2 * (kMaxNextHops + kMaxOnLink);
  for (uint32_t i = 1; i <= kScanned; ++i) {
    neighbours.take({Punt::Kind::kResolve, {1, {address("192.1.0.0").value + i}}, {}});
    if (i % 10 != 0) continue;
    loop_.pass(milliseconds(93));
    neighbours.tick();
    sender_.requests.clear();
    ASSERT_LT(neighbours.on_link(), 2000u);
  }
  const NeighbourKey last = uplink("192.200.0.1");
  neighbours.take({Punt::Kind::kResolve, last, {}});
  const NeighbourSlot slot = table_.find(last);
  ASSERT_NE(slot, kNoNeighbour);
  for (int i = 0; i < 50 && asked("192.200.0.1") == 0; ++i) {
    loop_.pass(milliseconds(10));
    neighbours.tick();
  }
  neighbours.take({Punt::Kind::kHeard, last, kPeer});
  EXPECT_EQ(state(slot), NeighbourState::kReachable);
}

TEST_F(NeighboursTest, AMacAddressThatFlapsIsTakenOnceASecondAndAskedFor) {
  publish({{uplink("192.0.2.1"), 4}});
  hear(uplink("192.0.2.1"), kPeer);
  pass(seconds(5));
  hear(uplink("192.0.2.1"), kOtherPeer);
  EXPECT_EQ(table_.load(4).mac, kOtherPeer) << "the first change at once";
  sender_.requests.clear();
  for (int i = 0; i < 50; ++i) {
    hear(uplink("192.0.2.1"), kPeer);
    pass(milliseconds(10));
  }
  EXPECT_EQ(table_.load(4).mac, kOtherPeer);
  EXPECT_TRUE(sender_.requests.empty());
  pass(milliseconds(520));
  ASSERT_EQ(sender_.requests.size(), 1u);
  EXPECT_EQ(sender_.requests[0].ethernet.destination, MacAddress::broadcast());
  hear(uplink("192.0.2.1"), kPeer);
  EXPECT_EQ(table_.load(4).mac, kPeer) << "who answers is right";
  EXPECT_EQ(state(4), NeighbourState::kReachable);
}

TEST_F(NeighboursTest, TwoDevicesWithOneAddressAreComplainedOf) {
  publish({{uplink("192.0.2.1"), 4}});
  hear(uplink("192.0.2.1"), kPeer);
  for (const MacAddress& mac : {kOtherPeer, kPeer, kOtherPeer}) {
    EXPECT_TRUE(neighbours_.complaints().empty());
    pass(seconds(2));
    hear(uplink("192.0.2.1"), mac);
  }
  ASSERT_EQ(neighbours_.complaints().size(), 1u);
  const std::string text = neighbours_.complaints()[0];
  for (const std::string& part :
       {std::string("192.0.2.1 on port uplink"), kPeer.text(), kOtherPeer.text()}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  for (int i = 0; i < 70; ++i) {
    pass(seconds(1));
    hear(uplink("192.0.2.1"), kOtherPeer);
  }
  EXPECT_TRUE(neighbours_.complaints().empty()) << "it has settled";
}

TEST_F(NeighboursTest, OfManyComplaintsSomeAreGiven) {
  std::vector<NextHop> hops;
  for (uint32_t i = 0; i < 100; ++i) hops.push_back({{0, {address("10.0.0.1").value + i}}, i});
  publish(hops);
  pass(seconds(5));
  ASSERT_EQ(neighbours_.complaints().size(), 9u);
  EXPECT_EQ(neighbours_.complaints().back(), "... and 92 more next hops like these");
}

TEST_F(NeighboursTest, WhenALinkComesUpEverybodyIsAskedAndTold) {
  publish({{uplink("192.0.2.1"), 4}, {uplink("192.0.2.2"), 5}, {cluster("10.0.0.1"), 6}},
          {{"192.0.2.50", 2}});
  hear(uplink("192.0.2.1"));
  hear(cluster("10.0.0.1"));
  pass(seconds(10));
  EXPECT_EQ(state(5), NeighbourState::kFailed);
  sender_.requests.clear();
  sender_.announcements.clear();
  neighbours_.link_up(1);
  EXPECT_EQ(state(4), NeighbourState::kReachable) << "used meanwhile";
  pass(milliseconds(20));
  std::vector<Ipv4Address> targets;
  for (const Sent& request : sender_.requests) targets.push_back(request.target());
  std::sort(targets.begin(), targets.end());
  EXPECT_EQ(targets, (std::vector<Ipv4Address>{address("192.0.2.1"), address("192.0.2.2")}));
  ASSERT_EQ(sender_.announcements.size(), 1u);
  EXPECT_EQ(sender_.announcements[0].target(), address("192.0.2.50"));
}

TEST_F(NeighboursTest, AThousandNextHopsAreAskedWithinASecond) {
  std::vector<NextHop> hops;
  for (uint32_t i = 0; i < 200; ++i) hops.push_back({{0, {address("10.0.0.1").value + i}}, i});
  for (uint32_t i = 0; i < 1000; ++i) {
    hops.push_back({{0, {address("10.64.0.1").value + i}}, 200 + i});
  }
  publish(hops);
  pass(milliseconds(500));
  std::vector<uint32_t> targets;
  for (const Sent& request : sender_.requests) targets.push_back(request.target().value);
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  EXPECT_EQ(targets.size(), 1200u);
}

TEST_F(NeighboursTest, ANextHopThatWasOnLinkBeforeKeepsItsMac) {
  publish({});
  need(uplink("192.0.2.77"));
  hear(uplink("192.0.2.77"));
  publish({{uplink("192.0.2.77"), 9}});
  EXPECT_EQ(state(9), NeighbourState::kReachable);
  EXPECT_EQ(table_.find(uplink("192.0.2.77")), 9u);
  EXPECT_EQ(neighbours_.on_link(), 0u);
}

TEST_F(NeighboursTest, ForgottenNextHopsAreGone) {
  publish({{uplink("192.0.2.1"), 4}, {uplink("192.0.2.2"), 5}});
  hear(uplink("192.0.2.1"));
  const NeighbourSlot gone[] = {4};
  neighbours_.forget(gone);
  EXPECT_EQ(table_.find(uplink("192.0.2.1")), kNoNeighbour);
  EXPECT_EQ(state(4), NeighbourState::kUnresolved) << "clean for its next owner";
  // The same address comes back in another slot before the first one is forgotten.
  publish({{uplink("192.0.2.2"), 6}});
  const NeighbourSlot old[] = {5};
  neighbours_.forget(old);
  EXPECT_EQ(table_.find(uplink("192.0.2.2")), 6u);
}

TEST_F(NeighboursTest, AnnouncesNewAddressesThreeTimes) {
  publish({}, {{"192.0.2.50", 2}, {"10.0.0.254", 1}});
  pass(seconds(10));
  ASSERT_EQ(sender_.announcements.size(), 6u);
  size_t egress = 0;
  for (const Sent& each : sender_.announcements) {
    EXPECT_EQ(each.ethernet.destination, MacAddress::broadcast());
    if (each.target() != address("192.0.2.50")) continue;
    ++egress;
    EXPECT_EQ(each.port, 1);
    EXPECT_EQ(each.arp.sender_mac, kUplinkMac);
  }
  EXPECT_EQ(egress, 3u);
  sender_.announcements.clear();
  publish({}, {{"192.0.2.50", 2}, {"192.0.2.51", 2}});
  pass(milliseconds(100));
  ASSERT_EQ(sender_.announcements.size(), 1u);
  EXPECT_EQ(sender_.announcements[0].target(), address("192.0.2.51"));
  publish({}, {{"192.0.2.50", 2}});
  pass(seconds(10));
  EXPECT_EQ(sender_.announcements.size(), 1u) << "no more of it once it is gone";
}

TEST_F(NeighboursTest, WaitsWhenTheRingIsFull) {
  sender_.full = true;
  publish({{uplink("192.0.2.1"), 4}}, {{"192.0.2.50", 2}});
  pass(seconds(5));
  EXPECT_EQ(state(4), NeighbourState::kUnresolved) << "nothing was asked yet";
  sender_.full = false;
  pass(milliseconds(20));
  EXPECT_EQ(asked("192.0.2.1"), 1u);
  EXPECT_EQ(sender_.announcements.size(), 1u);
}

}  // namespace
}  // namespace postern
