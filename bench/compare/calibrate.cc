// compare-calibrate CPU: what this CPU does now, to see whether it does the same later.
//
// For every line that it reads it prints "ALU CHASE HZ": TSC cycles of a step in a chain of
// multiplications, which depends on the clock alone, and in a pointer chase over 64 MiB, which
// depends on caches and memory that others share, medians of several passes, about 25 ms in all;
// and how fast the TSC counts. One process for a whole run, since other pages are other figures.
// Exit status: 0 nothing more to read, 1 no such CPU or no memory, 2 usage.
#include <sched.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr uint32_t kAluSteps = 200'000;
constexpr uint32_t kLines = 1u << 20;
constexpr uint32_t kChaseSteps = 1u << 14;
constexpr size_t kPasses = 9;

struct alignas(64) Line {
  uint32_t next = 0;
};

template <typename Pass>
double median_cycles(uint32_t steps, Pass pass) {
  std::array<double, kPasses> cycles{};
  for (double& each : cycles) {
    const uint64_t begin = __rdtsc();
    pass();
    each = static_cast<double>(__rdtsc() - begin) / steps;
  }
  std::sort(cycles.begin(), cycles.end());
  return cycles[kPasses / 2];
}

double alu() {
  uint64_t value = 1;
  const double cycles = median_cycles(kAluSteps, [&value] {
    for (uint32_t i = 0; i < kAluSteps; ++i) {
      value = value * 0x9e3779b97f4a7c15u + i;
      asm volatile("" : "+r"(value));  // each step waits for the one before
    }
  });
  return cycles;
}

// One way through all lines, in an order that no prefetcher follows: a congruential generator of
// full period.
void link_lines(Line* lines) {
  for (uint32_t i = 0; i < kLines; ++i) lines[i].next = (i * 1664525u + 1013904223u) % kLines;
}

// Goes on from `at`.
double chase(const Line* lines, uint32_t& at) {
  return median_cycles(kChaseSteps, [&at, lines] {
    for (uint32_t i = 0; i < kChaseSteps; ++i) {
      at = lines[at].next;
      asm volatile("" : "+r"(at));
    }
  });
}

// Counted from its making until it is asked.
class CounterSpeed {
 public:
  [[nodiscard]] double hz() const {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
    return static_cast<double>(__rdtsc() - first_) / passed.count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  uint64_t first_ = __rdtsc();
};

bool move_to(uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  uint32_t cpu = 0;
  if (argc != 2 ||
      std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), cpu).ec != std::errc{} ||
      cpu >= CPU_SETSIZE) {
    std::fprintf(stderr, "usage: compare-calibrate CPU\n");
    return 2;
  }
  if (!move_to(cpu)) {
    std::fprintf(stderr, "compare-calibrate: no CPU %u for this process\n", cpu);
    return 1;
  }
  const CounterSpeed speed;
  constexpr size_t kBytes = kLines * sizeof(Line);
  constexpr size_t kHugePage = size_t{1} << 21;
  auto* const lines = static_cast<Line*>(std::aligned_alloc(kHugePage, kBytes));
  if (lines == nullptr) {
    std::fprintf(stderr, "compare-calibrate: no memory for %zu bytes\n", kBytes);
    return 1;
  }
  madvise(lines, kBytes, MADV_HUGEPAGE);  // small pages measure as well, only other things
  link_lines(lines);
  uint32_t at = 0;
  for (int read = std::getchar(); read != EOF; read = std::getchar()) {
    if (read != '\n') continue;
    const double alu_cycles = alu();
    const double chase_cycles = chase(lines, at);
    std::printf("%.4f %.2f %.0f\n", alu_cycles, chase_cycles, speed.hz());
    std::fflush(stdout);
  }
  std::free(lines);
  return 0;
}
