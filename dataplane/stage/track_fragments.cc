#include "dataplane/stage/track_fragments.h"

#include "dataplane/stage/classify.h"

namespace postern {
namespace {

class Tracking {
 public:
  Tracking(const Snapshot& snapshot, Sessions& sessions, Burst& burst, Direction direction, Now now)
      : snapshot_(snapshot),
        sessions_(sessions),
        burst_(burst),
        direction_(direction),
        outbound_(direction == Direction::kOutbound),
        now_(now) {}

  // True when later fragment `i` may go on, with meta.session set; else the reason is filled.
  bool pass(uint32_t i, Reason& reason);

 private:
  bool find(uint32_t i, Reason& reason);
  [[nodiscard]] Reason why_without_session(const PacketMeta& meta) const;
  bool within_bandwidth(uint32_t i, Reason& reason);
  void move_on(uint32_t i);

  const Snapshot& snapshot_;
  Sessions& sessions_;
  Burst& burst_;
  const Direction direction_;
  const bool outbound_;
  const Now now_;
};

bool Tracking::pass(uint32_t i, Reason& reason) {
  if (!find(i, reason)) return false;
  if (view<Ipv4Header>(burst_.bytes(i, burst_.meta[i].ip_offset)).ttl <= 1) {
    reason = Reason::kTtlExpired;
    return false;
  }
  if (snapshot_.limits.any_bandwidth && !within_bandwidth(i, reason)) return false;
  move_on(i);
  return true;
}

bool Tracking::find(uint32_t i, Reason& reason) {
  PacketMeta& meta = burst_.meta[i];
  const SessionTable& table = sessions_.table();
  meta.session = outbound_ ? table.find_outbound_one(outbound_key(meta))
                           : table.find_inbound_one(inbound_key(meta));
  if (meta.session != kNoSession) {
    SessionEntry& entry = sessions_.entry(meta.session);
    if (!entry.live() || !session_stands(snapshot_, entry)) {
      if (entry.live()) sessions_.remove(meta.session, now_);
      meta.session = kNoSession;
    }
  }
  if (meta.session == kNoSession) {
    reason = why_without_session(meta);
    return false;
  }
  const uint32_t slot = sessions_.entry(meta.session).source_slot_epoch & 0xffffff;
  const NodeIndex node = snapshot_.shared->source_records.load(slot).node;
  if (!outbound_) {
    meta.node = node;
    meta.vni = sessions_.entry(meta.session).vni();
  } else if (meta.node != node) {
    reason = Reason::kSourceNotOnNode;
    return false;
  }
  return true;
}

// What the first fragment was refused for, where that can be told from the rules.
Reason Tracking::why_without_session(const PacketMeta& meta) const {
  if (!outbound_) return Reason::kNoSession;
  const Flow flow{.source = Ipv4Address::from(meta.source),
                  .destination = Ipv4Address::from(meta.destination),
                  .source_port = meta.source_port.host(),
                  .destination_port = meta.destination_port.host(),
                  .protocol = meta.protocol,
                  .vni = meta.vni,
                  .node = meta.node};
  Decision decision;
  classify(snapshot_, {&flow, 1}, {&decision, 1});
  return decision.allowed ? Reason::kNoSession : decision.reason;
}

bool Tracking::within_bandwidth(uint32_t i, Reason& reason) {
  const SessionEntry& entry = sessions_.entry(burst_.meta[i].session);
  const NamespaceIndex name = sessions_.namespace_of(entry.source_slot_epoch);
  const NamespaceLimits* limits = snapshot_.limits.of(name);
  if (limits == nullptr) return true;
  const uint32_t bytes = burst_.meta[i].total_bytes;
  if (sessions_.within_bandwidth(name, *limits, direction_, bytes, now_)) {
    sessions_.note_bytes(name, *limits, direction_, bytes);
    return true;
  }
  sessions_.note_refused(name);
  reason = Reason::kQuotaBandwidth;
  return false;
}

void Tracking::move_on(uint32_t i) {
  const PacketMeta& meta = burst_.meta[i];
  SessionEntry& entry = sessions_.entry(meta.session);
  sessions_.count(meta.session, direction_, meta.total_bytes);
  if (meta.protocol == kProtocolTcp) {
    const auto& ip = view<Ipv4Header>(burst_.bytes(i, meta.ip_offset));
    const uint32_t first = meta.tcp_base + ip.fragment_offset_bytes();
    tcp_extend(entry, direction_, first, first + meta.total_bytes - ip.header_bytes());
    // As of whole packets: a remote cannot keep a connection alive that is over.
    if (!outbound_ && tcp_state(entry) >= TcpState::kClosing) return;
  }
  SessionTable::touch(entry, now_, idle_timeout_s(snapshot_, entry));
}

}  // namespace

void track_fragments(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                     const IndexList& in, Direction direction, Now now, IndexList& pass,
                     Refusals& refusals) {
  IndexList firsts;
  for (const uint8_t i : in) {
    if (!is_later_fragment(burst, i)) firsts.push(i);
  }
  IndexList passed;
  if (!firsts.empty()) {
    const bool outbound = direction == Direction::kOutbound;
    (outbound ? look_up_outbound : look_up_inbound)(sessions, burst, firsts);
    (outbound ? track_outbound : track_inbound)(snapshot, sessions, burst, firsts, now, passed,
                                                refusals);
  }
  uint64_t passes = 0;  // a bit each
  for (const uint8_t i : passed) passes |= uint64_t{1} << i;
  Tracking tracking(snapshot, sessions, burst, direction, now);
  for (const uint8_t i : in) {
    if (is_later_fragment(burst, i)) {
      Reason reason{};
      if (!tracking.pass(i, reason)) {
        refusals.push(i, reason);
        continue;
      }
    } else if ((passes >> i & 1) == 0) {
      continue;
    }
    pass.push(i);
  }
}

}  // namespace postern
