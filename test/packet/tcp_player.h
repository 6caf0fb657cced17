// Plays bytes as the life of one TCP connection: segments of both sides, time that passes, the
// sweep. Each segment is walked through a gateway and held against the plain model of the rules
// (test/unit/table/tcp_model.h) with a plain clock beside it: what leaves, what is dropped and why,
// when the session ends. With several workers each segment arrives at another one. For the fuzzer
// and for a test with random bytes.
#ifndef POSTERN_TEST_PACKET_TCP_PLAYER_H_
#define POSTERN_TEST_PACKET_TCP_PLAYER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "test/packet/gateway.h"
#include "test/unit/table/tcp_model.h"
#include "test/unit/table/tcp_operations.h"

namespace postern::test {

class TcpPlayer {
 public:
  explicit TcpPlayer(uint32_t workers = 1);

  // What differed, and at which operation; empty when nothing did. Begins without a session.
  std::string play(std::span<const uint8_t> operations);

  // How often something of each kind happened so far.
  struct Tally {
    uint64_t passed = 0;
    uint64_t refused = 0;
    uint64_t reopened = 0;
    uint64_t expired = 0;
  };
  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  // What must become of a segment.
  struct Expected {
    bool leaves = false;
    Reason reason{};  // where it does not leave
  };

  void forget();
  std::string pass_time(uint32_t seconds);
  std::string walk(Direction direction, const TcpSegment& segment);
  Expected expect(Direction direction, const TcpSegment& segment);
  Expected begin(const TcpSegment& segment);
  std::string check_session();
  [[nodiscard]] const SessionEntry* find_session();
  [[nodiscard]] uint64_t dropped() const;
  [[nodiscard]] uint32_t now_s() const { return gateway_.now().seconds(); }

  Gateway gateway_;
  std::optional<TcpModel> model_;  // of the session, while there is one
  uint32_t expires_s_ = 0;         // the second from which on it is not there
  uint16_t egress_port_ = 0;
  uint32_t arrival_ = 0;  // the worker that the last segment came to
  Tally tally_;
};

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_TCP_PLAYER_H_
