// What the operator's configuration says about EAL and ports, as far as run needs it. Control fills
// these from the model; run knows no configuration file. Values; any thread.
#ifndef POSTERN_DATAPLANE_RUN_SETTINGS_H_
#define POSTERN_DATAPLANE_RUN_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/wire/address.h"

namespace postern {

// Where packet buffers and DPDK's own tables live.
enum class MemoryMode : uint8_t {
  kAuto,       // kInMemory where enough huge pages are free, else kNoHuge
  kHugepages,  // huge pages as files of a mounted hugetlbfs, unlinked at once
  kInMemory,   // huge pages from the pool, no mount, no files
  kNoHuge,     // ordinary pages: works everywhere, about half as fast
};

struct EalSettings {
  MemoryMode memory = MemoryMode::kAuto;
  uint32_t memory_mb = 1024;           // MiB
  std::vector<std::string> args = {};  // passed on to EAL as they are, after ours
  std::vector<uint32_t> worker_cpus = {1};
  std::string file_prefix = {};  // empty: "postern-PID"
};

struct PortSettings {
  std::string name = {};               // the operator's name for it
  std::string device = {};             // PCI address, or vdev string ("net_tap0,iface=up")
  uint32_t mtu_bytes = 1500;           // IP bytes
  uint16_t vlan = 0;                   // of its frames; 0: they are untagged
  std::optional<MacAddress> mac = {};  // instead of the device's own
  uint16_t queues = 1;                 // workers: a transmit queue each, and where there are
                                       // as many, a receive queue each
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_SETTINGS_H_
