// A bounded ring for one producer and one consumer: how a worker and the control thread hand each
// other small values. Neither ever waits.
#ifndef POSTERN_DATAPLANE_PACKET_SPSC_RING_H_
#define POSTERN_DATAPLANE_PACKET_SPSC_RING_H_

#include <array>
#include <atomic>
#include <cstddef>

namespace postern {

// A ring of `kSlots` values of T for one producer and one consumer.
template <typename T, size_t kSlots>
class SpscRing {
  static_assert((kSlots & (kSlots - 1)) == 0, "a power of two");

 public:
  // Producer: false when it is full.
  bool push(const T& value) {
    const size_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_.load(std::memory_order_acquire) == kSlots) return false;
    slots_[head & (kSlots - 1)] = value;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  // Consumer: false when it is empty.
  bool pop(T& value) {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return false;
    value = slots_[tail & (kSlots - 1)];
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

 private:
  alignas(64) std::atomic<size_t> head_{0};
  alignas(64) std::atomic<size_t> tail_{0};
  alignas(64) std::array<T, kSlots> slots_{};
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_SPSC_RING_H_
