#include "dataplane/run/environment.h"

#include <algorithm>
#include <set>
#include <string>

#include "dataplane/run/device.h"

namespace postern {
namespace {

using Complaints = std::vector<Complaint>;

// `capabilities`: all that the port needs, as setcap takes them.
std::string as_root(std::string_view capabilities) {
  return "run it as root, or: sudo setcap " + std::string(capabilities) +
         "=ep \"$(command -v postern)\"";
}

bool has(const std::vector<uint32_t>& cpus, uint32_t cpu) {
  return std::find(cpus.begin(), cpus.end(), cpu) != cpus.end();
}

void check_cpus(const HostFacts& facts, const EalSettings& settings, Complaints& complaints) {
  if (facts.instruction_set == InstructionSet::kBelowFloor) {
    complaints.push_back({"this CPU lacks AVX2, BMI2, FMA, MOVBE or AES (x86-64-v3 and AES)",
                          "use a newer machine; in a virtual machine pass the host's CPU through "
                          "(qemu: -cpu host)"});
  }
  if (settings.worker_cpus.empty()) {
    complaints.push_back({"workers.cpus names no CPU", "write for example cpus = \"1\""});
  }
  std::set<uint32_t> seen;
  for (const uint32_t cpu : settings.worker_cpus) {
    const std::string named = "workers.cpus names CPU " + std::to_string(cpu);
    if (!seen.insert(cpu).second) {
      complaints.push_back({named + " twice", "give each worker a CPU of its own"});
    } else if (!has(facts.online_cpus, cpu)) {
      complaints.push_back({named + ", which this machine does not have",
                            "choose among " + cpu_list_text(facts.online_cpus) + " (lscpu -e)"});
    } else if (!has(facts.allowed_cpus, cpu)) {
      complaints.push_back({named + ", which this process may not use",
                            "choose among " + cpu_list_text(facts.allowed_cpus) +
                                ", or widen the CPU set of its unit, container or taskset"});
    }
  }
}

// How many huge pages there must be in all so that `memory_mb` are free.
uint64_t pages_to_ask_for(const HostFacts& facts, uint64_t memory_mb) {
  const uint64_t wanted = (memory_mb * 1024 + facts.huge_page_kb - 1) / facts.huge_page_kb;
  const uint64_t in_use =
      facts.huge_pages_total - std::min(facts.huge_pages_total, facts.huge_pages_free);
  return in_use + wanted;
}

void check_memory(const HostFacts& facts, const EalSettings& settings, Complaints& complaints) {
  const std::string wanted =
      "eal.memory_mb = " + std::to_string(settings.memory_mb) + ", but only ";
  const MemoryMode mode = choose_memory(facts, settings);
  if (mode == MemoryMode::kNoHuge) {
    if (facts.available_mb >= settings.memory_mb) return;
    complaints.push_back({wanted + std::to_string(facts.available_mb) + " MiB of memory are free",
                          "free some, or lower eal.memory_mb"});
    return;
  }
  if (facts.huge_free_mb() < settings.memory_mb) {
    complaints.push_back(
        {wanted + std::to_string(facts.huge_free_mb()) + " MiB of huge pages are free",
         "sudo sysctl -w vm.nr_hugepages=" +
             std::to_string(pages_to_ask_for(facts, settings.memory_mb)) +
             ", or write eal.memory = \"no-huge\""});
  }
  if (mode == MemoryMode::kHugepages && !facts.hugetlbfs_mounted) {
    complaints.push_back(
        {"eal.memory = \"hugepages\", but no hugetlbfs is mounted where this process may write",
         "sudo mkdir -p /dev/hugepages && sudo mount -t hugetlbfs nodev /dev/hugepages, or write "
         "eal.memory = \"in-memory\""});
  }
}

// net_af_packet sets the interface's address and flags; net_af_xdp loads a program into it and asks
// the kernel for it by its number, for which CAP_BPF is not enough.
void check_socket_rights(const HostFacts& facts, const Device& device, const std::string& where,
                         Complaints& complaints) {
  const bool xdp = device.driver == "net_af_xdp";
  if (facts.cap_net_admin && facts.cap_net_raw && (facts.cap_sys_admin || !xdp)) return;
  complaints.push_back({where + device.driver + " needs CAP_NET_ADMIN" +
                            (xdp ? ", CAP_NET_RAW and CAP_SYS_ADMIN" : " and CAP_NET_RAW"),
                        as_root(xdp ? "cap_net_admin,cap_net_raw,cap_ipc_lock,cap_sys_admin"
                                    : "cap_net_admin,cap_net_raw,cap_ipc_lock")});
}

void check_interface(const HostFacts& facts, const PortSettings& port, const Device& device,
                     const std::string& where, Complaints& complaints) {
  const std::optional<std::string_view> interface = device.kernel_interface();
  if (!interface) {
    complaints.push_back({where + device.name + " names no interface",
                          "write device = \"" + device.name + ",iface=NAME\"", true});
    return;
  }
  const std::string name(*interface);
  const auto found = facts.interface_mtus.find(name);
  if (found == facts.interface_mtus.end()) {
    complaints.push_back({where + "there is no interface " + name + " in this network namespace",
                          "ip link shows those there are", true});
  } else if (found->second < port.mtu_bytes) {
    complaints.push_back(
        {where + "interface " + name + " has MTU " + std::to_string(found->second) + ", mtu is " +
             std::to_string(port.mtu_bytes),
         "sudo ip link set dev " + name + " mtu " + std::to_string(port.mtu_bytes)});
  }
  check_socket_rights(facts, device, where, complaints);
}

// What the devices of all ports need of locked memory. The limit is for their sum: a NIC and
// net_af_xdp have the buffers locked, which all ports share, others rings of their own.
class LockedMemory {
 public:
  void add(const std::string& port, const Device& device, const EalSettings& settings) {
    const uint64_t queues = std::max<size_t>(settings.worker_cpus.size(), 1);
    const bool buffers = device.kind == Device::Kind::kPci || device.driver == "net_af_xdp";
    const uint64_t ring_bytes = queues * locked_ring_bytes(device);
    if (!buffers && ring_bytes == 0) return;
    ring_bytes_ += ring_bytes;
    if (buffers) buffers_mb_ = settings.memory_mb;
    ports_ += (ports_.empty() ? "port \"" : ", port \"") + port + "\"";
    ++count_;
  }

  void check(const HostFacts& facts, Complaints& complaints) const {
    const uint64_t needed_mb = buffers_mb_ + ((ring_bytes_ + (1 << 20) - 1) >> 20);
    if (facts.cap_ipc_lock || facts.memlock_kb / 1024 >= needed_mb) return;
    complaints.push_back(
        {ports_ + (count_ == 1 ? ": its device needs " : ": their devices together need ") +
             std::to_string(needed_mb) + " MiB of locked memory, the limit is " +
             std::to_string(facts.memlock_kb / 1024) + " MiB",
         "ulimit -l unlimited (systemd: LimitMEMLOCK=infinity; container: the "
         "capability IPC_LOCK), or run it as root"});
  }

 private:
  uint64_t ring_bytes_ = 0;
  uint64_t buffers_mb_ = 0;
  std::string ports_;
  size_t count_ = 0;
};

// Drivers of the kernel under which DPDK can have a device. The last ones share it with the kernel.
bool is_for_dpdk(std::string_view driver) {
  return driver == "vfio-pci" || driver == "uio_pci_generic" || driver == "igb_uio" ||
         driver == "mlx5_core" || driver == "mlx4_core" || driver == "mana";
}

void check_pci(const HostFacts& facts, const Device& device, const std::string& where,
               Complaints& complaints) {
  const auto found = facts.pci_drivers.find(device.name);
  if (found == facts.pci_drivers.end()) {
    complaints.push_back({where + "there is no PCI device " + device.name,
                          "dpdk-devbind.py --status-dev net lists those there are", true});
    return;
  }
  if (is_for_dpdk(found->second)) return;
  const std::string bound =
      found->second.empty() ? "no kernel driver" : "the kernel driver " + found->second;
  complaints.push_back(
      {where + "PCI device " + device.name + " is bound to " + bound + ", not to vfio-pci",
       "sudo modprobe vfio-pci && sudo driverctl set-override " + device.name +
           " vfio-pci (or: sudo dpdk-devbind.py --bind=vfio-pci " + device.name + ")"});
}

void check_tap(const HostFacts& facts, const std::string& where, Complaints& complaints) {
  if (!facts.tun_device_usable) {
    complaints.push_back({where + "net_tap needs /dev/net/tun, which is missing or not for us",
                          "sudo modprobe tun (container: --device /dev/net/tun), and run it as "
                          "root"});
  }
  if (!facts.cap_net_admin) {
    complaints.push_back({where + "net_tap needs CAP_NET_ADMIN", as_root("cap_net_admin")});
  }
}

void check_port(const HostFacts& facts, const EalSettings& settings, const PortSettings& port,
                std::set<std::string>& names, LockedMemory& locked, Complaints& complaints) {
  const std::string where = "port \"" + port.name + "\": ";
  Outcome<Device> parsed = Device::parse(port.device);
  if (!parsed) {
    complaints.push_back({where + parsed.complaint().what, parsed.complaint().advice, true});
    return;
  }
  const Device device = complete_device(std::move(parsed).value(), port.mtu_bytes, port.queues);
  if (!names.insert(device.name).second) {
    complaints.push_back({where + "another port has the device " + device.name,
                          "give every port a device of its own (net_tap0, net_tap1, ...)"});
  }
  if (const std::optional<Complaint> mtu = check_mtu(device, port.mtu_bytes)) {
    complaints.push_back({where + mtu->what, mtu->advice, true});
  }
  if (device.kind == Device::Kind::kPci) check_pci(facts, device, where, complaints);
  if (device.driver == "net_tap") check_tap(facts, where, complaints);
  if (device.opens_kernel_interface()) check_interface(facts, port, device, where, complaints);
  locked.add(port.name, device, settings);
}

}  // namespace

MemoryMode choose_memory(const HostFacts& facts, const EalSettings& settings) {
  if (settings.memory != MemoryMode::kAuto) return settings.memory;
  return facts.huge_free_mb() >= settings.memory_mb ? MemoryMode::kInMemory : MemoryMode::kNoHuge;
}

std::string_view name_of(MemoryMode mode) {
  switch (mode) {
    case MemoryMode::kAuto:
      return "auto";
    case MemoryMode::kHugepages:
      return "hugepages";
    case MemoryMode::kInMemory:
      return "in-memory";
    case MemoryMode::kNoHuge:
      return "no-huge";
  }
  return "auto";
}

std::vector<Complaint> check_environment(const HostFacts& facts, const EalSettings& settings,
                                         std::span<const PortSettings> ports) {
  Complaints complaints;
  check_cpus(facts, settings, complaints);
  check_memory(facts, settings, complaints);
  std::set<std::string> names;
  LockedMemory locked;
  for (const PortSettings& port : ports) {
    check_port(facts, settings, port, names, locked, complaints);
  }
  locked.check(facts, complaints);
  return complaints;
}

}  // namespace postern
