// The main of Google Benchmark programs that walk packets: EAL and buffers are there while their
// benchmarks run.
#ifndef POSTERN_BENCH_PACKET_BENCH_H_
#define POSTERN_BENCH_PACKET_BENCH_H_

#include <benchmark/benchmark.h>

#include <cstdio>
#include <optional>

#include "bench/bench_eal.h"

namespace postern::bench {

// What such benchmarks work with, for as long as they run.
struct PacketBench {
  Eal& eal;
  rte_mempool* pool;  // to take buffers from
  bool huge_pages;
};

// `add_all` registers the benchmarks of `program`. The program's exit status.
inline int run_packet_benchmarks(int argc, char** argv, const char* program,
                                 void (*add_all)(const PacketBench&)) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  auto eal = start_bench_eal(MemoryMode::kAuto, std::nullopt);
  auto pool = eal.ok() ? make_bench_pool() : Outcome<MbufPool>(eal.complaint());
  if (!pool) {
    std::fprintf(stderr, "%s: %s\n", program, pool.complaint().text().c_str());
    return 1;
  }
  Eal& running = eal.value().eal;
  add_all({.eal = running,
           .pool = pool.value().get(),
           .huge_pages = running.memory_mode() != MemoryMode::kNoHuge});
  benchmark::RunSpecifiedBenchmarks();
  benchmark::ClearRegisteredBenchmarks();  // before the pool and EAL go
  benchmark::Shutdown();
  return 0;
}

}  // namespace postern::bench

#endif  // POSTERN_BENCH_PACKET_BENCH_H_
