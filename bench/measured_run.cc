#include "bench/measured_run.h"

#include <vector>

#include "bench/bench_eal.h"
#include "bench/run/alternating_run.h"
#include "bench/run/expire_run.h"
#include "bench/run/new_sessions_run.h"
#include "bench/run/ports.h"
#include "bench/run/ports_full_run.h"
#include "bench/run/reload_run.h"
#include "bench/run/scale_run.h"

namespace postern::bench {

namespace {

// EAL touches no PCI device but these.
std::vector<PortSettings> ports_of(const Options& options) {
  if (options.port.kind != PortKind::kPci) return {};
  return {PortSettings{.name = "port", .device = options.port.device}};
}

}  // namespace

std::string run_measurement(const Options& options) {
  const BufferNeeds needs = buffer_needs(options);
  auto started =
      start_bench_eal({.memory = options.memory,
                       .cpu = options.cpu,
                       .workers = options.workers,
                       .buffer_bytes = bytes_beyond_usual(needs.buffers, needs.frame_room_bytes),
                       .ports = ports_of(options)});
  if (!started) return started.complaint().text();
  auto pool = make_bench_pool(needs.buffers, needs.frame_room_bytes);
  if (!pool) return pool.complaint().text();
  const CaseParts parts{.options = options, .started = started.value(), .pool = pool.value().get()};
  switch (options.which) {
    case Case::kNewSessions:
      return run_new_sessions(parts);
    case Case::kReload:
      return run_reload(parts);
    case Case::kExpire:
      return run_expire(parts);
    case Case::kScale:
      return run_scale(parts);
    case Case::kPortsFull:
      return run_ports_full(parts);
    default:
      return run_alternating(parts);
  }
}

}  // namespace postern::bench
