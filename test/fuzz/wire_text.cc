// Fuzzes the text forms of addresses: whatever is accepted must print and parse back to itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "dataplane/wire/address.h"

namespace {

// Aborts where the accepted value does not survive a round through its own text.
template <typename Value>
void round_trip(std::string_view text) {
  const std::optional<Value> value = Value::parse(text);
  if (!value.has_value()) return;
  const std::optional<Value> again = Value::parse(value->text());
  if (again != value) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  round_trip<postern::Ipv4Address>(text);
  round_trip<postern::Ipv4Prefix>(text);
  round_trip<postern::MacAddress>(text);
  return 0;
}
