// Cuts memory that somebody else gave into arrays that begin on cache lines. With an empty span it
// only counts. Whoever makes a table over such memory, on that thread.
#ifndef POSTERN_DATAPLANE_TABLE_MEMORY_CUTTER_H_
#define POSTERN_DATAPLANE_TABLE_MEMORY_CUTTER_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace postern {

class MemoryCutter {
 public:
  static constexpr size_t kLine = 64;  // of a cache, in bytes

  explicit MemoryCutter(std::span<std::byte> memory) : memory_(memory) {}

  // `count` objects of a trivial type, as the memory is.
  template <typename T>
  std::span<T> cut(size_t count) {
    auto* at = reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(memory_.data()) + used_);
    used_ += (count * sizeof(T) + kLine - 1) / kLine * kLine;
    return {at, count};
  }
  [[nodiscard]] size_t used() const { return used_; }
  // Whether the memory was enough, and began on a line.
  [[nodiscard]] bool fits() const {
    return memory_.size() >= used_ && reinterpret_cast<uintptr_t>(memory_.data()) % kLine == 0;
  }

 private:
  std::span<std::byte> memory_;
  size_t used_ = 0;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_MEMORY_CUTTER_H_
