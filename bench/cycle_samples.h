// Cycles of many equal pieces of work, as their median: a sample that was interrupted, or shared
// the machine with another program, does not move it.
#ifndef POSTERN_BENCH_CYCLE_SAMPLES_H_
#define POSTERN_BENCH_CYCLE_SAMPLES_H_

#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace postern {

class CycleSamples {
 public:
  // Runs `work`, which does `items` things, and notes the TSC cycles of one of them.
  template <typename Work>
  void time(uint64_t items, Work&& work) {
    const uint64_t begin = __rdtsc();
    asm volatile("" ::: "memory");  // nothing of the work may be done before or afterwards
    work();
    asm volatile("" ::: "memory");
    unsigned cpu;
    const uint64_t cycles = __rdtscp(&cpu) - begin;  // waits for the work's last instruction
    add(static_cast<double>(cycles) / static_cast<double>(items));
  }
  void add(double cycles) {
    if (samples_.size() < kMax) samples_.push_back(cycles);
  }
  [[nodiscard]] double median() {
    if (samples_.empty()) return 0;
    const auto middle = samples_.begin() + static_cast<std::ptrdiff_t>(samples_.size() / 2);
    std::nth_element(samples_.begin(), middle, samples_.end());
    return *middle;
  }

  // What time() adds to a sample by itself, in cycles: matters where little is timed at once.
  [[nodiscard]] static double of_nothing() {
    CycleSamples nothing;
    for (int i = 0; i < 1000; ++i) nothing.time(1, [] {});
    return nothing.median();
  }

 private:
  static constexpr size_t kMax = 1 << 20;
  std::vector<double> samples_;
};

}  // namespace postern

#endif  // POSTERN_BENCH_CYCLE_SAMPLES_H_
