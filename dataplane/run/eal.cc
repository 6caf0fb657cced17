#include "dataplane/run/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_version.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "dataplane/run/device.h"
#include "dataplane/run/dpdk_log.h"
#include "dataplane/run/host_facts.h"

namespace postern {
namespace {

// Lcore 0 is the control thread's; worker i runs on lcore i + 1, whatever its CPU.
constexpr unsigned lcore_of(size_t worker) { return static_cast<unsigned>(worker) + 1; }

std::string lcores(const EalSettings& settings, std::span<const uint32_t> free_cpus) {
  std::vector<uint32_t> control(free_cpus.begin(), free_cpus.end());
  if (control.empty()) control = settings.worker_cpus;
  std::sort(control.begin(), control.end());
  std::string text = "0@(" + cpu_list_text(control) + ")";
  for (size_t i = 0; i < settings.worker_cpus.size(); ++i) {
    text += "," + std::to_string(lcore_of(i)) + "@" + std::to_string(settings.worker_cpus[i]);
  }
  return text;
}

// The PCI devices that EAL may touch, and no others. Software devices are not in the arguments:
// EAL goes on without one that failed, Port::open() gives each its own complaint.
void add_devices(std::span<const PortSettings> ports, std::vector<std::string>& arguments) {
  bool any_pci = false;
  for (const PortSettings& port : ports) {
    Outcome<Device> device = Device::parse(port.device);
    if (!device || device.value().kind != Device::Kind::kPci) continue;
    arguments.push_back("--allow=" + device.value().text());
    any_pci = true;
  }
  if (any_pci) return;
  arguments.emplace_back("--no-pci");
  // No device needs physical addresses, which as root EAL would look up page by page.
  arguments.emplace_back("--iova-mode=va");
}

void add_memory(const EalSettings& settings, MemoryMode mode, std::vector<std::string>& arguments) {
  switch (mode) {
    case MemoryMode::kHugepages:
      arguments.emplace_back("--huge-unlink");
      break;
    case MemoryMode::kAuto:
    case MemoryMode::kInMemory:
      arguments.emplace_back("--in-memory");
      break;
    case MemoryMode::kNoHuge:
      arguments.emplace_back("--no-huge");
      break;
  }
  arguments.emplace_back("-m");
  arguments.push_back(std::to_string(settings.memory_mb));
}

// Keeps the signals that stop or steer the daemon away from threads made during its life: they
// inherit the mask. Real-time signals stay open, net_tap counts on them.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t blocked;
    sigemptyset(&blocked);
    for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM,
                             SIGCHLD, SIGTSTP, SIGWINCH}) {
      sigaddset(&blocked, number);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

// EAL makes the directory of its file prefix, puts nothing into it without shared files, and leaves
// it behind.
void remove_runtime_directory(const std::string& directory) { rmdir(directory.c_str()); }

}  // namespace

std::vector<std::string> eal_arguments(const EalSettings& settings, MemoryMode mode,
                                       InstructionSet instruction_set,
                                       std::span<const PortSettings> ports,
                                       std::span<const uint32_t> free_cpus) {
  std::vector<std::string> arguments = {"postern", "--lcores=" + lcores(settings, free_cpus),
                                        "--main-lcore=0"};
  add_devices(ports, arguments);
  add_memory(settings, mode, arguments);
  // A process of its own: nothing shared, nothing left in the runtime directory.
  arguments.push_back("--file-prefix=" + (settings.file_prefix.empty()
                                              ? "postern-" + std::to_string(getpid())
                                              : settings.file_prefix));
  if (mode != MemoryMode::kInMemory) arguments.emplace_back("--no-shconf");
  arguments.emplace_back("--no-telemetry");
  if (instruction_set == InstructionSet::kAvx512) {
    arguments.emplace_back("--force-max-simd-bitwidth=512");
  }
  arguments.insert(arguments.end(), settings.args.begin(), settings.args.end());
  return arguments;
}

Outcome<Eal> Eal::start(const EalSettings& settings, const Machine& machine,
                        std::span<const PortSettings> ports, LogSink sink) {
  std::vector<uint32_t> free_cpus;
  for (const uint32_t cpu : machine.allowed_cpus) {
    const auto& taken = settings.worker_cpus;
    if (std::find(taken.begin(), taken.end(), cpu) == taken.end()) free_cpus.push_back(cpu);
  }
  Eal eal(std::make_unique<DpdkLog>(std::move(sink)),
          eal_arguments(settings, machine.mode, machine.instruction_set, ports, free_cpus),
          settings.worker_cpus.size(), machine.mode);
  std::vector<char*> pointers;
  for (std::string& argument : eal.arguments_) pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  const BlockedSignals blocked;
  if (rte_eal_init(static_cast<int>(pointers.size()) - 1, pointers.data()) >= 0) {
    eal.started_ = true;
    return eal;
  }
  const int error = rte_errno;
  remove_runtime_directory(rte_eal_get_runtime_dir());
  std::string said = eal.log_->take_errors();
  if (said.empty()) said = rte_strerror(error);
  return Complaint{"DPDK does not start: " + said,
                   "check eal.memory, eal.memory_mb and eal.args; log_level = \"debug\" shows all "
                   "that DPDK says"};
}

Eal::Eal(std::unique_ptr<DpdkLog> log, std::vector<std::string> arguments, size_t workers,
         MemoryMode mode)
    : log_(std::move(log)), arguments_(std::move(arguments)), workers_(workers), mode_(mode) {}

Eal::Eal(Eal&& other) noexcept
    : log_(std::move(other.log_)),
      arguments_(std::move(other.arguments_)),
      workers_(other.workers_),
      mode_(other.mode_),
      started_(std::exchange(other.started_, false)) {}

Eal::~Eal() {
  if (!started_) return;
  const std::string directory = rte_eal_get_runtime_dir();
  rte_eal_cleanup();
  remove_runtime_directory(directory);
}

std::string Eal::version() { return rte_version(); }

bool Eal::launch(size_t index, int (*entry)(void*), void* argument) {
  return rte_eal_remote_launch(entry, argument, lcore_of(index)) == 0;
}

void Eal::wait(size_t index) { rte_eal_wait_lcore(lcore_of(index)); }

}  // namespace postern
