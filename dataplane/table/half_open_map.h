// Which positions of a session table hold a half-open connection, a bit each: so that the one that
// gives way (nat.md T9) is found among a million sessions by reading 128 KB and not a million
// entries. Bits follow the entries' flag kSessionHalfOpen; who looks reads the entry as well.
// Used by the worker that owns the table.
#ifndef POSTERN_DATAPLANE_TABLE_HALF_OPEN_MAP_H_
#define POSTERN_DATAPLANE_TABLE_HALF_OPEN_MAP_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace postern {

class HalfOpenMap {
 public:
  // Positions that one call of next() passes at most: a cache line of bits.
  static constexpr uint32_t kPositionsPerLine = 512;

  static size_t words_for(uint32_t positions) {
    return (positions + kBitsPerWord - 1) / kBitsPerWord;
  }
  // `words`: zeroed, words_for() of them, kept by the caller.
  explicit HalfOpenMap(std::span<uint64_t> words) : words_(words.data()) {}

  void mark(uint32_t position) { words_[position / kBitsPerWord] |= bit(position); }
  void unmark(uint32_t position) {
    if (is_marked(position)) words_[position / kBitsPerWord] &= ~bit(position);
  }
  [[nodiscard]] bool is_marked(uint32_t position) const {
    return (words_[position / kBitsPerWord] & bit(position)) != 0;
  }

  // The first marked position of from..end-1, if it lies in the line of `from`; else where to go
  // on: the beginning of the next line, or `end`. `from` is below `end`.
  [[nodiscard]] uint32_t next(uint32_t from, uint32_t end) const {
    const uint32_t line_end = std::min(end, (from / kPositionsPerLine + 1) * kPositionsPerLine);
    uint64_t word = words_[from / kBitsPerWord] & ~uint64_t{0} << from % kBitsPerWord;
    for (uint32_t at = from / kBitsPerWord * kBitsPerWord;;) {
      if (word != 0) return std::min(end, at + static_cast<uint32_t>(std::countr_zero(word)));
      at += kBitsPerWord;
      if (at >= line_end) return line_end;
      word = words_[at / kBitsPerWord];
    }
  }

 private:
  static constexpr uint32_t kBitsPerWord = 64;  // uint64_t
  static uint64_t bit(uint32_t position) { return uint64_t{1} << position % kBitsPerWord; }

  uint64_t* words_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_HALF_OPEN_MAP_H_
