// A bounded ring by which one worker hands packets to another, with what it found out about them.
//
// What arrival has learnt of a packet (PacketMeta), the way it goes on (Lane) and by which tables
// that was found out travel beside it, so nothing is parsed twice. The giver puts packets in one by
// one and publishes them together, at the end of its burst; the taker takes up to a burst. Neither
// waits: a full ring refuses. Each side remembers where it last saw the other, and looks again only
// when it must, so that they touch each other's lines once a burst and not once a packet.
//
// What costs is lines that change CPUs, so a packet has one in the ring: the part of PacketMeta
// that its owner does not find by itself, and the ticket. The giver asks for a line a burst before
// it writes it, and notes where the headers are, so that the taker asks for these without waiting
// for the buffer that says so, and at once for lines that no other CPU has: it will write to them.
// While it walks a burst, the slots of the next one are on their way. docs/performance.md has the
// figures (bench/handover_bench).
//
// One giver, one taker. Made and ended by the control thread, while neither runs.
#ifndef POSTERN_DATAPLANE_PACKET_HANDOVER_RING_H_
#define POSTERN_DATAPLANE_PACKET_HANDOVER_RING_H_

#include <rte_mbuf.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
  // What is carried of PacketMeta: all but the session and its next hop, which its owner finds.
  static constexpr size_t kFrontBytes = 32;
  static constexpr size_t kBackAt = 40;
  static constexpr size_t kBackBytes = 16;
  static_assert(offsetof(PacketMeta, session) == kFrontBytes &&
                offsetof(PacketMeta, next_hop) + sizeof(uint32_t) == kBackAt);

  // `slots`: a power of two, at least kBurst.
  explicit HandoverRing(uint32_t slots)
      : mask_(slots - 1), slot_(std::make_unique<Slot[]>(slots)) {}
  // Frees what nobody took.
  ~HandoverRing() {
    for (uint32_t at = tail_.load(); at != head_.load(); ++at) {
      rte_pktmbuf_free(slot_[at & mask_].frame);
    }
  }
  HandoverRing(const HandoverRing&) = delete;
  HandoverRing& operator=(const HandoverRing&) = delete;

  // Giver: false when the ring is full; the packet stays the caller's. `headers`: where those begin
  // that the taker will read.
  [[nodiscard]] bool put(const Ticket& ticket, const PacketMeta& meta, const uint8_t* headers) {
    if (written_ - tail_seen_ > mask_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (written_ - tail_seen_ > mask_) return false;
    }
    prefetch_to_write(&slot_[(written_ + kBurst) & mask_]);
    Slot& slot = slot_[written_ & mask_];
    const auto* bytes = reinterpret_cast<const uint8_t*>(&meta);
    std::memcpy(slot.front.data(), bytes, kFrontBytes);
    std::memcpy(slot.back.data(), bytes + kBackAt, kBackBytes);
    slot.frame = ticket.frame;
    slot.tables = ticket.tables;
    const auto distance =
        reinterpret_cast<uintptr_t>(headers) - reinterpret_cast<uintptr_t>(ticket.frame);
    slot.headers_at = static_cast<uint16_t>(distance < 0x10000 ? distance : 0);
    slot.lane = ticket.lane;
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
      const Slot& slot = slot_[(read_ + i) & mask_];
      // Another core read its headers: the first two lines of what is translated come from there.
      const auto* frame = reinterpret_cast<const uint8_t*>(slot.frame);
      prefetch_to_write(frame);
      prefetch_to_write(frame + slot.headers_at);
      prefetch_to_write(frame + slot.headers_at + kHeaderBytes);
      auto* meta = reinterpret_cast<uint8_t*>(&burst.meta[i]);
      std::memcpy(meta, slot.front.data(), kFrontBytes);
      std::memcpy(meta + kBackAt, slot.back.data(), kBackBytes);
      burst.frame[i] = slot.frame;
      tickets[i] = {slot.frame, slot.tables, slot.lane};
    }
    burst.size = count;
    read_ += count;
    tail_.store(read_, std::memory_order_release);
    const uint32_t more = head_seen_ - read_ < kBurst ? head_seen_ - read_ : kBurst;
    for (uint32_t i = 0; i < more; ++i) __builtin_prefetch(&slot_[(read_ + i) & mask_]);
  }

 private:
  // As prefetch, and no other core has the line afterwards, so that writing to it needs no second
  // journey. Not of x86-64-v3, for which the builtin would fetch to read; where it is missing, it
  // does nothing.
  static void prefetch_to_write(const void* line) {
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
  }

  // Of IP and of TCP without options.
  static constexpr uint32_t kHeaderBytes = sizeof(Ipv4Header) + sizeof(TcpHeader);

  struct alignas(64) Slot {
    std::array<uint8_t, kFrontBytes> front;
    std::array<uint8_t, kBackBytes> back;
    rte_mbuf* frame;
    uint32_t tables;
    uint16_t headers_at;  // bytes behind the start of the buffer; 0: far away
    Lane lane;
  };
  static_assert(sizeof(Slot) == 64);

  const uint32_t mask_;
  const std::unique_ptr<Slot[]> slot_;
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
