// Where threads of several workers meet: each waits until all have come. They spin, for they are to
// go on at the same moment.
#ifndef POSTERN_BENCH_RUN_SPIN_BARRIER_H_
#define POSTERN_BENCH_RUN_SPIN_BARRIER_H_

#include <rte_pause.h>

#include <atomic>
#include <cstdint>

namespace postern::bench {

class SpinBarrier {
 public:
  explicit SpinBarrier(uint32_t threads) : threads_(threads) {}

  void arrive_and_wait() {
    const uint32_t round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    while (round_.load(std::memory_order_acquire) == round) rte_pause();
  }

 private:
  const uint32_t threads_;
  std::atomic<uint32_t> arrived_{0};
  std::atomic<uint32_t> round_{0};
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_SPIN_BARRIER_H_
