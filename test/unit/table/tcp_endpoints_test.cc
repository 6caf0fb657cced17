// Two honest endpoints that talk through the state machine over a network that loses, repeats and
// reorders on both sides of it, while somebody who sees nothing injects segments. Everything the
// endpoints send must pass, nothing injected may close the connection, and at the end both must
// have closed it in the tracker's eyes too.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>

#include "dataplane/table/tcp_state.h"
#include "test/unit/table/tcp_connection.h"

namespace postern {
namespace {

bool after(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

// As much of RFC 9293 as it takes to move a stream and close it: go-back-N, cumulative
// acknowledgements, no buffering out of order. Numbers are absolute.
class Endpoint {
 public:
  Endpoint(uint32_t start, uint32_t stream_bytes, uint32_t window, bool active)
      : start_(start),
        fin_(start + 1 + stream_bytes),
        una_(start),
        next_(start),
        window_(window),
        state_(active ? kSynSent : kListen) {}

  // Takes what arrived; a segment that calls for an acknowledgement sets the debt.
  void receive(const TcpSegment& segment) {
    const bool ack = (segment.flags & kAck) != 0;
    if ((segment.flags & kSyn) != 0) {
      if (state_ == kListen || state_ == kSynSent) {
        expected_ = segment.sequence + 1;
        state_ = kOpen;
      }
      owes_ack_ = true;
    }
    if (state_ != kOpen) return;
    if (ack && after(segment.acknowledgement, una_) && !after(segment.acknowledgement, highest_)) {
      una_ = segment.acknowledgement;
      if (after(una_, next_)) next_ = una_;
    }
    const uint32_t fin = (segment.flags & kFin) != 0 ? 1 : 0;
    const uint32_t size = segment.payload_bytes + fin;
    if (size == 0) return;
    owes_ack_ = true;
    const uint32_t end = segment.sequence + size;
    if (after(segment.sequence, expected_) || !after(end, expected_)) return;
    expected_ = end;
    peer_finished_ |= fin != 0;
  }

  // What it would send now, if anything. `patience` runs out on what is not acknowledged.
  bool send(Random& random, TcpSegment& segment) {
    if (state_ == kListen) return false;
    if (next_ != una_ && random() % 16 == 0) next_ = una_;  // retransmit from the start
    segment = {.sequence = next_, .acknowledgement = expected_};
    segment.flags = state_ == kOpen ? kAck : 0;
    if (next_ == start_) {
      segment.flags |= kSyn;
      segment.window_scale = 3;
      if (una_ == start_ && random() % 4 != 0 && highest_ != start_) return false;
    } else if (una_ == start_) {
      return false;  // nothing before our SYN is acknowledged
    } else {
      const uint32_t room = una_ + window_ - next_;
      segment.payload_bytes = std::min({fin_ - next_, room, random() % 1461});
      if (next_ == fin_ + 1) segment.payload_bytes = 0;
      if (next_ + segment.payload_bytes == fin_ && random() % 2 == 0) segment.flags |= kFin;
    }
    const uint32_t size = numbers(segment);
    if (size == 0 && !owes_ack_ && random() % 32 != 0) return false;
    if (size == 0 && una_ == next_ && random() % 8 == 0) --segment.sequence;  // keepalive
    owes_ack_ = false;
    next_ += size;
    if (after(next_, highest_)) highest_ = next_;
    return true;
  }

  [[nodiscard]] bool done() const { return una_ == fin_ + 1 && peer_finished_ && !owes_ack_; }

  static uint32_t numbers(const TcpSegment& segment) {
    return segment.payload_bytes + ((segment.flags & kSyn) != 0) + ((segment.flags & kFin) != 0);
  }

 private:
  enum State { kListen, kSynSent, kOpen };

  uint32_t start_;
  uint32_t fin_;  // the number of the FIN
  uint32_t una_;
  uint32_t next_;
  uint32_t highest_ = start_;
  uint32_t expected_ = 0;
  uint32_t window_;
  State state_;
  bool owes_ack_ = false;
  bool peer_finished_ = false;
};

// One direction of one link: loses, repeats, reorders.
class Link {
 public:
  void put(Random& random, const TcpSegment& segment) {
    if (random() % 20 == 0 || queue_.size() > 32) return;
    const size_t copies = random() % 20 == 0 ? 2 : 1;
    for (size_t i = 0; i < copies; ++i) {
      const size_t back = std::min<size_t>(queue_.size(), random() % 10 == 0 ? random() % 4 : 0);
      queue_.insert(queue_.end() - static_cast<std::ptrdiff_t>(back), segment);
    }
  }
  bool take(Random& random, TcpSegment& segment) {
    if (queue_.empty() || random() % 3 == 0) return false;
    segment = queue_.front();
    queue_.pop_front();
    return true;
  }
  [[nodiscard]] bool empty() const { return queue_.empty(); }

 private:
  std::deque<TcpSegment> queue_;
};

enum class Attack { kNone, kBlind, kLucky };

class Conversation {
 public:
  Conversation(uint32_t seed, Attack attack)
      : random_(seed),
        attack_(attack),
        pod_(random_(), random_() % 300000, 2000 + random_() % 400000, true),
        remote_(random_(), random_() % 300000, 2000 + random_() % 400000, false) {}

  void run() {
    bool opened = false;
    for (uint32_t step = 0; step < 200000; ++step) {
      TcpSegment segment;
      if (pod_.send(random_, segment)) pod_side_[0].put(random_, segment);
      if (remote_.send(random_, segment)) remote_side_[0].put(random_, segment);
      if (pod_side_[0].take(random_, segment)) {
        const TcpVerdict verdict = opened ? connection_.next(Direction::kOutbound, segment)
                                          : tcp_first(connection_.entry, segment);
        ASSERT_EQ(verdict, TcpVerdict::kPass) << describe("outbound", segment, step);
        opened = true;
        remote_side_[1].put(random_, segment);
      }
      if (remote_side_[0].take(random_, segment)) {
        ASSERT_EQ(connection_.next(Direction::kInbound, segment), TcpVerdict::kPass)
            << describe("inbound", segment, step);
        pod_side_[1].put(random_, segment);
      }
      if (remote_side_[1].take(random_, segment)) remote_.receive(segment);
      if (pod_side_[1].take(random_, segment)) pod_.receive(segment);
      if (opened && attack_ != Attack::kNone) inject();
      ASSERT_NE(connection_.state(), TcpState::kClosed) << "step " << step;
      if (pod_.done() && remote_.done() && quiet()) return;
    }
    FAIL() << "the endpoints did not come to an end";
  }

  [[nodiscard]] const TcpConnection& connection() const { return connection_; }

 private:
  [[nodiscard]] bool quiet() const {
    return pod_side_[0].empty() && pod_side_[1].empty() && remote_side_[0].empty() &&
           remote_side_[1].empty();
  }

  // From somebody who sees nothing. Resets with any number but the exact ones, and data: at a
  // sequence number that may be lucky, at an acknowledgement that is lucky too or is not.
  void inject() {
    const SessionEntry& entry = connection_.entry;
    TcpSegment forged{.sequence = random_(), .acknowledgement = random_()};
    if (random_() % 2 == 0) forged.sequence = entry.outbound_acknowledged + random_() % 200000;
    const bool exact = forged.sequence == entry.outbound_acknowledged ||
                       forged.sequence == entry.inbound_sequence_end ||
                       forged.acknowledgement == entry.outbound_sequence_end;
    if (exact) return;  // one in 2^32
    forged.flags = random_() % 2 == 0 ? kRst : kRst | kAck;
    ASSERT_EQ(connection_.next(Direction::kInbound, forged), TcpVerdict::kBadSequence);
    forged.flags = kAck;
    forged.payload_bytes = random_() % 1000;
    forged.acknowledgement = attack_ == Attack::kLucky
                                 ? entry.inbound_acknowledged
                                 : entry.outbound_sequence_end + 1 + random_() % 0x40000000;
    ASSERT_EQ(connection_.next(Direction::kInbound, forged), TcpVerdict::kPass);
  }

  std::string describe(const char* way, const TcpSegment& segment, uint32_t step) {
    return std::string(way) + " step " + std::to_string(step) + " flags " +
           std::to_string(segment.flags) + " sequence " + std::to_string(segment.sequence) +
           " acknowledgement " + std::to_string(segment.acknowledgement) + " bytes " +
           std::to_string(segment.payload_bytes) + " state " +
           std::to_string(connection_.entry.flags & kSessionTcpMask);
  }

  Random random_;
  Attack attack_;
  Endpoint pod_;
  Endpoint remote_;
  TcpConnection connection_;
  Link pod_side_[2];     // to the gateway, from the gateway
  Link remote_side_[2];  // to the gateway, from the gateway
};

TEST(TcpEndpoints, HonestTrafficAlwaysPassesAndCloses) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Conversation conversation(seed, Attack::kNone);
    conversation.run();
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(conversation.connection().state(), TcpState::kClosing);
  }
}

TEST(TcpEndpoints, T5_BlindAttackerChangesNothing) {
  for (uint32_t seed = 101; seed <= 160; ++seed) {
    SCOPED_TRACE(seed);
    Conversation conversation(seed, Attack::kBlind);
    conversation.run();
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(conversation.connection().state(), TcpState::kClosing);
  }
}

// Whoever guesses both numbers within their windows moves trackers by less than a window. That may
// hide the remote's FIN from us, so that the session lasts until its idle timeout; it must neither
// close the session nor stop what the endpoints send.
TEST(TcpEndpoints, T5_LuckyAttackerNeitherClosesNorDisturbs) {
  for (uint32_t seed = 201; seed <= 260; ++seed) {
    SCOPED_TRACE(seed);
    Conversation conversation(seed, Attack::kLucky);
    conversation.run();
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace postern
