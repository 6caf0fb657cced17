#include "bench/run/ring_port.h"

#include <rte_ring.h>

#include <utility>

namespace postern::bench {
namespace {

// As the driver calls the ring of a device that it makes.
rte_ring* ring_of(const std::string& device) {
  return rte_ring_lookup(("ETH_RXTX0_" + device).c_str());
}

}  // namespace

Outcome<std::unique_ptr<RingPort>> RingPort::make(uint32_t number, rte_mempool* pool,
                                                  const Frames& frames,
                                                  std::span<const FrameRecord> records,
                                                  DpdkLog& log) {
  const std::string names[] = {"net_ring" + std::to_string(2 * number),
                               "net_ring" + std::to_string(2 * number + 1)};
  Outcome<EthDevice> out = EthDevice::open(names[0], pool, log);
  if (!out) return out.complaint();
  Outcome<EthDevice> in = EthDevice::open(names[1], pool, log);
  if (!in) return in.complaint();
  rte_ring* const rings[] = {ring_of(names[0]), ring_of(names[1])};
  if (rings[0] == nullptr || rings[1] == nullptr) {
    return Complaint{"the rings of " + names[0] + " and " + names[1] + " are not found",
                     "use --port memory"};
  }
  return std::unique_ptr<RingPort>(new RingPort(std::move(out).value(), std::move(in).value(),
                                                rings[0], rings[1], pool, frames, records));
}

RingPort::~RingPort() {
  drain(to_out_);
  drain(from_in_);
}

bool RingPort::receive(Burst& burst) {
  // What was sent meanwhile: at most a burst, so that at most one is on its way.
  rte_mbuf* gone[kBurst];
  const unsigned sent =
      rte_ring_sc_dequeue_burst(from_in_, reinterpret_cast<void**>(gone), kBurst, nullptr);
  if (sent != 0) rte_pktmbuf_free_bulk(gone, sent);
  if (!fresh_.take(burst)) return false;
  rte_ring_sp_enqueue_bulk(to_out_, reinterpret_cast<void**>(burst.frame.data()), kBurst, nullptr);
  burst.size = out_.receive(burst.frame.data(), kBurst);
  return burst.size == kBurst;
}

void RingPort::drain(rte_ring* ring) {
  void* frame = nullptr;
  while (rte_ring_sc_dequeue(ring, &frame) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
}

}  // namespace postern::bench
