// Numbers for things with names, stable over snapshots: sessions and counters note the number, so a
// number must mean the same thing for as long as anything may remember it.
//
//   free --take--> in use --drop--> cooling --release--> free
//
// What is dropped cools until nothing remembers it (every worker has passed to a later snapshot and
// swept its sessions once: publisher.h); only then is the number given again. A thing that comes
// back while its number cools gets another one.
//
// Plain values: a transaction works on a copy and commits by assignment. One thread at a time.
#ifndef POSTERN_CONTROL_APPLY_SLOTS_H_
#define POSTERN_CONTROL_APPLY_SLOTS_H_

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace postern {

// Numbers from `first` to `first + capacity - 1`, without names.
class SlotPool {
 public:
  explicit SlotPool(uint32_t capacity, uint32_t first = 0) : next_(first), end_(first + capacity) {}

  [[nodiscard]] size_t available() const { return free_.size() + (end_ - next_); }
  // The number that the n-th take from now would give; n < available().
  [[nodiscard]] uint32_t peek(size_t n) const {
    return n < free_.size() ? free_[free_.size() - 1 - n]
                            : next_ + static_cast<uint32_t>(n - free_.size());
  }
  // Takes the first n numbers that peek shows; n <= available().
  void take(size_t n) {
    const size_t reused = n < free_.size() ? n : free_.size();
    free_.resize(free_.size() - reused);
    next_ += static_cast<uint32_t>(n - reused);
  }
  void release(uint32_t slot) { free_.push_back(slot); }
  // One more than the highest number that was ever given.
  [[nodiscard]] uint32_t high_water() const { return next_; }

 private:
  uint32_t next_;
  uint32_t end_;
  std::vector<uint32_t> free_;
};

template <typename Key>
class SlotBook {
 public:
  explicit SlotBook(uint32_t capacity, uint32_t first = 0) : pool_(capacity, first) {}

  [[nodiscard]] std::optional<uint32_t> find(const Key& key) const {
    const auto found = slots_.find(key);
    if (found == slots_.end()) return std::nullopt;
    return found->second;
  }
  // The number of `key`, a new one where it has none; nothing when all are in use or cooling.
  [[nodiscard]] std::optional<uint32_t> take(const Key& key) {
    if (const auto found = slots_.find(key); found != slots_.end()) return found->second;
    if (pool_.available() == 0) return std::nullopt;
    const uint32_t slot = pool_.peek(0);
    pool_.take(1);
    slots_.emplace(key, slot);
    return slot;
  }
  // Drops every key for which keep(key) is false and gives their numbers, which now cool.
  template <typename Keep>
  std::vector<uint32_t> drop_unless(Keep&& keep) {
    std::vector<uint32_t> cooling;
    for (auto at = slots_.begin(); at != slots_.end();) {
      const auto here = at++;
      if (keep(here->first)) continue;
      cooling.push_back(here->second);
      slots_.erase(here);
    }
    return cooling;
  }
  // The number has cooled.
  void release(uint32_t slot) { pool_.release(slot); }

  [[nodiscard]] const absl::flat_hash_map<Key, uint32_t>& all() const { return slots_; }
  [[nodiscard]] uint32_t high_water() const { return pool_.high_water(); }

 private:
  SlotPool pool_;
  absl::flat_hash_map<Key, uint32_t> slots_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_SLOTS_H_
