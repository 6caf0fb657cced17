// Resolves neighbours: asks by ARP, listens to what workers heard, keeps what it learned fresh, and
// writes it where workers read it (dataplane/table/neighbour.h).
//
//            answer                       25 s                      no answer, 5 times
//   asking ---------> reachable ------------------------> probing ---------------------> failed
//     |                  ^  <-----------------------------  |                              |
//     | 4 unanswered     |              answer (used all the while)                        |
//     +------------> failed                                          asked again every 2 s +
//
// Two kinds. Next hops that the configuration names are resolved as soon as it is in force and
// never given up. On-link neighbours are looked for when a packet needs them: bounded in number,
// forgotten some seconds after they failed, and after a while without any packet asking again
// (a lease; when it ends, the next packet renews it without a new request).
//
// Only neighbours that were asked for are learned: strangers cannot fill the table. Requests are
// limited in rate, next hops before on-link neighbours, whatever pods scan. Another MAC address is
// taken at once, but once a second at most: who changes it more often is asked.
//
// Also announces the gateway's own addresses when they appear and when a link comes up. Control
// thread.
#ifndef POSTERN_CONTROL_SERVE_NEIGHBOURS_H_
#define POSTERN_CONTROL_SERVE_NEIGHBOURS_H_

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "control/apply/books.h"
#include "control/apply/gateway.h"
#include "control/apply/loop.h"
#include "control/apply/slots.h"
#include "control/serve/request_budget.h"
#include "dataplane/run/channel.h"
#include "dataplane/run/frame_sender.h"
#include "dataplane/table/neighbour.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// What resolving needs to know of a port; fixed while the gateway runs.
struct NeighbourPort {
  struct Address {
    Ipv4Address address;
    Ipv4Prefix subnet;
  };
  std::string name;
  MacAddress mac;
  bool external = false;  // no cluster is there: only its first address may ask
  std::vector<Address> addresses;
};

class Neighbours : public NextHopResolver {
 public:
  static constexpr uint32_t kRefresh_ms = 25'000;
  static constexpr uint32_t kRetryFailed_ms = 2'000;
  static constexpr uint32_t kForgetFailed_ms = 10'000;
  static constexpr uint32_t kLease_ms = 300'000;
  static constexpr uint32_t kRememberUnused_ms = 30'000;
  // How long a MAC address stays that has just taken the place of another.
  static constexpr uint32_t kSettle_ms = 1'000;
  // So many changes, none longer than that after the one before, are worth a complaint.
  static constexpr uint8_t kManyMoves = 3;
  static constexpr uint32_t kRecently_ms = 60'000;
  // Until a freed slot means another neighbour: longer than any frame waits for one.
  static constexpr uint32_t kCool_ms = 10'000;

  // All outlive it. `table` has room for kMaxNextHops + kMaxOnLink.
  Neighbours(Loop* loop, NeighbourTable* table, FrameSender* sender,
             std::vector<NeighbourPort> ports);

  void published(const Snapshot& snapshot, std::span<const NextHop> next_hops) override;
  void forget(std::span<const NeighbourSlot> slots) override;

  // A worker's message.
  void take(const Punt& punt);
  // Does what is due; to be called every few milliseconds.
  void tick();

  // The link of a port came up: who is there may have changed, and who forgot us is told.
  void link_up(uint16_t port);

  // Next hops of the configuration that do not answer or have no one MAC address, each as a
  // sentence; of many the first, and how many more.
  [[nodiscard]] std::vector<std::string> complaints() const;
  [[nodiscard]] size_t on_link() const { return on_link_; }

 private:
  enum class Phase : uint8_t { kAsking, kReachable, kProbing, kFailed, kUnused };
  struct Entry {
    NeighbourKey key;
    NeighbourSlot slot = kNoNeighbour;
    Phase phase = Phase::kAsking;
    bool configured = false;
    uint8_t tries = 0;
    uint8_t moves = 0;  // to another MAC address, lately
    MacAddress mac = {};
    MacAddress mac_before = {};
    uint64_t moved_ms = 0;
    uint64_t due_ms = 0;
    uint64_t lease_until_ms = 0;  // of an on-link neighbour
  };
  struct Announcement {
    Ipv4Address address;
    uint16_t port = 0;
    uint8_t left = 0;
    uint64_t due_ms = 0;
  };
  using Schedule = absl::btree_set<std::pair<uint64_t, uint64_t>>;  // due, packed key
  using Announced = absl::btree_set<std::pair<Ipv4Address, uint16_t>>;

  [[nodiscard]] uint64_t now_ms() const { return loop_->now_us() / 1000; }
  Entry* find(NeighbourKey key);
  void add_next_hop(const NextHop& hop);
  void resolve(NeighbourKey key);
  void hear(NeighbourKey key, MacAddress mac);
  [[nodiscard]] bool may_resolve(NeighbourKey key) const;
  bool may_move(Entry& entry, MacAddress mac);
  Schedule& schedule_of(const Entry& entry);
  void schedule(Entry& entry, uint64_t due_ms);
  void do_all_due(const Schedule& schedule, RequestBudget& budget);
  void become_reachable(Entry& entry, MacAddress mac);
  void do_due(Entry& entry);
  void look_after(Entry& entry);
  void ask_on(Entry& entry, uint8_t tries_max);
  void fail(Entry& entry);
  void leave_unused(Entry& entry);
  void remove(NeighbourKey key);
  bool ask(const Entry& entry);
  void cool(NeighbourSlot slot);
  void reuse_cooled();
  [[nodiscard]] std::string complaint(const Entry& entry) const;
  void announce_new(const Snapshot& snapshot);
  void send_announcements();

  Loop* loop_;
  NeighbourTable* table_;
  FrameSender* sender_;
  std::vector<NeighbourPort> ports_;
  absl::flat_hash_set<uint32_t> own_;             // addresses of the gateway
  absl::flat_hash_map<uint64_t, Entry> entries_;  // by packed key
  Schedule hops_due_;
  Schedule on_link_due_;
  absl::flat_hash_map<NeighbourSlot, NeighbourKey> hop_keys_;  // of configured next hops
  SlotPool on_link_slots_{kMaxOnLink, kMaxNextHops};
  std::deque<std::pair<uint64_t, NeighbourSlot>> cooling_;  // free from, oldest first
  size_t on_link_ = 0;
  RequestBudget hop_budget_{2000, 1000};
  RequestBudget on_link_budget_{500, 100};
  Announced announced_;
  std::deque<Announcement> announcements_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_NEIGHBOURS_H_
