// DPDK's pcap driver (--port net_pcap): it reads a file of frames once and then receives them round
// and round, each copied into a buffer, as fast as it is asked (infinite_rx). What is sent, it
// drops.
#ifndef POSTERN_BENCH_RUN_PCAP_PORT_H_
#define POSTERN_BENCH_RUN_PCAP_PORT_H_

#include <memory>
#include <string>
#include <utility>

#include "bench/run/eth_device.h"
#include "bench/run/traffic_port.h"

namespace postern::bench {

class PcapPort : public TrafficPort {
 public:
  // `pool` has buffers for all frames of the file beside those on their way. Main thread.
  static Outcome<std::unique_ptr<PcapPort>> make(uint32_t number, const std::string& file,
                                                 rte_mempool* pool, DpdkLog& log) {
    const std::string device =
        "net_pcap" + std::to_string(number) + ",rx_pcap=" + file + ",infinite_rx=1";
    Outcome<EthDevice> opened = EthDevice::open(device, pool, log);
    if (!opened) return opened.complaint();
    return std::unique_ptr<PcapPort>(new PcapPort(std::move(opened).value()));
  }

  bool receive(Burst& burst) override {
    burst.size = device_.receive(burst.frame.data(), kBurst);
    return burst.size == kBurst;
  }
  uint32_t transmit(rte_mbuf** frames, uint32_t count) override {
    return device_.transmit(frames, static_cast<uint16_t>(count));
  }
  [[nodiscard]] bool is_endless() const override { return true; }

 private:
  explicit PcapPort(EthDevice device) : device_(std::move(device)) {}
  EthDevice device_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_PCAP_PORT_H_
