#include "dataplane/run/host_facts.h"

#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dataplane/run/kernel_interface.h"

namespace postern {
namespace {

// Numbers of capability(7), from linux/capability.h.
constexpr unsigned kCapNetAdmin = 12;
constexpr unsigned kCapNetRaw = 13;
constexpr unsigned kCapIpcLock = 14;
constexpr unsigned kCapSysAdmin = 21;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

uint64_t parse_number(std::string_view text, int radix, uint64_t otherwise) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return otherwise;
  uint64_t value = otherwise;
  std::from_chars(text.data() + start, text.data() + text.size(), value, radix);
  return value;
}

// The number behind "KEY:" in a file of such lines (/proc/meminfo, /proc/self/status).
uint64_t keyed_number(const std::string& text, std::string_view key, int radix,
                      uint64_t otherwise) {
  const size_t at = ("\n" + text).find("\n" + std::string(key) + ":");
  if (at == std::string::npos) return otherwise;
  return parse_number(std::string_view(text).substr(at + key.size() + 1), radix, otherwise);
}

void gather_memory(HostFacts& facts) {
  const std::string meminfo = read_file("/proc/meminfo");
  facts.available_mb = keyed_number(meminfo, "MemAvailable", 10, 0) / 1024;
  facts.huge_page_kb = keyed_number(meminfo, "Hugepagesize", 10, 2048);
  facts.huge_pages_total = keyed_number(meminfo, "HugePages_Total", 10, 0);
  const uint64_t unused = keyed_number(meminfo, "HugePages_Free", 10, 0);
  facts.huge_pages_free = unused - std::min(unused, keyed_number(meminfo, "HugePages_Rsvd", 10, 0));
  for (const std::string& directory :
       hugetlbfs_directories(read_file("/proc/mounts"), facts.huge_page_kb)) {
    if (access(directory.c_str(), W_OK) == 0) facts.hugetlbfs_mounted = true;
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    facts.memlock_kb = limit.rlim_cur / 1024;
  }
}

void gather_cpus(HostFacts& facts) {
  facts.instruction_set = read_instruction_set();
  facts.online_cpus = parse_cpu_list(read_file("/sys/devices/system/cpu/online"));
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) return;
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) facts.allowed_cpus.push_back(cpu);
  }
}

void gather_interfaces(HostFacts& facts) {
  struct if_nameindex* all = if_nameindex();
  if (all == nullptr) return;
  for (const struct if_nameindex* it = all; it->if_name != nullptr; ++it) {
    facts.interface_mtus[it->if_name] = interface_mtu(it->if_name).value_or(0);
  }
  if_freenameindex(all);
}

void gather_pci(HostFacts& facts) {
  std::error_code error;
  for (const auto& device : std::filesystem::directory_iterator("/sys/bus/pci/devices", error)) {
    const std::filesystem::path driver =
        std::filesystem::read_symlink(device.path() / "driver", error);
    facts.pci_drivers[device.path().filename().string()] = driver.filename().string();
  }
}

}  // namespace

HostFacts gather_host_facts() {
  HostFacts facts;
  gather_cpus(facts);
  gather_memory(facts);
  gather_interfaces(facts);
  gather_pci(facts);
  const uint64_t capabilities = keyed_number(read_file("/proc/self/status"), "CapEff", 16, 0);
  facts.cap_net_admin = (capabilities >> kCapNetAdmin & 1) != 0;
  facts.cap_net_raw = (capabilities >> kCapNetRaw & 1) != 0;
  facts.cap_ipc_lock = (capabilities >> kCapIpcLock & 1) != 0;
  facts.cap_sys_admin = (capabilities >> kCapSysAdmin & 1) != 0;
  facts.tun_device_usable = access("/dev/net/tun", R_OK | W_OK) == 0;
  return facts;
}

std::vector<uint32_t> parse_cpu_list(std::string_view text) {
  std::vector<uint32_t> cpus;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(",\n", at), text.size());
    const std::string_view part = text.substr(at, end - at);
    at = end + 1;
    uint32_t first = 0;
    const char* const stop = part.data() + part.size();
    const auto [after, error] = std::from_chars(part.data(), stop, first);
    if (error != std::errc()) continue;
    uint32_t last = first;
    if (after != stop && *after == '-') std::from_chars(after + 1, stop, last);
    for (uint32_t cpu = first; cpu <= last && cpu < CPU_SETSIZE; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

std::string cpu_list_text(const std::vector<uint32_t>& cpus) {
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ",";
    text += std::to_string(cpus[i]);
    if (last > i) text += "-" + std::to_string(cpus[last]);
    i = last + 1;
  }
  return text;
}

std::vector<std::string> hugetlbfs_directories(std::string_view mounts, uint64_t page_kb) {
  std::vector<std::string> directories;
  std::istringstream lines{std::string(mounts)};
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string source;
    std::string directory;
    std::string type;
    std::string options;
    fields >> source >> directory >> type >> options;
    if (type != "hugetlbfs") continue;
    const size_t at = options.find("pagesize=");
    if (at != std::string::npos) {  // without it: the default size. The kernel writes 2M, 1024M.
      const size_t digits = at + std::string_view("pagesize=").size();
      if (parse_number(std::string_view(options).substr(digits), 10, 0) * 1024 != page_kb) continue;
    }
    directories.push_back(directory);
  }
  return directories;
}

}  // namespace postern
