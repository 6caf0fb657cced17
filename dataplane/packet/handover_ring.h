// A bounded ring by which one worker hands packets to another, with what it found out about them.
//
// What arrival has learnt of a packet (PacketMeta), the way it goes on (Lane) and by which tables
// that was found out travel beside it, so nothing is parsed twice. The giver puts packets in one by
// one and publishes them together, at the end of its burst; the taker takes up to a burst. Neither
// waits: a full ring refuses. Each side remembers where it last saw the other, and looks again only
// when it must, so that they touch each other's lines once a burst and not once a packet.
//
// One giver, one taker. Made and ended by the control thread, while neither runs.
#ifndef POSTERN_DATAPLANE_PACKET_HANDOVER_RING_H_
#define POSTERN_DATAPLANE_PACKET_HANDOVER_RING_H_

#include <rte_mbuf.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/packet/burst.h"

namespace postern {

// The way a packet goes on after its arrival (stage/arrive.h has the words).
enum class Lane : uint8_t {
  kOutbound,
  kOutboundError,
  kOutboundFragment,
  kOutboundApart,
  kInbound,
  kInboundError,
  kInboundFragment,
  kInboundApart
};

class HandoverRing {
 public:
  // What goes with a packet.
  struct Ticket {
    rte_mbuf* frame;
    uint32_t tables;  // low bits of Snapshot::generation of those that sorted it
    Lane lane;
  };

  // `slots`: a power of two, at least kBurst.
  explicit HandoverRing(uint32_t slots)
      : mask_(slots - 1),
        ticket_(std::make_unique<Ticket[]>(slots)),
        meta_(std::make_unique<PacketMeta[]>(slots)) {}
  // Frees what nobody took.
  ~HandoverRing() {
    for (uint32_t at = tail_.load(); at != head_.load(); ++at) {
      rte_pktmbuf_free(ticket_[at & mask_].frame);
    }
  }
  HandoverRing(const HandoverRing&) = delete;
  HandoverRing& operator=(const HandoverRing&) = delete;

  // Giver: false when the ring is full; the packet stays the caller's.
  [[nodiscard]] bool put(const Ticket& ticket, const PacketMeta& meta) {
    if (written_ - tail_seen_ > mask_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (written_ - tail_seen_ > mask_) return false;
    }
    ticket_[written_ & mask_] = ticket;
    meta_[written_ & mask_] = meta;
    ++written_;
    return true;
  }
  // Giver: what was put in belongs to the taker from now on. False where that is nothing.
  bool publish() {
    if (head_.load(std::memory_order_relaxed) == written_) return false;
    head_.store(written_, std::memory_order_release);
    return true;
  }

  // Taker: fills `burst` with what was published, oldest first, at most kBurst.
  void take(Burst& burst, std::array<Ticket, kBurst>& tickets) {
    burst.size = 0;
    if (head_seen_ == read_) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (head_seen_ == read_) return;
    }
    const uint32_t count = head_seen_ - read_ < kBurst ? head_seen_ - read_ : kBurst;
    for (uint32_t i = 0; i < count; ++i) {
      tickets[i] = ticket_[(read_ + i) & mask_];
      burst.frame[i] = tickets[i].frame;
      __builtin_prefetch(burst.frame[i]);
    }
    for (uint32_t i = 0; i < count; ++i) burst.meta[i] = meta_[(read_ + i) & mask_];
    burst.size = count;
    read_ += count;
    tail_.store(read_, std::memory_order_release);
  }

 private:
  const uint32_t mask_;
  const std::unique_ptr<Ticket[]> ticket_;
  const std::unique_ptr<PacketMeta[]> meta_;
  // Written by the giver.
  alignas(64) std::atomic<uint32_t> head_{0};
  uint32_t written_ = 0;    // put in, not all of it published
  uint32_t tail_seen_ = 0;  // when it last looked
  // Written by the taker.
  alignas(64) std::atomic<uint32_t> tail_{0};
  uint32_t read_ = 0;
  uint32_t head_seen_ = 0;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_HANDOVER_RING_H_
