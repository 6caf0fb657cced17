// Which egress addresses take no new sessions at the moment. Changed in place, so that draining an
// address costs no new snapshot: written by the control thread, read by workers.
#ifndef POSTERN_DATAPLANE_TABLE_ADDRESS_DRAINS_H_
#define POSTERN_DATAPLANE_TABLE_ADDRESS_DRAINS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/table/policy.h"

namespace postern {

class AddressDrains {
 public:
  // Any thread.
  [[nodiscard]] bool holds(AddressSlot slot) const {
    return (words_[slot / 64].load(std::memory_order_relaxed) >> slot % 64 & 1) != 0;
  }
  // Control thread. Workers that have passed to a later generation go by it.
  void set(AddressSlot slot, bool drained) {
    const uint64_t bit = uint64_t{1} << slot % 64;
    const uint64_t word = words_[slot / 64].load(std::memory_order_relaxed);
    words_[slot / 64].store(drained ? word | bit : word & ~bit, std::memory_order_release);
  }

 private:
  std::array<std::atomic<uint64_t>, (kNoAddress + 1) / 64> words_{};
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_ADDRESS_DRAINS_H_
