#include "bench/measuring_options.h"

#include <array>

#include "dataplane/run/environment.h"

namespace postern::bench {
namespace {

constexpr uint32_t kSmallestFrame = 64;
constexpr uint32_t kLastCpu = 1023;
constexpr std::array<std::string_view, 3> kMemoryModes = {"auto", "in-memory", "no-huge"};

bool take_memory(std::string_view text, MemoryMode& memory) {
  for (const MemoryMode mode : {MemoryMode::kAuto, MemoryMode::kInMemory, MemoryMode::kNoHuge}) {
    if (text != name_of(mode)) continue;
    memory = mode;
    return true;
  }
  return false;
}

}  // namespace

std::vector<Flag> measuring_flags(MeasuringOptions& options, uint32_t largest_frame) {
  return {
      {"--sessions", "N",
       "live sessions, 1 to 16M (k, M: times 1024); default " + std::to_string(options.sessions),
       [&](std::string_view text) { return put(options.sessions, sessions_of(text)); }},
      {"--size", "BYTES",
       "the pod's frame with its checksum, 64 to " + std::to_string(largest_frame) + "; default 64",
       [&options, largest_frame](std::string_view text) {
         return put(options.frame_bytes, number_of(text, kSmallestFrame, largest_frame));
       }},
      {"--json", "FILE",
       "write the results, their samples and the environment there; - is standard output",
       [&](std::string_view text) {
         options.json = text;
         return !text.empty();
       }},
      {"--memory", "MODE", "auto, in-memory (huge pages) or no-huge; default auto",
       [&](std::string_view text) { return take_memory(text, options.memory); }, kMemoryModes},
      {"--cpu", "N", "the worker's CPU; default the last one allowed",
       [&](std::string_view text) { return put(options.cpu, number_of(text, 0, kLastCpu)); }},
  };
}

}  // namespace postern::bench
