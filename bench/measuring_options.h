// Options that subcommands share which measure by themselves. Values; any thread.
#ifndef POSTERN_BENCH_MEASURING_OPTIONS_H_
#define POSTERN_BENCH_MEASURING_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/command_line.h"
#include "dataplane/run/settings.h"

namespace postern::bench {

struct MeasuringOptions {
  uint32_t sessions = 1000;
  uint32_t frame_bytes = 64;  // of the pod's frame with its checksum: 64 is the smallest there is
  std::string json;           // file for the results; empty: none
  MemoryMode memory = MemoryMode::kAuto;
  std::optional<uint32_t> cpu;  // of the worker; otherwise the last one that is allowed
};

// Frames of an MTU of 1500 and of 9000.
inline constexpr uint32_t kLargestFrame = 1518;
inline constexpr uint32_t kLargestJumbo = 9018;

// --sessions, --size, --json, --memory, --cpu. `options` outlives them.
[[nodiscard]] std::vector<Flag> measuring_flags(MeasuringOptions& options,
                                                uint32_t largest_frame = kLargestFrame);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_MEASURING_OPTIONS_H_
