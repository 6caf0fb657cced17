// The main of Google Benchmark programs that walk packets: EAL and buffers are there while their
// benchmarks run.
#ifndef POSTERN_BENCH_PACKET_BENCH_H_
#define POSTERN_BENCH_PACKET_BENCH_H_

#include <benchmark/benchmark.h>

#include <cstdio>
#include <optional>

#include "bench/bench_eal.h"

namespace postern::bench {

// `add_all` registers the benchmarks of `program`, with the pool to take buffers from and whether
// there are huge pages. The program's exit status.
inline int run_packet_benchmarks(int argc, char** argv, const char* program,
                                 void (*add_all)(rte_mempool* pool, bool huge_pages)) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  auto eal = start_bench_eal(MemoryMode::kAuto, std::nullopt);
  auto pool = eal.ok() ? make_bench_pool() : Outcome<MbufPool>(eal.complaint());
  if (!pool) {
    std::fprintf(stderr, "%s: %s\n", program, pool.complaint().text().c_str());
    return 1;
  }
  add_all(pool.value().get(), eal.value().eal.memory_mode() != MemoryMode::kNoHuge);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::ClearRegisteredBenchmarks();  // before the pool and EAL go
  benchmark::Shutdown();
  return 0;
}

}  // namespace postern::bench

#endif  // POSTERN_BENCH_PACKET_BENCH_H_
