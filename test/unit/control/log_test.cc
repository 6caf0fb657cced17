// What the log writes: levels, and one line for one message whatever it holds.
#include "control/serve/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

namespace postern {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pipe(ends_.data()), 0); }
  void TearDown() override { close(ends_[0]); }
  // Everything written so far; the log must not be used afterwards.
  std::string written() {
    close(ends_[1]);
    std::array<char, 8192> buffer;
    const ssize_t bytes = read(ends_[0], buffer.data(), buffer.size());
    return {buffer.data(), static_cast<size_t>(bytes)};
  }
  std::array<int, 2> ends_{};
};

TEST_F(LogTest, WritesWhatIsSevereEnough) {
  Log log(ends_[1]);
  log.set_level(config::LogLevel::kWarn);
  log.error("one");
  log.warn("two");
  log.info("three");
  log.debug("four");
  EXPECT_EQ(written(), "error: one\nwarn: two\n");
}

TEST_F(LogTest, NobodyMakesLinesOfHisOwn) {
  Log log(ends_[1]);
  log.info("a\nerror: forged\x1b[2J");
  EXPECT_EQ(written(), "info: a?error: forged?[2J\n");
}

TEST_F(LogTest, WritesJsonWhereItIsAskedFor) {
  Log log(ends_[1]);
  log.set_format(config::LogFormat::kJson);
  log.warn("it said \"no\" \xff");
  const auto line = nlohmann::json::parse(written());
  EXPECT_EQ(line["level"], "warn");
  EXPECT_EQ(line["text"], "it said \"no\" \xef\xbf\xbd");
}

TEST(LogLevel, NamesAreThoseOfTheConfiguration) {
  for (const char* name : {"error", "warn", "info", "debug"}) {
    EXPECT_EQ(name_of(*log_level_named(name)), name);
  }
  EXPECT_FALSE(log_level_named("loud"));
}

}  // namespace
}  // namespace postern
