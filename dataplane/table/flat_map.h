// A hash map of 64-bit keys to 64-bit values that one thread writes while any number of workers
// read it, without a lock and without ever making a reader wait or try again.
//
//   cells:  | key value | key value | 0 - | key value | key kAbsent | 0 - | ...     16 bytes each
//                ^ home of k: walk right until k or an empty key
//
// Open addressing, linear probing, at most half of the cells ever used, so a lookup usually touches
// one cache line. A cell is given to a key once and for ever: the value is stored first, then the
// key is released, and from then on only the value changes. So whoever reads a cell's key and then
// its value can never see the value of another key. Erasing stores kAbsent; the cell may be taken
// again by the same key only. Cells of erased keys come back when the owner builds a new map aside
// (for_each into a fresh one), publishes it, and frees the old one after quiescence. That is also
// the answer to a full map: insert() refuses, the owner builds a bigger one.
//
// The hash is a keyed mix of two multiplications, not a cryptographic one. The keys in these maps
// come from the configuration, not from strangers; tables that are filled by packets use the AES
// hash instead.
//
// Threads: the mutators, size() and used() belong to one thread (control); find, find_bulk and
// for_each may run on any.
#ifndef POSTERN_DATAPLANE_TABLE_FLAT_MAP_H_
#define POSTERN_DATAPLANE_TABLE_FLAT_MAP_H_

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace postern {

class FlatMap {
 public:
  // What find answers for a key that is not there; never stored as a value.
  static constexpr uint64_t kAbsent = ~uint64_t{0};
  // The key of an empty cell. Callers put a tag bit into their keys so that none is zero.
  static constexpr uint64_t kEmptyKey = 0;

  // `cells` is rounded up to a power of two, at least 8; half of them can be used. `hash_key` is
  // random, made at start.
  FlatMap(size_t cells, uint64_t hash_key)
      : cell_count_(std::bit_ceil(std::max<size_t>(cells, 8))),
        mask_(cell_count_ - 1),
        shift_(64 - static_cast<unsigned>(std::countr_zero(cell_count_))),
        hash_key_(hash_key),
        cells_(new Cell[cell_count_]()) {}
  // A map with the same cells. On the writer's thread, or while the writer rests.
  FlatMap(const FlatMap& other)
      : cell_count_(other.cell_count_),
        mask_(other.mask_),
        shift_(other.shift_),
        hash_key_(other.hash_key_),
        used_(other.used_),
        live_(other.live_),
        cells_(new Cell[cell_count_]()) {
    for (size_t i = 0; i < cell_count_; ++i) {
      cells_[i].key.store(other.cells_[i].key.load(std::memory_order_relaxed),
                          std::memory_order_relaxed);
      cells_[i].value.store(other.cells_[i].value.load(std::memory_order_relaxed),
                            std::memory_order_relaxed);
    }
  }
  FlatMap& operator=(const FlatMap&) = delete;
  // Only before any other thread knows the map: owners build one of the right size, then place it.
  FlatMap(FlatMap&&) = default;
  FlatMap& operator=(FlatMap&&) = default;

  // How many cells a map needs to take `keys` different keys, erased ones included.
  static constexpr size_t cells_for(size_t keys) { return std::bit_ceil(keys * 2); }

  // The value of `key`, or kAbsent. `key` must not be kEmptyKey. Any thread.
  [[nodiscard]] uint64_t find(uint64_t key) const { return find_from(home(key), key); }

  // Asks for the line in which find() will begin. Any thread.
  void prefetch(uint64_t key) const { __builtin_prefetch(&cells_[home(key)]); }

  // find for many keys (keys.size() == values.size()): all first lines are asked for before one is
  // used. Any thread.
  void find_bulk(std::span<const uint64_t> keys, std::span<uint64_t> values) const {
    size_t homes[kBulk];
    for (size_t done = 0; done < keys.size();) {
      const size_t n = std::min(keys.size() - done, kBulk);
      for (size_t i = 0; i < n; ++i) {
        homes[i] = home(keys[done + i]);
        __builtin_prefetch(&cells_[homes[i]]);
      }
      for (size_t i = 0; i < n; ++i) values[done + i] = find_from(homes[i], keys[done + i]);
      done += n;
    }
  }

  // Makes `key` answer `value` (not kAbsent), new or not. False, and nothing changed, when the key
  // needs a cell and half of them are used: build a bigger map aside. Writer only.
  [[nodiscard]] bool insert(uint64_t key, uint64_t value) {
    Cell& cell = cell_of(key);
    if (cell.key.load(std::memory_order_relaxed) == key) {
      live_ += cell.value.load(std::memory_order_relaxed) == kAbsent;
      cell.value.store(value, std::memory_order_release);
      return true;
    }
    if (used_ >= cell_count_ / 2) return false;
    ++used_;
    ++live_;
    cell.value.store(value, std::memory_order_relaxed);
    cell.key.store(key, std::memory_order_release);  // publishes the value with it
    return true;
  }

  // Replaces the value of a key that is there; false when it is not. Writer only.
  bool assign(uint64_t key, uint64_t value) {
    Cell* cell = live_cell(key);
    if (cell == nullptr) return false;
    cell->value.store(value, std::memory_order_release);
    return true;
  }

  // From now on `key` answers kAbsent; false when it did already. Writer only.
  bool erase(uint64_t key) {
    Cell* cell = live_cell(key);
    if (cell == nullptr) return false;
    cell->value.store(kAbsent, std::memory_order_release);
    --live_;
    return true;
  }

  // Calls visit(key, value) for every key that is there, in no order. Any thread; what the writer
  // changes meanwhile is seen or not.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (size_t i = 0; i < cell_count_; ++i) {
      const uint64_t key = cells_[i].key.load(std::memory_order_acquire);
      if (key == kEmptyKey) continue;
      const uint64_t value = cells_[i].value.load(std::memory_order_acquire);
      if (value != kAbsent) visit(key, value);
    }
  }

  // Keys that are there. Writer only.
  [[nodiscard]] size_t size() const { return live_; }
  // Cells taken: keys that are there and keys that were erased. Writer only.
  [[nodiscard]] size_t used() const { return used_; }
  // The most cells that a lookup of a key in the map reads. Walks the whole map. Writer only.
  [[nodiscard]] size_t longest_probe() const {
    size_t longest = 0;
    for (size_t i = 0; i < cell_count_; ++i) {
      const uint64_t key = cells_[i].key.load(std::memory_order_relaxed);
      if (key != kEmptyKey) longest = std::max(longest, ((i - home(key)) & mask_) + 1);
    }
    return longest;
  }
  // Cells that can be taken in all. Any thread.
  [[nodiscard]] size_t limit() const { return cell_count_ / 2; }

 private:
  static constexpr size_t kBulk = 64;  // a burst; more gain nothing (bench/structure_bench)

  struct alignas(16) Cell {  // never across two cache lines
    std::atomic<uint64_t> key;
    std::atomic<uint64_t> value;
  };
  static_assert(sizeof(Cell) == 16 && std::atomic<uint64_t>::is_always_lock_free);

  // The top bits of two multiply-shift rounds (odd constants: the golden ratio and the finaliser
  // of SplitMix64).
  [[nodiscard]] size_t home(uint64_t key) const {
    uint64_t x = (key ^ hash_key_) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 32) * 0x94d049bb133111ebu;
    return static_cast<size_t>(x >> shift_);
  }

  // Ends, because at least half of the cells are empty.
  [[nodiscard]] uint64_t find_from(size_t at, uint64_t key) const {
    for (;; at = (at + 1) & mask_) {
      const uint64_t found = cells_[at].key.load(std::memory_order_acquire);
      if (found == key) return cells_[at].value.load(std::memory_order_acquire);
      if (found == kEmptyKey) return kAbsent;
    }
  }

  // The cell that `key` has, or the empty one that it would take.
  Cell& cell_of(uint64_t key) {
    size_t at = home(key);
    for (;; at = (at + 1) & mask_) {
      const uint64_t found = cells_[at].key.load(std::memory_order_relaxed);
      if (found == key || found == kEmptyKey) return cells_[at];
    }
  }

  Cell* live_cell(uint64_t key) {
    Cell& cell = cell_of(key);
    if (cell.key.load(std::memory_order_relaxed) != key) return nullptr;
    return cell.value.load(std::memory_order_relaxed) == kAbsent ? nullptr : &cell;
  }

  size_t cell_count_;
  size_t mask_;
  unsigned shift_;
  uint64_t hash_key_;
  size_t used_ = 0;                // written and read by the writer
  size_t live_ = 0;                // written and read by the writer
  std::unique_ptr<Cell[]> cells_;  // written by the writer, read by all
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_FLAT_MAP_H_
