// What the check of the hot path counts: that it sees what it is there to see.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>

#include "bench/allocation_count.h"
#include "bench/single_steps.h"
#include "bench/system_call_count.h"

namespace postern::bench {
namespace {

TEST(AllocationCount, SeesBothEnds) {
  AllocationCount count;
  count.run([] {});
  EXPECT_EQ(count.count(), 0U);
  int* volatile kept = nullptr;
  count.run([&] { kept = new int(7); });
  EXPECT_EQ(count.count(), 1U);
  count.run([&] { delete kept; });
  EXPECT_EQ(count.count(), 2U);
  const std::unique_ptr<int> outside = std::make_unique<int>(1);
  EXPECT_EQ(count.count(), 2U);
}

TEST(SystemCallCount, SeesOneAndMakesIt) {
  SystemCallCount count;
  if (!count.works()) GTEST_SKIP() << "this kernel cannot";
  count.run([] {});
  EXPECT_EQ(count.runs_with_one(), 0U);
  const pid_t parent = getppid();
  pid_t answer = 0;
  count.run([&] { answer = static_cast<pid_t>(syscall(SYS_getppid)); });
  EXPECT_EQ(answer, parent);
  EXPECT_EQ(count.runs_with_one(), 1U);
  EXPECT_EQ(count.last_number(), SYS_getppid);
}

TEST(SingleSteps, SeesLockedInstructions) {
  std::atomic<uint64_t> word{1};
  volatile uint64_t plain = 1;
  SingleSteps quiet;
  quiet.run([&] { plain = plain + word.load(std::memory_order_acquire); });
  EXPECT_GE(quiet.instructions(), 3U);
  EXPECT_LE(quiet.instructions(), 50U);
  EXPECT_TRUE(quiet.locked().empty());
}

TEST(SingleSteps, CountsEachPlace) {
  std::atomic<uint64_t> word{1};
  SingleSteps steps;
  steps.run([&] {
    for (int i = 0; i < 5; ++i) word.fetch_add(1, std::memory_order_relaxed);
  });
  ASSERT_FALSE(steps.locked().empty());
  uint64_t times = 0;
  for (const SingleSteps::Locked& locked : steps.locked()) times += locked.times;
  EXPECT_EQ(times, 5U);
  EXPECT_EQ(word.load(), 6U);
}

TEST(SingleSteps, KnowsTheInstructions) {
  const auto is_locked = [](std::array<uint8_t, 8> code) {
    return SingleSteps::is_locked(code.data());
  };
  EXPECT_TRUE(is_locked({0xf0, 0x48, 0x0f, 0xc1, 0x07}));   // lock xadd %rax,(%rdi)
  EXPECT_TRUE(is_locked({0x66, 0xf0, 0x0f, 0xb1, 0x0f}));   // lock cmpxchg %cx,(%rdi)
  EXPECT_TRUE(is_locked({0x48, 0x87, 0x07}));               // xchg %rax,(%rdi)
  EXPECT_TRUE(is_locked({0x86, 0x44, 0x24, 0x08}));         // xchg %al,8(%rsp)
  EXPECT_FALSE(is_locked({0x48, 0x87, 0xc8}));              // xchg %rcx,%rax
  EXPECT_FALSE(is_locked({0x48, 0x01, 0x07}));              // add %rax,(%rdi)
  EXPECT_FALSE(is_locked({0xc5, 0xfe, 0x6f, 0x07}));        // vmovdqu (%rdi),%ymm0
  EXPECT_FALSE(is_locked({0xe8, 0xf0, 0xf0, 0xf0, 0xf0}));  // call
}

}  // namespace
}  // namespace postern::bench
