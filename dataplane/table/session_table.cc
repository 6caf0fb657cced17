#include "dataplane/table/session_table.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "dataplane/table/memory_cutter.h"
#include "dataplane/wire/headers.h"

namespace postern {
namespace {

PortBlocks blocks_of(const SessionTableConfig& config) {
  return {config.port_low, config.port_high, config.shard_bits, config.owned_shards};
}

// The remote that a session will talk to.
InboundWords remote_of(const NewSession& session) {
  const Be32 ip = session.is_router ? session.translated_ip : session.key.remote_ip;
  const Be16 port = session.is_router ? session.translated_port : session.key.remote_port;
  const auto protocol = static_cast<uint8_t>(session.key.vni_protocol >> 24);
  return InboundWords::of(protocol, ip, port, session.egress_ip);
}

}  // namespace

// Where everything lies. With an empty span, only how much there is.
struct SessionTable::Memory {
  std::span<SessionEntry> entries;
  std::span<ColdSession> cold;
  std::span<IndexLine> outbound;
  std::span<IndexLine> inbound;
  std::span<uint64_t> half_open;
  std::span<uint16_t> look;
  std::span<std::byte> ports;
  size_t bytes;

  Memory(const SessionTableConfig& config, std::span<std::byte> memory) {
    MemoryCutter cutter(memory);
    const uint32_t sessions = config.max_sessions;
    entries = cutter.cut<SessionEntry>(sessions);
    cold = cutter.cut<ColdSession>(sessions);
    outbound = cutter.cut<IndexLine>(SessionIndex::lines_for(sessions));
    inbound = cutter.cut<IndexLine>(SessionIndex::lines_for(sessions));
    half_open = cutter.cut<uint64_t>(HalfOpenMap::words_for(sessions));
    look = cutter.cut<uint16_t>(sessions + kSweepStep);
    ports = cutter.cut<std::byte>(PortSearch::memory_bytes(blocks_of(config), sessions));
    bytes = cutter.used();
    if (!memory.empty() && !cutter.fits()) std::abort();
  }
};

size_t SessionTable::memory_bytes(const SessionTableConfig& config) {
  return Memory(config, {}).bytes;
}

SessionTable::SessionTable(const SessionTableConfig& config, std::span<std::byte> memory)
    : SessionTable(config, Memory(config, memory)) {}

SessionTable::SessionTable(const SessionTableConfig& config, const Memory& memory)
    : entries_(memory.entries.data()),
      cold_(memory.cold.data()),
      half_open_(memory.half_open),
      look_(memory.look.data()),
      hash_(config.key[0], config.key[1]),
      outbound_(memory.outbound),
      inbound_(memory.inbound),
      ports_({.blocks = blocks_of(config),
              .max_sessions = config.max_sessions,
              .random_key_low = config.key[2],
              .random_key_high = config.key[3]},
             hash_, inbound_, entries_, memory.ports),
      capacity_(config.max_sessions),
      port_hold_s_(config.port_hold_s) {}

Created SessionTable::create(const NewSession& session, Now now) {
  const IndexPlace outbound = place_of_new(session.key);
  const SessionHandle existing = find_outbound_at(outbound, session.key);
  if (existing != kNoSession) return {CreateStatus::kExists, existing};
  if (live_ == capacity_) {
    ++statistics_.refused_table_full;
    return {CreateStatus::kTableFull, kNoSession};
  }
  const bool crowded = held_ != 0 && live_ + held_ > capacity_ / 10 * 9;
  const PortChoice choice = is_other_protocol(session.key.protocol())
                                ? kept_port(session.key, remote_of(session), now)
                                : ports_.choose(remote_of(session), session.shard, crowded, now);
  switch (choice.kind) {
    case PortChoice::Kind::kFree: {
      const SessionHandle handle = allocate();
      if (!enter(handle, outbound, choice.place)) return {CreateStatus::kTableFull, kNoSession};
      ports_.taken(remote_of(session).with_port(choice.port));
      return begin(handle, session, choice.port, now);
    }
    case PortChoice::Kind::kHeld: {
      if (!enter_again(choice.held, outbound)) return {CreateStatus::kTableFull, kNoSession};
      return begin(choice.held, session, entries_[choice.held].egress_port.host(), now);
    }
    case PortChoice::Kind::kNone:
      break;
  }
  ++statistics_.refused_no_port;
  return {CreateStatus::kNoPort, kNoSession};
}

// A pod that comes back finds what it has left; a stranger must wait until late packets of the
// session before have passed (nat.md M6).
PortChoice SessionTable::kept_port(const OutboundKey& key, InboundWords remote, Now now) const {
  const InboundWords wanted = remote.with_port(key.source_port.host());
  const IndexPlace place = inbound_place(wanted);
  const uint32_t holder = inbound_.find(
      place, [&](uint32_t handle) { return InboundWords::of(entries_[handle]) == wanted; });
  if (holder == kNoSession) {
    return {.kind = PortChoice::Kind::kFree, .port = wanted.port(), .place = place};
  }
  SessionEntry& entry = entries_[holder];
  if (entry.live()) return {};
  const bool own = entry.source_ip == key.source_ip && entry.vni_protocol == key.vni_protocol;
  if (!own && held_for_ms(entry, now) < kHoldAtLeast_ms) return {};
  return {.kind = PortChoice::Kind::kHeld, .held = holder};
}

bool SessionTable::enter(SessionHandle handle, const IndexPlace& outbound,
                         const IndexPlace& inbound) {
  if (outbound_.insert(outbound, handle)) [[likely]] {
    if (inbound_.insert(inbound, handle)) [[likely]]
      return true;
    outbound_.erase(outbound, handle);
  }
  release(handle);
  ++statistics_.refused_table_full;
  return false;
}

bool SessionTable::enter_again(SessionHandle held, const IndexPlace& outbound) {
  if (!outbound_.insert(outbound, held)) [[unlikely]] {
    ++statistics_.refused_table_full;
    return false;
  }
  leave_hold(held);
  ++statistics_.held_taken;
  return true;
}

Created SessionTable::begin(SessionHandle handle, const NewSession& session, uint16_t port,
                            Now now) {
  write_entry(handle, session, port, now);
  arm_for_expiry(handle, now);
  ++live_;
  ++statistics_.created;
  return {CreateStatus::kCreated, handle};
}

SessionHandle SessionTable::adopt(const SessionEntry& session, const ColdSession& cold, Now now) {
  if (live_ == capacity_) return kNoSession;
  const InboundWords key = InboundWords::of(session);
  const SessionHandle handle = allocate();
  if (!enter(handle, outbound_place(postern::outbound_key_of(session, cold)), inbound_place(key))) {
    return kNoSession;
  }
  ports_.taken(key);
  entries_[handle] = session;
  cold_[handle] = cold;
  if ((session.flags & kSessionHalfOpen) != 0) half_open_.mark(handle);
  arm_for_expiry(handle, now);
  ++live_;
  ++statistics_.created;
  return handle;
}

void SessionTable::ComingSessions::prefetch(const NewSession& session) {
  if (!is_other_protocol(session.key.protocol())) {
    table_.ports_.prefetch(remote_of(session), session.shard, ahead_++);
  }
  if (free_ == kNoLink) return;
  _mm_prefetch(reinterpret_cast<const char*>(&table_.cold_[free_]), _MM_HINT_T0);
  _mm_prefetch(reinterpret_cast<const char*>(&table_.look_[free_]), _MM_HINT_T0);
  free_ = load<uint32_t>(&table_.entries_[free_]);
}

SessionHandle SessionTable::allocate() {
  if (free_ == kNoLink) {
    if (fresh_ < capacity_) return fresh_++;
    free_held(held_chain_.oldest());
    ++statistics_.held_evicted;
  }
  const SessionHandle handle = free_;
  free_ = load<uint32_t>(&entries_[handle]);
  if (free_ != kNoLink) prefetch_entry(free_);
  return handle;
}

void SessionTable::release(SessionHandle handle) {
  SessionEntry& entry = entries_[handle];
  entry.flags = 0;
  store(&entry, free_);
  look_[handle] = 0;
  free_ = handle;
}

void SessionTable::write_entry(SessionHandle handle, const NewSession& session, uint16_t port,
                               Now now) {
  const uint32_t port_shard = ports_.blocks().shard_of(port / 8U);
  const bool foreign = port_shard != session.shard && !is_other_protocol(session.key.protocol());
  statistics_.foreign_shard += foreign ? 1 : 0;
  // Field by field: built aside and copied, the copy would wait for the fields' stores.
  SessionEntry& entry = entries_[handle];
  entry.source_ip = session.key.source_ip;
  entry.vni_protocol = session.key.vni_protocol;
  entry.remote_ip = session.is_router ? session.translated_ip : session.key.remote_ip;
  entry.remote_port = session.is_router ? session.translated_port : session.key.remote_port;
  entry.source_port = session.key.source_port;
  entry.egress_ip = session.egress_ip;
  entry.egress_port = Be16(port);
  entry.expires_s = static_cast<uint16_t>(now.seconds() + session.timeout_s + 1);
  entry.source_slot_epoch = session.source_slot_epoch;
  entry.address_slot = session.address_slot;
  entry.flags = static_cast<uint16_t>(kSessionLive | (session.is_router ? kSessionRouter : 0) |
                                      (foreign ? kSessionForeignShard : 0));
  std::memset(&entry.outbound_sequence_end, 0,
              sizeof entry - offsetof(SessionEntry, outbound_sequence_end));
  entry.address_epoch = session.address_epoch;
  if (entry.protocol() == kProtocolTcp) half_open_.mark(handle);  // as its first packet will

  ColdSession& cold = cold_[handle];
  cold = ColdSession{};
  cold.created_ticks = static_cast<uint32_t>(now.ms >> ColdSession::kTickShift);
  cold.original_ip = session.key.remote_ip;
  cold.original_port = session.key.remote_port;
}

void SessionTable::begin_again(SessionHandle handle, uint32_t source_slot_epoch, Now now) {
  SessionEntry& entry = entries_[handle];
  const uint8_t address_epoch = entry.address_epoch;
  entry.source_slot_epoch = source_slot_epoch;
  entry.flags &= kSessionLive | kSessionRouter | kSessionForeignShard;
  std::memset(&entry.outbound_sequence_end, 0,
              sizeof entry - offsetof(SessionEntry, outbound_sequence_end));
  entry.address_epoch = address_epoch;
  if (entry.protocol() == kProtocolTcp) half_open_.mark(handle);

  ColdSession fresh{};
  fresh.created_ticks = static_cast<uint32_t>(now.ms >> ColdSession::kTickShift);
  fresh.original_ip = cold_[handle].original_ip;
  fresh.original_port = cold_[handle].original_port;
  cold_[handle] = fresh;
}

OutboundKey SessionTable::outbound_key_of(SessionHandle handle) const {
  return postern::outbound_key_of(entries_[handle], cold_[handle]);
}

void SessionTable::end(SessionHandle handle, Now now) {
  if (port_hold_s_ == 0) {
    end_without_hold(handle);
    return;
  }
  SessionEntry& entry = entries_[handle];
  half_open_.unmark(handle);
  outbound_.erase(outbound_place(outbound_key_of(handle)), handle);
  entry.flags = kSessionHeld;
  entry.expires_s = static_cast<uint16_t>(now.seconds() + port_hold_s_ + 1);
  held_links(entry).ended_ms = static_cast<uint32_t>(now.ms);
  held_chain_.push_newest(entries_, handle);
  ports_.held(InboundWords::of(entry), handle);
  arm(handle, entry.expires_s);
  --live_;
  ++held_;
  ++statistics_.ended;
}

void SessionTable::end_without_hold(SessionHandle handle) {
  half_open_.unmark(handle);
  outbound_.erase(outbound_place(outbound_key_of(handle)), handle);
  const InboundWords key = InboundWords::of(entries_[handle]);
  inbound_.erase(inbound_place(key), handle);
  ports_.freed(key);
  release(handle);
  --live_;
  ++statistics_.ended;
}

void SessionTable::leave_hold(SessionHandle handle) {
  held_chain_.remove(entries_, handle);
  ports_.no_longer_held(InboundWords::of(entries_[handle]), handle);
  --held_;
}

void SessionTable::free_held(SessionHandle handle) {
  leave_hold(handle);
  const InboundWords key = InboundWords::of(entries_[handle]);
  inbound_.erase(inbound_place(key), handle);
  ports_.freed(key);
  release(handle);
}

SessionHandle SessionTable::half_open_victim(Now now) {
  if (now.ms < victim_rest_until_ms_) return kNoSession;
  const SessionHandle from = victim_hand_;
  uint32_t looks = kVictimSearch;
  const SessionHandle victim =
      find_half_open(victim_hand_, looks, now, [](const SessionEntry&) { return true; });
  if (victim != kNoSession) {
    victim_passed_ = 0;
    return victim;
  }
  victim_passed_ += victim_hand_ > from ? victim_hand_ - from : fresh_ - from + victim_hand_;
  if (victim_passed_ >= fresh_) {
    victim_passed_ = 0;
    if (fresh_ > kVictimSearch) victim_rest_until_ms_ = now.ms + kVictimRest_ms;
  }
  return kNoSession;
}

SessionHandle SessionTable::next_half_open_victim(Now now) const {
  if (now.ms < victim_rest_until_ms_) return kNoSession;
  SessionHandle hand = victim_hand_;
  uint32_t looks = kVictimSearch;
  return find_half_open(hand, looks, now, [](const SessionEntry&) { return true; });
}

SessionTableStatistics SessionTable::statistics() const {
  SessionTableStatistics all = statistics_;
  all.blocks_examined = ports_.statistics().blocks_examined;
  all.full_walks = ports_.statistics().exact_walks;
  all.unverified_refusals = ports_.statistics().unverified_refusals;
  return all;
}

}  // namespace postern
