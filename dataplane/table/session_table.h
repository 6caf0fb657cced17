// The sessions of one worker: found from either side, each with an external port of its own.
//
// One dense array of 64-byte entries (a handle is a position, so handles are stable and dense),
// two indexes over it, one for each direction (session_index.h), a cold array for what established
// packets do not need, and a dense array of 16-bit times for the sweep. A hit touches two cache
// lines: index line and entry. The inbound index is the port allocator as well (port_search.h).
//
//   handle      0        1        2      ...        entry: free, live, or held. Held: the session
//   entries  [ 64 B  ][ 64 B  ][ 64 B  ]            has ended, only its external port is kept from
//   cold     [ 32 B  ][ 32 B  ][ 32 B  ]            others for a while (nat.md M6): in the inbound
//   look       2 B      2 B      2 B                index, found by nobody.
//
// Sizes are fixed when the table is made; there is no growth and no allocation afterwards.
// One worker owns a table and is the only one to call it. The control thread asks the worker.
// docs/decisions/0001 has the reasons and the measurements.
#ifndef POSTERN_DATAPLANE_TABLE_SESSION_TABLE_H_
#define POSTERN_DATAPLANE_TABLE_SESSION_TABLE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet/now.h"
#include "dataplane/table/half_open_map.h"
#include "dataplane/table/held_chain.h"
#include "dataplane/table/port_search.h"
#include "dataplane/table/session_entry.h"
#include "dataplane/table/session_hash.h"
#include "dataplane/table/session_index.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {

// Position of an entry. Entries are reused: a handle kept beyond the burst that found it may name
// another session.
using SessionHandle = uint32_t;
inline constexpr SessionHandle kNoSession = ~SessionHandle{0};

// Handles have 24 bits in the indexes.
inline constexpr uint32_t kMaxSessions = 1U << 24;
// The longest timeout (spec: 8 h). `expires_s` has 16 bits, so what has expired must be swept
// within ten hours.
inline constexpr uint32_t kMaxSessionTimeout_s = 8 * 3600;

struct SessionTableConfig {
  uint32_t max_sessions = 0;      // 1..kMaxSessions, live and held together
  uint16_t port_low = 1024;       // a multiple of 8
  uint16_t port_high = 65535;     // inclusive; the next one is a multiple of 8
  uint32_t port_hold_s = 60;      // 0..600
  std::array<uint64_t, 4> key{};  // secret, random, made at start: hashes and port choice

  // Ports divided among workers: shard = (port >> 3) modulo 2^shard_bits. One worker: 0 and 1.
  uint8_t shard_bits = 0;     // 0..6
  uint64_t owned_shards = 1;  // bit n: this table may give out ports of shard n
};

// A session to be made.
struct NewSession {
  OutboundKey key;  // as the packet came
  Be32 egress_ip;
  uint16_t address_slot = 0;
  uint8_t address_epoch = 0;
  uint32_t source_slot_epoch = 0;
  uint32_t timeout_s = 0;  // at most kMaxSessionTimeout_s
  uint8_t shard = 0;       // the shard of the outbound key, whose ports are tried first

  // Egress router sessions: where the packet really goes; key.remote_* is kept as the original.
  bool is_router = false;
  Be32 translated_ip{};
  Be16 translated_port{};
};

enum class CreateStatus : uint8_t {
  kCreated,
  kExists,     // the handle is the session that was there already (M8)
  kNoPort,     // every port of this egress address, protocol and remote is in use (M2), or the one
               // that the session must keep
  kTableFull,  // every entry is a live session; see SessionTable::half_open_victim()
};
struct Created {
  CreateStatus status;
  SessionHandle handle;  // kNoSession for kNoPort and kTableFull
};

enum class SweepVerdict : uint8_t { kKeep, kEnd };

// What the table did since it was made. Written by the worker.
struct SessionTableStatistics {
  uint64_t created = 0;
  uint64_t ended = 0;
  uint64_t refused_no_port = 0;
  uint64_t refused_table_full = 0;
  uint64_t blocks_examined = 0;      // port blocks looked at by all port searches
  uint64_t full_walks = 0;           // remotes whose every port was looked at
  uint64_t unverified_refusals = 0;  // full by tags alone, because full walks were too frequent
  uint64_t held_taken = 0;           // held ports given to a new session of the same remote
  uint64_t held_evicted = 0;         // holds cut short because no entry was free
  uint64_t foreign_shard = 0;        // sessions with a port of another shard
};

// Arrays and indexes are in the memory that the caller gives, the object holds the rest.
// SessionHash::machine_can() must be true.
class SessionTable {
 public:
  // Lookups take at most this many keys at a time: one burst. At a million sessions a key costs 26
  // cycles, 37 by 32 and 60 by 16 (bench/session_table_bench).
  static constexpr size_t kMaxBurst = 64;

  // Bytes that the table needs, everything included (hot, cold, indexes, sweep).
  static size_t memory_bytes(const SessionTableConfig& config);

  // `memory`: zeroed, 64-byte aligned, at least memory_bytes(), kept by the caller for the life of
  // the table; best in huge pages. What is in it are offsets only. Aborts when it is too small.
  SessionTable(const SessionTableConfig& config, std::span<std::byte> memory);
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  // Live sessions of keys.size() <= kMaxBurst packets, kNoSession where there is none. Asks for
  // all index lines before it reads one, and for all entries before it compares one.
  void find_outbound(std::span<const OutboundKey> keys, SessionHandle* out) const;
  void find_inbound(std::span<const InboundKey> keys, SessionHandle* out) const;
  [[nodiscard]] SessionHandle find_outbound_one(const OutboundKey& key) const;
  [[nodiscard]] SessionHandle find_inbound_one(const InboundKey& key) const;

  // For handles below capacity(). An entry's keys belong to the table, as do the bits Held, Live,
  // Router and ForeignShard; the stages write the rest.
  [[nodiscard]] SessionEntry& entry(SessionHandle handle) { return entries_[handle]; }
  [[nodiscard]] const SessionEntry& entry(SessionHandle handle) const { return entries_[handle]; }
  [[nodiscard]] ColdSession& cold(SessionHandle handle) { return cold_[handle]; }
  [[nodiscard]] const ColdSession& cold(SessionHandle handle) const { return cold_[handle]; }
  [[nodiscard]] bool is_live(SessionHandle handle) const { return entries_[handle].live(); }

  // Makes a session, or finds it if it is there already (the second of two first packets in one
  // burst): an unpredictable port, both indexes, TCP fields and counters zero, Live set. Takes back
  // ports held for at least 1 s when the remote has no free port or the table is over 90 % full;
  // when no entry is free, the oldest held one gives way. Of other protocols than TCP, UDP and ICMP
  // the session keeps its source port (0 where there is none): kNoPort where another session of the
  // remote has it, or ended less than 1 s ago and was another pod's (nat.md O1).
  // kTableFull: all entries are live. The caller may end the session that half_open_victim() names
  // (with its own accounts: quotas, log), and try again.
  [[gnu::target("aes")]] Created create(const NewSession& session, Now now);
  // Asks for the lines that creating sessions will read that find_outbound() has not: of each in
  // the order in which they will be created. Only faster; nothing depends on it.
  class ComingSessions {
   public:
    explicit ComingSessions(SessionTable& table) : table_(table), free_(table.free_) {}
    [[gnu::target("aes")]] void prefetch(const NewSession& session);

   private:
    SessionTable& table_;
    SessionHandle free_;
    unsigned ahead_ = 0;
  };

  // A live session is another one from now on, of the same two tuples: TCP fields and counters
  // zero, created now, resting on this source record. The caller sets its expiry.
  void begin_again(SessionHandle handle, uint32_t source_slot_epoch, Now now);

  // Takes a copy of another table's live session in, with its port, whoever has that port here: for
  // trials of packets (run/trial.h). kNoSession when there is no room.
  [[gnu::target("aes")]] SessionHandle adopt(const SessionEntry& session, const ColdSession& cold,
                                             Now now);
  // Whether create() would find a port for a session with this key towards `remote` (InboundWords
  // without port), and what half_open_victim() would name: both without changing anything. `block`
  // is as in PortSearch.
  [[nodiscard, gnu::target("aes")]] PortRoom port_room(const OutboundKey& key, InboundWords remote,
                                                       uint32_t& block, uint32_t budget,
                                                       Now now) const {
    if (!is_other_protocol(key.protocol())) return ports_.room(remote, block, budget, now);
    const bool none = kept_port(key, remote, now).kind == PortChoice::Kind::kNone;
    return none ? PortRoom::kNone : PortRoom::kSome;
  }
  [[nodiscard]] SessionHandle next_half_open_victim(Now now) const;

  // Ends a live session. Both lookups miss at once. Its port is held for the port hold.
  void end(SessionHandle handle, Now now);
  // The same without holding the port.
  void end_without_hold(SessionHandle handle);

  // A live session with kSessionHalfOpen set, at least 1 s old, or kNoSession (nat.md T9). In a
  // table of a million it finds the only one; it looks at a bounded number of entries that are too
  // young, going on where it stopped.
  [[nodiscard]] SessionHandle half_open_victim(Now now);
  // The same among those that `is_candidate(entry)` names: `looks` half-open entries, or lines of
  // 512 positions without one, from position `hand` on, both of the caller; they are where it
  // stopped and what was not used afterwards.
  template <typename Predicate>
  [[nodiscard]] SessionHandle find_half_open(SessionHandle& hand, uint32_t& looks, Now now,
                                             Predicate&& is_candidate) const;

  // The new expiry of a session that a packet refreshed: the hot path, one store.
  static void touch(SessionEntry& entry, Now now, uint32_t timeout_s) {
    entry.expires_s = static_cast<uint16_t>(now.seconds() + timeout_s + 1);
  }
  // The same where the session may now expire earlier than it was going to, or is no longer half
  // open (TCP changed its state): tells the sweep, without which it would end up to kLookAhead_s
  // late, and the map of half-open sessions.
  void touch_earlier(SessionHandle handle, Now now, uint32_t timeout_s);
  static constexpr uint32_t kLookAhead_s = 64;
  // True from the second on at which the session is to end.
  static bool expired(uint16_t expires_s, Now now) {
    return static_cast<uint16_t>(expires_s - now.seconds() - 1) > kMaxSessionTimeout_s;
  }

  // Looks at the next `budget` positions: `visit(handle, expired) -> SweepVerdict` is asked for
  // live sessions that are due (for all live ones while a purge runs), sessions with kEnd are
  // ended, ports held long enough are freed. Costs half a cycle for a position where nothing is
  // due. `visit` must not call the table but for entry() and cold(). Returns the number of sessions
  // ended.
  template <typename Visitor>
  uint32_t sweep(Now now, uint32_t budget, Visitor&& visit);

  // From now on the sweep asks about every live session, until purged(the ticket) is true: then
  // every session of this moment has been asked about.
  uint64_t purge();
  [[nodiscard]] bool purged(uint64_t ticket) const { return sweep_position() >= ticket; }
  // How often the sweep has gone round.
  [[nodiscard]] uint64_t sweep_passes() const { return passes_; }

  // For sessions that end from now on.
  void set_port_hold(uint32_t port_hold_s) { port_hold_s_ = port_hold_s; }

  [[nodiscard]] uint32_t capacity() const { return capacity_; }  // handles are below it
  [[nodiscard]] uint32_t live() const { return live_; }
  [[nodiscard]] uint32_t held() const { return held_; }
  // How many sessions ended so far: while it stays the same, every handle names what it named.
  [[nodiscard]] uint64_t ended() const { return statistics_.ended; }
  [[nodiscard]] SessionTableStatistics statistics() const;

 private:
  struct Memory;
  struct SweepBatch {
    // 16 to 128 cost the same (bench/session_table_bench, sweep_expiry).
    static constexpr uint32_t kMax = 64;
    uint32_t count = 0;
    std::array<SessionHandle, kMax> handle;
    std::array<SweepVerdict, kMax> verdict;
  };
  struct OutboundLookup;
  struct InboundLookup;
  // What half_open_victim() may cost: a round through a million positions without a half-open
  // one. A bound.
  static constexpr uint32_t kVictimSearch = 2048;
  // Its rest after it went round in vain: the bound of what a full table costs without one.
  static constexpr uint32_t kVictimRest_ms = 250;
  // Positions compared at once, a register of AVX2: half a cycle each (bench/session_table_bench).
  static constexpr uint32_t kSweepStep = 16;

  SessionTable(const SessionTableConfig& config, const Memory& memory);

  template <typename Lookup>
  [[gnu::target("aes")]] void find_burst(std::span<const typename Lookup::Key> keys,
                                         SessionHandle* out) const;

  void prefetch_entry(SessionHandle handle) const {
    _mm_prefetch(reinterpret_cast<const char*>(&entries_[handle]), _MM_HINT_T0);
  }
  [[nodiscard, gnu::target("aes")]] IndexPlace outbound_place(const OutboundKey& key) const {
    return outbound_.outbound_place(hash_.outbound(key));
  }
  // Of a key that was just written, perhaps in two parts: a load of the whole would wait for both
  // (bench/new_session_bench).
  [[nodiscard, gnu::target("aes")]] IndexPlace place_of_new(const OutboundKey& key) const {
    const auto* words = reinterpret_cast<const std::byte*>(&key);
    return outbound_.outbound_place(
        hash_.of(load<uint64_t>(words), load<uint64_t>(words + sizeof(uint64_t))));
  }
  [[nodiscard, gnu::target("aes")]] IndexPlace inbound_place(const InboundKey& key) const {
    return inbound_.inbound_place(hash_.inbound_block(key), key.egress_port.host());
  }
  [[nodiscard, gnu::target("aes")]] IndexPlace inbound_place(InboundWords key) const {
    return inbound_.inbound_place(hash_.inbound_block(key), key.port());
  }
  [[nodiscard]] SessionHandle find_outbound_at(const IndexPlace& place,
                                               const OutboundKey& key) const;
  // The key that found a live session: its original destination where it has one.
  [[nodiscard]] OutboundKey outbound_key_of(SessionHandle handle) const;

  // What create() finds where the session keeps its port.
  [[nodiscard, gnu::target("aes")]] PortChoice kept_port(const OutboundKey& key,
                                                         InboundWords remote, Now now) const;

  // Steps of create(): into the indexes (false, and undone, when there is no room), and into life.
  bool enter(SessionHandle handle, const IndexPlace& outbound, const IndexPlace& inbound);
  bool enter_again(SessionHandle held, const IndexPlace& outbound);
  Created begin(SessionHandle handle, const NewSession& session, uint16_t port, Now now);

  // A free entry's position, kNoSession when there is none.
  SessionHandle allocate();
  void release(SessionHandle handle);
  void write_entry(SessionHandle handle, const NewSession& session, uint16_t port, Now now);
  // A held port stops to be held: by being taken by a new session, by being freed.
  void leave_hold(SessionHandle handle);
  void free_held(SessionHandle handle);

  void arm(SessionHandle handle, uint32_t at_s);
  void arm_for_expiry(SessionHandle handle, Now now);
  // Positions that the sweep goes round: those ever used, in whole steps.
  [[nodiscard]] uint32_t swept_positions() const {
    return (fresh_ + kSweepStep - 1) / kSweepStep * kSweepStep;
  }
  [[nodiscard]] uint64_t sweep_position() const { return passes_ << 32 | hand_; }
  void collect_due(Now now, uint32_t& budget, SweepBatch& batch);
  uint32_t finish_batch(Now now, const SweepBatch& batch);

  SessionEntry* entries_;
  ColdSession* cold_;
  HalfOpenMap half_open_;
  uint16_t* look_;  // low 16 bits of the second before which the sweep need not look; 0: free
  SessionHash hash_;
  SessionIndex outbound_;
  SessionIndex inbound_;
  PortSearch ports_;

  uint32_t capacity_;
  uint32_t fresh_ = 0;       // positions never used yet begin here
  uint32_t free_ = kNoLink;  // the last one freed; the link is in the entry
  uint32_t live_ = 0;
  uint32_t held_ = 0;
  uint32_t port_hold_s_;
  TableHeldChain held_chain_;

  uint32_t hand_ = 0;  // of the sweep
  uint64_t passes_ = 0;
  uint64_t purge_until_ = 0;  // sweep_position() at which the purge is over
  uint32_t victim_hand_ = 0;
  uint32_t victim_passed_ = 0;  // positions, since one was found
  uint64_t victim_rest_until_ms_ = 0;
  SessionTableStatistics statistics_;
};

template <typename Predicate>
SessionHandle SessionTable::find_half_open(SessionHandle& hand, uint32_t& looks, Now now,
                                           Predicate&& is_candidate) const {
  for (uint32_t left = fresh_; left != 0 && looks != 0; --looks) {  // once round at most
    if (hand >= fresh_) hand = 0;
    const uint32_t end = std::min(fresh_, hand + left);
    const SessionHandle handle = half_open_.next(hand, end);
    left -= handle - hand;
    hand = handle;
    if (handle == end || !half_open_.is_marked(handle)) continue;
    --left;
    ++hand;
    constexpr uint16_t kBoth = kSessionLive | kSessionHalfOpen;
    const SessionEntry& session = entries_[handle];
    if ((session.flags & kBoth) != kBoth || !is_candidate(session)) continue;
    // One tick more: created_ms() is rounded down.
    const uint64_t old_at_ms = cold_[handle].created_ms() + 1000 + (1U << ColdSession::kTickShift);
    if (now.ms >= old_at_ms) return handle;
  }
  return kNoSession;
}

template <typename Visitor>
uint32_t SessionTable::sweep(Now now, uint32_t budget, Visitor&& visit) {
  budget = std::min(budget, swept_positions());  // once round at most
  uint32_t ended = 0;
  while (budget != 0) {
    SweepBatch batch;
    collect_due(now, budget, batch);
    for (uint32_t i = 0; i < batch.count; ++i) {
      const SessionEntry& session = entries_[batch.handle[i]];
      batch.verdict[i] = session.live() ? visit(batch.handle[i], expired(session.expires_s, now))
                                        : SweepVerdict::kKeep;
    }
    ended += finish_batch(now, batch);
  }
  return ended;
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_SESSION_TABLE_H_
