// DPDK's ring driver (--port net_ring): two devices without hardware. This thread is also who sits
// behind them: it takes what was sent out of the one's ring and frees it, and puts fresh frames
// into the other's before each burst. Its part is in the figure of io.
#ifndef POSTERN_BENCH_RUN_RING_PORT_H_
#define POSTERN_BENCH_RUN_RING_PORT_H_

#include <memory>
#include <span>

#include "bench/receive_ring.h"
#include "bench/run/eth_device.h"
#include "bench/run/traffic_port.h"

struct rte_ring;

namespace postern::bench {

class RingPort : public TrafficPort {
 public:
  // `number` tells several from each other. Otherwise as ReceiveRing. Main thread.
  static Outcome<std::unique_ptr<RingPort>> make(uint32_t number, rte_mempool* pool,
                                                 const Frames& frames,
                                                 std::span<const FrameRecord> records,
                                                 DpdkLog& log);
  ~RingPort() override;

  bool receive(Burst& burst) override;
  uint32_t transmit(rte_mbuf** frames, uint32_t count) override {
    return in_.transmit(frames, static_cast<uint16_t>(count));
  }
  [[nodiscard]] bool is_endless() const override { return true; }

 private:
  RingPort(EthDevice out, EthDevice in, rte_ring* to_out, rte_ring* from_in, rte_mempool* pool,
           const Frames& frames, std::span<const FrameRecord> records)
      : out_(std::move(out)),
        in_(std::move(in)),
        to_out_(to_out),
        from_in_(from_in),
        fresh_(pool, frames, records) {}
  void drain(rte_ring* ring);

  EthDevice out_;      // we receive from it
  EthDevice in_;       // we transmit into it
  rte_ring* to_out_;   // their rings
  rte_ring* from_in_;  // likewise
  ReceiveRing fresh_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_RING_PORT_H_
