#include "bench/run/ports.h"

#include <algorithm>
#include <utility>

#include "bench/bench_eal.h"
#include "bench/nat_traffic.h"
#include "bench/run/console.h"
#include "bench/run/device_port.h"
#include "bench/run/memory_port.h"
#include "bench/run/pcap_port.h"
#include "bench/run/ring_port.h"
#include "dataplane/run/host_facts.h"

namespace postern::bench {
namespace {

// Frames of a file: as many as sessions, within these. Each is kept in a buffer, so above a
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

Complaint not_written(const std::string& file) {
  return {file + " cannot be written", "make room there (TMPDIR names the temporary folder)"};
}

Outcome<std::unique_ptr<TrafficPort>> linked(Outcome<EthDevice> device,
                                             std::unique_ptr<GeneratorProcess> generator) {
  if (!device) return device.complaint();
  auto port = std::make_unique<DevicePort>(std::move(device).value(), std::move(generator));
  if (port->wait_for_link()) return std::unique_ptr<TrafficPort>(std::move(port));
  return Complaint{"the port's link does not come up", "look at its other end"};
}

// The CPU of a generator: not the worker's, where there is another one.
uint32_t generator_cpu(uint32_t worker_cpu) {
  for (const uint32_t cpu : gather_host_facts().allowed_cpus) {
    if (cpu != worker_cpu) return cpu;
  }
  return worker_cpu;
}

// A memif of ours, and a process at its other end that sends the frames of the file.
Outcome<std::unique_ptr<TrafficPort>> make_memif(uint32_t number, const std::string& file,
                                                 const PortParts& parts) {
  const std::string ends = ",id=0,socket-abstract=no,socket=" + parts.folder.path() + "/memif-" +
                           std::to_string(number) + ".sock";
  const std::string device = "net_memif" + std::to_string(number);
  Outcome<EthDevice> ours = EthDevice::open(device + ",role=server" + ends, parts.pool, parts.log);
  if (!ours) return ours.complaint();
  auto generator =
      GeneratorProcess::start({file, "--port", "net_memif0,role=client" + ends, "--cpu",
                               std::to_string(generator_cpu(parts.worker_cpu)), "--memory",
                               parts.options.memory == MemoryMode::kNoHuge ? "no-huge" : "auto"});
  if (generator == nullptr) return Complaint{"the generator does not start", ""};
  return linked(std::move(ours), std::move(generator));
}

}  // namespace

BufferNeeds buffer_needs(const Options& options) {
  BufferNeeds needs{.buffers = kBenchBuffers, .frame_room_bytes = kBenchFrameRoomBytes};
  const bool both_ways = options.which == Case::kMix || options.which == Case::kImix;
  if (options.port.kind == PortKind::kNetPcap) {
    needs.buffers += file_frames(options) * (both_ways ? 2 : 1);
  }
  // The queue where packets wait for a worker, as far as it is deeper than usual.
  if (is_paced(options.which)) needs.buffers += options.descriptors;
  // Rings of a device, and what is on its way in them.
  if (options.port.kind >= PortKind::kNetMemif) needs.buffers += 2 * kBenchBuffers;
  // Both teams' receive queues, and what is on its way.
  if (options.which == Case::kScale) needs.buffers += options.workers * 3 * kBenchBuffers;
  const uint32_t largest = options.which == Case::kImix ? kImixSizes.back() : options.frame_bytes;
  const uint32_t room = (largest + kRoomBeside + 63) / 64 * 64;
  if (needs.buffers > kMostFullBuffers || room > needs.frame_room_bytes) {
    needs.frame_room_bytes = room;
  }
  return needs;
}

std::vector<FrameRecord> draw_for_port(const Options& options, const Scenario& scenario,
                                       const Frames& frames, Direction direction,
                                       const PortlessGateway& gateway) {
  const PortKind kind = options.port.kind;
  if (kind == PortKind::kMemory || kind == PortKind::kNetRing) {
    return draw_packets(scenario, frames, direction, options.seed, gateway, options.draw);
  }
  return draw_rounds(scenario, frames, direction, options.seed, gateway, kLeastFileFrames,
                     kMostFileFrames);
}

Outcome<std::unique_ptr<TrafficPort>> make_port(uint32_t number, const PortParts& parts,
                                                const Frames& frames,
                                                std::span<const FrameRecord> records) {
  const std::string file = parts.folder.path() + "/frames-" + std::to_string(number) + ".pcap";
  switch (parts.options.port.kind) {
    case PortKind::kMemory:
      return std::unique_ptr<TrafficPort>(
          std::make_unique<MemoryPort>(parts.pool, frames, records));
    case PortKind::kNetRing:
      return as_port(RingPort::make(number, parts.pool, frames, records, parts.log));
    case PortKind::kNetPcap:
      if (!write_frame_file(file, frames, records)) return not_written(file);
      return as_port(PcapPort::make(number, file, parts.pool, parts.log));
    case PortKind::kNetMemif:
      if (!write_frame_file(file, frames, records)) return not_written(file);
      return make_memif(number, file, parts);
    case PortKind::kPci:
      if (!parts.options.frames.empty()) {
        if (!write_frame_file(parts.options.frames, frames, records)) {
          return not_written(parts.options.frames);
        }
        print("frames for the generator are in " + parts.options.frames + "\n");
      }
      return linked(EthDevice::open(parts.options.port.device, parts.pool, parts.log), nullptr);
  }
  return Complaint{"there is no such port", ""};
}

}  // namespace postern::bench
