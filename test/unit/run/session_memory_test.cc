#include "dataplane/run/session_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace postern {
namespace {

TEST(SessionMemory, IsAlignedZeroedAndWritable) {
  for (const bool huge : {false, true}) {
    Outcome<SessionMemory> mapped = SessionMemory::map((size_t{5} << 20) + 1, huge);
    ASSERT_TRUE(mapped.ok()) << mapped.complaint().text();
    const std::span<std::byte> bytes = mapped.value().bytes();
    EXPECT_EQ(bytes.size(), size_t{6} << 20);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes.data()) % SessionMemory::kAlignment, 0u);
    EXPECT_TRUE(std::all_of(bytes.begin(), bytes.end(),
                            [](std::byte value) { return value == std::byte{0}; }));
    std::fill(bytes.begin(), bytes.end(), std::byte{0xa5});
    EXPECT_EQ(bytes.back(), std::byte{0xa5});
    EXPECT_NE(name_of(mapped.value().pages()), "");
    EXPECT_TRUE(huge || mapped.value().pages() != SessionMemory::Pages::kHuge);
  }
}

TEST(SessionMemory, MovesWithItsOwner) {
  SessionMemory first = SessionMemory::map(1, false).value();
  std::byte* const start = first.bytes().data();
  SessionMemory second = std::move(first);
  EXPECT_EQ(second.bytes().data(), start);
  second = SessionMemory::map(1, false).value();
  EXPECT_NE(second.bytes().data(), nullptr);
}

TEST(SessionMemory, ComplainsWhereThereIsNotSoMuch) {
  Outcome<SessionMemory> mapped = SessionMemory::map(size_t{1} << 46, false);
  ASSERT_FALSE(mapped.ok());
  EXPECT_NE(mapped.complaint().advice.find("sessions.max"), std::string::npos);
}

}  // namespace
}  // namespace postern
