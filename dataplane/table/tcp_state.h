// What the gateway knows of a TCP connection: how far it is, and which sequence numbers each side
// may use next. A pure function over the fields of a SessionEntry and one segment.
//
//          SYN            both SYNs acknowledged         both FINs acknowledged
//   (none) ---> new ------------------------> established ---------------------> closing
//                |                                 |                                |
//                +------------- RST ---------------+-------------- RST -------------+--> closed
//   closing, closed --- new SYN from the pod ---> kReopen: the caller starts the entry again
//
// Trackers, one pair a direction: `sequence_end` is the number after the last one sent,
// `acknowledged` the last acknowledgement sent. They move only by segments whose sequence and
// acknowledgement both lie within a window of what is known (RFC 5961 5.2); a segment that starts
// exactly where the last one ended needs no window. A data segment outside still passes, and moves
// nothing: its receiver can judge it better than we can, and whoever cannot see the connection
// cannot drag a tracker to a number of his choice.
//
// A RST closes only at the number that its receiver expects (RFC 5961 3.2): the last acknowledged,
// or sequence_end as long as every segment since followed on the one before. Once there was a gap
// (loss, reordering, an injected segment), sequence_end is no proof until it is acknowledged. All
// other RSTs, and FINs outside the window, are refused and change nothing.
//
// The window itself is not tracked, but bounded: 65,535 shifted by the scale its side offered.
//
// Threads: the worker that owns the entry.
#ifndef POSTERN_DATAPLANE_TABLE_TCP_STATE_H_
#define POSTERN_DATAPLANE_TABLE_TCP_STATE_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/packet/direction.h"
#include "dataplane/table/session_entry.h"
#include "dataplane/wire/headers.h"

namespace postern {

enum class TcpState : uint8_t { kNew, kEstablished, kClosing, kClosed };

// As sessions.list words it.
constexpr std::string_view tcp_state_name(TcpState state) {
  constexpr std::string_view kNames[] = {"new", "established", "closing", "closed"};
  return kNames[static_cast<uint8_t>(state)];
}

enum class TcpVerdict : uint8_t {
  kPass,
  kBadState,     // flags that fit no state, or not this one: bad-tcp-state
  kBadSequence,  // a RST, FIN or SYN+ACK at a number that its receiver does not expect
  kReopen,       // a new SYN from the pod: judge it as a first packet, then call tcp_first
};

inline constexpr uint8_t kTcpNoWindowScale = 0xff;

// One segment as the state machine needs it, host byte order.
struct TcpSegment {
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;  // meaningless without ACK
  uint32_t payload_bytes = 0;
  uint8_t flags = 0;
  uint8_t window_scale = kTcpNoWindowScale;  // of a SYN: tcp_window_scale(its options)

  static TcpSegment from(const TcpHeader& header, uint32_t payload_bytes) {
    return {.sequence = header.sequence.host(),
            .acknowledgement = header.acknowledgement.host(),
            .payload_bytes = payload_bytes,
            .flags = header.flags};
  }
};

struct TcpTimeouts {
  uint32_t established_s;
  uint32_t transitory_s;  // all other states (RFC 5382 REQ-5)
};

// Layout of the ten bits of SessionEntry::flags that are kSessionTcpMask. Bits that exist per
// direction: outbound, and inbound one to the left.
inline constexpr uint16_t kTcpStateMask = 0x003;         // TcpState
inline constexpr uint16_t kTcpOutboundSynAcked = 0x004;  // the pod's SYN was acknowledged
inline constexpr uint16_t kTcpInboundSynAcked = 0x008;
inline constexpr uint16_t kTcpOutboundFin = 0x010;  // the number before sequence_end is a FIN
inline constexpr uint16_t kTcpInboundFin = 0x020;
inline constexpr uint16_t kTcpOutboundGap = 0x040;  // sequence_end was reached with a gap
inline constexpr uint16_t kTcpInboundGap = 0x080;
inline constexpr uint16_t kTcpInboundSyn = 0x100;  // the inbound trackers are filled
inline constexpr uint16_t kTcpChallenged = 0x200;  // see tcp_state.cc, on_challenge

// The one value of these bits in which a connection carries data without anything special.
inline constexpr uint16_t kTcpSteady = static_cast<uint16_t>(TcpState::kEstablished) |
                                       kTcpOutboundSynAcked | kTcpInboundSynAcked | kTcpInboundSyn;

// Flags that decide; PSH, ECE and CWR may accompany any.
inline constexpr uint8_t kTcpDecidingFlags =
    TcpHeader::kFin | TcpHeader::kSyn | TcpHeader::kRst | TcpHeader::kAck | TcpHeader::kUrg;

// SYN, and none of ACK, RST, FIN: the only segment that may start a session (T1, T6).
constexpr bool tcp_is_plain_syn(uint8_t flags) {
  constexpr uint8_t kSides = TcpHeader::kSyn | TcpHeader::kAck | TcpHeader::kRst | TcpHeader::kFin;
  return (flags & kSides) == TcpHeader::kSyn;
}

// The shift count of the window scale option in a SYN's `options` (RFC 7323: at most 14), or
// kTcpNoWindowScale. Reads nothing behind the span, whatever the options claim.
uint8_t tcp_window_scale(std::span<const uint8_t> options);

// Starts the TCP part of an entry with the pod's first segment. kBadState, and the entry as it
// was, unless it is a plain SYN. Also for an entry that tcp_next answered kReopen for.
TcpVerdict tcp_first(SessionEntry& entry, const TcpSegment& segment);

// Everything but an in-order ACK in a steady connection.
[[gnu::cold, gnu::noinline]] TcpVerdict tcp_next_special(SessionEntry& entry, Direction direction,
                                                         TcpSegment segment);

// Judges a segment of a known session and moves its state on. On every verdict but kPass the entry
// is as it was. The caller sets a new expiry by tcp_timeout_s after kPass.
inline TcpVerdict tcp_next(SessionEntry& entry, Direction direction, const TcpSegment& segment) {
  const bool outbound = direction == Direction::kOutbound;
  uint32_t& end = outbound ? entry.outbound_sequence_end : entry.inbound_sequence_end;
  uint32_t& acknowledged = outbound ? entry.outbound_acknowledged : entry.inbound_acknowledged;
  const uint32_t peer_end = outbound ? entry.inbound_sequence_end : entry.outbound_sequence_end;
  const uint32_t unusual =
      static_cast<uint32_t>((entry.flags & kSessionTcpMask) ^ kTcpSteady) |
      static_cast<uint32_t>((segment.flags & kTcpDecidingFlags) ^ TcpHeader::kAck) |
      (segment.sequence ^ end);
  // The acknowledgement lies in acknowledged..peer_end, modulo 2^32.
  if (unusual == 0 && segment.acknowledgement - acknowledged <= peer_end - acknowledged)
      [[likely]] {
    end += segment.payload_bytes;
    acknowledged = segment.acknowledgement;
    return TcpVerdict::kPass;
  }
  return tcp_next_special(entry, direction, segment);
}

// A later fragment of a segment brings the sequence numbers first..end. Where they follow on what
// is known of that side, sequence_end moves as the whole segment would have moved it.
inline void tcp_extend(SessionEntry& entry, Direction direction, uint32_t first, uint32_t end) {
  uint32_t& known =
      direction == Direction::kOutbound ? entry.outbound_sequence_end : entry.inbound_sequence_end;
  if (first == known) known = end;
}

inline TcpState tcp_state(const SessionEntry& entry) {
  return static_cast<TcpState>(entry.flags & kTcpStateMask);
}

// Idle time after which the session ends, in seconds. A connection with one FIN is established:
// the other side may go on sending for as long as it likes (T2, T3).
inline uint32_t tcp_timeout_s(const SessionEntry& entry, const TcpTimeouts& timeouts) {
  return tcp_state(entry) == TcpState::kEstablished ? timeouts.established_s
                                                    : timeouts.transitory_s;
}

// Whether a packet of this direction with this sequence number may be under way, so that an ICMP
// error may quote it (RFC 5927 4.1): not acknowledged yet, or at most 64 KiB behind (its
// retransmission may have overtaken the error), and not beyond what was sent.
bool tcp_sequence_in_window(const SessionEntry& entry, Direction direction, uint32_t sequence);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_TCP_STATE_H_
