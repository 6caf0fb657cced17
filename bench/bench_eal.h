// EAL as benchmarks need it: no devices, one worker, little memory, the memory mode of the daemon.
// Main thread, once a process.
#ifndef POSTERN_BENCH_BENCH_EAL_H_
#define POSTERN_BENCH_BENCH_EAL_H_

#include <cstdint>
#include <optional>

#include "dataplane/run/complaint.h"
#include "dataplane/run/eal.h"
#include "dataplane/run/mbuf_pool.h"

namespace postern::bench {

struct BenchEal {
  Eal eal;
  uint32_t worker_cpu;
};

// The worker's CPU is `cpu`, or the last one that is allowed. Complains with what to type.
Outcome<BenchEal> start_bench_eal(MemoryMode memory, std::optional<uint32_t> cpu);

// Buffers for a ReceiveRing, what is on its way, and what the thread keeps at hand.
Outcome<MbufPool> make_bench_pool();

}  // namespace postern::bench

#endif  // POSTERN_BENCH_BENCH_EAL_H_
