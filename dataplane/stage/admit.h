// Admit: a packet of a known session moves it on, or is refused. What track.h offers as admit(), to
// be inlined into the loops over a burst: handing over the arguments would cost as much as what an
// established UDP packet needs. Called by the worker that owns the sessions.
#ifndef POSTERN_DATAPLANE_STAGE_ADMIT_H_
#define POSTERN_DATAPLANE_STAGE_ADMIT_H_

#include "dataplane/stage/track.h"

namespace postern {

inline uint8_t time_to_live(const Burst& burst, uint32_t i) {
  return view<Ipv4Header>(burst.bytes(i, burst.meta[i].ip_offset)).ttl;
}

// Moves a TCP session on; the reason is filled when the segment does not fit it.
inline Admission admit_tcp(const Burst& burst, uint32_t i, SessionEntry& entry, Direction direction,
                           Reason& reason) {
  switch (tcp_next(entry, direction, segment_of(burst, i))) {
    case TcpVerdict::kPass:
      return Admission::kPass;
    case TcpVerdict::kReopen:
      return Admission::kOpen;
    case TcpVerdict::kBadState:
      reason = Reason::kBadTcpState;
      return Admission::kRefused;
    case TcpVerdict::kBadSequence:
      break;
  }
  reason = Reason::kBadTcpSequence;
  return Admission::kRefused;
}

// What a packet does to the end of its session.
enum class Expiry : uint8_t { kKept, kLater, kPerhapsEarlier };

[[gnu::always_inline]] inline void refresh(const Snapshot& snapshot, Sessions& sessions,
                                           SessionHandle handle, Now now, Expiry expiry) {
  SessionEntry& entry = sessions.entry(handle);
  const uint32_t timeout_s = idle_timeout_s(snapshot, entry);
  if (expiry == Expiry::kLater) [[likely]] {
    SessionTable::touch(entry, now, timeout_s);
  } else if (expiry == Expiry::kPerhapsEarlier) {
    sessions.table().touch_earlier(handle, now, timeout_s);
  }
}

// Bandwidth of a session's namespace: whether it has room for a packet, and that the packet passed.
bool within_bandwidth(const Snapshot& snapshot, Sessions& sessions, const SessionEntry& entry,
                      Direction direction, uint32_t bytes, Now now);
void note_bandwidth(const Snapshot& snapshot, Sessions& sessions, const SessionEntry& entry,
                    Direction direction, uint32_t bytes);

// `metered`: somebody's bandwidth has a limit.
template <bool metered>
[[gnu::always_inline]] inline Admission admit_packet(const Snapshot& snapshot, Sessions& sessions,
                                                     const Burst& burst, uint32_t i,
                                                     SessionHandle handle, Direction direction,
                                                     Now now, Reason& reason) {
  SessionEntry& entry = sessions.entry(handle);
  Expiry expiry = Expiry::kLater;
  if (time_to_live(burst, i) <= 1) [[unlikely]] {
    reason = Reason::kTtlExpired;
    return Admission::kRefused;
  }
  const uint32_t bytes = burst.meta[i].total_bytes;
  if constexpr (metered) {
    if (!within_bandwidth(snapshot, sessions, entry, direction, bytes, now)) {
      reason = Reason::kQuotaBandwidth;
      return Admission::kRefused;
    }
  }
  if (burst.meta[i].protocol == kProtocolTcp) {
    const uint16_t before = entry.flags;
    // A remote cannot keep a connection alive that is over, whatever it sends.
    const bool was_over =
        direction == Direction::kInbound && tcp_state(entry) >= TcpState::kClosing;
    const Admission admission = admit_tcp(burst, i, entry, direction, reason);
    if (admission != Admission::kPass) return admission;
    if (before != entry.flags) expiry = Expiry::kPerhapsEarlier;
    if (was_over) expiry = Expiry::kKept;
  }
  refresh(snapshot, sessions, handle, now, expiry);
  sessions.count(handle, direction, bytes);
  if constexpr (metered) note_bandwidth(snapshot, sessions, entry, direction, bytes);
  return Admission::kPass;
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_ADMIT_H_
