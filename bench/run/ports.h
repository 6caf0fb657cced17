// The ports of a run, by the kind that was asked for. Main thread, after EAL has started.
#ifndef POSTERN_BENCH_RUN_PORTS_H_
#define POSTERN_BENCH_RUN_PORTS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bench/options.h"
#include "bench/portless_gateway.h"
#include "bench/run/frame_file.h"
#include "bench/run/traffic_port.h"
#include "dataplane/run/complaint.h"
#include "dataplane/run/dpdk_log.h"

namespace postern::bench {

// Packet buffers that a run needs; known before EAL starts.
struct BufferNeeds {
  uint32_t buffers = 0;
  uint32_t frame_room_bytes = 0;
};
[[nodiscard]] BufferNeeds buffer_needs(const Options& options);

// Packets for a port: as many as its kind deals with.
[[nodiscard]] std::vector<FrameRecord> draw_for_port(const Options& options,
                                                     const Scenario& scenario, const Frames& frames,
                                                     Direction direction,
                                                     const PortlessGateway& gateway);

// What ports are made with; all of it outlives them.
struct PortParts {
  rte_mempool* pool = nullptr;
  TemporaryFolder& folder;
  DpdkLog& log;
  const Options& options;
  uint32_t worker_cpu = 0;
};
// `number` tells the ports of a run from each other.
Outcome<std::unique_ptr<TrafficPort>> make_port(uint32_t number, const PortParts& parts,
                                                const Frames& frames,
                                                std::span<const FrameRecord> records);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_PORTS_H_
