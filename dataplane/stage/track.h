// Track: which session does this packet belong to, and may it?
//
// Looks a whole burst up at once. A hit is held against what its session rests on (source record,
// egress address, TCP state, TTL) and passes; a miss outbound is peeled off into a side list,
// classified, and opens a session; a miss inbound is nobody's. Sessions whose pod, namespace, node
// or address is gone end at the first packet that shows it, and serve nothing.
//
// What does not pass is handed on as a refusal with its reason: the refuse stage drops it, with an
// answer to the sender where one is due. Called by the worker that owns the sessions.
#ifndef POSTERN_DATAPLANE_STAGE_TRACK_H_
#define POSTERN_DATAPLANE_STAGE_TRACK_H_

#include <smmintrin.h>

#include <array>
#include <cstddef>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/direction.h"
#include "dataplane/packet/now.h"
#include "dataplane/packet/reason.h"
#include "dataplane/table/sessions.h"
#include "dataplane/table/snapshot.h"
#include "dataplane/table/tcp_state.h"

namespace postern {

// Packets that end here, each with its reason.
struct Refusals {
  IndexList packets;
  std::array<Reason, kBurst> reason;  // by packet index

  void push(uint32_t index, Reason why) {
    packets.push(index);
    reason[index] = why;
  }
};

// Finds the sessions of packets `in`, all at once: fills meta.session, kNoSession where there is
// none.
void look_up_outbound(const Sessions& sessions, Burst& burst, const IndexList& in);
void look_up_inbound(const Sessions& sessions, Burst& burst, const IndexList& in);

// Packets `in` of the burst have passed `arrive`, and their sessions were looked up. Those that may
// go on are pushed to `pass`, with meta.session set, inbound also meta.node and meta.vni (where the
// pod is).
void track_outbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                    Now now, IndexList& pass, Refusals& refusals);
void track_inbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                   Now now, IndexList& pass, Refusals& refusals);

// What a packet is to a session that was found for it.
enum class Admission : uint8_t {
  kPass,
  kOpen,     // outbound only: a new SYN on a closing connection, to be judged as a first packet
  kRefused,  // the reason is filled
};

// Moves the session on by packet `i`: TTL, TCP state, expiry, counters.
Admission admit(const Snapshot& snapshot, Sessions& sessions, const Burst& burst, uint32_t i,
                SessionHandle handle, Direction direction, Now now, Reason& reason);

// The key under which an outbound packet finds its session: the same addresses and ports, in
// another order, put together in a register.
inline OutboundKey outbound_key(const PacketMeta& meta) {
  static_assert(offsetof(PacketMeta, destination) == 4 && offsetof(PacketMeta, source_port) == 8 &&
                offsetof(PacketMeta, destination_port) == 10);
  const __m128i order = _mm_setr_epi8(0, 1, 2, 3, -1, -1, -1, -1, 4, 5, 6, 7, 10, 11, 8, 9);
  const __m128i noted = _mm_load_si128(reinterpret_cast<const __m128i*>(&meta));
  const auto vni_protocol = static_cast<int>(OutboundKey::pack(meta.vni, meta.protocol));
  OutboundKey key;
  _mm_store_si128(reinterpret_cast<__m128i*>(&key),
                  _mm_insert_epi32(_mm_shuffle_epi8(noted, order), vni_protocol, 1));
  return key;
}
// Likewise of an inbound one.
inline InboundKey inbound_key(const PacketMeta& meta) {
  const __m128i order = _mm_setr_epi8(-1, 0, 1, 2, 3, 8, 9, -1, -1, 4, 5, 6, 7, 10, 11, -1);
  const __m128i noted = _mm_load_si128(reinterpret_cast<const __m128i*>(&meta));
  InboundKey key;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(&key),
                   _mm_insert_epi8(_mm_shuffle_epi8(noted, order), meta.protocol, 0));
  return key;
}

// The TCP segment of packet `i`, as the state machine wants it.
TcpSegment segment_of(const Burst& burst, uint32_t i);

// True where the record of a session's source was replaced by another one of the same namespace,
// which the session then notes: a pod that moved keeps its sessions.
bool source_found_again(const Snapshot& snapshot, SessionEntry& entry);
// True while what the session rests on is there: its source record and its egress address.
inline bool session_stands(const Snapshot& snapshot, SessionEntry& entry) {
  const EgressAddress& address = snapshot.policy.addresses[entry.address_slot];
  if (address.epoch != entry.address_epoch) return false;
  return snapshot.shared->source_records.is_current(entry.source_slot_epoch) ||
         source_found_again(snapshot, entry);
}

// Seconds of idleness after which a session ends, by its protocol and state.
inline uint32_t idle_timeout_s(const Snapshot& snapshot, const SessionEntry& entry) {
  const SessionTimeouts& timeouts = snapshot.timeouts;
  switch (entry.protocol()) {
    case kProtocolTcp:
      return tcp_timeout_s(entry, {timeouts.tcp_established_s, timeouts.tcp_transitory_s});
    case kProtocolUdp:
      return timeouts.udp_s;
    case kProtocolIcmp:
      return timeouts.icmp_s;
    default:
      return timeouts.other_s;
  }
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_TRACK_H_
