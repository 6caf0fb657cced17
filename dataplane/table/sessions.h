// The sessions of one worker with their accounts: the table, and what is counted per namespace and
// per egress address when a session begins and ends. Every beginning and every end goes through
// here, so that the gauges always equal what the table holds, and namespaces keep to their limits.
// Limits hold for all workers together (shared_sessions.h).
//
// Owned by one worker. The accounts are single words that the control thread and other workers may
// read.
#ifndef POSTERN_DATAPLANE_TABLE_SESSIONS_H_
#define POSTERN_DATAPLANE_TABLE_SESSIONS_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dataplane/packet/counters.h"
#include "dataplane/packet/direction.h"
#include "dataplane/packet/now.h"
#include "dataplane/packet/reason.h"
#include "dataplane/table/limits.h"
#include "dataplane/table/policy.h"
#include "dataplane/table/rule_journal.h"
#include "dataplane/table/session_table.h"
#include "dataplane/table/shared_sessions.h"
#include "dataplane/table/source_table.h"
#include "dataplane/wire/headers.h"

namespace postern {

// Gauges, written by the worker, read by the control thread and by workers at a limit.
struct SessionAccounts {
  // Protocols that use external ports, in the order of `ports_used`; behind them the sessions of
  // all others, which use none.
  static constexpr size_t kTcp = 0;
  static constexpr size_t kUdp = 1;
  static constexpr size_t kIcmp = 2;
  static constexpr size_t kOther = 3;

  SessionAccounts(uint32_t namespaces, uint32_t addresses)
      : active(namespaces), refused(namespaces), ports_used(addresses) {}

  alignas(64) Counter live;                        // sessions
  Counter foreign_shard;                           // of them with a port of another shard
  std::vector<Counter> active;                     // live sessions by NamespaceIndex
  std::vector<Counter> refused;                    // packets over a limit, likewise
  std::vector<std::array<Counter, 4>> ports_used;  // by AddressSlot
  RuleJournal rules;

  // Control thread, once no worker knows the number any more: it will be another namespace's.
  void forget_namespace(NamespaceIndex name) { refused[name].set(0); }

  static size_t protocol_index(uint8_t protocol) {
    if (protocol == kProtocolTcp) return kTcp;
    if (protocol == kProtocolUdp) return kUdp;
    return protocol == kProtocolIcmp ? kIcmp : kOther;
  }
};

class Sessions {
 public:
  // Of worker `self`; joins `shared`.
  Sessions(SessionTable& table, const SourceRecords& records, SessionAccounts& accounts,
           Counters& counters, SharedSessions& shared, WorkerIndex self)
      : table_(table),
        records_(records),
        accounts_(accounts),
        counters_(counters),
        shared_(shared),
        self_(self),
        leases_(accounts.active.size()) {
    shared_.join(self, &accounts);
  }
  // Of the only worker.
  Sessions(SessionTable& table, const SourceRecords& records, SessionAccounts& accounts,
           Counters& counters)
      : Sessions(table, records, accounts, counters,
                 std::make_unique<SharedSessions>(SharedSessions::Setup{
                     .max_sessions = table.capacity(),
                     .namespaces = static_cast<uint32_t>(accounts.active.size())})) {}

  [[nodiscard]] SessionTable& table() { return table_; }
  [[nodiscard]] const SessionTable& table() const { return table_; }
  [[nodiscard]] Counters& counters() { return counters_; }
  [[nodiscard]] SessionEntry& entry(SessionHandle handle) { return table_.entry(handle); }

  // The shard whose ports a session takes first.
  [[nodiscard]] uint8_t shard_of(const OutboundKey& key) const {
    return static_cast<uint8_t>(shared_.owners().shard_of(key));
  }
  // As SessionTable::create, with ports of the session's own shard first; when the table is full,
  // or all tables together are, an old half-open session gives way (T9). Fills in session.shard: a
  // copy of what the caller has just written would wait for the stores.
  Created open(NewSession&& session, Now now) {
    session.shard = shard_of(session.key);
    const bool all_full = !may_grow();
    Created created = all_full ? find(session.key) : table_.create(session, now);
    if (created.status == CreateStatus::kTableFull) {
      if (!end_half_open(now)) {
        // Another's session makes no room in a table that is full by itself.
        if (all_full) shared_.ask_for_room(self_, SharedSessions::kAnybody, asked_);
        return created;
      }
      created = table_.create(session, now);
    }
    if (created.status == CreateStatus::kCreated) enter(table_.entry(created.handle));
    return created;
  }
  // Ends a live session of the same flow and begins another one in its place, with its port: as
  // SessionTable::begin_again.
  void begin_again(SessionHandle handle, uint32_t source_slot_epoch, Now now) {
    SessionEntry& entry = table_.entry(handle);
    settle(entry, counters_.session_deleted);
    table_.begin_again(handle, source_slot_epoch, now);
    enter(entry);
  }

  // Why the namespace may not begin a session of `bytes` (its first packet) now, or nothing. At its
  // number of sessions, `leaving` of which end anyway, an old half-open one of its own gives way
  // (nat.md T9).
  [[nodiscard]] std::optional<Reason> limit_reached(NamespaceIndex name,
                                                    const NamespaceLimits& limits, uint32_t bytes,
                                                    uint32_t leaving, Now now);
  // A firewall rule has let a session begin or refused a packet.
  void note_rule(const Firewall& firewall, RuleNumber rule, const OutboundKey& packet,
                 NamespaceIndex name) {
    accounts_.rules.note(firewall, rule, packet, name);
  }
  // A session of the namespace has begun.
  void note_begun(NamespaceIndex name, const NamespaceLimits& limits) {
    shared_.usage(name).begun(limits);
  }
  // Whether the namespace's bandwidth has room for a packet of `bytes`, which is then to be noted.
  [[nodiscard]] bool within_bandwidth(NamespaceIndex name, const NamespaceLimits& limits,
                                      Direction direction, uint32_t bytes, Now now) {
    return shared_.usage(name).may_pass(limits, direction, bytes, shared_.workers(), leases_[name],
                                        now);
  }
  void note_bytes(NamespaceIndex name, const NamespaceLimits& limits, Direction direction,
                  uint32_t bytes) {
    NamespaceUsage::passed(limits, direction, bytes, leases_[name]);
  }
  // A packet is refused because of a limit.
  void note_refused(NamespaceIndex name) { accounts_.refused[name].add(); }

  // For trials of packets (run/trial.h): what the namespace has used, and the session that would
  // give way to a new one of it at its number of sessions, or kNoSession. Change nothing.
  [[nodiscard]] NamespaceUsage usage_of(NamespaceIndex name) const {
    return shared_.usage(name).with(leases_[name]);
  }
  [[nodiscard]] uint64_t active_of(NamespaceIndex name) const { return shared_.active(name); }
  [[nodiscard]] bool is_full() const {
    if (table_.live() == table_.capacity()) return true;
    return shared_.workers() > 1 && shared_.live() >= shared_.max_sessions();
  }
  [[nodiscard]] bool owns(const OutboundKey& key) const {
    return shared_.owners().outbound(key) == self_;
  }
  [[nodiscard]] SessionHandle next_to_give_way(NamespaceIndex name, Now now) const;
  // For trials: a copy of another's session, and what a namespace has used there.
  SessionHandle adopt(const SessionEntry& session, const ColdSession& cold, Now now);
  void assume(NamespaceIndex name, const NamespaceUsage& usage, uint64_t active) {
    shared_.usage(name) = usage;
    accounts_.active[name].set(active);
  }

  // Ends a half-open session where another worker asked for it: between bursts.
  void make_room_for_others(Now now);

  // Ends a session because what it rests on is gone, or because it is asked for.
  void remove(SessionHandle handle, Now now) {
    settle(table_.entry(handle), counters_.session_deleted);
    table_.end(handle, now);
  }

  // Notes one packet of `bytes` (the IP packet).
  void count(SessionHandle handle, Direction direction, uint32_t bytes) {
    SessionEntry& entry = table_.entry(handle);
    const bool full = direction == Direction::kOutbound ? count_outbound(entry, bytes)
                                                        : count_inbound(entry, bytes);
    if (full) [[unlikely]]
      spill_counters(entry, table_.cold(handle));
  }

  // For the sweep, whose visitor answers kEnd instead of ending a session itself.
  void settle_expired(const SessionEntry& entry) { settle(entry, counters_.session_expired); }
  void settle_removed(const SessionEntry& entry) { settle(entry, counters_.session_deleted); }

  // The namespace of a session: that of its source slot, which keeps it as long as a session
  // may name the slot.
  [[nodiscard]] NamespaceIndex namespace_of(uint32_t source_slot_epoch) const {
    return records_.load(source_slot_epoch & 0xffffff).namespace_index;
  }

 private:
  Sessions(SessionTable& table, const SourceRecords& records, SessionAccounts& accounts,
           Counters& counters, std::unique_ptr<SharedSessions> own)
      : Sessions(table, records, accounts, counters, *own, 0) {
    own_ = std::move(own);
  }

  Counter& ports_used(AddressSlot slot, uint8_t protocol) {
    return accounts_.ports_used[slot][SessionAccounts::protocol_index(protocol)];
  }
  void enter(const SessionEntry& entry) {
    counters_.session_created.add();
    accounts_.live.add();
    accounts_.foreign_shard.add((entry.flags & kSessionForeignShard) != 0 ? 1 : 0);
    accounts_.active[namespace_of(entry.source_slot_epoch)].add();
    ports_used(entry.address_slot, entry.protocol()).add();
  }
  void settle(const SessionEntry& entry, Counter& cause) {
    cause.add();
    accounts_.live.subtract();
    accounts_.foreign_shard.subtract((entry.flags & kSessionForeignShard) != 0 ? 1 : 0);
    accounts_.active[namespace_of(entry.source_slot_epoch)].subtract();
    ports_used(entry.address_slot, entry.protocol()).subtract();
  }

  // Whether all workers together may have one session more. Others are looked at when so many have
  // begun here that it may matter; the only worker's table knows by itself.
  [[nodiscard]] bool may_grow() {
    if (shared_.workers() == 1) return true;
    if (unseen_ == 0) return look_at_others();
    --unseen_;
    return true;
  }
  bool look_at_others();
  Created find(const OutboundKey& key) const;
  bool end_half_open(Now now);
  bool make_room(NamespaceIndex name, Now now);
  [[nodiscard]] SessionHandle find_half_open_of(NamespaceIndex name, SessionHandle& hand,
                                                uint32_t& looks, Now now) const;

  // Looking for half-open sessions of one namespace among all: so many entries a second, which is
  // below one percent of a worker's time (test: a flood at the limit). Bounds.
  static constexpr uint32_t kLooksPerSecond = 2'000'000;
  static constexpr uint32_t kLooksAtOnce = 16'384;

  SessionTable& table_;
  const SourceRecords& records_;
  SessionAccounts& accounts_;
  Counters& counters_;
  std::unique_ptr<SharedSessions> own_;  // of the only worker
  SharedSessions& shared_;
  WorkerIndex self_;
  std::vector<BandwidthLease> leases_;  // by NamespaceIndex
  uint32_t unseen_ = 0;                 // sessions that may begin before others' are looked at
  uint32_t asked_ = 0;                  // whom to ask for room next
  TokenBucket looks_;
  SessionHandle look_from_ = 0;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_SESSIONS_H_
