// Where a figure was measured: without it, it says nothing. Read once before and after a run.
// Any thread.
#ifndef POSTERN_BENCH_ENVIRONMENT_H_
#define POSTERN_BENCH_ENVIRONMENT_H_

#include <cstdint>
#include <string>
#include <vector>

namespace postern::bench {

struct Environment {
  std::string cpu;                 // model name
  std::string instruction_set;     // "avx2", "avx512": what the gateway would choose
  std::vector<std::string> flags;  // of those that the code can use, the ones that are there
  uint32_t cpus = 0;               // online
  uint64_t tsc_hz = 0;
  uint64_t huge_pages = 0;  // of the default size, in all
  uint64_t huge_pages_free = 0;
  uint64_t huge_page_kb = 0;
  std::string kernel;
  std::string dpdk;
  std::string compiler;
  std::string build;   // build type and flags
  std::string commit;  // of the working tree, "-dirty" where it differs
};

// After EAL has started (it measures the counter's frequency).
[[nodiscard]] Environment read_environment();

// Time that the hypervisor gave to others and all time, since boot, over all CPUs, in clock ticks.
struct StolenTime {
  uint64_t stolen = 0;
  uint64_t all = 0;

  static StolenTime now();
  // Percent stolen from `before` to this.
  [[nodiscard]] double percent_since(const StolenTime& before) const;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_ENVIRONMENT_H_
