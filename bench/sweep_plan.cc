#include "bench/sweep_plan.h"

#include <algorithm>
#include <bit>

#include "bench/command_line.h"
#include "bench/frames.h"
#include "bench/printed.h"
#include "dataplane/table/session_table.h"

namespace postern::bench {
namespace {

constexpr uint64_t kMiB = 1u << 20;
// Program, DPDK, packet buffers and the tables of the network.
constexpr uint64_t kAnyway = 256 * kMiB;

uint64_t table_bytes(uint32_t sessions) {
  SessionTableConfig config;
  config.max_sessions = sessions;
  return SessionTable::memory_bytes(config);
}

// First packets, one a session, and packets drawn, four a session up to 16 Mi.
uint64_t traffic_bytes(uint32_t sessions) {
  constexpr uint64_t kMostDrawn = 1u << 24;
  const uint64_t drawn = std::min(std::bit_ceil(uint64_t{sessions} * 4), kMostDrawn);
  return (uint64_t{sessions} + drawn) * sizeof(FrameRecord);
}

std::optional<std::vector<uint32_t>> range_of(std::string_view text, size_t dots) {
  const std::optional<uint32_t> low = sessions_of(text.substr(0, dots));
  const std::optional<uint32_t> high = sessions_of(text.substr(dots + 2));
  if (!low || !high) return std::nullopt;
  std::vector<uint32_t> steps;
  for (const uint32_t step : kCsitLadder) {
    // A step is 63/64 of the power of two by whose name it goes.
    const uint64_t name = uint64_t{step} * 64 / 63;
    if (name >= *low && step <= *high) steps.push_back(step);
  }
  if (steps.empty()) return std::nullopt;
  return steps;
}

}  // namespace

std::optional<std::vector<uint32_t>> ladder_of(std::string_view text) {
  const size_t dots = text.find("..");
  if (dots != std::string_view::npos) return range_of(text, dots);
  std::vector<uint32_t> steps;
  for (;;) {
    const size_t comma = text.find(',');
    const std::optional<uint32_t> step = sessions_of(text.substr(0, comma));
    if (!step) return std::nullopt;
    steps.push_back(*step);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

uint64_t bytes_needed(uint32_t sessions) {
  return table_bytes(sessions) + traffic_bytes(sessions) + kAnyway;
}

std::string why_left_out(uint32_t sessions, const MemoryAtHand& memory) {
  const uint64_t all_mb = bytes_needed(sessions) / kMiB + 1;
  const uint64_t table_mb = table_bytes(sessions) / kMiB + 1;
  const uint64_t ordinary_mb = table_mb <= memory.huge_mb ? all_mb - table_mb : all_mb;
  if (ordinary_mb <= memory.available_mb) return "";
  return printed("%llu MiB are needed, and there are %llu MiB, and %llu in huge pages",
                 static_cast<unsigned long long>(all_mb),
                 static_cast<unsigned long long>(memory.available_mb),
                 static_cast<unsigned long long>(memory.huge_mb));
}

}  // namespace postern::bench
