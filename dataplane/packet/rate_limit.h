// How often the gateway answers on its own behalf: time exceeded, unreachable, TCP RST, challenges.
// Each source has a token bucket, and all of them together one more (RFC 1812 4.3.2.8).
//
// A bucket is one number, the time at which it will be full again. An answer moves that time
// ahead by 1/rate and is allowed while it lies at most `burst` answers ahead of now; so nothing
// needs refilling, and a bucket that is full looks like one never used.
//
// The table has a fixed number of slots, found by a keyed hash of the source. A source that finds
// its slot taken by another takes it over with a full bucket: a stranger can never use up
// somebody's answers by landing on the same slot. The price: sources that share a slot and take
// turns are not limited each, and whoever can send from many addresses gets a bucket for every one.
// The bucket of all bounds both; while it is empty, whoever asks is refused. Slots cannot be aimed
// at without the key.
//
// Threads: owned by one worker; time is an argument.
#ifndef POSTERN_DATAPLANE_PACKET_RATE_LIMIT_H_
#define POSTERN_DATAPLANE_PACKET_RATE_LIMIT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/packet/now.h"

namespace postern {

struct Rate {
  uint32_t per_second;  // 1 to 1,000,000; what does not divide a million is rounded up
  uint32_t burst;       // at least 1: how many at once after a rest
};

class RateLimiter {
 public:
  // A bound of memory, 64 KiB; a million askers cost no more than a hundred do
  // (bench/structure_bench).
  static constexpr size_t kSlots = 4096;

  // `hash_key` is random, made at start.
  RateLimiter(Rate source, Rate all, uint64_t hash_key)
      : source_(source), all_(all), hash_key_(hash_key), slots_(kSlots) {}

  // Whether one more answer to `source` (an address with its VNI, or what else tells askers apart)
  // may leave now, and if so, counts it. A refusal counts for nothing.
  [[nodiscard]] bool admit(uint64_t source, Now now) {
    const uint64_t now_us = now.ms * 1000;
    Slot& slot = slots_[index(source)];
    const uint64_t full_at_us = slot.source == source ? slot.full_at_us : 0;
    if (!source_.allows(full_at_us, now_us) || !all_.allows(all_full_at_us_, now_us)) return false;
    slot = {source, source_.after_one(full_at_us, now_us)};
    all_full_at_us_ = all_.after_one(all_full_at_us_, now_us);
    return true;
  }

 private:
  struct Slot {
    uint64_t source = 0;
    uint64_t full_at_us = 0;  // in the past: the bucket is full
  };
  static_assert(sizeof(Slot) == 16);

  // The arithmetic of a bucket, in microseconds.
  struct Bucket {
    explicit Bucket(Rate rate)
        : step_us(1'000'000 / rate.per_second), room_us((rate.burst - 1) * step_us) {}
    [[nodiscard]] bool allows(uint64_t full_at_us, uint64_t now_us) const {
      return full_at_us <= now_us + room_us;
    }
    [[nodiscard]] uint64_t after_one(uint64_t full_at_us, uint64_t now_us) const {
      return std::max(full_at_us, now_us) + step_us;
    }
    uint64_t step_us;  // between two answers at the full rate
    uint64_t room_us;  // how far ahead of now the next answer may lie
  };

  // Keyed multiply and shift, as in FlatMap: the high bits of a product depend on all of the key.
  [[nodiscard]] size_t index(uint64_t source) const {
    uint64_t x = (source ^ hash_key_) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 32) * 0x94d049bb133111ebu;
    return static_cast<size_t>(x >> 52);
  }
  static_assert(kSlots == size_t{1} << (64 - 52));

  Bucket source_;
  Bucket all_;
  uint64_t hash_key_;
  uint64_t all_full_at_us_ = 0;
  std::vector<Slot> slots_;  // allocated once, at construction
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_RATE_LIMIT_H_
