#include "bench/command_line.h"

#include <gtest/gtest.h>

namespace postern::bench {
namespace {

struct Taken {
  uint64_t number = 0;
  bool fast = false;
};

Grammar grammar_for(Taken& taken) {
  return {
      .usage = "paint WALL [OPTION VALUE]...",
      .about = "Paints a wall.\n",
      .flags = {{"--coats", "N", "how many; default 0",
                 [&](std::string_view text) { return put(taken.number, number_of(text, 1, 9)); }},
                {"--fast", "", "without waiting",
                 [&](std::string_view) { return taken.fast = true; }}},
      .least_words = 1,
      .most_words = 2,
      .words_are = "a wall or two"};
}

CommandLine read(std::vector<const char*> words, Taken& taken) {
  words.insert(words.begin(), "paint");
  return read_command_line(words, grammar_for(taken));
}

TEST(CommandLine, WordsAndOptionsInAnyOrder) {
  Taken taken;
  const CommandLine line = read({"--fast", "north", "--coats", "3", "south"}, taken);
  EXPECT_EQ(line.error, "");
  EXPECT_EQ(line.words, (std::vector<std::string>{"north", "south"}));
  EXPECT_EQ(taken.number, 3u);
  EXPECT_TRUE(taken.fast);
}

TEST(CommandLine, WhatIsWrongIsNamed) {
  Taken taken;
  EXPECT_EQ(read({}, taken).error, "say a wall or two");
  EXPECT_EQ(read({"a", "b", "c"}, taken).error, "say a wall or two");
  EXPECT_EQ(read({"a", "--slow"}, taken).error,
            "there is no option \"--slow\"; there are --coats, --fast");
  EXPECT_EQ(read({"a", "--fats"}, taken).error,
            "there is no option \"--fats\"; did you mean \"--fast\"?");
  EXPECT_EQ(read({"a", "--coats"}, taken).error, "a value is missing after \"--coats\"");
  EXPECT_EQ(read({"a", "--coats", "10"}, taken).error,
            "--coats does not take \"10\": how many; default 0");
  EXPECT_EQ(settle(read({}, taken), grammar_for(taken)), 2);
  EXPECT_EQ(settle(read({"a"}, taken), grammar_for(taken)), std::nullopt);
}

TEST(CommandLine, HelpNamesEveryOption) {
  Taken taken;
  EXPECT_TRUE(read({"a", "--nonsense-after", "--help"}, taken).error.starts_with("there is no"));
  EXPECT_TRUE(read({"--help", "--nonsense"}, taken).help_wanted);
  const std::string usage = usage_of(grammar_for(taken));
  for (const char* part : {"postern-bench paint WALL", "Paints a wall.", "--coats N", "how many",
                           "--fast", "without waiting"}) {
    EXPECT_NE(usage.find(part), std::string::npos) << part;
  }
}

TEST(CommandLine, QuantitiesHaveUnitsAndBounds) {
  EXPECT_EQ(sessions_of("64k"), 65536u);
  EXPECT_EQ(sessions_of("16M"), 16777216u);
  EXPECT_EQ(sessions_of("1008"), 1008u);
  for (const char* bad : {"0", "17M", "", "k", "1g", "-1", "1.5k"}) {
    EXPECT_FALSE(sessions_of(bad)) << bad;
  }
  EXPECT_EQ(milliseconds_of("2s"), 2000u);
  EXPECT_EQ(milliseconds_of("250ms"), 250u);
  EXPECT_EQ(milliseconds_of("90m"), 5'400'000u);
  EXPECT_EQ(milliseconds_of("24h"), 86'400'000u);
  for (const char* bad : {"5", "0s", "90000s", "25h", "1d", "1.5s"}) {
    EXPECT_FALSE(milliseconds_of(bad)) << bad;
  }
  EXPECT_EQ(share_of("0.5%"), 0.005);
  EXPECT_EQ(share_of("0.25"), 0.25);
  for (const char* bad : {"", "%", "100%", "1", "-1%", "nan", "1x"}) {
    EXPECT_FALSE(share_of(bad)) << bad;
  }
  EXPECT_EQ(per_second_of("14.88M"), 14.88e6);
  EXPECT_EQ(per_second_of("500k"), 500e3);
  EXPECT_EQ(per_second_of("1000"), 1000);
  for (const char* bad : {"", "M", "0", "-3", "1e30", "inf"}) {
    EXPECT_FALSE(per_second_of(bad)) << bad;
  }
}

}  // namespace
}  // namespace postern::bench
