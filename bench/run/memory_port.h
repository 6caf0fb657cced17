// No device at all (--port memory): frames come from a ReceiveRing, and what is sent is freed as a
// driver frees what it has sent.
#ifndef POSTERN_BENCH_RUN_MEMORY_PORT_H_
#define POSTERN_BENCH_RUN_MEMORY_PORT_H_

#include <span>

#include "bench/receive_ring.h"
#include "bench/run/traffic_port.h"

namespace postern::bench {

class MemoryPort : public TrafficPort {
 public:
  // As ReceiveRing.
  MemoryPort(rte_mempool* pool, const Frames& frames, std::span<const FrameRecord> records)
      : ring_(pool, frames, records) {}

  bool receive(Burst& burst) override { return ring_.take(burst); }
  uint32_t transmit(rte_mbuf** frames, uint32_t count) override {
    rte_pktmbuf_free_bulk(frames, count);
    return count;
  }
  [[nodiscard]] bool is_endless() const override { return true; }

 private:
  ReceiveRing ring_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_MEMORY_PORT_H_
