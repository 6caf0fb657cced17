#include "control/apply/restart.h"

#include <algorithm>
#include <array>

namespace postern {
namespace {

// With all that is below them. Ports are known to packets by their place: their order counts.
constexpr std::array<std::string_view, 6> kFixed = {
    "gateway", "eal", "workers", "ports", "sessions.max", "sessions.port_range"};
constexpr std::array<std::string_view, 2> kFree = {"gateway.log_level", "gateway.log_format"};

bool is_at_or_below(std::string_view path, std::string_view setting) {
  return path.starts_with(setting) &&
         (path.size() == setting.size() || path[setting.size()] == '.');
}

}  // namespace

bool needs_restart(std::string_view path) {
  const auto covers = [path](std::string_view setting) { return is_at_or_below(path, setting); };
  return std::any_of(kFixed.begin(), kFixed.end(), covers) &&
         std::none_of(kFree.begin(), kFree.end(), covers);
}

}  // namespace postern
