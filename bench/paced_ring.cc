#include "bench/paced_ring.h"

#include <rte_mbuf.h>

#include <algorithm>

namespace postern::bench {

PacedRing::PacedRing(rte_mempool* pool, const Frames& frames, std::span<const FrameRecord> records,
                     uint32_t slots)
    : pool_(pool), frames_(frames), records_(records), arrivals_(slots), slots_(slots) {
  for (uint32_t slot = 0; slot < slots && filled_; slot += kBurst) {
    filled_ = refill(std::span(slots_).subspan(slot, kBurst));
  }
}

PacedRing::~PacedRing() {
  rte_pktmbuf_free_bulk(slots_.data(), static_cast<unsigned>(slots_.size()));
}

uint32_t PacedRing::take(Burst& burst, uint64_t now) {
  arrivals_.arrive(now);
  if (!filled_) return 0;
  taken_ = arrivals_.take(due_at_);
  burst.size = taken_;
  // Up to the end of the ring, and the rest from its beginning.
  const uint32_t first = std::min(taken_, slots() - oldest_);
  const auto head = std::span(slots_).subspan(oldest_, first);
  const auto rest = std::span(slots_).first(taken_ - first);
  std::copy(rest.begin(), rest.end(), std::copy(head.begin(), head.end(), burst.frame.begin()));
  oldest_ = (oldest_ + taken_) & (slots() - 1);
  filled_ = refill(head) && refill(rest);
  return taken_;
}

bool PacedRing::refill(std::span<rte_mbuf*> slots) {
  if (slots.empty()) return true;
  if (rte_pktmbuf_alloc_bulk(pool_, slots.data(), static_cast<unsigned>(slots.size())) != 0) {
    std::fill(slots.begin(), slots.end(), nullptr);
    return false;
  }
  for (rte_mbuf* frame : slots) {
    const FrameRecord& record = records_[next_record_];
    frame->data_len = frames_.bytes(record);
    frame->pkt_len = frames_.bytes(record);
    frames_.write(record, rte_pktmbuf_mtod(frame, uint8_t*));
    if (++next_record_ == records_.size()) next_record_ = 0;
  }
  return true;
}

}  // namespace postern::bench
