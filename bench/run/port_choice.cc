#include "bench/run/port_choice.h"

#include <algorithm>

namespace postern::bench {

std::optional<PortChoice> parse_port(std::string_view text) {
  const auto* const found = std::find(kPortKinds.begin(), kPortKinds.end(), text);
  if (found == kPortKinds.end()) return std::nullopt;
  return PortChoice{static_cast<PortKind>(found - kPortKinds.begin())};
}

std::string text_of(const PortChoice& choice) {
  return std::string(kPortKinds[static_cast<size_t>(choice.kind)]);
}

}  // namespace postern::bench
