#include "bench/run/port_choice.h"

#include <algorithm>

#include "dataplane/run/device.h"

namespace postern::bench {

std::optional<PortChoice> parse_port(std::string_view text) {
  const auto* const found = std::find(kPortKinds.begin(), kPortKinds.end(), text);
  if (found != kPortKinds.end()) {
    return PortChoice{.kind = static_cast<PortKind>(found - kPortKinds.begin())};
  }
  Outcome<Device> device = Device::parse(text);
  if (!device || device.value().kind != Device::Kind::kPci) return std::nullopt;
  return PortChoice{.kind = PortKind::kPci, .device = device.value().text()};
}

std::string text_of(const PortChoice& choice) {
  if (choice.kind == PortKind::kPci) return choice.device;
  return std::string(kPortKinds[static_cast<size_t>(choice.kind)]);
}

}  // namespace postern::bench
