#include "dataplane/stage/track.h"

#include "dataplane/stage/admit.h"
#include "dataplane/stage/open.h"

namespace postern {

TcpSegment segment_of(const Burst& burst, uint32_t i) {
  const PacketMeta& meta = burst.meta[i];
  const uint8_t* at = burst.bytes(i, meta.transport_offset);
  const auto& header = view<TcpHeader>(at);
  const uint32_t header_bytes = header.header_bytes();
  const uint32_t before_payload = meta.transport_offset - meta.ip_offset + header_bytes;
  TcpSegment segment = TcpSegment::from(header, meta.total_bytes - before_payload);
  if ((header.flags & TcpHeader::kSyn) != 0) {
    segment.window_scale = tcp_window_scale({at + sizeof(TcpHeader), at + header_bytes});
  }
  return segment;
}

void look_up_outbound(const Sessions& sessions, Burst& burst, const IndexList& in) {
  std::array<OutboundKey, kBurst> keys;
  std::array<SessionHandle, kBurst> handles;
  for (uint32_t k = 0; k < in.size(); ++k) keys[k] = outbound_key(burst.meta[in[k]]);
  sessions.table().find_outbound({keys.data(), in.size()}, handles.data());
  for (uint32_t k = 0; k < in.size(); ++k) burst.meta[in[k]].session = handles[k];
}

void look_up_inbound(const Sessions& sessions, Burst& burst, const IndexList& in) {
  std::array<InboundKey, kBurst> keys;
  std::array<SessionHandle, kBurst> handles;
  for (uint32_t k = 0; k < in.size(); ++k) keys[k] = inbound_key(burst.meta[in[k]]);
  sessions.table().find_inbound({keys.data(), in.size()}, handles.data());
  for (uint32_t k = 0; k < in.size(); ++k) burst.meta[in[k]].session = handles[k];
}

namespace {

// False, and the session is ended, when what it rests on is gone. A packet before this one in the
// burst may have ended it already.
[[gnu::always_inline]] inline bool still_serves(const Snapshot& snapshot, Sessions& sessions,
                                                SessionHandle handle, Now now) {
  SessionEntry& entry = sessions.entry(handle);
  if (!entry.live()) return false;
  if (session_stands(snapshot, entry)) [[likely]]
    return true;
  sessions.remove(handle, now);
  return false;
}

// What the namespace of a session may use, or null. Only asked where somebody's bandwidth has a
// limit.
struct Bandwidth {
  NamespaceIndex name = kNoNamespace;
  const NamespaceLimits* limits = nullptr;
};
Bandwidth bandwidth_of(const Snapshot& snapshot, const Sessions& sessions,
                       const SessionEntry& entry) {
  const NamespaceIndex name = sessions.namespace_of(entry.source_slot_epoch);
  return {name, snapshot.limits.of(name)};
}

}  // namespace

bool within_bandwidth(const Snapshot& snapshot, Sessions& sessions, const SessionEntry& entry,
                      Direction direction, uint32_t bytes, Now now) {
  const Bandwidth its = bandwidth_of(snapshot, sessions, entry);
  if (its.limits == nullptr) return true;
  if (sessions.within_bandwidth(its.name, *its.limits, direction, bytes, now)) return true;
  sessions.note_refused(its.name);
  return false;
}

void note_bandwidth(const Snapshot& snapshot, Sessions& sessions, const SessionEntry& entry,
                    Direction direction, uint32_t bytes) {
  const Bandwidth its = bandwidth_of(snapshot, sessions, entry);
  if (its.limits != nullptr) sessions.note_bytes(its.name, *its.limits, direction, bytes);
}

Admission admit(const Snapshot& snapshot, Sessions& sessions, const Burst& burst, uint32_t i,
                SessionHandle handle, Direction direction, Now now, Reason& reason) {
  return snapshot.limits.any_bandwidth
             ? admit_packet<true>(snapshot, sessions, burst, i, handle, direction, now, reason)
             : admit_packet<false>(snapshot, sessions, burst, i, handle, direction, now, reason);
}

[[gnu::cold, gnu::noinline]] bool source_found_again(const Snapshot& snapshot,
                                                     SessionEntry& entry) {
  const SourceRecords& records = snapshot.shared->source_records;
  const SourceSlot slot_before = entry.source_slot_epoch & 0xffffff;
  const SourceRecord before = records.load(slot_before);
  const SourceSlot slot =
      snapshot.find_source_again(slot_before, entry.vni(), Ipv4Address::from(entry.source_ip));
  if (slot == kNoSource) return false;
  const SourceRecord record = records.load(slot);
  if (record.namespace_index != before.namespace_index) return false;
  if (!records.goes_on_from(slot_before, slot)) return false;
  entry.source_slot_epoch = slot | uint32_t{record.epoch} << 24;
  return true;
}

namespace {

// Sessions end while a burst is tracked: what one rests on goes between two of its packets, or it
// was half open and gives way to a new one. A packet that found such a session earlier in this
// burst must not go on with the face of who has the entry now.
template <Direction direction>
[[gnu::cold, gnu::noinline]] void refuse_orphans(Sessions& sessions, const Burst& burst,
                                                 IndexList& pass, Refusals& refusals) {
  constexpr bool kOut = direction == Direction::kOutbound;
  const SessionTable& table = sessions.table();
  const IndexList before = pass;
  pass.clear();
  for (const uint8_t i : before) {
    const PacketMeta& meta = burst.meta[i];
    const SessionHandle found = kOut ? table.find_outbound_one(outbound_key(meta))
                                     : table.find_inbound_one(inbound_key(meta));
    if (found == meta.session) {
      pass.push(i);
    } else {
      refusals.push(i, kOut ? Reason::kSessionEnded : Reason::kNoSession);
    }
  }
}

template <bool metered>
void track_outbound_as(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                       const IndexList& in, Now now, IndexList& pass, Refusals& refusals) {
  const uint64_t ended = sessions.table().ended();
  IndexList opening;
  for (uint32_t k = 0; k < in.size(); ++k) {
    const uint32_t i = in[k];
    const SessionHandle handle = burst.meta[i].session;
    if (handle == kNoSession) {
      opening.push(i);
      continue;
    }
    if (!still_serves(snapshot, sessions, handle, now)) [[unlikely]] {
      burst.meta[i].session = kNoSession;
      opening.push(i);
      continue;
    }
    const SourceRecords& records = snapshot.shared->source_records;
    const uint32_t slot = sessions.entry(handle).source_slot_epoch & 0xffffff;
    const NodeIndex node = records.load(slot).node;
    if (node != burst.meta[i].node) [[unlikely]] {
      refusals.push(i, Reason::kSourceNotOnNode);
      continue;
    }
    Reason reason{};
    switch (admit_packet<metered>(snapshot, sessions, burst, i, handle, Direction::kOutbound, now,
                                  reason)) {
      case Admission::kPass:
        pass.push(i);
        break;
      case Admission::kOpen:
        opening.push(i);
        break;
      case Admission::kRefused:
        refusals.push(i, reason);
        break;
    }
  }
  if (opening.empty()) return;  // whoever finds a session ended opens one
  open_sessions(snapshot, sessions, burst, opening, now, pass, refusals);
  if (sessions.table().ended() == ended) return;
  refuse_orphans<Direction::kOutbound>(sessions, burst, pass, refusals);
}

// Of a packet from outside. One that came to where a tunnel ends, too (arrive.cc), bears the reason
// that it would have had as a tunnel packet.
[[gnu::noinline]] Reason why_no_session(const Snapshot& snapshot, const PacketMeta& meta) {
  if (snapshot.is_bad_source(Ipv4Address::from(meta.source))) return Reason::kBadAddress;
  if (meta.protocol != kProtocolUdp) return Reason::kNoSession;
  const uint64_t endpoint = snapshot.endpoints.find(
      Snapshot::endpoint_key(Ipv4Address::from(meta.destination), meta.destination_port.host()));
  return endpoint == FlatMap::kAbsent ? Reason::kNoSession : Reason::kTunnelUnknownNode;
}

template <bool metered>
void track_inbound_as(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                      const IndexList& in, Now now, IndexList& pass, Refusals& refusals) {
  const uint64_t ended = sessions.table().ended();
  for (uint32_t k = 0; k < in.size(); ++k) {
    const uint32_t i = in[k];
    const SessionHandle handle = burst.meta[i].session;
    if (handle == kNoSession) {
      refusals.push(i, why_no_session(snapshot, burst.meta[i]));
      continue;
    }
    if (!still_serves(snapshot, sessions, handle, now)) [[unlikely]] {
      refusals.push(i, Reason::kNoSession);
      continue;
    }
    const SourceRecords& records = snapshot.shared->source_records;
    const uint32_t slot = sessions.entry(handle).source_slot_epoch & 0xffffff;
    burst.meta[i].node = records.load(slot).node;
    burst.meta[i].vni = sessions.entry(handle).vni();
    Reason reason = Reason::kBadTcpState;
    if (admit_packet<metered>(snapshot, sessions, burst, i, handle, Direction::kInbound, now,
                              reason) == Admission::kPass) {
      pass.push(i);
    } else {
      refusals.push(i, reason);
    }
  }
  if (sessions.table().ended() == ended) [[likely]]
    return;
  refuse_orphans<Direction::kInbound>(sessions, burst, pass, refusals);
}

}  // namespace

// Bandwidth is asked for where some namespace has a limit; elsewhere the question alone would cost
// every packet three cycles.
void track_outbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                    Now now, IndexList& pass, Refusals& refusals) {
  const auto track =
      snapshot.limits.any_bandwidth ? track_outbound_as<true> : track_outbound_as<false>;
  track(snapshot, sessions, burst, in, now, pass, refusals);
}

void track_inbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                   Now now, IndexList& pass, Refusals& refusals) {
  const auto track =
      snapshot.limits.any_bandwidth ? track_inbound_as<true> : track_inbound_as<false>;
  track(snapshot, sessions, burst, in, now, pass, refusals);
}

}  // namespace postern
