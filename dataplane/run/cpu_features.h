// What the CPU can do, and the instruction set that this run of the gateway uses. The floor of the
// build is x86-64-v3; code for newer machines is chosen at start. Values; any thread.
#ifndef POSTERN_DATAPLANE_RUN_CPU_FEATURES_H_
#define POSTERN_DATAPLANE_RUN_CPU_FEATURES_H_

#include <cstdint>
#include <string_view>

namespace postern {

enum class InstructionSet : uint8_t {
  kBelowFloor,  // not x86-64-v3 with AES: the gateway does not start
  kAvx2,
  kAvx512,  // of Ice Lake or later: earlier ones clock down under 512-bit work
};

// "none", "avx2", "avx512": for the log and `status`.
[[nodiscard]] std::string_view name_of(InstructionSet set);

// The widest set that the machine offers, by the "flags" line of /proc/cpuinfo's text. The kernel
// lists there what both the CPU and itself support.
[[nodiscard]] InstructionSet instruction_set_of(std::string_view cpuinfo);

// The same for this machine.
[[nodiscard]] InstructionSet read_instruction_set();

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_CPU_FEATURES_H_
