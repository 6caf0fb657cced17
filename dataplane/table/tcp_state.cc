#include "dataplane/table/tcp_state.h"

#include <algorithm>

namespace postern {
namespace {

constexpr uint8_t kFin = TcpHeader::kFin;
constexpr uint8_t kSyn = TcpHeader::kSyn;
constexpr uint8_t kRst = TcpHeader::kRst;
constexpr uint8_t kAck = TcpHeader::kAck;
constexpr uint8_t kUrg = TcpHeader::kUrg;

constexpr uint32_t kLargestUnscaledWindow = 65535;  // RFC 9293 3.1
constexpr uint8_t kLargestScale = 14;               // RFC 7323 2.3
constexpr uint8_t kScaleNotOffered = 15;

// What an ICMP error may lag behind the acknowledgements.
constexpr uint32_t kErrorLagBytes = 65536;

// The combinations of the five deciding flags that some stack sends, as bits of a word (T6).
// Every segment but SYN and RST carries ACK (RFC 9293 3.10.7.4); FIN and URG never meet SYN or RST,
// except the urgent SYN, which Linux also lets pass.
constexpr uint64_t bit_of(uint32_t flags) { return uint64_t{1} << flags; }
constexpr uint64_t kSaneFlags =
    bit_of(kSyn) | bit_of(kSyn | kUrg) | bit_of(kSyn | kAck) | bit_of(kRst) | bit_of(kRst | kAck) |
    bit_of(kAck) | bit_of(kAck | kUrg) | bit_of(kFin | kAck) | bit_of(kFin | kAck | kUrg);

constexpr bool sane(uint8_t flags) { return (kSaneFlags >> (flags & kTcpDecidingFlags) & 1) != 0; }

// Whether `a` comes before `b`, modulo 2^32.
constexpr bool before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

// The bit of a direction, given the outbound one.
constexpr uint16_t bit(Direction direction, uint16_t outbound_bit) {
  return static_cast<uint16_t>(outbound_bit << static_cast<uint8_t>(direction));
}

// An entry as the sender of a segment sees it.
struct View {
  View(SessionEntry& of, Direction from)
      : entry(of),
        direction(from),
        outbound(from == Direction::kOutbound),
        end(outbound ? of.outbound_sequence_end : of.inbound_sequence_end),
        acknowledged(outbound ? of.outbound_acknowledged : of.inbound_acknowledged),
        peer_end(outbound ? of.inbound_sequence_end : of.outbound_sequence_end),
        peer_acknowledged(outbound ? of.inbound_acknowledged : of.outbound_acknowledged) {}

  [[nodiscard]] bool own(uint16_t outbound_bit) const {
    return (entry.flags & bit(direction, outbound_bit)) != 0;
  }
  [[nodiscard]] bool peers(uint16_t outbound_bit) const {
    return (entry.flags & bit(opposite(direction), outbound_bit)) != 0;
  }
  void set_own(uint16_t outbound_bit, bool value) { set(bit(direction, outbound_bit), value); }
  void set_peers(uint16_t outbound_bit, bool value) {
    set(bit(opposite(direction), outbound_bit), value);
  }
  void set(uint16_t bits, bool value) {
    entry.flags = static_cast<uint16_t>(value ? entry.flags | bits : entry.flags & ~bits);
  }
  void set_state(TcpState state) {
    entry.flags =
        static_cast<uint16_t>((entry.flags & ~kTcpStateMask) | static_cast<uint16_t>(state));
  }

  SessionEntry& entry;
  Direction direction;
  bool outbound;
  uint32_t& end;           // after the last number that the sender sent
  uint32_t& acknowledged;  // the sender's last acknowledgement; its peer's SYN before one
  uint32_t& peer_end;      // the same two of its peer
  uint32_t& peer_acknowledged;
};

uint32_t numbers(const TcpSegment& segment) {
  return segment.payload_bytes + ((segment.flags & kSyn) != 0) + ((segment.flags & kFin) != 0);
}

// The largest window that the receiver of `direction` may have offered (RFC 7323 2.2: scaled only
// when both SYNs carried the option).
uint32_t window_bound(const SessionEntry& entry, Direction direction) {
  const uint32_t pods = entry.window_scales & 15;
  const uint32_t remotes = entry.window_scales >> 4;
  if (pods == kScaleNotOffered || remotes == kScaleNotOffered) return kLargestUnscaledWindow;
  return kLargestUnscaledWindow << (direction == Direction::kOutbound ? remotes : pods);
}

void record_scale(SessionEntry& entry, Direction direction, uint8_t shift) {
  const uint32_t scale =
      shift == kTcpNoWindowScale ? kScaleNotOffered : std::min(shift, kLargestScale);
  const uint32_t place = direction == Direction::kOutbound ? 0 : 4;
  entry.window_scales =
      static_cast<uint8_t>((entry.window_scales & ~(15u << place)) | scale << place);
}

// The segment follows on the last one, or lies within a window of the last acknowledged number on
// either side: below it retransmissions and, one further, keepalives (RFC 9293 3.8.4), above it a
// window and a FIN.
bool sequence_fits(const View& view, const TcpSegment& segment) {
  if (segment.sequence == view.end) return true;
  const uint32_t window = window_bound(view.entry, view.direction);
  const uint32_t low = view.peer_acknowledged - window - 1;
  const uint32_t room = 2 * window + 2;
  return segment.sequence - low <= room && segment.sequence + numbers(segment) - low <= room;
}

// The segment acknowledges what was sent, and not less than a window below what was acknowledged
// before (RFC 5961 5.2).
bool acknowledgement_fits(const View& view, const TcpSegment& segment) {
  const uint32_t window = window_bound(view.entry, opposite(view.direction));
  return view.peer_end - segment.acknowledgement <= view.peer_end - view.acknowledged + window;
}

// The segment acknowledges its receiver's SYN, which was not acknowledged before.
bool acknowledges_syn(const View& view, const TcpSegment& segment) {
  return (segment.flags & kAck) != 0 && !view.peers(kTcpOutboundSynAcked) &&
         segment.acknowledgement - view.acknowledged - 1 < view.peer_end - view.acknowledged;
}

// Moves what the sender acknowledged by a segment that fits.
void advance_acknowledged(View& view, const TcpSegment& segment) {
  if (acknowledges_syn(view, segment)) view.set_peers(kTcpOutboundSynAcked, true);
  if (segment.acknowledgement - view.acknowledged > view.peer_end - view.acknowledged) return;
  view.acknowledged = segment.acknowledgement;
  if (view.acknowledged == view.peer_end) view.set_peers(kTcpOutboundGap, false);
}

// Moves all that the sender may move by a segment that fits.
void advance(View& view, const TcpSegment& segment) {
  const uint32_t end = segment.sequence + numbers(segment);
  const bool fin = (segment.flags & kFin) != 0;
  if (before(view.end, end)) {
    if (segment.sequence != view.end) view.set_own(kTcpOutboundGap, true);
    view.end = end;
    view.set_own(kTcpOutboundFin, fin);  // data behind a FIN proves that it was none
  } else if (end == view.end && fin) {
    view.set_own(kTcpOutboundFin, true);
  }
  advance_acknowledged(view, segment);
}

// Moves the state as far as the trackers prove.
void settle(View& view) {
  constexpr uint16_t kBothSyns = kTcpOutboundSynAcked | kTcpInboundSynAcked;
  constexpr uint16_t kBothFins = kTcpOutboundFin | kTcpInboundFin;
  if (tcp_state(view.entry) == TcpState::kNew && (view.entry.flags & kBothSyns) == kBothSyns) {
    view.set_state(TcpState::kEstablished);
    view.set(kSessionHalfOpen, false);
  }
  if (tcp_state(view.entry) == TcpState::kEstablished &&
      (view.entry.flags & kBothFins) == kBothFins && view.acknowledged == view.peer_end &&
      view.peer_acknowledged == view.end) {
    view.set_state(TcpState::kClosing);
  }
}

// Something that answers no SYN of ours, while ours is unanswered: what is left of an older
// connection at the remote (RFC 9293 3.5.2, RFC 5961 4.2). It passes, so that the pod can clear it
// away with a RST at the number acknowledged here, and the next SYN finds the way free. Nothing is
// learnt from it but that number, kept where the pod's acknowledgement will be.
TcpVerdict on_challenge(View& view, const TcpSegment& segment) {
  view.set(kTcpChallenged, true);
  view.peer_acknowledged = segment.acknowledgement;
  return TcpVerdict::kPass;
}

// Fills the inbound trackers by the remote's SYN, unless it is the one that filled them.
void begin_inbound(View& view, const TcpSegment& segment) {
  const uint32_t end = segment.sequence + numbers(segment);
  if ((view.entry.flags & kTcpInboundSyn) != 0 && view.end == end) return;
  view.end = end;
  view.peer_acknowledged = segment.sequence;
  view.set(kTcpChallenged | kTcpInboundSynAcked | kTcpInboundFin | kTcpInboundGap, false);
  view.set(kTcpInboundSyn, true);
  record_scale(view.entry, Direction::kInbound, segment.window_scale);
}

// ACK, with or without data or FIN.
TcpVerdict on_ordinary(View& view, const TcpSegment& segment) {
  const bool fin = (segment.flags & kFin) != 0;
  if ((view.entry.flags & kTcpInboundSyn) == 0) {
    const bool may_challenge = !view.outbound && tcp_state(view.entry) == TcpState::kNew && !fin;
    return may_challenge ? on_challenge(view, segment) : TcpVerdict::kBadState;
  }
  if (!sequence_fits(view, segment) || !acknowledgement_fits(view, segment)) {
    return fin ? TcpVerdict::kBadSequence : TcpVerdict::kPass;
  }
  advance(view, segment);
  settle(view);
  return TcpVerdict::kPass;
}

// SYN without ACK from the pod: its own once more, or the start of another connection. A pod that
// opens the tuple again has forgotten the old connection, whatever state that is in (T4). What lies
// in the window of a live one is taken for an old duplicate and changes nothing; the remote answers
// it with a challenge (RFC 5961 4.2).
TcpVerdict on_outbound_syn(View& view, const TcpSegment& segment) {
  switch (tcp_state(view.entry)) {
    case TcpState::kNew: {
      const uint32_t first = segment.sequence;
      const bool again = first + numbers(segment) == view.end || first == view.peer_acknowledged ||
                         first + 1 == view.peer_acknowledged;
      return again ? TcpVerdict::kPass : tcp_first(view.entry, segment);
    }
    case TcpState::kEstablished:
      return sequence_fits(view, segment) ? TcpVerdict::kPass : TcpVerdict::kReopen;
    case TcpState::kClosing:
    case TcpState::kClosed:
      return TcpVerdict::kReopen;
  }
  __builtin_unreachable();
}

// SYN without ACK from the remote: both open at once (T8), while the pod's SYN is unanswered.
// Never the start of anything else: it revives nothing (T4) and provokes no challenge.
TcpVerdict on_inbound_syn(View& view, const TcpSegment& segment) {
  if (tcp_state(view.entry) != TcpState::kNew || view.peers(kTcpOutboundSynAcked)) {
    return TcpVerdict::kBadState;
  }
  begin_inbound(view, segment);
  return TcpVerdict::kPass;
}

// SYN+ACK while the connection opens. The remote's counts when it acknowledges our SYN; as long as
// the pod took none, a later one counts more (a server that keeps no state answers each SYN with
// another number). The pod's is the second step of opening at once.
TcpVerdict on_opening_syn_ack(View& view, const TcpSegment& segment) {
  const bool inbound_syn = (view.entry.flags & kTcpInboundSyn) != 0;
  if (view.outbound) {
    if (!inbound_syn) return TcpVerdict::kBadState;
    if (!sequence_fits(view, segment) || !acknowledgement_fits(view, segment)) {
      return TcpVerdict::kBadSequence;
    }
    advance_acknowledged(view, segment);
    settle(view);
    return TcpVerdict::kPass;
  }
  if (view.peers(kTcpOutboundSynAcked)) {
    const bool answers = segment.acknowledgement == view.acknowledged;
    if (answers && !view.own(kTcpOutboundSynAcked)) begin_inbound(view, segment);
    return answers || sequence_fits(view, segment) ? TcpVerdict::kPass : TcpVerdict::kBadSequence;
  }
  if (!acknowledges_syn(view, segment)) {
    return inbound_syn ? TcpVerdict::kBadSequence : on_challenge(view, segment);
  }
  begin_inbound(view, segment);
  advance_acknowledged(view, segment);
  settle(view);
  return TcpVerdict::kPass;
}

TcpVerdict on_syn(View& view, const TcpSegment& segment) {
  if ((segment.flags & kAck) == 0) {
    return view.outbound ? on_outbound_syn(view, segment) : on_inbound_syn(view, segment);
  }
  if (tcp_state(view.entry) == TcpState::kNew) return on_opening_syn_ack(view, segment);
  if ((view.entry.flags & kTcpInboundSyn) == 0) return TcpVerdict::kBadState;
  // Sent again, because the acknowledgement was lost. It teaches nothing.
  return sequence_fits(view, segment) && acknowledgement_fits(view, segment)
             ? TcpVerdict::kPass
             : TcpVerdict::kBadSequence;
}

// Whether the receiver of a RST at this number expects exactly it (T5).
bool reset_is_exact(const View& view, uint32_t sequence) {
  const bool acknowledged = view.own(kTcpOutboundSynAcked);
  if (acknowledged && sequence == view.peer_acknowledged) return true;
  // Before our SYN is acknowledged, the remote's numbers are what anyone may have claimed.
  const bool known = view.outbound || view.peers(kTcpOutboundSynAcked);
  return known && !view.own(kTcpOutboundGap) && sequence == view.end;
}

TcpVerdict on_reset(View& view, const TcpSegment& segment) {
  const bool refused = !view.outbound && acknowledges_syn(view, segment);  // RFC 9293 3.10.7.3
  if (refused || reset_is_exact(view, segment.sequence)) {
    view.set_state(TcpState::kClosed);
    return TcpVerdict::kPass;
  }
  const bool answers_challenge = view.outbound && (view.entry.flags & kTcpChallenged) != 0 &&
                                 segment.sequence == view.acknowledged;
  return answers_challenge ? TcpVerdict::kPass : TcpVerdict::kBadSequence;
}

}  // namespace

TcpVerdict tcp_first(SessionEntry& entry, const TcpSegment& segment) {
  if (!sane(segment.flags) || !tcp_is_plain_syn(segment.flags)) return TcpVerdict::kBadState;
  constexpr uint16_t kOurs = kSessionTcpMask | kSessionHalfOpen;
  entry.flags = static_cast<uint16_t>((entry.flags & ~kOurs) | kSessionHalfOpen);
  entry.outbound_sequence_end = segment.sequence + numbers(segment);
  entry.inbound_acknowledged = segment.sequence;
  entry.inbound_sequence_end = 0;
  entry.outbound_acknowledged = 0;
  entry.window_scales = kScaleNotOffered << 4 | kScaleNotOffered;
  record_scale(entry, Direction::kOutbound, segment.window_scale);
  return TcpVerdict::kPass;
}

TcpVerdict tcp_next_special(SessionEntry& entry, Direction direction, TcpSegment segment) {
  if (!sane(segment.flags)) return TcpVerdict::kBadState;
  View view(entry, direction);
  if ((segment.flags & kRst) != 0) return on_reset(view, segment);
  if ((segment.flags & kSyn) != 0) return on_syn(view, segment);
  return on_ordinary(view, segment);
}

bool tcp_sequence_in_window(const SessionEntry& entry, Direction direction, uint32_t sequence) {
  const bool outbound = direction == Direction::kOutbound;
  if (!outbound && (entry.flags & kTcpInboundSyn) == 0) return false;
  const uint32_t end = outbound ? entry.outbound_sequence_end : entry.inbound_sequence_end;
  const uint32_t acknowledged = outbound ? entry.inbound_acknowledged : entry.outbound_acknowledged;
  // Nothing precedes a SYN.
  const bool opening = (entry.flags & bit(direction, kTcpOutboundSynAcked)) == 0;
  const uint32_t low = opening ? acknowledged : acknowledged - kErrorLagBytes;
  return sequence - low <= end - low;
}

uint8_t tcp_window_scale(std::span<const uint8_t> options) {
  constexpr uint8_t kEnd = 0;
  constexpr uint8_t kNoOperation = 1;
  constexpr uint8_t kWindowScale = 3;
  for (size_t at = 0; at < options.size() && options[at] != kEnd;) {
    if (options[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size()) break;
    const size_t bytes = options[at + 1];
    if (bytes < 2 || at + bytes > options.size()) break;
    if (options[at] == kWindowScale && bytes == 3) return std::min(options[at + 2], kLargestScale);
    at += bytes;
  }
  return kTcpNoWindowScale;
}

}  // namespace postern
