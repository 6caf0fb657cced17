// One connection through the state machine, for tests that speak in offsets: the pod's numbers
// count from kPodStart (its SYN is 0, its first byte 1), the remote's from kRemoteStart.
#ifndef POSTERN_TEST_UNIT_TABLE_TCP_CONNECTION_H_
#define POSTERN_TEST_UNIT_TABLE_TCP_CONNECTION_H_

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "dataplane/table/tcp_state.h"

namespace postern {

inline constexpr uint8_t kFin = TcpHeader::kFin;
inline constexpr uint8_t kSyn = TcpHeader::kSyn;
inline constexpr uint8_t kRst = TcpHeader::kRst;
inline constexpr uint8_t kPsh = TcpHeader::kPsh;
inline constexpr uint8_t kAck = TcpHeader::kAck;
inline constexpr uint8_t kUrg = TcpHeader::kUrg;

inline bool operator==(const SessionEntry& a, const SessionEntry& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// 32-bit numbers from a seed.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t operator()() { return static_cast<uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

struct TcpConnection {
  explicit TcpConnection(uint32_t pod_start = 1000, uint32_t remote_start = 500000)
      : pod(pod_start), remote(remote_start) {
    std::memset(static_cast<void*>(&entry), 0, sizeof entry);
    entry.flags = kSessionLive;
  }

  TcpVerdict first(uint8_t flags, uint32_t sequence = 0, uint8_t scale = kTcpNoWindowScale) {
    return tcp_first(entry, {pod + sequence, 0, 0, flags, scale});
  }
  TcpVerdict outbound(uint8_t flags, uint32_t sequence, uint32_t acknowledgement,
                      uint32_t bytes = 0, uint8_t scale = kTcpNoWindowScale) {
    return next(Direction::kOutbound,
                {pod + sequence, remote + acknowledgement, bytes, flags, scale});
  }
  TcpVerdict inbound(uint8_t flags, uint32_t sequence, uint32_t acknowledgement, uint32_t bytes = 0,
                     uint8_t scale = kTcpNoWindowScale) {
    return next(Direction::kInbound,
                {remote + sequence, pod + acknowledgement, bytes, flags, scale});
  }
  // Whatever is refused changes nothing.
  TcpVerdict next(Direction direction, const TcpSegment& segment) {
    const SessionEntry old = entry;
    const TcpVerdict verdict = tcp_next(entry, direction, segment);
    EXPECT_TRUE(verdict == TcpVerdict::kPass || entry == old) << "refused, yet changed";
    return verdict;
  }

  void establish(uint8_t pod_scale = kTcpNoWindowScale, uint8_t remote_scale = kTcpNoWindowScale) {
    ASSERT_EQ(first(kSyn, 0, pod_scale), TcpVerdict::kPass);
    ASSERT_EQ(inbound(kSyn | kAck, 0, 1, 0, remote_scale), TcpVerdict::kPass);
    ASSERT_EQ(outbound(kAck, 1, 1), TcpVerdict::kPass);
    ASSERT_EQ(state(), TcpState::kEstablished);
  }
  // Both FINs, both acknowledged: the pod's number 1, the remote's 1.
  void close_both() {
    ASSERT_EQ(outbound(kFin | kAck, 1, 1), TcpVerdict::kPass);
    ASSERT_EQ(inbound(kFin | kAck, 1, 2), TcpVerdict::kPass);
    ASSERT_EQ(outbound(kAck, 2, 2), TcpVerdict::kPass);
    ASSERT_EQ(state(), TcpState::kClosing);
  }

  [[nodiscard]] TcpState state() const { return tcp_state(entry); }
  [[nodiscard]] bool half_open() const { return (entry.flags & kSessionHalfOpen) != 0; }

  uint32_t pod;
  uint32_t remote;
  SessionEntry entry;
};

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_TABLE_TCP_CONNECTION_H_
