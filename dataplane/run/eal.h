// DPDK's environment abstraction layer (EAL) for as long as the gateway runs: memory, the workers'
// threads, drivers. One per process and life: EAL cannot be started twice.
//
// What start() does to the process, by EAL: the calling thread becomes the main lcore and is bound
// to the CPUs that no worker uses, and so are threads that it starts later; one thread a worker is
// created, bound to its CPU and waiting for launch(). EAL's threads do not take SIGTERM, SIGINT and
// the like: those go to the control thread. (net_tap wakes the process with a real-time signal for
// every batch of packets: system calls of the control thread may end with EINTR.)
//
// DPDK's log lines go to the sink given, from whichever thread logs; in a healthy start some of
// them read like errors, so postern shows them at debug level. The first ones of level error or
// worse are kept for the complaint when something fails.
//
// Control thread, but launch()'s entry, which runs on the worker's.
#ifndef POSTERN_DATAPLANE_RUN_EAL_H_
#define POSTERN_DATAPLANE_RUN_EAL_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/run/complaint.h"
#include "dataplane/run/cpu_features.h"
#include "dataplane/run/settings.h"

namespace postern {

class DpdkLog;

// EAL's arguments, beginning with the program's name. `mode` is not kAuto; `free_cpus` are those
// on which the control thread may run beside the workers (empty: the workers' CPUs).
[[nodiscard]] std::vector<std::string> eal_arguments(const EalSettings& settings, MemoryMode mode,
                                                     InstructionSet instruction_set,
                                                     std::span<const PortSettings> ports,
                                                     std::span<const uint32_t> free_cpus);

class Eal {
 public:
  // Takes one line of DPDK's log, without the newline. Any thread, one at a time.
  using LogSink = std::function<void(std::string_view line)>;

  // What start() needs to know beside the settings; all from environment.h.
  struct Machine {
    MemoryMode mode = MemoryMode::kNoHuge;
    InstructionSet instruction_set = InstructionSet::kAvx2;
    std::vector<uint32_t> allowed_cpus;
  };

  // Complains with EAL's first error lines: exit status 2 of the daemon. After a failure the
  // process can only end.
  static Outcome<Eal> start(const EalSettings& settings, const Machine& machine,
                            std::span<const PortSettings> ports, LogSink sink);
  Eal(Eal&&) noexcept;
  Eal& operator=(Eal&&) = delete;
  // Every worker must have returned, every Port and MbufPool be gone.
  ~Eal();

  [[nodiscard]] size_t workers() const { return workers_; }
  [[nodiscard]] MemoryMode memory_mode() const { return mode_; }
  // The library's version, "DPDK 22.11.11".
  [[nodiscard]] static std::string version();

  // Runs entry(argument) on the thread of worker `index` (from 0). False where it runs already.
  [[nodiscard]] bool launch(size_t index, int (*entry)(void*), void* argument);
  // Blocks until the worker's entry has returned.
  void wait(size_t index);

  // The log, for the complaints of ports.
  [[nodiscard]] DpdkLog& log() { return *log_; }

 private:
  Eal(std::unique_ptr<DpdkLog> log, std::vector<std::string> arguments, size_t workers,
      MemoryMode mode);

  std::unique_ptr<DpdkLog> log_;
  std::vector<std::string> arguments_;
  size_t workers_ = 0;
  MemoryMode mode_ = MemoryMode::kNoHuge;
  bool started_ = false;  // false also where moved from
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_EAL_H_
