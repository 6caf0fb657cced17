#include "control/apply/compile_limits.h"

#include <algorithm>

namespace postern {
namespace {

// What no port reaches (8 Tbit/s); keeps the buckets' arithmetic within 64 bits.
constexpr uint64_t kMostBytesPerSecond = 1'000'000'000'000;

NamespaceLimits limits_of(const config::Limits& limits) {
  NamespaceLimits compiled;
  compiled.sessions = limits.sessions.value_or(NamespaceLimits::kNone);
  compiled.new_sessions_per_second =
      limits.new_sessions_per_second.value_or(NamespaceLimits::kNone);
  const uint64_t bits_per_second = limits.bandwidth_bits_per_second.value_or(0);
  compiled.bytes_per_second = std::min((bits_per_second + 7) / 8, kMostBytesPerSecond);
  return compiled;
}

}  // namespace

LimitTable compile_limits(const config::Model& model, const Books& books) {
  LimitTable table;
  for (const config::Namespace& entry : model.namespaces) {
    const auto index = books.namespaces.find(entry.name.value);
    const config::Limits& limits = entry.limits;
    const bool any =
        limits.sessions || limits.new_sessions_per_second || limits.bandwidth_bits_per_second;
    if (!index || !any) continue;
    if (table.by_namespace.size() <= *index) table.by_namespace.resize(*index + 1);
    table.by_namespace[*index] = limits_of(limits);
    if (limits.bandwidth_bits_per_second) table.any_bandwidth = true;
  }
  return table;
}

}  // namespace postern
