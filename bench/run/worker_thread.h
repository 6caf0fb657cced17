// Work on a worker's thread, for which the main thread waits asleep: EAL's own waiting keeps a CPU
// busy. Main thread.
#ifndef POSTERN_BENCH_RUN_WORKER_THREAD_H_
#define POSTERN_BENCH_RUN_WORKER_THREAD_H_

#include <semaphore>
#include <string>

#include "dataplane/run/eal.h"

namespace postern::bench {

// Calls `work()`, which returns "" or what went wrong, on the thread of worker `index`.
template <typename Work>
std::string on_worker(Eal& eal, size_t index, Work&& work) {
  struct Order {
    Work& work;
    std::binary_semaphore done{0};
    std::string failure = {};
  } order{work};
  const auto entry = [](void* argument) {
    auto& mine = *static_cast<Order*>(argument);
    mine.failure = mine.work();
    mine.done.release();
    return 0;
  };
  if (!eal.launch(index, entry, &order)) return "the worker's thread does not run";
  order.done.acquire();
  eal.wait(index);
  return order.failure;
}

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_WORKER_THREAD_H_
