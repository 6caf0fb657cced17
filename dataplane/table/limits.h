// What a namespace may use at most, and what it has used: sessions, new sessions a second,
// bandwidth (config.md `limits`).
//
// LimitTable is a part of the snapshot: written once by the control thread's compiler, read by
// workers. Usage belongs to one worker.
#ifndef POSTERN_DATAPLANE_TABLE_LIMITS_H_
#define POSTERN_DATAPLANE_TABLE_LIMITS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/packet/direction.h"
#include "dataplane/packet/now.h"
#include "dataplane/table/source_table.h"

namespace postern {

struct NamespaceLimits {
  static constexpr uint32_t kNone = ~uint32_t{0};
  uint32_t sessions = kNone;
  uint32_t new_sessions_per_second = kNone;
  uint64_t bytes_per_second = 0;  // each direction by itself, inner IP bytes; 0: no limit
};

struct LimitTable {
  std::vector<NamespaceLimits> by_namespace;  // those behind the last one have none
  bool any_bandwidth = false;                 // so that established packets need not ask

  // The namespace's, or null where it has none.
  [[nodiscard]] const NamespaceLimits* of(NamespaceIndex index) const {
    return index < by_namespace.size() ? &by_namespace[index] : nullptr;
  }
};

// Tokens that come back at a rate, up to `room`. Counted in thousandths, so that a millisecond of
// any rate is a whole number of them. A bucket never used is full.
class TokenBucket {
 public:
  // Whether so many tokens are there now. `per_second`: at most 10^12.
  [[nodiscard]] bool has(uint64_t tokens, uint64_t per_second, uint64_t room, Now now) {
    constexpr uint64_t kLongest_ms = 1'000'000;  // keeps the product within 64 bits
    const uint64_t passed_ms = std::min(now.ms - filled_at_ms_, kLongest_ms);
    const uint64_t full = room * 1000;
    milli_ = filled_at_ms_ == 0 ? full : std::min(full, milli_ + per_second * passed_ms);
    filled_at_ms_ = now.ms;
    return milli_ >= tokens * 1000;
  }
  // After has() said so; what others took since is not taken twice.
  void take(uint64_t tokens) { milli_ -= std::min(milli_, tokens * 1000); }

 private:
  uint64_t milli_ = 0;
  uint64_t filled_at_ms_ = 0;  // 0: never used
};

// What a namespace has used on one worker.
struct NamespaceUsage {
  // config.md: a burst of 50 ms, but at least 64 KiB.
  static constexpr uint64_t kLeastBurst_bytes = 65536;

  TokenBucket new_sessions;
  std::array<TokenBucket, 2> bytes;  // by Direction

  [[nodiscard]] bool may_begin(const NamespaceLimits& limits, Now now) {
    const uint32_t rate = limits.new_sessions_per_second;
    return rate == NamespaceLimits::kNone || new_sessions.has(1, rate, rate, now);
  }
  void begun(const NamespaceLimits& limits) {
    if (limits.new_sessions_per_second != NamespaceLimits::kNone) new_sessions.take(1);
  }
  [[nodiscard]] bool may_pass(const NamespaceLimits& limits, Direction direction, uint32_t size,
                              Now now) {
    const uint64_t rate = limits.bytes_per_second;
    const uint64_t room = std::max(rate / 20, kLeastBurst_bytes);
    return rate == 0 || bytes[static_cast<size_t>(direction)].has(size, rate, room, now);
  }
  void passed(const NamespaceLimits& limits, Direction direction, uint32_t size) {
    if (limits.bytes_per_second != 0) bytes[static_cast<size_t>(direction)].take(size);
  }
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_LIMITS_H_
