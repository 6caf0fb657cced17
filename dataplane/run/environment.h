// Whether this machine lets the gateway start, asked before EAL is: EAL's own answers come one at a
// time, late, and do not say what to type. Facts are gathered first; judging them is a pure
// function, so that tests need neither root nor huge pages.
//
// Control thread, before Eal::start().
#ifndef POSTERN_DATAPLANE_RUN_ENVIRONMENT_H_
#define POSTERN_DATAPLANE_RUN_ENVIRONMENT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/run/complaint.h"
#include "dataplane/run/cpu_features.h"
#include "dataplane/run/settings.h"

namespace postern {

// What the kernel says about the machine and this process.
struct HostFacts {
  InstructionSet instruction_set = InstructionSet::kBelowFloor;
  std::vector<uint32_t> online_cpus;   // ascending
  std::vector<uint32_t> allowed_cpus;  // the process's affinity mask, ascending

  uint64_t available_mb = 0;       // of ordinary memory, MiB
  uint32_t huge_page_kb = 2048;    // the default size
  uint64_t huge_pages_free = 0;    // of the default size, not reserved by others
  bool hugetlbfs_mounted = false;  // with the default page size, and writable for us

  bool cap_net_admin = false;
  bool cap_net_raw = false;
  bool cap_ipc_lock = false;
  bool cap_sys_admin = false;
  uint64_t memlock_kb = UINT64_MAX;  // RLIMIT_MEMLOCK; UINT64_MAX: unlimited
  bool tun_device_usable = false;    // /dev/net/tun can be opened for reading and writing
  bool vfio_usable = false;          // /dev/vfio/vfio exists

  std::map<std::string, uint32_t> interface_mtus;  // kernel interfaces of this network namespace
  std::map<std::string, std::string> pci_drivers;  // "0000:3b:00.0" -> kernel driver, "" for none

  // Huge memory that is free, MiB.
  [[nodiscard]] uint64_t huge_free_mb() const { return huge_pages_free * huge_page_kb / 1024; }
};

[[nodiscard]] HostFacts gather_host_facts();

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
