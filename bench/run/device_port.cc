#include "bench/run/device_port.h"

#include <chrono>
#include <thread>

#include "bench/run/console.h"

namespace postern::bench {

bool DevicePort::wait_for_link() const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!device_.is_linked()) {
    if (std::chrono::steady_clock::now() > end || was_interrupted()) return false;
    if (generator_ != nullptr && generator_->has_ended()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace postern::bench
