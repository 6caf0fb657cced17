// A DPDK device with one receive and one transmit queue, as testpmd sets it up: no offloads, the
// driver's defaults. From its opening to its closing; software devices end with the object.
//
// Made by the main thread after EAL has started; then used by one thread.
#ifndef POSTERN_BENCH_RUN_ETH_DEVICE_H_
#define POSTERN_BENCH_RUN_ETH_DEVICE_H_

#include <rte_ethdev.h>

#include <cstdint>
#include <string>
#include <utility>

#include "dataplane/run/complaint.h"
#include "dataplane/run/dpdk_log.h"

namespace postern::bench {

class EthDevice {
 public:
  // `device`: a vdev string with its arguments, or a PCI address. `pool` outlives it. Complains
  // with what DPDK said.
  static Outcome<EthDevice> open(const std::string& device, rte_mempool* pool, DpdkLog& log);
  EthDevice(EthDevice&& other) noexcept
      : device_(std::move(other.device_)),
        id_(std::exchange(other.id_, kNone)),
        started_(std::exchange(other.started_, false)) {}
  EthDevice& operator=(EthDevice&&) = delete;
  ~EthDevice();

  uint16_t receive(rte_mbuf** frames, uint16_t most) {
    return rte_eth_rx_burst(id_, 0, frames, most);
  }
  uint16_t transmit(rte_mbuf** frames, uint16_t count) {
    return rte_eth_tx_burst(id_, 0, frames, count);
  }
  [[nodiscard]] bool is_linked() const;
  // Frames that came and found no room.
  [[nodiscard]] uint64_t missed() const;

 private:
  static constexpr uint16_t kNone = 0xffff;
  static constexpr uint16_t kSlots = 1024;

  explicit EthDevice(std::string device) : device_(std::move(device)) {}
  // 0, or the error of the step that failed, which `doing` names.
  int start(rte_mempool* pool, const char*& doing);

  std::string device_;
  uint16_t id_ = kNone;
  bool started_ = false;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_ETH_DEVICE_H_
