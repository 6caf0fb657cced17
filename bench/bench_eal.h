// EAL as benchmarks need it: few workers, little memory, the memory mode of the daemon.
// Main thread, once a process.
#ifndef POSTERN_BENCH_BENCH_EAL_H_
#define POSTERN_BENCH_BENCH_EAL_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/run/complaint.h"
#include "dataplane/run/eal.h"
#include "dataplane/run/mbuf_pool.h"
#include "dataplane/run/settings.h"

namespace postern::bench {

struct BenchEal {
  Eal eal;
  uint32_t worker_cpu;  // of the first worker
};

struct EalNeeds {
  MemoryMode memory = MemoryMode::kAuto;
  std::optional<uint32_t> cpu = {};  // of the first worker; otherwise the last one that is allowed
  uint32_t workers = 1;              // the others are on those that are left, the last ones first
  uint64_t buffer_bytes = 0;         // of packet buffers, beyond those of a worker
  std::vector<PortSettings> ports = {};  // EAL touches no PCI devices but theirs
};

// Complains with what to type.
Outcome<BenchEal> start_bench_eal(const EalNeeds& needs);
inline Outcome<BenchEal> start_bench_eal(MemoryMode memory, std::optional<uint32_t> cpu) {
  return start_bench_eal({.memory = memory, .cpu = cpu});
}

// Buffers for a ReceiveRing, what is on its way, and what the thread keeps at hand.
inline constexpr uint32_t kBenchBuffers = 4096;
inline constexpr uint32_t kBenchFrameRoomBytes = 2048;
inline Outcome<MbufPool> make_bench_pool(uint32_t buffers = kBenchBuffers,
                                         uint32_t frame_room_bytes = kBenchFrameRoomBytes) {
  return MbufPool::create("bench", buffers, frame_room_bytes);
}
// What they take up, with all that belongs to them.
constexpr uint64_t bytes_of_buffers(uint32_t buffers, uint32_t frame_room_bytes) {
  return uint64_t{buffers} * (frame_room_bytes + 128 + 128 + 64);
}

// What of that is beyond a worker's usual buffers.
constexpr uint64_t bytes_beyond_usual(uint32_t buffers, uint32_t frame_room_bytes) {
  const uint64_t usual = bytes_of_buffers(kBenchBuffers, kBenchFrameRoomBytes);
  const uint64_t all = bytes_of_buffers(buffers, frame_room_bytes);
  return all > usual ? all - usual : 0;
}

}  // namespace postern::bench

#endif  // POSTERN_BENCH_BENCH_EAL_H_
