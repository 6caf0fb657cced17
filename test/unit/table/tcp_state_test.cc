// Opening, carrying and closing (nat.md T1 to T4, T6, T8). Resets are in tcp_reset_test.cc.
#include "dataplane/table/tcp_state.h"

#include <gtest/gtest.h>

#include "test/unit/table/tcp_connection.h"

namespace postern {
namespace {

constexpr TcpTimeouts kTimeouts{.established_s = 7440, .transitory_s = 240};
constexpr uint32_t kFar = 0x40000000;  // beyond every window in these tests

TEST(TcpState, T1_StartsOnPlainSynOnly) {
  for (unsigned flags = 0; flags < 256; ++flags) {
    TcpConnection c;
    const SessionEntry old = c.entry;
    const bool plain = tcp_is_plain_syn(static_cast<uint8_t>(flags));
    EXPECT_EQ(plain, (flags & 0x17) == kSyn) << flags;
    EXPECT_EQ(c.first(static_cast<uint8_t>(flags)),
              plain ? TcpVerdict::kPass : TcpVerdict::kBadState)
        << flags;
    if (plain) {
      EXPECT_EQ(c.state(), TcpState::kNew);
      EXPECT_TRUE(c.half_open());
      EXPECT_NE(c.entry.flags & kSessionLive, 0) << "bits of others were lost";
    } else {
      EXPECT_TRUE(c.entry == old) << flags;
    }
  }
}

TEST(TcpState, HandshakeEstablishes) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kNew);
  EXPECT_TRUE(c.half_open());
  EXPECT_EQ(c.outbound(kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
  EXPECT_FALSE(c.half_open());
}

TEST(TcpState, T2_TimeoutFollowsTheState) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(tcp_timeout_s(c.entry, kTimeouts), 240u);
  ASSERT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(tcp_timeout_s(c.entry, kTimeouts), 240u);
  ASSERT_EQ(c.outbound(kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(tcp_timeout_s(c.entry, kTimeouts), 7440u);
  ASSERT_EQ(c.outbound(kFin | kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(tcp_timeout_s(c.entry, kTimeouts), 7440u) << "half closed may last";
  ASSERT_EQ(c.inbound(kFin | kAck, 1, 2), TcpVerdict::kPass);
  EXPECT_EQ(tcp_timeout_s(c.entry, kTimeouts), 7440u) << "the last FIN is not acknowledged";
  ASSERT_EQ(c.outbound(kAck, 2, 2), TcpVerdict::kPass);
  EXPECT_EQ(tcp_timeout_s(c.entry, kTimeouts), 240u);
}

TEST(TcpState, SynAndSynAckSentAgainPass) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kSyn, 0, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kSyn, 0, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass) << "our ACK was lost behind us";
  EXPECT_EQ(c.outbound(kSyn, 0, 0), TcpVerdict::kPass) << "an old duplicate";
  EXPECT_EQ(c.state(), TcpState::kEstablished);
}

TEST(TcpState, AnotherSynBeforeTheAnswerStartsAgain) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kSyn, kFar, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, kFar + 1), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, kFar + 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
}

TEST(TcpState, ServerThatAnswersWithAnotherNumberEachTime) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn | kAck, kFar, 1), TcpVerdict::kPass);  // lost behind us
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
}

TEST(TcpState, FastOpenDataInSyn) {
  TcpConnection c;
  ASSERT_EQ(tcp_first(c.entry, {c.pod, 0, 100, kSyn}), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 101, 50), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 101, 51), TcpVerdict::kPass);
  EXPECT_EQ(c.entry.flags & kSessionTcpMask, kTcpSteady);

  TcpConnection refused;  // the server took the SYN without its data
  ASSERT_EQ(tcp_first(refused.entry, {refused.pod, 0, 100, kSyn}), TcpVerdict::kPass);
  EXPECT_EQ(refused.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(refused.outbound(kAck, 1, 1, 100), TcpVerdict::kPass);
  EXPECT_EQ(refused.state(), TcpState::kEstablished);
}

TEST(TcpState, AckThatAnswersNothingDoesNotEstablish) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, 1), TcpVerdict::kBadState) << "nothing to acknowledge yet";
  ASSERT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, kFar), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kNew);
}

TEST(TcpState, SynAckThatAnswersAnotherSynDoesNotCount) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 2), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, 1), TcpVerdict::kBadState);
  EXPECT_EQ(c.state(), TcpState::kNew);
}

TEST(TcpState, StaleRemoteIsClearedAwayByThePod) {
  // The remote still has an older connection on this tuple and challenges the SYN (RFC 5961 4.2).
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 777, kFar), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kRst, kFar + 1, 0), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.outbound(kRst, kFar, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kNew);
  EXPECT_TRUE(c.half_open());
  EXPECT_EQ(c.inbound(kFin | kAck, 777, kFar), TcpVerdict::kBadState);
  EXPECT_EQ(c.outbound(kSyn, 0, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
}

TEST(TcpState, DataMovesTheTrackers) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.outbound(kAck | kPsh, 1, 1, 100), TcpVerdict::kPass);
  EXPECT_EQ(c.entry.outbound_sequence_end, c.pod + 101);
  EXPECT_EQ(c.inbound(kAck, 1, 101, 1460), TcpVerdict::kPass);
  EXPECT_EQ(c.entry.inbound_sequence_end, c.remote + 1461);
  EXPECT_EQ(c.entry.inbound_acknowledged, c.pod + 101);
  EXPECT_EQ(c.outbound(kAck, 101, 1461), TcpVerdict::kPass);
  EXPECT_EQ(c.entry.outbound_acknowledged, c.remote + 1461);
  EXPECT_EQ(c.entry.flags & kSessionTcpMask, kTcpSteady);
}

TEST(TcpState, LossRetransmissionAndReorderingEndSteady) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.inbound(kAck, 1001, 1, 1000), TcpVerdict::kPass) << "1..1000 was lost before us";
  EXPECT_EQ(c.outbound(kAck, 1, 1), TcpVerdict::kPass) << "duplicate acknowledgement";
  EXPECT_NE(c.entry.flags & kTcpInboundGap, 0);
  EXPECT_EQ(c.inbound(kAck, 1, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.entry.inbound_sequence_end, c.remote + 2001);
  EXPECT_EQ(c.outbound(kAck, 1, 2001), TcpVerdict::kPass);
  EXPECT_EQ(c.entry.flags & kSessionTcpMask, kTcpSteady);
  EXPECT_EQ(c.inbound(kAck, 1, 1, 2000), TcpVerdict::kPass) << "once more, for nothing";
  EXPECT_EQ(c.outbound(kAck, 1, 1001), TcpVerdict::kPass) << "an overtaken acknowledgement";
  EXPECT_EQ(c.entry.outbound_acknowledged, c.remote + 2001);
  EXPECT_EQ(c.entry.flags & kSessionTcpMask, kTcpSteady);
}

TEST(TcpState, KeepalivesAndZeroWindowProbesPass) {
  TcpConnection c;
  c.establish();
  for (const uint32_t garbage : {0u, 1u}) {
    EXPECT_EQ(c.outbound(kAck, 0, 1, garbage), TcpVerdict::kPass);
    EXPECT_EQ(c.inbound(kAck, 0, 1, garbage), TcpVerdict::kPass);
  }
  EXPECT_EQ(c.entry.flags & kSessionTcpMask, kTcpSteady);
  EXPECT_EQ(c.outbound(kAck, 1, 1, 1), TcpVerdict::kPass) << "a byte beyond a closed window";
  EXPECT_EQ(c.inbound(kAck, 1, 1), TcpVerdict::kPass) << "which the remote does not take";
  EXPECT_EQ(c.outbound(kAck, 1, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 1, 2), TcpVerdict::kPass);
  EXPECT_EQ(c.entry.flags & kSessionTcpMask, kTcpSteady);
}

TEST(TcpState, NumbersWrap) {
  TcpConnection c(0xffffffff, 0xfffffff0);
  c.establish();
  EXPECT_EQ(c.inbound(kAck, 1, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, 1001, 10), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 1, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.entry.inbound_sequence_end, c.remote + 1001);
  EXPECT_EQ(c.outbound(kFin | kAck, 11, 1001), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kFin | kAck, 1001, 12), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 12, 1002), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kClosing);
}

TEST(TcpState, DataOutsideTheWindowPassesAndMovesNothing) {
  TcpConnection c;
  c.establish();
  const SessionEntry old = c.entry;
  EXPECT_EQ(c.inbound(kAck, 65537, 1, 100), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, kFar, 1, 100), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 0u - kFar, 1, 100), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 1, 2, 100), TcpVerdict::kPass) << "acknowledges what was not sent";
  EXPECT_EQ(c.inbound(kAck, 1, kFar, 100), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 1, 0u - kFar, 100), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, kFar, 1, 100), TcpVerdict::kPass);
  EXPECT_TRUE(c.entry == old);
}

TEST(TcpState, WindowScaleWidensTheWindowWhenBothOffer) {
  TcpConnection both;
  both.establish(7, 9);
  EXPECT_EQ(both.inbound(kAck, 1 + (65535 << 7), 1), TcpVerdict::kPass);
  EXPECT_EQ(both.entry.inbound_sequence_end, both.remote + 1 + (65535 << 7));
  EXPECT_EQ(both.outbound(kAck, 1 + (65535 << 9), 1), TcpVerdict::kPass);
  EXPECT_EQ(both.entry.outbound_sequence_end, both.pod + 1 + (65535 << 9));

  TcpConnection one;
  one.establish(7, kTcpNoWindowScale);
  EXPECT_EQ(one.inbound(kAck, 1 + (65535 << 7), 1), TcpVerdict::kPass);
  EXPECT_EQ(one.entry.inbound_sequence_end, one.remote + 1);
  EXPECT_EQ(one.outbound(kAck, 1, 1, 65535), TcpVerdict::kPass);
  EXPECT_EQ(one.entry.outbound_sequence_end, one.pod + 65536);
}

TEST(TcpState, T3_FinInBothDirectionsAcknowledgedIsClosing) {
  for (const bool pod_first : {true, false}) {
    TcpConnection c;
    c.establish();
    if (pod_first) {
      EXPECT_EQ(c.outbound(kFin | kAck, 1, 1), TcpVerdict::kPass);
      EXPECT_EQ(c.inbound(kAck, 1, 2), TcpVerdict::kPass);
      EXPECT_EQ(c.inbound(kFin | kAck, 1, 2), TcpVerdict::kPass);
      EXPECT_EQ(c.state(), TcpState::kEstablished);
      EXPECT_EQ(c.outbound(kAck, 2, 2), TcpVerdict::kPass);
    } else {
      EXPECT_EQ(c.inbound(kFin | kAck, 1, 1), TcpVerdict::kPass);
      EXPECT_EQ(c.outbound(kAck, 1, 2), TcpVerdict::kPass);
      EXPECT_EQ(c.outbound(kFin | kAck, 1, 2), TcpVerdict::kPass);
      EXPECT_EQ(c.state(), TcpState::kEstablished);
      EXPECT_EQ(c.inbound(kAck, 2, 2), TcpVerdict::kPass);
    }
    EXPECT_EQ(c.state(), TcpState::kClosing);
  }
}

TEST(TcpState, T3_FinsThatCross) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.outbound(kFin | kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kFin | kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 2, 2), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
  EXPECT_EQ(c.outbound(kAck, 2, 2), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kClosing);
}

TEST(TcpState, T3_FinAndAckSentAgainPass) {
  TcpConnection c;
  c.establish();
  c.close_both();
  EXPECT_EQ(c.inbound(kFin | kAck, 1, 2), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 2, 2), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kFin | kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 2, 2), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kClosing);
}

TEST(TcpState, T3_HalfClosedGoesOnCarryingData) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.outbound(kFin | kAck, 1, 1), TcpVerdict::kPass);
  for (uint32_t at = 1; at < 100000; at += 1000) {
    ASSERT_EQ(c.inbound(kAck, at, 2, 1000), TcpVerdict::kPass);
    ASSERT_EQ(c.outbound(kAck, 2, at + 1000), TcpVerdict::kPass);
    ASSERT_EQ(c.state(), TcpState::kEstablished);
  }
  EXPECT_EQ(c.inbound(kFin | kAck | kPsh, 100001, 2, 10), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 2, 100012), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kClosing);
}

TEST(TcpState, T3_FinBehindALostSegment) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.outbound(kFin | kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kFin | kAck, 1001, 2, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 2, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 1, 2, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
  EXPECT_EQ(c.outbound(kAck, 2, 2002), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kClosing);
}

TEST(TcpState, T3_FinThatWasNoneDoesNotClose) {
  // Injected within the window, then overtaken by what the remote really sends.
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.inbound(kFin | kAck, 500, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 1, 1, 1000), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kFin | kAck, 1, 1001), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 1001, 2), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
}

TEST(TcpState, T4_NewSynFromThePodReopens) {
  for (const bool reset : {false, true}) {
    TcpConnection c;
    c.establish();
    if (reset) {
      ASSERT_EQ(c.inbound(kRst, 1, 0), TcpVerdict::kPass);
      ASSERT_EQ(c.state(), TcpState::kClosed);
    } else {
      c.close_both();
    }
    EXPECT_EQ(c.outbound(kSyn, kFar, 0), TcpVerdict::kReopen);
    EXPECT_EQ(c.outbound(kSyn, 0, 0), TcpVerdict::kReopen);
    ASSERT_EQ(c.first(kSyn, kFar), TcpVerdict::kPass);
    EXPECT_EQ(c.state(), TcpState::kNew) << "not revived before the remote answers";
    EXPECT_EQ(tcp_timeout_s(c.entry, kTimeouts), 240u);
    EXPECT_EQ(c.inbound(kSyn | kAck, kFar, kFar + 1), TcpVerdict::kPass);
    EXPECT_EQ(c.outbound(kAck, kFar + 1, kFar + 1), TcpVerdict::kPass);
    EXPECT_EQ(c.state(), TcpState::kEstablished);
  }
}

TEST(TcpState, T4_SynFromTheRemoteAloneRevivesNothing) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.inbound(kSyn, kFar, 0), TcpVerdict::kBadState);
  c.close_both();
  EXPECT_EQ(c.inbound(kSyn, kFar, 0), TcpVerdict::kBadState);
  EXPECT_EQ(c.inbound(kSyn, 0, 0), TcpVerdict::kBadState);
  EXPECT_EQ(c.inbound(kSyn | kAck, kFar, 2), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.state(), TcpState::kClosing);
  ASSERT_EQ(c.inbound(kRst, 2, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn, kFar, 0), TcpVerdict::kBadState);
  EXPECT_EQ(c.state(), TcpState::kClosed);
}

TEST(TcpState, T4_PodThatForgotALiveConnectionReopens) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.outbound(kSyn, kFar, 0), TcpVerdict::kReopen);
  EXPECT_EQ(c.outbound(kSyn, 100, 0), TcpVerdict::kPass) << "in the window: an old duplicate";
  EXPECT_EQ(c.state(), TcpState::kEstablished);
}

TEST(TcpState, T5_FinFarOutsideTheWindowIsRefused) {
  TcpConnection c;
  c.establish();
  EXPECT_EQ(c.inbound(kFin | kAck, kFar, 1), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kFin | kAck, 0u - kFar, 1), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kFin | kAck, 1, kFar), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.outbound(kFin | kAck, kFar, 1), TcpVerdict::kBadSequence);
  EXPECT_EQ(c.inbound(kFin | kAck, 1, 1), TcpVerdict::kPass);
}

TEST(TcpState, T6_InsaneFlagsPassInNoState) {
  const auto insane = [](unsigned flags) {
    const unsigned f = flags & 0x3f & ~unsigned{kPsh};
    return f != kSyn && f != (kSyn | kUrg) && f != (kSyn | kAck) && f != kRst &&
           f != (kRst | kAck) && (f & ~unsigned{kUrg | kFin}) != kAck;
  };
  ASSERT_TRUE(insane(0) && insane(kFin) && insane(kFin | kPsh | kUrg) && insane(kSyn | kFin));
  for (unsigned flags = 0; flags < 256; ++flags) {
    if (!insane(flags)) continue;
    TcpConnection c;
    const auto refused_both_ways = [&] {
      const auto f = static_cast<uint8_t>(flags);
      EXPECT_EQ(c.outbound(f, 1, 1), TcpVerdict::kBadState) << flags;
      EXPECT_EQ(c.inbound(f, 1, 1), TcpVerdict::kBadState) << flags;
    };
    EXPECT_EQ(c.first(static_cast<uint8_t>(flags)), TcpVerdict::kBadState);
    ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
    refused_both_ways();
    c.establish();
    refused_both_ways();
    c.close_both();
    refused_both_ways();
    ASSERT_EQ(c.inbound(kRst, 2, 0), TcpVerdict::kPass);
    refused_both_ways();
  }
}

TEST(TcpState, T8_SimultaneousOpen) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn, 0, 0), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kNew);
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
  EXPECT_EQ(c.outbound(kAck, 1, 1, 10), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kAck, 1, 11, 10), TcpVerdict::kPass);
  EXPECT_EQ(c.entry.flags & kSessionTcpMask, kTcpSteady);
}

TEST(TcpState, T8_SynThatNobodySentDoesNotSpoilTheRealAnswer) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.inbound(kSyn, kFar, 0), TcpVerdict::kPass) << "could be an opening at once";
  EXPECT_EQ(c.inbound(kSyn | kAck, 0, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kAck, 1, 1), TcpVerdict::kPass);
  EXPECT_EQ(c.state(), TcpState::kEstablished);
  EXPECT_EQ(c.outbound(kSyn | kAck, kFar, 1), TcpVerdict::kBadSequence);
}

TEST(TcpState, PodMayNotAnswerWhatNobodyAsked) {
  TcpConnection c;
  ASSERT_EQ(c.first(kSyn), TcpVerdict::kPass);
  EXPECT_EQ(c.outbound(kSyn | kAck, 0, 1), TcpVerdict::kBadState);
}

TEST(TcpState, WordsOfTheStates) {
  EXPECT_EQ(tcp_state_name(TcpState::kNew), "new");
  EXPECT_EQ(tcp_state_name(TcpState::kEstablished), "established");
  EXPECT_EQ(tcp_state_name(TcpState::kClosing), "closing");
  EXPECT_EQ(tcp_state_name(TcpState::kClosed), "closed");
}

}  // namespace
}  // namespace postern
