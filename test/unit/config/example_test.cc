// Every example is a configuration that loads without a complaint and survives being printed.
#include <filesystem>

#include "config/load.h"
#include "config/print.h"
#include "gtest/gtest.h"

namespace postern::config {
namespace {

TEST(Examples, LoadAndPrint) {
  int seen = 0;
  for (const auto& file : std::filesystem::directory_iterator(POSTERN_EXAMPLES)) {
    if (file.path().extension() != ".cfg") continue;
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
