// Every example is a configuration that loads without a complaint and survives being printed; or,
// where a list NAME.not-yet stands beside it, is refused for exactly what that list has.
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "config/load.h"
#include "config/print.h"
#include "gtest/gtest.h"

namespace postern::config {
namespace {

// The refusals that are listed for an example; empty where there is no list.
std::set<std::string> listed_refusals(std::filesystem::path example) {
  std::ifstream file(example.replace_extension(".not-yet"));
  std::set<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.insert(line);
  return lines;
}

TEST(Examples, AreRefusedForWhatIsListedAndNothingElse) {
  for (const auto& file : std::filesystem::directory_iterator(POSTERN_EXAMPLES)) {
    const std::set<std::string> listed = listed_refusals(file.path());
    if (file.path().extension() != ".cfg" || listed.empty()) continue;
    std::set<std::string> refused;
    for (const Diagnostic& error : load_file(file.path().string()).errors) {
      EXPECT_TRUE(error.message.starts_with("not supported yet")) << error.text();
      refused.insert(error.path + ": " + error.message);
    }
    EXPECT_EQ(refused, listed) << file.path();
  }
}

TEST(Examples, LoadAndPrint) {
  int seen = 0;
  for (const auto& file : std::filesystem::directory_iterator(POSTERN_EXAMPLES)) {
    if (file.path().extension() != ".cfg" || !listed_refusals(file.path()).empty()) continue;
    ++seen;
    const LoadResult loaded = load_file(file.path().string());
    for (const Diagnostic& error : loaded.errors) ADD_FAILURE() << error.text();
    for (const Diagnostic& warning : loaded.warnings) ADD_FAILURE() << warning.text("warning");
    ASSERT_TRUE(loaded.model.has_value()) << file.path();
    const LoadResult again = load_text(print(*loaded.model), "printed");
    for (const Diagnostic& error : again.errors) ADD_FAILURE() << error.text();
    ASSERT_TRUE(again.model.has_value()) << file.path();
    EXPECT_EQ(*again.model, *loaded.model) << file.path();
  }
  EXPECT_GE(seen, 3);
}

}  // namespace
}  // namespace postern::config
