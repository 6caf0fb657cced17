#include "control/ctl/manual.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Manual, HasEveryCommandAndOption) {
  const std::string page = manual_page(all_commands(), "0.1.0");
  EXPECT_TRUE(page.starts_with(".TH POSTERNCTL 1 \"\" \"postern 0.1.0\"\n"));
  for (const Command& command : all_commands()) {
    std::string words(command.words);
    for (size_t at = 0; (at = words.find('-', at)) != std::string::npos; at += 2) {
      words.insert(at, 1, '\\');
    }
    EXPECT_NE(page.find(".TP\n\\fB" + words), std::string::npos) << words;
  }
  EXPECT_NE(page.find("\\fB\\-\\-dry\\-run\\fR"), std::string::npos);
}

}  // namespace
}  // namespace postern
