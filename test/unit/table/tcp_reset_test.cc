// Resets (nat.md T5), quoted sequence numbers (I3), and the window scale option.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/table/tcp_state.h"
#include "test/unit/table/tcp_connection.h"

namespace postern {
namespace {

constexpr uint32_t kFar = 0x40000000;

TEST(TcpState, T5_RstOnlyAtExactSequence) {
  for (const uint32_t wrong :
       {0u, 2u, 100u, 65535u, 65536u, kFar, 0x80000000u, 0u - 1u, 0u - 65536u}) {
    TcpConnection c;
    c.establish(7, 7);
    EXPECT_EQ(c.inbound(kRst, wrong, 0), TcpVerdict::kBadSequence) << wrong;
    EXPECT_EQ(c.inbound(kRst | kAck, wrong, 1), TcpVerdict::kBadSequence) << wrong;
    EXPECT_EQ(c.outbound(kRst, wrong, 0), TcpVerdict::kBadSequence) << wrong;
    EXPECT_EQ(c.outbound(kRst | kAck, wrong, 1), TcpVerdict::kBadSequence) << wrong;
    EXPECT_EQ(c.state(), TcpState::kEstablished);
  }
  for (const Direction direction : {Direction::kOutbound, Direction::kInbound}) {
    TcpConnection c;
    c.establish(7, 7);
    const uint32_t start = direction == Direction::kOutbound ? c.pod : c.remote;
    EXPECT_EQ(c.next(direction, {start + 1, 0, 0, kRst}), TcpVerdict::kPass);
    EXPECT_EQ(c.state(), TcpState::kClosed);
    EXPECT_EQ(tcp_timeout_s(c.entry, {7440, 240}), 240u);
    EXPECT_EQ(c.next(direction, {start + 1, 0, 0, kRst}), TcpVerdict::kPass) << "sent twice";
    EXPECT_EQ(c.next(direction, {start + 2, 0, 0, kRst}), TcpVerdict::kBadSequence);
  }
}

TEST(TcpState, T5_RstBehindATrainOfData) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.inbound(kAck, 1, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 1001, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kRst, 1001, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kRst, 2001, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kClosed);
}

TEST(TcpState, T5_AfterAGapOnlyAtTheLastAcknowledged) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.inbound(kAck, 1, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 2001, 1, 1000), TcpVerdict::kPass) << "1001..2000 was lost";
  EXPECT_EQ(c.outbound(kAck, 1, 1001), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kRst, 3001, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kRst, 2001, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
  EXPECT_EQ(c.inbound(kRst, 1001, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kClosed);
}

TEST(TcpState, T5_GapEndsWhenAllIsAcknowledged) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.inbound(kAck, 1001, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 1, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kRst, 2001, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.outbound(kAck, 1, 2001), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 2001, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kRst, 3001, 0), TcpVerdict::kPass);
}

TEST(TcpState, T5_RstThatAnswersASegment) {
  // A closed socket answers with the acknowledgement of what it got (RFC 9293 3.5.2).
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.inbound(kAck, 1, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, 1001, 50), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kRst, 1, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kRst, 1001, 0), TcpVerdict::kPass);
}

TEST(TcpState, T5_InjectedDataMakesNoRstExact) {
  TcpConnection c;
  c.establish(7, 7);
  EXPECT_EQ(c.inbound(kAck, 5000, 1, 100), TcpVerdict::kPass) << "in the window by luck";
  EXPECT_EQ(c.inbound(kRst, 5100, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kFin | kAck, 6000, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kRst, 6001, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kAck, 0, 1, 100), TcpVerdict::kPass) << "overlaps what is expected";
  EXPECT_EQ(c.inbound(kRst, 100, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
  EXPECT_EQ(c.inbound(kRst, 1, 0), TcpVerdict::kPass) << "the remote's own is exact still";
}

TEST(TcpState, T5_RstToTheSynMustAcknowledgeIt) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kRst, 0, 1), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kRst | kAck, 0, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kRst | kAck, 0, 2), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.state(), TcpState::kNew);
  EXPECT_EQ(c.inbound(kRst | kAck, 0u - c.remote, 1), TcpVerdict::kPass) << "sequence is zero";
  EXPECT_EQ(c.state(), TcpState::kClosed);
  EXPECT_EQ(c.inbound(kRst | kAck, 0u - c.remote, 1), TcpVerdict::kPass) << "to the SYN sent again";
  EXPECT_EQ(c.inbound(kAck, 1, 1), TcpVerdict::kBadState);
  EXPECT_EQ(c.outbound(kAck, 1, 1), TcpVerdict::kBadState);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kBadState);
  EXPECT_EQ(c.outbound(kSyn, 0, 0), TcpVerdict::kReopen);
}

TEST(TcpState, T5_PodRefusesTheAnswer) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  ASSERT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kRst, 2, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.outbound(kRst, 1, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kClosed);
  EXPECT_TRUE(c.half_open()) << "it was never established, so it may make room";
}

TEST(TcpState, T5_ForgedSynDoesNotMakeARstExact) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn, kFar, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kRst, kFar + 1, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kRst, kFar, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kRst, 1, 0), TcpVerdict::kPass) << "the server changed its mind";
  EXPECT_EQ(c.state(), TcpState::kClosed);
}

TEST(TcpState, T5_ClosedStillLetsTheEndpointsFinish) {
  // The RST was lost behind us: its receiver goes on, and is answered by the next RST.
  TcpConnection c;
  c.establish();
  ASSERT_EQ(c.inbound(kRst, 1, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, 1, 100), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kRst, 1, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kFin | kAck, kFar, 1), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.state(), TcpState::kClosed);
}

TEST(TcpState, T5_BlindResetsNeverClose) {
  Random random(21);
  TcpConnection c;
  c.establish(7, 7);
  for (uint32_t step = 0; step < 200000; ++step) {
    const uint32_t offset = random();
    if (offset == 1) continue;
    const uint8_t flags = random() % 2 == 0 ? kRst : kRst | kAck;
    ASSERT_EQ(c.inbound(flags, offset, random()), TcpVerdict::kBadSequence);
  }
  EXPECT_EQ(c.state(), TcpState::kEstablished);
}

TEST(TcpState, I3_QuotedSequenceMustBeUnderWay) {
  TcpConnection c;
  const auto quoted = [&](Direction direction, uint32_t offset) {
    const uint32_t start = direction == Direction::kOutbound ? c.pod : c.remote;
    return tcp_sequence_in_window(c.entry, direction, start + offset);
  };
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_TRUE(quoted(Direction::kOutbound, 0)) << "the SYN itself";
  EXPECT_FALSE(quoted(Direction::kOutbound, 0u - 1u));
  EXPECT_FALSE(quoted(Direction::kOutbound, 2));
  EXPECT_FALSE(quoted(Direction::kInbound, 0)) << "the remote sent nothing yet";
  c.establish();
  EXPECT_EQ(c.outbound(kAck, 1, 1, 3000), TcpVerdict::kPass);
  for (const uint32_t in : {1u, 1461u, 2921u, 3001u, 0u, 0u - 60000u}) {
    EXPECT_TRUE(quoted(Direction::kOutbound, in)) << in;
  }
  for (const uint32_t out : {3002u, 70000u, kFar, 0x80000000u, 0u - 65536u}) {
    EXPECT_FALSE(quoted(Direction::kOutbound, out)) << out;
  }
  EXPECT_TRUE(quoted(Direction::kInbound, 1));
  EXPECT_FALSE(quoted(Direction::kInbound, 2));
}

TEST(TcpWindowScale, IsFoundAmongOptions) {
  const std::vector<uint8_t> linux_syn = {2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2,
                                          3, 4, 0, 0,    0, 0, 1, 3,  3, 7};
  EXPECT_EQ(tcp_window_scale(linux_syn), 7);
  const std::array<uint8_t, 3> too_large = {3, 3, 200};
  EXPECT_EQ(tcp_window_scale(too_large), 14);
  EXPECT_EQ(tcp_window_scale({}), kTcpNoWindowScale);
  const std::array<uint8_t, 4> behind_the_end = {0, 3, 3, 7};
  EXPECT_EQ(tcp_window_scale(behind_the_end), kTcpNoWindowScale);
}

TEST(TcpWindowScale, BrokenOptionsEndTheSearch) {
  for (const std::vector<uint8_t>& options : std::vector<std::vector<uint8_t>>{{3},
                                                                               {3, 3},
                                                                               {3, 2, 7},
                                                                               {3, 4, 7, 0},
                                                                               {2, 0, 3, 3, 7},
                                                                               {2, 1, 3, 3, 7},
                                                                               {8, 200, 3, 3}}) {
    EXPECT_EQ(tcp_window_scale(options), kTcpNoWindowScale);
  }
}

}  // namespace
}  // namespace postern
