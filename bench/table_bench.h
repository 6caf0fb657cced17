// The main of Google Benchmark programs that need no EAL, and the sizes that all of them climb.
#ifndef POSTERN_BENCH_TABLE_BENCH_H_
#define POSTERN_BENCH_TABLE_BENCH_H_

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

namespace postern::bench {

// `add_all` registers the benchmarks. The program's exit status.
inline int run_benchmarks(int argc, char** argv, void (*add_all)()) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  add_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

// Whether the command line asks for this size: the largest ones take minutes and gigabytes, so they
// run for those who name them in their filter.
inline bool is_named(uint32_t size) {
  return benchmark::GetBenchmarkFilter().find(std::to_string(size)) != std::string::npos;
}

// Numbers of sessions, once the command line is read.
inline std::vector<uint32_t> session_ladder() {
  constexpr uint32_t kMost = 16'777'216;
  std::vector<uint32_t> ladder{1000, 65'536, 1'048'576};
  if (is_named(kMost)) ladder.push_back(kMost);
  return ladder;
}

}  // namespace postern::bench

#endif  // POSTERN_BENCH_TABLE_BENCH_H_
