// What the kernel says about this machine and this process, as far as starting the gateway depends
// on it. Gathered once, before EAL starts, by the control thread; values afterwards.
#ifndef POSTERN_DATAPLANE_RUN_HOST_FACTS_H_
#define POSTERN_DATAPLANE_RUN_HOST_FACTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/run/cpu_features.h"

namespace postern {

struct HostFacts {
  InstructionSet instruction_set = InstructionSet::kBelowFloor;
  std::vector<uint32_t> online_cpus;   // ascending
  std::vector<uint32_t> allowed_cpus;  // the process's affinity mask, ascending

  uint64_t available_mb = 0;       // of ordinary memory, MiB
  uint64_t huge_page_kb = 2048;    // the default size
  uint64_t huge_pages_total = 0;   // of the default size
  uint64_t huge_pages_free = 0;    // and of those, neither in use nor promised to others
  bool hugetlbfs_mounted = false;  // with the default page size, and writable for us

  bool cap_net_admin = false;
  bool cap_net_raw = false;
  bool cap_ipc_lock = false;
  bool cap_sys_admin = false;
  uint64_t memlock_kb = UINT64_MAX;  // RLIMIT_MEMLOCK; UINT64_MAX: unlimited
  bool tun_device_usable = false;    // /dev/net/tun can be opened for reading and writing

  std::map<std::string, uint32_t> interface_mtus;  // kernel interfaces of this network namespace
  std::map<std::string, std::string> pci_drivers;  // "0000:3b:00.0" -> kernel driver, "" for none

  // Huge memory that is free, MiB.
  [[nodiscard]] uint64_t huge_free_mb() const { return huge_pages_free * huge_page_kb / 1024; }
};

// Facts that cannot be read stay at their defaults, which complain rather than pass.
[[nodiscard]] HostFacts gather_host_facts();

// The CPUs of a kernel list such as "0-3,8"; what is malformed is left out.
[[nodiscard]] std::vector<uint32_t> parse_cpu_list(std::string_view text);
// The same the other way.
[[nodiscard]] std::string cpu_list_text(const std::vector<uint32_t>& cpus);

// Whether /proc/mounts' text has a hugetlbfs with pages of `page_kb`; its directories in order.
[[nodiscard]] std::vector<std::string> hugetlbfs_directories(std::string_view mounts,
                                                             uint64_t page_kb);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_HOST_FACTS_H_
