#include "dataplane/run/cpu_features.h"

#include <gtest/gtest.h>

#include <string>

namespace postern {
namespace {

constexpr std::string_view kHaswell =
    "flags\t\t: fpu cx16 popcnt sse4_1 sse4_2 avx avx2 bmi1 bmi2 f16c fma movbe abm aes xsave\n";

std::string cpuinfo(std::string_view flags) {
  return "processor\t: 0\nvendor_id\t: GenuineIntel\n" + std::string(flags) + "bugs\t: none\n";
}

TEST(CpuFeatures, TheFloorIsAvx2WithAes) {
  EXPECT_EQ(instruction_set_of(cpuinfo(kHaswell)), InstructionSet::kAvx2);
  std::string without_aes = cpuinfo(kHaswell);
  without_aes.erase(without_aes.find(" aes"), 4);
  EXPECT_EQ(instruction_set_of(without_aes), InstructionSet::kBelowFloor);
  EXPECT_EQ(instruction_set_of(""), InstructionSet::kBelowFloor);
  EXPECT_EQ(instruction_set_of("flags"), InstructionSet::kBelowFloor);
}

TEST(CpuFeatures, Avx512CountsFromIceLakeOn) {
  std::string flags(kHaswell.substr(0, kHaswell.size() - 1));
  flags += " avx512f avx512dq avx512cd avx512bw avx512vl";
  EXPECT_EQ(instruction_set_of(cpuinfo(flags + "\n")), InstructionSet::kAvx2) << "Skylake";
  EXPECT_EQ(instruction_set_of(cpuinfo(flags + " avx512_vbmi2\n")), InstructionSet::kAvx512);
}

TEST(CpuFeatures, ThisMachineRunsTheBuild) {
  EXPECT_NE(read_instruction_set(), InstructionSet::kBelowFloor);
  EXPECT_EQ(name_of(InstructionSet::kAvx2), "avx2");
  EXPECT_EQ(name_of(InstructionSet::kAvx512), "avx512");
}

}  // namespace
}  // namespace postern
