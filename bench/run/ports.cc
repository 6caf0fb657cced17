#include "bench/run/ports.h"

#include <algorithm>
#include <utility>

#include "bench/bench_eal.h"
#include "bench/nat_traffic.h"
#include "bench/run/memory_port.h"
#include "bench/run/pcap_port.h"
#include "bench/run/ring_port.h"

namespace postern::bench {
namespace {

// Frames of a file: as many as sessions, within these. net_pcap keeps each in a buffer, so above a
// million sessions a million of them are used.
constexpr uint32_t kLeastFileFrames = 4096;
constexpr uint32_t kMostFileFrames = 1u << 20;
// Above this many, buffers are cut to the frames: the full size would take gigabytes.
constexpr uint32_t kMostFullBuffers = 1u << 17;
// The tunnel's headers, and the end of a buffer.
constexpr uint32_t kRoomBeside = 128;

uint32_t file_frames(const Options& options) {
  return std::clamp(options.sessions + kBurst, kLeastFileFrames, kMostFileFrames);
}

template <typename T>
Outcome<std::unique_ptr<TrafficPort>> as_port(Outcome<std::unique_ptr<T>> made) {
  if (!made) return made.complaint();
  return std::unique_ptr<TrafficPort>(std::move(made).value());
}

}  // namespace

BufferNeeds buffer_needs(const Options& options) {
  BufferNeeds needs{.buffers = kBenchBuffers, .frame_room_bytes = kBenchFrameRoomBytes};
  const bool both_ways = options.which == Case::kMix || options.which == Case::kImix;
  if (options.port.kind == PortKind::kNetPcap) {
    needs.buffers += file_frames(options) * (both_ways ? 2 : 1);
  }
  // Both teams' receive queues, and what is on its way.
  if (options.which == Case::kScale) needs.buffers += options.workers * 3 * kBenchBuffers;
  const uint32_t largest = options.which == Case::kImix ? kImixSizes.back() : options.frame_bytes;
  if (needs.buffers > kMostFullBuffers) {
    needs.frame_room_bytes = (largest + kRoomBeside + 63) / 64 * 64;
  }
  return needs;
}

std::vector<FrameRecord> draw_for_port(const Options& options, const Scenario& scenario,
                                       const Frames& frames, Direction direction,
                                       const PortlessGateway& gateway) {
  if (options.port.kind != PortKind::kNetPcap) {
    return draw_packets(scenario, frames, direction, options.seed, gateway, options.draw);
  }
  return draw_rounds(scenario, frames, direction, options.seed, gateway, kLeastFileFrames,
                     kMostFileFrames);
}

Outcome<std::unique_ptr<TrafficPort>> make_port(const PortChoice& choice, uint32_t number,
                                                const PortParts& parts, const Frames& frames,
                                                std::span<const FrameRecord> records) {
  switch (choice.kind) {
    case PortKind::kMemory:
      return std::unique_ptr<TrafficPort>(
          std::make_unique<MemoryPort>(parts.pool, frames, records));
    case PortKind::kNetRing:
      return as_port(RingPort::make(number, parts.pool, frames, records, parts.log));
    case PortKind::kNetPcap: {
      const std::string file = parts.folder.path() + "/frames-" + std::to_string(number) + ".pcap";
      if (!write_frame_file(file, frames, records)) {
        return Complaint{file + " cannot be written", "make room in the temporary folder (TMPDIR)"};
      }
      return as_port(PcapPort::make(number, file, parts.pool, parts.log));
    }
  }
  return Complaint{"there is no such port", ""};
}

}  // namespace postern::bench
