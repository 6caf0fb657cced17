#include "test/unit/table/tcp_model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "test/unit/table/tcp_operations.h"

namespace postern {
namespace {

constexpr uint8_t kFin = TcpHeader::kFin;
constexpr uint8_t kSyn = TcpHeader::kSyn;
constexpr uint8_t kRst = TcpHeader::kRst;
constexpr uint8_t kAck = TcpHeader::kAck;
constexpr uint8_t kUrg = TcpHeader::kUrg;
constexpr int64_t kErrorLagBytes = 65536;

// How far `a` is ahead of `b`.
int64_t ahead(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b); }

bool has(const TcpSegment& segment, uint8_t flag) { return (segment.flags & flag) != 0; }

uint32_t end_of(const TcpSegment& segment) {
  return segment.sequence + segment.payload_bytes + (has(segment, kSyn) ? 1 : 0) +
         (has(segment, kFin) ? 1 : 0);
}

bool sane(const TcpSegment& segment) {
  const int kinds = has(segment, kSyn) + has(segment, kFin) + has(segment, kRst);
  if (kinds > 1) return false;
  if (has(segment, kRst)) return !has(segment, kUrg);
  if (has(segment, kSyn)) return !has(segment, kAck) || !has(segment, kUrg);
  return has(segment, kAck);
}

std::optional<uint32_t> scale_of(const TcpSegment& segment) {
  if (segment.window_scale == kTcpNoWindowScale) return std::nullopt;
  return std::min<uint32_t>(segment.window_scale, 14);
}

}  // namespace

TcpVerdict TcpModel::first(const TcpSegment& segment) {
  if (!sane(segment) || !has(segment, kSyn) || has(segment, kAck)) return TcpVerdict::kBadState;
  *this = TcpModel();
  pod_ = {.syn = true,
          .end = end_of(segment),
          .answered = segment.sequence,
          .scale = scale_of(segment)};
  return TcpVerdict::kPass;
}

TcpVerdict TcpModel::next(Direction direction, const TcpSegment& segment) {
  if (!sane(segment)) return TcpVerdict::kBadState;
  if (has(segment, kRst)) return reset(direction, segment);
  if (has(segment, kSyn) && has(segment, kAck)) return syn_ack(direction, segment);
  if (has(segment, kSyn)) return plain_syn(direction, segment);
  return ordinary(direction, segment);
}

TcpVerdict TcpModel::reset(Direction direction, const TcpSegment& segment) {
  const Side& from = sender(direction);
  bool closes = false;
  if (direction == Direction::kInbound) {
    closes = answers_syn(direction, segment);
    if (pod_.syn_answered && !from.gap && segment.sequence == from.end) closes = true;
  } else {
    closes = !from.gap && segment.sequence == from.end;
    if (!closes && !remote_.syn && challenge_ == segment.sequence) return TcpVerdict::kPass;
  }
  if (from.syn_answered && segment.sequence == from.answered) closes = true;
  if (!closes) return TcpVerdict::kBadSequence;
  state_ = TcpState::kClosed;
  return TcpVerdict::kPass;
}

TcpVerdict TcpModel::plain_syn(Direction direction, const TcpSegment& segment) {
  if (direction == Direction::kInbound) {
    if (state_ != TcpState::kNew || pod_.syn_answered) return TcpVerdict::kBadState;
    take_remote_syn(segment);
    return TcpVerdict::kPass;
  }
  if (state_ == TcpState::kClosing || state_ == TcpState::kClosed) return TcpVerdict::kReopen;
  if (state_ == TcpState::kEstablished) {
    return sequence_fits(direction, segment) ? TcpVerdict::kPass : TcpVerdict::kReopen;
  }
  const bool again = end_of(segment) == pod_.end || segment.sequence == pod_.answered ||
                     segment.sequence + 1 == pod_.answered;
  return again ? TcpVerdict::kPass : first(segment);
}

TcpVerdict TcpModel::syn_ack(Direction direction, const TcpSegment& segment) {
  if (state_ != TcpState::kNew) {
    if (!remote_.syn) return TcpVerdict::kBadState;
    return fits(direction, segment) ? TcpVerdict::kPass : TcpVerdict::kBadSequence;
  }
  if (direction == Direction::kOutbound) {
    if (!remote_.syn) return TcpVerdict::kBadState;
    if (!fits(direction, segment)) return TcpVerdict::kBadSequence;
    take_answer(direction, segment.acknowledgement);
    judge_state();
    return TcpVerdict::kPass;
  }
  if (pod_.syn_answered) {  // once more
    const bool same_answer = segment.acknowledgement == pod_.answered;
    if (!same_answer && !sequence_fits(direction, segment)) return TcpVerdict::kBadSequence;
    if (same_answer && !remote_.syn_answered) take_remote_syn(segment);
    return TcpVerdict::kPass;
  }
  if (!answers_syn(direction, segment)) {
    if (remote_.syn) return TcpVerdict::kBadSequence;
    challenge_ = segment.acknowledgement;
    return TcpVerdict::kPass;
  }
  take_remote_syn(segment);
  take_answer(direction, segment.acknowledgement);
  judge_state();
  return TcpVerdict::kPass;
}

TcpVerdict TcpModel::ordinary(Direction direction, const TcpSegment& segment) {
  const bool fin = has(segment, kFin);
  if (!remote_.syn) {
    if (direction == Direction::kOutbound || state_ != TcpState::kNew || fin) {
      return TcpVerdict::kBadState;
    }
    challenge_ = segment.acknowledgement;
    return TcpVerdict::kPass;
  }
  if (!fits(direction, segment)) return fin ? TcpVerdict::kBadSequence : TcpVerdict::kPass;
  Side& from = sender(direction);
  const uint32_t end = end_of(segment);
  if (ahead(end, from.end) > 0) {
    if (segment.sequence != from.end) from.gap = true;
    from.end = end;
    from.fin = fin;
  }
  if (end == from.end && fin) from.fin = true;
  take_answer(direction, segment.acknowledgement);
  judge_state();
  return TcpVerdict::kPass;
}

int64_t TcpModel::window(const Side& sending) const {
  if (!pod_.scale || !remote_.scale) return 65535;
  return int64_t{65535} << (&sending == &pod_ ? *remote_.scale : *pod_.scale);
}

bool TcpModel::sequence_fits(Direction direction, const TcpSegment& segment) const {
  const Side& from = sender(direction);
  if (segment.sequence == from.end) return true;
  const int64_t reach = window(from) + 1;
  const int64_t begin = ahead(segment.sequence, from.answered);
  const int64_t end = begin + (end_of(segment) - segment.sequence);
  return begin >= -reach && end <= reach;
}

bool TcpModel::fits(Direction direction, const TcpSegment& segment) const {
  const Side& to = receiver(direction);
  const int64_t newer = ahead(segment.acknowledgement, to.answered);
  return sequence_fits(direction, segment) && newer >= -window(to) &&
         newer <= ahead(to.end, to.answered);
}

bool TcpModel::answers_syn(Direction direction, const TcpSegment& segment) const {
  const Side& to = receiver(direction);
  const int64_t newer = ahead(segment.acknowledgement, to.answered);
  return has(segment, kAck) && to.syn && !to.syn_answered && newer >= 1 &&
         newer <= ahead(to.end, to.answered);
}

void TcpModel::take_remote_syn(const TcpSegment& segment) {
  if (remote_.syn && remote_.end == end_of(segment)) return;
  remote_ = {.syn = true,
             .end = end_of(segment),
             .answered = segment.sequence,
             .scale = scale_of(segment)};
  challenge_.reset();
}

void TcpModel::take_answer(Direction direction, uint32_t acknowledgement) {
  Side& to = receiver(direction);
  const int64_t newer = ahead(acknowledgement, to.answered);
  if (newer < 0 || newer > ahead(to.end, to.answered)) return;
  if (newer > 0) to.syn_answered = true;
  to.answered = acknowledgement;
  if (to.answered == to.end) to.gap = false;
}

void TcpModel::judge_state() {
  if (state_ == TcpState::kNew && pod_.syn_answered && remote_.syn_answered) {
    state_ = TcpState::kEstablished;
    was_established_ = true;
  }
  const bool finished =
      pod_.fin && remote_.fin && pod_.answered == pod_.end && remote_.answered == remote_.end;
  if (state_ == TcpState::kEstablished && finished) state_ = TcpState::kClosing;
}

bool TcpModel::may_be_under_way(Direction direction, uint32_t sequence) const {
  const Side& from = sender(direction);
  if (!from.syn) return false;
  const int64_t behind = -ahead(sequence, from.answered);
  return behind <= (from.syn_answered ? kErrorLagBytes : 0) &&
         -behind <= ahead(from.end, from.answered);
}

std::string TcpModel::difference(const SessionEntry& entry) const {
  if (tcp_state(entry) != state_) return "state";
  if (((entry.flags & kSessionHalfOpen) == 0) != was_established_) return "half open";
  if ((entry.flags & kSessionLive) == 0) return "a bit of somebody else";
  if (entry.outbound_sequence_end != pod_.end) return "outbound_sequence_end";
  if (entry.inbound_acknowledged != pod_.answered) return "inbound_acknowledged";
  if (!remote_.syn) return {};
  if (entry.inbound_sequence_end != remote_.end) return "inbound_sequence_end";
  if (entry.outbound_acknowledged != remote_.answered) return "outbound_acknowledged";
  return {};
}

std::string play_tcp_operations(std::span<const uint8_t> operations) {
  OperationReader reader(operations.first(std::min<size_t>(operations.size(), 4096)));
  SessionEntry entry;
  std::memset(static_cast<void*>(&entry), 0, sizeof entry);
  entry.flags = kSessionLive;
  TcpModel model;
  const TcpSegment syn{
      .sequence = reader.word() << 16, .flags = kSyn, .window_scale = reader.byte()};
  if (tcp_first(entry, syn) != model.first(syn)) return "the first SYN";
  for (uint32_t step = 0; !reader.empty(); ++step) {
    const uint8_t kind = reader.byte();
    const auto direction = static_cast<Direction>(kind & 1);
    const auto at = [step](std::string what) {
      return std::move(what) + " at operation " + std::to_string(step);
    };
    const uint32_t quoted = (kind & 4) != 0 ? read_quoted(reader, direction, entry) : 0;
    if ((kind & 4) != 0 && tcp_sequence_in_window(entry, direction, quoted) !=
                               model.may_be_under_way(direction, quoted)) {
      return at("the quoted sequence number " + std::to_string(quoted));
    }
    const TcpSegment segment = read_segment(reader, direction, entry);
    const SessionEntry old = entry;
    const TcpVerdict verdict = tcp_next(entry, direction, segment);
    const TcpVerdict expected = model.next(direction, segment);
    if (verdict != expected) {
      return at("verdict " + std::to_string(static_cast<int>(verdict)) + ", not " +
                std::to_string(static_cast<int>(expected)));
    }
    if (verdict != TcpVerdict::kPass && std::memcmp(&old, &entry, sizeof entry) != 0) {
      return at("refused, yet changed");
    }
    if (verdict == TcpVerdict::kReopen && (kind & 2) != 0 &&
        tcp_first(entry, segment) != model.first(segment)) {
      return at("reopening");
    }
    const std::string difference = model.difference(entry);
    if (!difference.empty()) return at(difference);
    if (tcp_timeout_s(entry, {7440, 240}) != model.timeout_s(7440, 240)) return at("timeout");
  }
  return {};
}

}  // namespace postern
