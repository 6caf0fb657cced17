// The floor is x86-64-v3 and nothing that a library's flags bring along lowers or raises it.
// test/lint/instructions.py looks at the compile commands and at the code that came out.
#include <gtest/gtest.h>

namespace {

#if !defined(__AVX2__) || !defined(__BMI2__) || !defined(__FMA__) || !defined(__MOVBE__)
#error "the floor x86-64-v3 is not compiled in: another -march won"
#endif
#ifdef __AVX512F__
#error "compiled beyond x86-64-v3: this build would not run on every machine of the floor"
#endif

TEST(InstructionSet, ThisMachineHasTheFloor) {
  EXPECT_TRUE(__builtin_cpu_supports("avx2"));
  EXPECT_TRUE(__builtin_cpu_supports("bmi2"));
  EXPECT_TRUE(__builtin_cpu_supports("fma"));
}

}  // namespace
