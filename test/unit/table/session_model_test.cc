// Long random histories against a plain model.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "test/unit/table/session_fixture.h"

namespace postern {
namespace {

using External = std::tuple<uint8_t, uint32_t, uint16_t, uint32_t, uint16_t>;

External external_of(const SessionEntry& entry) {
  return {entry.protocol(), entry.egress_ip.host(), entry.egress_port.host(),
          entry.remote_ip.host(), entry.remote_port.host()};
}

// What a table must be, in the plainest containers.
struct Model {
  struct Held {
    uint64_t ended_ms;
    uint64_t until_ms;
  };
  std::map<uint64_t, SessionHandle> live;  // by the number of the pod's tuple
  std::map<External, uint64_t> external;
  std::map<External, Held> held;
};

class History {
 public:
  History(const SessionTableConfig& config, uint32_t tuples, uint32_t remotes, uint64_t seed)
      : config_(config), t_(config), tuples_(tuples), remotes_(remotes), random_(seed) {}

  // Tries to keep `live` sessions for `steps` random steps.
  void run(uint32_t live, uint32_t steps) {
    for (uint32_t step = 0; step < steps && !::testing::Test::HasFatalFailure(); ++step) {
      if (random_() % 8 == 0) now_.ms += random_() % 400;
      const bool grow = model_.live.size() < live;
      if (grow ? random_() % 16 != 0 : random_() % 16 == 0) {
        create(random_() % tuples_);
      } else if (!model_.live.empty()) {
        end();
      }
      if (step % 64 == 0) sweep();
      if (step % 4096 == 0) check_all();
    }
    check_all();
  }
  [[nodiscard]] const SessionTable& table() const { return t_.table; }

 private:
  [[nodiscard]] NewSession session(uint64_t number) const {
    return session_of(key_of(0x0a000000 + static_cast<uint32_t>(number / 50000),
                             static_cast<uint16_t>(1000 + number % 50000),
                             0xcb007100 + static_cast<uint32_t>(number % remotes_), 443,
                             number % 2 == 0 ? kUdp : kTcp),
                      20000);
  }

  void create(uint64_t number) {
    const auto known = model_.live.find(number);
    const Created made = t_.table.create(session(number), now_);
    if (known != model_.live.end()) {
      ASSERT_EQ(made.status, CreateStatus::kExists);
      ASSERT_EQ(made.handle, known->second);
      return;
    }
    if (made.status == CreateStatus::kTableFull) {
      ASSERT_EQ(model_.live.size(), config_.max_sessions);
      return;
    }
    if (made.status == CreateStatus::kNoPort) {
      ASSERT_EQ(taken_ports(session(number)), config_.port_high + 1U - config_.port_low);
      return;
    }
    ASSERT_EQ(made.status, CreateStatus::kCreated);
    const External external = external_of(t_.table.entry(made.handle));
    ASSERT_EQ(model_.external.count(external), 0U) << "one tuple twice";
    const auto held = model_.held.find(external);
    if (held != model_.held.end()) {
      // Released by the sweep, given way to a full table, or taken at least a second old.
      const bool over = held->second.until_ms <= now_.ms;
      const bool gave_way = t_.table.statistics().held_evicted != 0;
      ASSERT_TRUE(over || gave_way || now_.ms - held->second.ended_ms >= 1000);
      model_.held.erase(held);
    }
    model_.live[number] = made.handle;
    model_.external[external] = number;
  }

  // Ports that a new session may not have: of live sessions, and held for less than a second.
  [[nodiscard]] uint32_t taken_ports(const NewSession& session) const {
    const auto is_of_remote = [&](const External& external) {
      return std::get<0>(external) == session.key.vni_protocol >> 24 &&
             std::get<3>(external) == session.key.remote_ip.host();
    };
    uint32_t taken = 0;
    for (const auto& [external, number] : model_.external) taken += is_of_remote(external) ? 1 : 0;
    for (const auto& [external, held] : model_.held) {
      taken += is_of_remote(external) && now_.ms - held.ended_ms < 1000 ? 1 : 0;
    }
    return taken;
  }

  void end() {
    auto it = model_.live.lower_bound(random_() % tuples_);
    if (it == model_.live.end()) it = model_.live.begin();
    const External external = external_of(t_.table.entry(it->second));
    t_.table.end(it->second, now_);
    model_.external.erase(external);
    model_.held[external] = {now_.ms, now_.ms + uint64_t{config_.port_hold_s} * 1000};
    model_.live.erase(it);
  }

  void sweep() {
    t_.table.sweep(now_, 4096, [&](SessionHandle, bool expired) {
      EXPECT_FALSE(expired);
      return SweepVerdict::kKeep;
    });
  }

  void check_all() {
    ASSERT_EQ(t_.table.live(), model_.live.size());
    uint32_t live = 0;
    for (SessionHandle handle = 0; handle < t_.table.capacity(); ++handle) {
      live += t_.table.is_live(handle) ? 1 : 0;
    }
    ASSERT_EQ(live, model_.live.size());
    for (const auto& [number, handle] : model_.live) {
      ASSERT_EQ(t_.table.find_outbound_one(session(number).key), handle);
      const InboundKey inbound = inbound_key_of(t_.table.entry(handle));
      ASSERT_EQ(t_.table.find_inbound_one(inbound), handle);
    }
  }

  SessionTableConfig config_;
  TestTable t_;
  uint32_t tuples_;
  uint32_t remotes_;
  std::mt19937_64 random_;
  Now now_{5'000'000};
  Model model_;
};

TEST(SessionModel, ChurnsAtNinetyFivePercentLoad) {
  History history(config_of(4096), 20000, 3000, 1);
  history.run(3891, 120'000);
  EXPECT_EQ(history.table().statistics().refused_no_port, 0U);
}

TEST(SessionModel, ChurnsWithHoldAndFewRemotes) {
  History history(config_of(4096, 30), 20000, 3, 2);
  history.run(2000, 120'000);
}

TEST(SessionModel, ChurnsWhereEveryRemoteIsScarce) {
  for (const uint32_t hold_s : {0U, 2U, 20U}) {
    SessionTableConfig config = config_of(4096, hold_s);
    config.port_low = 2048;
    config.port_high = 2559;
    History history(config, 20000, 6, 5 + hold_s);
    history.run(3000, 40'000);
    EXPECT_GT(history.table().statistics().refused_no_port, 50U);
    EXPECT_EQ(history.table().statistics().unverified_refusals, 0U);
    EXPECT_EQ(history.table().statistics().held_taken != 0, hold_s != 0);
  }
}

TEST(SessionModel, ChurnsAtTheBrim) {
  History history(config_of(512, 30), 4000, 50, 3);
  history.run(1000, 60'000);
  EXPECT_GT(history.table().statistics().refused_table_full, 0U);
  EXPECT_GT(history.table().statistics().held_evicted, 0U);
}

TEST(SessionModel, ChurnsInTheSmallestTable) {
  History history(config_of(3, 5), 40, 2, 4);
  history.run(3, 20'000);
}

}  // namespace
}  // namespace postern
