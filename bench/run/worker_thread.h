// Work on a worker's thread, for which the main thread waits asleep: EAL's own waiting keeps a CPU
// busy. Main thread.
#ifndef POSTERN_BENCH_RUN_WORKER_THREAD_H_
#define POSTERN_BENCH_RUN_WORKER_THREAD_H_

#include <cstdlib>
#include <semaphore>
#include <string>
#include <vector>

#include "dataplane/run/eal.h"

namespace postern::bench {

// Calls `work(i)`, which returns "" or what went wrong, on the threads of workers `first` to `last`
// at once, i being the worker. Returns the first failure.
template <typename Work>
std::string on_workers(Eal& eal, size_t first, size_t last, Work&& work) {
  struct Order {
    Work& work;
    size_t worker = 0;
    std::counting_semaphore<>& done;
    std::string failure = {};
  };
  std::counting_semaphore<> done(0);
  std::vector<Order> orders;
  for (size_t i = first; i <= last; ++i) orders.push_back({work, i, done});
  const auto entry = [](void* argument) {
    auto& mine = *static_cast<Order*>(argument);
    mine.failure = mine.work(mine.worker);
    mine.done.release();
    return 0;
  };
  for (Order& order : orders) {
    if (!eal.launch(order.worker, entry, &order)) std::abort();  // nobody else launches
  }
  for (size_t i = 0; i < orders.size(); ++i) done.acquire();
  std::string failure;
  for (const Order& order : orders) {
    eal.wait(order.worker);
    if (failure.empty()) failure = order.failure;
  }
  return failure;
}

// Likewise `work()` on the thread of worker `index`.
template <typename Work>
std::string on_worker(Eal& eal, size_t index, Work&& work) {
  return on_workers(eal, index, index, [&](size_t) { return work(); });
}

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_WORKER_THREAD_H_
