#include "bench/environment.h"

#include <rte_cycles.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string_view>

#include "bench/build_info.h"
#include "dataplane/run/cpu_features.h"
#include "dataplane/run/eal.h"
#include "dataplane/run/host_facts.h"

namespace postern::bench {
namespace {

constexpr std::array<std::string_view, 7> kFlags = {"avx2",     "aes",  "vaes",        "avx512f",
                                                    "avx512bw", "gfni", "avx512_vbmi2"};

// The text behind "KEY : " in the first block of /proc/cpuinfo.
std::string cpuinfo(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const size_t colon = line.find(": ");
    if (line.starts_with(key) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

std::vector<std::string> flags_present() {
  const std::string all = ' ' + cpuinfo("flags") + ' ';
  std::vector<std::string> present;
  for (const std::string_view flag : kFlags) {
    const std::string word = ' ' + std::string(flag) + ' ';
    if (all.find(word) != std::string::npos) present.emplace_back(flag);
  }
  return present;
}

std::string kernel_release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "";
}

}  // namespace

Environment read_environment() {
  const HostFacts facts = gather_host_facts();
  return {.cpu = cpuinfo("model name"),
          .instruction_set = std::string(name_of(read_instruction_set())),
          .flags = flags_present(),
          .cpus = static_cast<uint32_t>(sysconf(_SC_NPROCESSORS_ONLN)),
          .tsc_hz = rte_get_tsc_hz(),
          .huge_pages = facts.huge_pages_total,
          .huge_pages_free = facts.huge_pages_free,
          .huge_page_kb = facts.huge_page_kb,
          .kernel = kernel_release(),
          .dpdk = Eal::version(),
          .compiler = build_info().compiler,
          .build = build_info().flags,
          .commit = build_info().commit};
}

StolenTime StolenTime::now() {
  std::ifstream file("/proc/stat");
  std::string word;
  file >> word;  // "cpu"
  // user nice system idle iowait irq softirq steal; guest times are part of user and nice.
  StolenTime time;
  for (int field = 0; field < 8; ++field) {
    uint64_t ticks = 0;
    file >> ticks;
    time.all += ticks;
    if (field == 7) time.stolen = ticks;
  }
  return time;
}

double StolenTime::percent_since(const StolenTime& before) const {
  if (all <= before.all) return 0;
  return 100.0 * static_cast<double>(stolen - before.stolen) /
         static_cast<double>(all - before.all);
}

}  // namespace postern::bench
