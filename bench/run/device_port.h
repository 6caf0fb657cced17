// A device with somebody else at its other end (--port net_memif, --port PCI-ADDRESS): frames come
// when that one sends them.
#ifndef POSTERN_BENCH_RUN_DEVICE_PORT_H_
#define POSTERN_BENCH_RUN_DEVICE_PORT_H_

#include <memory>
#include <string>
#include <utility>

#include "bench/run/eth_device.h"
#include "bench/run/generator_process.h"
#include "bench/run/traffic_port.h"

namespace postern::bench {

class DevicePort : public TrafficPort {
 public:
  // `generator` may be none. Main thread.
  DevicePort(EthDevice device, std::unique_ptr<GeneratorProcess> generator)
      : device_(std::move(device)), generator_(std::move(generator)) {}

  // Waits for the link. False when it does not come up within ten seconds, when its generator has
  // ended, or when Ctrl-C came.
  [[nodiscard]] bool wait_for_link() const;

  bool receive(Burst& burst) override {
    burst.size = device_.receive(burst.frame.data(), kBurst);
    return true;
  }
  uint32_t transmit(rte_mbuf** frames, uint32_t count) override {
    return device_.transmit(frames, static_cast<uint16_t>(count));
  }
  [[nodiscard]] bool is_endless() const override { return false; }

 private:
  EthDevice device_;
  std::unique_ptr<GeneratorProcess> generator_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_DEVICE_PORT_H_
