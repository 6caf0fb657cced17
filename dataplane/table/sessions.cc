#include "dataplane/table/sessions.h"

namespace postern {

std::optional<Reason> Sessions::limit_reached(NamespaceIndex name, const NamespaceLimits& limits,
                                              uint32_t bytes, uint32_t leaving, Now now) {
  NamespaceUsage& usage = usage_[name];
  if (!usage.may_begin(limits, now)) return Reason::kQuotaRate;
  if (!usage.may_pass(limits, Direction::kOutbound, bytes, now)) return Reason::kQuotaBandwidth;
  if (accounts_.active[name].read() < uint64_t{limits.sessions} + leaving) return std::nullopt;
  if (make_room(name, now)) return std::nullopt;
  return Reason::kQuotaSessions;
}

// Ends an old half-open session of the namespace. False where none was found in time.
bool Sessions::make_room(NamespaceIndex name, Now now) {
  const uint32_t looks = std::min(kLooksAtOnce, table_.capacity());
  if (!looks_.has(looks, kLooksPerSecond, kLooksAtOnce, now)) return false;
  uint32_t left = looks;
  const SessionHandle victim = find_half_open_of(name, look_from_, left, now);
  looks_.take(looks - left);
  if (victim == kNoSession) return false;
  settle(table_.entry(victim), counters_.session_deleted);
  table_.end_without_hold(victim);
  return true;
}

SessionHandle Sessions::find_half_open_of(NamespaceIndex name, SessionHandle& hand, uint32_t& looks,
                                          Now now) const {
  return table_.find_half_open(hand, looks, now, [&](const SessionEntry& entry) {
    return namespace_of(entry.source_slot_epoch) == name;
  });
}

SessionHandle Sessions::next_to_give_way(NamespaceIndex name, Now now) const {
  uint32_t looks = std::min(kLooksAtOnce, table_.capacity());
  TokenBucket bucket = looks_;
  if (!bucket.has(looks, kLooksPerSecond, kLooksAtOnce, now)) return kNoSession;
  SessionHandle hand = look_from_;
  return find_half_open_of(name, hand, looks, now);
}

SessionHandle Sessions::adopt(const SessionEntry& session, const ColdSession& cold, Now now) {
  const SessionHandle handle = table_.adopt(session, cold, now);
  if (handle == kNoSession) return handle;
  counters_.session_created.add();
  accounts_.active[namespace_of(session.source_slot_epoch)].add();
  ports_used(session.address_slot, session.protocol()).add();
  return handle;
}

}  // namespace postern
