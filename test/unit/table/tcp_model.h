// The TCP rules of nat.md once more, written out plainly: one struct a side, no packed bits, no
// fast path. Lists of operations are played to it and to the state machine, and every answer and
// every tracker is compared. Used by a unit test with random lists and by the fuzz target.
#ifndef POSTERN_TEST_UNIT_TABLE_TCP_MODEL_H_
#define POSTERN_TEST_UNIT_TABLE_TCP_MODEL_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dataplane/table/tcp_state.h"

namespace postern {

class TcpModel {
 public:
  TcpVerdict first(const TcpSegment& segment);
  TcpVerdict next(Direction direction, const TcpSegment& segment);

  [[nodiscard]] TcpState state() const { return state_; }
  // Seconds of idleness after which the connection ends (T2).
  [[nodiscard]] uint32_t timeout_s(uint32_t established_s, uint32_t transitory_s) const {
    return state_ == TcpState::kEstablished ? established_s : transitory_s;
  }
  // Whether an ICMP error may quote a segment of this direction with this number (I3).
  [[nodiscard]] bool may_be_under_way(Direction direction, uint32_t sequence) const;
  // What differs between the model and the entry, or nothing.
  [[nodiscard]] std::string difference(const SessionEntry& entry) const;

 private:
  struct Side {
    bool syn = false;           // its SYN was seen, so the numbers below mean something
    bool syn_answered = false;  // and acknowledged
    bool fin = false;           // the last number before `end` is a FIN
    bool gap = false;
    uint32_t end = 0;       // after the last number that it sent
    uint32_t answered = 0;  // what its peer acknowledged last; its SYN before that
    std::optional<uint32_t> scale;
  };

  TcpVerdict reset(Direction direction, const TcpSegment& segment);
  TcpVerdict plain_syn(Direction direction, const TcpSegment& segment);
  TcpVerdict syn_ack(Direction direction, const TcpSegment& segment);
  TcpVerdict ordinary(Direction direction, const TcpSegment& segment);
  [[nodiscard]] int64_t window(const Side& sender) const;
  [[nodiscard]] bool fits(Direction direction, const TcpSegment& segment) const;
  [[nodiscard]] bool sequence_fits(Direction direction, const TcpSegment& segment) const;
  [[nodiscard]] bool answers_syn(Direction direction, const TcpSegment& segment) const;
  void take_remote_syn(const TcpSegment& segment);
  void take_answer(Direction direction, uint32_t acknowledgement);
  void judge_state();

  Side& sender(Direction direction) { return direction == Direction::kOutbound ? pod_ : remote_; }
  Side& receiver(Direction direction) { return sender(opposite(direction)); }
  [[nodiscard]] const Side& sender(Direction direction) const {
    return direction == Direction::kOutbound ? pod_ : remote_;
  }
  [[nodiscard]] const Side& receiver(Direction direction) const {
    return sender(opposite(direction));
  }

  TcpState state_ = TcpState::kNew;
  bool was_established_ = false;
  std::optional<uint32_t> challenge_;  // what a stale remote acknowledged
  Side pod_;
  Side remote_;
};

// Plays `operations` (any bytes) to both. An empty string when they agree, else what differed and
// at which operation.
std::string play_tcp_operations(std::span<const uint8_t> operations);

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_TABLE_TCP_MODEL_H_
