#include "bench/receive_ring.h"

#include <rte_mbuf.h>

#include <algorithm>

namespace postern::bench {

ReceiveRing::ReceiveRing(rte_mempool* pool, const Frames& frames,
                         std::span<const FrameRecord> records)
    : pool_(pool), frames_(frames), records_(records) {
  for (uint32_t slot = 0; slot < kSlots; slot += kBurst) {
    filled_ = filled_ && refill(std::span<rte_mbuf*, kBurst>(&slots_[slot], kBurst));
  }
}

ReceiveRing::~ReceiveRing() { rte_pktmbuf_free_bulk(slots_.data(), kSlots); }

bool ReceiveRing::take(Burst& burst) {
  if (!filled_) return false;
  const std::span<rte_mbuf*, kBurst> slots(&slots_[oldest_], kBurst);
  std::copy(slots.begin(), slots.end(), burst.frame.begin());
  burst.size = kBurst;
  oldest_ = (oldest_ + kBurst) % kSlots;
  filled_ = refill(slots);
  return true;
}

bool ReceiveRing::refill(std::span<rte_mbuf*, kBurst> slots) {
  if (rte_pktmbuf_alloc_bulk(pool_, slots.data(), kBurst) != 0) {
    std::fill(slots.begin(), slots.end(), nullptr);
    return false;
  }
  const FrameRecord* record = &records_[next_record_];
  for (rte_mbuf* frame : slots) {
    const uint16_t bytes = frames_.bytes(*record);
    frame->data_len = bytes;
    frame->pkt_len = bytes;
    frames_.write(*record++, rte_pktmbuf_mtod(frame, uint8_t*));
  }
  next_record_ += kBurst;
  if (next_record_ == records_.size()) next_record_ = 0;
  return true;
}

}  // namespace postern::bench
