// Counts what a piece of code allocates and frees: whoever links this has malloc and its relatives
// replaced by ones that count and then do what the C library does. operator new calls malloc.
//
// Counts of the calling thread only.
#ifndef POSTERN_BENCH_ALLOCATION_COUNT_H_
#define POSTERN_BENCH_ALLOCATION_COUNT_H_

#include <cstdint>

namespace postern::bench {

class AllocationCount {
 public:
  template <typename Work>
  void run(Work&& work) {
    const uint64_t before = so_far();
    work();
    count_ += so_far() - before;
  }
  // Calls of malloc, calloc, realloc, free and the like, of all runs.
  [[nodiscard]] uint64_t count() const { return count_; }

 private:
  [[nodiscard]] static uint64_t so_far();
  uint64_t count_ = 0;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_ALLOCATION_COUNT_H_
