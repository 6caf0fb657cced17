// Whether this machine lets the gateway start, asked before EAL is: EAL's own answers come one at a
// time, late, and do not say what to type. Facts are gathered first (host_facts.h); judging them is
// a pure function, so that tests need neither root nor huge pages.
//
// Control thread, before Eal::start().
#ifndef POSTERN_DATAPLANE_RUN_ENVIRONMENT_H_
#define POSTERN_DATAPLANE_RUN_ENVIRONMENT_H_

#include <span>
#include <string_view>
#include <vector>

#include "dataplane/run/complaint.h"
#include "dataplane/run/host_facts.h"
#include "dataplane/run/settings.h"

namespace postern {

// What `auto` means here: kInMemory where `memory_mb` of huge pages are free, else kNoHuge. Any
// other mode is itself.
[[nodiscard]] MemoryMode choose_memory(const HostFacts& facts, const EalSettings& settings);

// "auto", "hugepages", "in-memory", "no-huge": as the configuration writes them.
[[nodiscard]] std::string_view name_of(MemoryMode mode);

// Everything that stands in the way, each with what to type; empty where nothing does. Exit status
// 2 of the daemon.
[[nodiscard]] std::vector<Complaint> check_environment(const HostFacts& facts,
                                                       const EalSettings& settings,
                                                       std::span<const PortSettings> ports);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_ENVIRONMENT_H_
