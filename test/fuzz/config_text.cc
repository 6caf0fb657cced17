// The text of a configuration: whatever is read, nothing breaks; what loads is printed, and what is
// printed loads as the same model without a complaint.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "config/check.h"
#include "config/load.h"
#include "config/print.h"

namespace {

// Unlike an assertion, also there in optimized builds.
void expect(bool held, const char* what) {
  if (held) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using postern::config::load_text;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = load_text(text, "fuzz");
  expect(loaded.model.has_value() == loaded.errors.empty(), "a model exactly without errors");
  for (const auto& error : loaded.errors) {
    expect(error.text().starts_with("fuzz:"), "every error has a line");
  }
  if (!loaded.model) return 0;
  expect(postern::config::check(*loaded.model).errors.empty(), "what loads is good as a whole");
  const auto again = load_text(postern::config::print(*loaded.model), "printed");
  expect(again.model.has_value(), "what is printed loads");
  expect(*again.model == *loaded.model, "what is printed is the same model");
  return 0;
}
