#include "dataplane/run/cpu_features.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>

namespace postern {
namespace {

// x86-64-v3 as /proc/cpuinfo spells it ("abm" is LZCNT), and AES for the session table's hash.
constexpr std::array<std::string_view, 12> kFloor = {"cx16", "popcnt", "sse4_1", "sse4_2",
                                                     "avx",  "avx2",   "bmi1",   "bmi2",
                                                     "f16c", "fma",    "movbe",  "aes"};
// Ice Lake and later: avx512_vbmi2 came with the end of the heavy frequency licences.
constexpr std::array<std::string_view, 6> kAvx512 = {"avx512f",  "avx512bw", "avx512dq",
                                                     "avx512vl", "avx512cd", "avx512_vbmi2"};

// The first processor's "flags" line, with a blank at both ends.
std::string flags_of(std::string_view cpuinfo) {
  size_t at = 0;
  while (at < cpuinfo.size()) {
    const size_t end = std::min(cpuinfo.find('\n', at), cpuinfo.size());
    const std::string_view line = cpuinfo.substr(at, end - at);
    const size_t colon = line.find(':');
    if (line.starts_with("flags") && colon != std::string_view::npos) {
      return std::string(line.substr(colon + 1)) + " ";
    }
    at = end + 1;
  }
  return " ";
}

template <size_t kCount>
bool has_all(const std::string& flags, const std::array<std::string_view, kCount>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&flags](std::string_view flag) {
    return flags.find(" " + std::string(flag) + " ") != std::string::npos;
  });
}

}  // namespace

std::string_view name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::kBelowFloor:
      return "none";
    case InstructionSet::kAvx2:
      return "avx2";
    case InstructionSet::kAvx512:
      return "avx512";
  }
  return "none";
}

InstructionSet instruction_set_of(std::string_view cpuinfo) {
  const std::string flags = flags_of(cpuinfo);
  if (!has_all(flags, kFloor)) return InstructionSet::kBelowFloor;
  return has_all(flags, kAvx512) ? InstructionSet::kAvx512 : InstructionSet::kAvx2;
}

InstructionSet read_instruction_set() {
  std::ifstream file("/proc/cpuinfo");
  std::ostringstream text;
  text << file.rdbuf();
  return instruction_set_of(text.str());
}

}  // namespace postern
