#include "dataplane/table/sessions.h"

namespace postern {
namespace {

// As many looks as are left in the bucket, down to a power of two; `most` is what it holds.
uint32_t looks_left(TokenBucket& bucket, uint64_t per_second, uint32_t most, Now now) {
  uint32_t looks = most;
  while (looks != 0 && !bucket.has(looks, per_second, most, now)) looks /= 2;
  return looks;
}

}  // namespace

std::optional<Reason> Sessions::limit_reached(NamespaceIndex name, const NamespaceLimits& limits,
                                              uint32_t bytes, uint32_t leaving, Now now) {
  if (!shared_.usage(name).may_begin(limits, now)) return Reason::kQuotaRate;
  if (!within_bandwidth(name, limits, Direction::kOutbound, bytes, now)) {
    return Reason::kQuotaBandwidth;
  }
  if (limits.sessions == NamespaceLimits::kNone) return std::nullopt;
  if (shared_.active(name) < uint64_t{limits.sessions} + leaving) return std::nullopt;
  if (make_room(name, now)) return std::nullopt;
  shared_.ask_for_room(self_, name, asked_);
  return Reason::kQuotaSessions;
}

// A part of the sum is as old as the last look; the nearer the end, the sooner the next one.
bool Sessions::look_at_others() {
  const uint64_t live = shared_.live();
  if (live >= shared_.max_sessions()) return false;
  const uint64_t room = (shared_.max_sessions() - live) / shared_.workers();
  unseen_ = static_cast<uint32_t>(std::min<uint64_t>(room, SharedSessions::kUnseen));
  unseen_ -= unseen_ != 0 ? 1 : 0;  // the one that is asked for now
  return true;
}

Created Sessions::find(const OutboundKey& key) const {
  const SessionHandle handle = table_.find_outbound_one(key);
  if (handle == kNoSession) return {CreateStatus::kTableFull, kNoSession};
  return {CreateStatus::kExists, handle};
}

bool Sessions::end_half_open(Now now) {
  const SessionHandle victim = table_.half_open_victim(now);
  if (victim == kNoSession) return false;
  settle(table_.entry(victim), counters_.session_deleted);
  table_.end_without_hold(victim);
  return true;
}

// Ends an old half-open session of the namespace. False where none was found in time.
bool Sessions::make_room(NamespaceIndex name, Now now) {
  const uint32_t looks = looks_left(looks_, kLooksPerSecond, kLooksAtOnce, now);
  uint32_t left = looks;
  const SessionHandle victim = find_half_open_of(name, look_from_, left, now);
  looks_.take(looks - left);
  if (victim == kNoSession) return false;
  settle(table_.entry(victim), counters_.session_deleted);
  table_.end_without_hold(victim);
  return true;
}

void Sessions::make_room_for_others(Now now) {
  const uint32_t name = shared_.take_request(self_);
  if (name == SharedSessions::kNobody) [[likely]]
    return;
  if (name == SharedSessions::kAnybody) {
    end_half_open(now);
  } else {
    make_room(name, now);
  }
}

SessionHandle Sessions::find_half_open_of(NamespaceIndex name, SessionHandle& hand, uint32_t& looks,
                                          Now now) const {
  return table_.find_half_open(hand, looks, now, [&](const SessionEntry& entry) {
    return namespace_of(entry.source_slot_epoch) == name;
  });
}

SessionHandle Sessions::next_to_give_way(NamespaceIndex name, Now now) const {
  TokenBucket bucket = looks_;
  uint32_t looks = looks_left(bucket, kLooksPerSecond, kLooksAtOnce, now);
  SessionHandle hand = look_from_;
  return find_half_open_of(name, hand, looks, now);
}

SessionHandle Sessions::adopt(const SessionEntry& session, const ColdSession& cold, Now now) {
  const SessionHandle handle = table_.adopt(session, cold, now);
  if (handle == kNoSession) return handle;
  enter(table_.entry(handle));
  return handle;
}

}  // namespace postern
