// What a namespace may use at most, and what it has used: sessions, new sessions a second,
// bandwidth (config.md `limits`).
//
// LimitTable is a part of the snapshot: written once by the control thread's compiler, read by
// workers. Usage is shared by all workers, since limits hold for their sum; only packets of
// namespaces with a limit touch it.
#ifndef POSTERN_DATAPLANE_TABLE_LIMITS_H_
#define POSTERN_DATAPLANE_TABLE_LIMITS_H_

#include <algorithm>
#include <array>
#include <atomic>
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

// The same for several workers, without a lock: whoever finds that time has passed fills, one of
// them for each millisecond; everybody takes. Exact for one worker.
class SharedBucket {
 public:
  SharedBucket() = default;
  // A copy is as good as the moment.
  SharedBucket(const SharedBucket& other)
      : milli_(other.milli_.load(std::memory_order_relaxed)),
        filled_at_ms_(other.filled_at_ms_.load(std::memory_order_relaxed)) {}
  SharedBucket& operator=(const SharedBucket& other) {
    milli_.store(other.milli_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    filled_at_ms_.store(other.filled_at_ms_.load(std::memory_order_relaxed),
                        std::memory_order_relaxed);
    return *this;
  }

  // Whether so many tokens are there now. `per_second`: at most 10^12.
  [[nodiscard]] bool has(uint64_t tokens, uint64_t per_second, uint64_t room, Now now) {
    fill(per_second, room, now);
    return milli_.load(std::memory_order_relaxed) >= tokens * 1000;
  }
  // Takes so many, or what is left where others were faster.
  void take(uint64_t tokens) {
    uint64_t milli = milli_.load(std::memory_order_relaxed);
    while (!milli_.compare_exchange_weak(milli, milli - std::min(milli, tokens * 1000),
                                         std::memory_order_relaxed)) {
    }
  }
  void give_back(uint64_t tokens) { milli_.fetch_add(tokens * 1000, std::memory_order_relaxed); }
  // Takes so many if they are there.
  [[nodiscard]] bool try_take(uint64_t tokens, uint64_t per_second, uint64_t room, Now now) {
    fill(per_second, room, now);
    uint64_t milli = milli_.load(std::memory_order_relaxed);
    do {
      if (milli < tokens * 1000) return false;
    } while (
        !milli_.compare_exchange_weak(milli, milli - tokens * 1000, std::memory_order_relaxed));
    return true;
  }

 private:
  static constexpr uint64_t kNeverUsed = uint64_t{1} << 62;  // more than any room

  // Clocks of workers may differ by the length of a burst: time that has passed for one counts.
  void fill(uint64_t per_second, uint64_t room, Now now) {
    constexpr uint64_t kLongest_ms = 1'000'000;  // keeps the product within 64 bits
    uint64_t filled_at_ms = filled_at_ms_.load(std::memory_order_relaxed);
    if (now.ms <= filled_at_ms ||
        !filled_at_ms_.compare_exchange_strong(filled_at_ms, now.ms, std::memory_order_relaxed)) {
      return;
    }
    const uint64_t more = per_second * std::min(now.ms - filled_at_ms, kLongest_ms);
    uint64_t milli = milli_.load(std::memory_order_relaxed);
    while (!milli_.compare_exchange_weak(milli, std::min(room * 1000, milli + more),
                                         std::memory_order_relaxed)) {
    }
  }

  std::atomic<uint64_t> milli_{kNeverUsed};
  std::atomic<uint64_t> filled_at_ms_{0};
};

// What a worker has taken of a namespace's bandwidth and not used yet, bytes by Direction.
using BandwidthLease = std::array<uint64_t, 2>;

// What a namespace has used, on all workers. On a line of its own.
struct alignas(64) NamespaceUsage {
  // config.md: a burst of 50 ms, but at least 64 KiB.
  static constexpr uint64_t kLeastBurst_bytes = 65536;
  // Workers take bandwidth in advance, so that not every packet touches the shared word: all of
  // them together an eighth of the burst, each at most a burst of packets. Two cycles a
  // packet (bench/structure_bench); a larger share would be further from the limit.
  static constexpr uint64_t kLeasedShare = 8;
  static constexpr uint64_t kLongestLease_bytes = 64 * 1500;

  SharedBucket new_sessions;
  std::array<SharedBucket, 2> bytes;  // by Direction
  std::array<uint64_t, 2> unused{};   // the rest of the line

  // A copy in which a lease is given back.
  [[nodiscard]] NamespaceUsage with(const BandwidthLease& lease) const {
    NamespaceUsage copy = *this;
    for (size_t i = 0; i < lease.size(); ++i) copy.bytes[i].give_back(lease[i]);
    return copy;
  }
  [[nodiscard]] bool may_begin(const NamespaceLimits& limits, Now now) {
    const uint32_t rate = limits.new_sessions_per_second;
    return rate == NamespaceLimits::kNone || new_sessions.has(1, rate, rate, now);
  }
  void begun(const NamespaceLimits& limits) {
    if (limits.new_sessions_per_second != NamespaceLimits::kNone) new_sessions.take(1);
  }
  // Whether a packet of `size` bytes may pass now, by the lease of a worker, one of `workers`.
  [[nodiscard]] bool may_pass(const NamespaceLimits& limits, Direction direction, uint32_t size,
                              uint32_t workers, BandwidthLease& lease, Now now) {
    const uint64_t rate = limits.bytes_per_second;
    uint64_t& own = lease[static_cast<size_t>(direction)];
    if (rate == 0 || own >= size) return true;
    SharedBucket& bucket = bytes[static_cast<size_t>(direction)];
    const uint64_t room = std::max(rate / 20, kLeastBurst_bytes);
    const uint64_t missing = size - own;
    const uint64_t ahead = std::min(room / (kLeasedShare * workers), kLongestLease_bytes);
    if (ahead > missing && bucket.try_take(ahead, rate, room, now)) {
      own += ahead;
      return true;
    }
    if (!bucket.try_take(missing, rate, room, now)) return false;
    own += missing;
    return true;
  }
  // A packet that might has passed.
  static void passed(const NamespaceLimits& limits, Direction direction, uint32_t size,
                     BandwidthLease& lease) {
    uint64_t& own = lease[static_cast<size_t>(direction)];
    if (limits.bytes_per_second != 0) own -= std::min<uint64_t>(own, size);
  }
};
static_assert(sizeof(NamespaceUsage) == 64);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_LIMITS_H_
