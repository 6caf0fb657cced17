// Frames that are copied from prepared bytes, in turn: for benchmarks whose packets are of another
// kind than Frames makes. Called by the thread that owns the pool's cache.
#ifndef POSTERN_BENCH_FRAME_TEMPLATES_H_
#define POSTERN_BENCH_FRAME_TEMPLATES_H_

#include <rte_mbuf.h>

#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "test/packet/packet.h"

namespace postern::bench {

class FrameTemplates {
 public:
  explicit FrameTemplates(std::vector<test::Bytes> bytes) : bytes_(std::move(bytes)) {}

  // Fills all of `frames`; false when the pool has no buffers.
  bool make(rte_mempool* pool, std::span<rte_mbuf*> frames) {
    if (rte_pktmbuf_alloc_bulk(pool, frames.data(), static_cast<unsigned>(frames.size())) != 0) {
      return false;
    }
    for (rte_mbuf* frame : frames) {
      const test::Bytes& bytes = bytes_[next_];
      next_ = (next_ + 1) % bytes_.size();
      frame->data_len = static_cast<uint16_t>(bytes.size());
      frame->pkt_len = static_cast<uint32_t>(bytes.size());
      std::memcpy(rte_pktmbuf_mtod(frame, void*), bytes.data(), bytes.size());
    }
    return true;
  }

 private:
  std::vector<test::Bytes> bytes_;
  size_t next_ = 0;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_FRAME_TEMPLATES_H_
