// From a hashed key to the handles of the entries that may have it: the index of one direction.
//
// An array of 64-byte lines, twelve slots each. A key belongs to its home line; when that is full,
// to the first of a sequence of other lines that is not. The home line counts what of its own lives
// elsewhere, and how far down the sequence, so that a miss usually costs one line.
//
//    0            24                                60          62      64
//    | 12 x tag16 | 12 x handle24                   | elsewhere | reach |
//
// The sequence jumps instead of going to neighbours: the eight ports of a block share a home line,
// so full lines come in clusters, and fifteen neighbours are all full in one place of a hundred
// when few remotes take all the ports (docs/decisions/0001).
// A tag of zero is an empty slot. Handles are read as 32 bits; the last one ends inside the line.
// The number of lines is any number, not a power of two: the load is what the configuration says.
// Written and read by the worker that owns the table.
#ifndef POSTERN_DATAPLANE_TABLE_SESSION_INDEX_H_
#define POSTERN_DATAPLANE_TABLE_SESSION_INDEX_H_

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/table/session_hash.h"
#include "dataplane/wire/bytes.h"

namespace postern {

// Slots of a line as a bit set: bit 2n stands for slot n.
class SlotSet {
 public:
  explicit SlotSet(uint32_t bits) : bits_(bits & 0x00555555) {}
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  [[nodiscard]] unsigned first() const {
    return static_cast<unsigned>(std::countr_zero(bits_)) / 2;
  }
  void drop_first() { bits_ &= bits_ - 1; }

 private:
  uint32_t bits_;
};

struct alignas(64) IndexLine {
  // Of five bytes each, with both counters: one line (docs/decisions/0001-session-table.md).
  static constexpr unsigned kSlots = 12;
  static constexpr uint16_t kPortBits = 7;  // in the tags of the inbound index

  uint16_t tag[kSlots];
  uint8_t handle_byte[3 * kSlots];
  uint16_t elsewhere;  // keys of this home line that live in other lines
  uint16_t reach;      // how many lines of their sequences they may be in; 0: they are all here

  [[nodiscard]] SlotSet with_tag(uint16_t wanted) const {
    const __m256i equal =
        _mm256_cmpeq_epi16(tags(), _mm256_set1_epi16(static_cast<int16_t>(wanted)));
    return SlotSet(static_cast<uint32_t>(_mm256_movemask_epi8(equal)));
  }
  // Slots whose tag is that of `block`, whatever the port bits.
  [[nodiscard]] SlotSet with_block(uint16_t block) const {
    return SlotSet(static_cast<uint32_t>(_mm256_movemask_epi8(of_block(block))));
  }
  // The ports of `block` (a tag without port bits) that this line shows as taken: bit n for port n.
  [[nodiscard]] uint8_t ports_of_block(uint16_t block) const;

  [[nodiscard]] uint32_t handle(unsigned slot) const {
    return load<uint32_t>(&handle_byte[3 * slot]) & 0x00ffffff;
  }
  void set(unsigned slot, uint16_t new_tag, uint32_t new_handle) {
    store(&handle_byte[3 * slot], static_cast<uint16_t>(new_handle));
    handle_byte[3 * slot + 2] = static_cast<uint8_t>(new_handle >> 16);
    tag[slot] = new_tag;
  }

 private:
  [[nodiscard]] __m256i tags() const {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(tag));
  }
  [[nodiscard]] __m256i of_block(uint16_t block) const {
    const __m256i without_port = _mm256_set1_epi16(static_cast<int16_t>(~kPortBits));
    return _mm256_cmpeq_epi16(_mm256_and_si256(tags(), without_port),
                              _mm256_set1_epi16(static_cast<int16_t>(block)));
  }
};
static_assert(sizeof(IndexLine) == 64 && offsetof(IndexLine, elsewhere) == 60);

inline uint8_t IndexLine::ports_of_block(uint16_t block) const {
  // The low byte of each lane becomes 1 << port bits by a table look-up; lanes of other blocks,
  // high bytes and the four lanes that are handles become zero; then all lanes are or-ed.
  const __m256i bit_of_port =
      _mm256_set1_epi64x(static_cast<int64_t>(uint64_t{0x8040201008040201}));
  const __m256i low_bytes_of_tags = _mm256_setr_epi32(0x00ff00ff, 0x00ff00ff, 0x00ff00ff,
                                                      0x00ff00ff, 0x00ff00ff, 0x00ff00ff, 0, 0);
  const __m256i port = _mm256_and_si256(tags(), _mm256_set1_epi16(kPortBits));
  const __m256i bits = _mm256_and_si256(_mm256_shuffle_epi8(bit_of_port, port),
                                        _mm256_and_si256(of_block(block), low_bytes_of_tags));
  __m128i sum = _mm_or_si128(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
  sum = _mm_or_si128(sum, _mm_srli_si128(sum, 8));
  sum = _mm_or_si128(sum, _mm_srli_si128(sum, 4));
  sum = _mm_or_si128(sum, _mm_srli_si128(sum, 2));
  return static_cast<uint8_t>(_mm_cvtsi128_si32(sum));
}

// Where a key belongs.
struct IndexPlace {
  uint64_t sequence;  // what the lines after home follow from
  uint32_t home;
  uint16_t tag;
};

class SessionIndex {
 public:
  // Lines that are tried when home is full: a bound of what a look-up may cost.
  static constexpr uint32_t kMaxReach = 31;
  // From line to line of a sequence by multiplication: with addition, one key in a thousand would
  // come back to where it was.
  static constexpr uint64_t kJump = 0x9e3779b97f4a7c15;
  // So that the lines of a sequence differ in the smallest tables, too: kMaxReach and home.
  static constexpr uint32_t kMinLines = 32;
  // With 0.5 a look-up costs a sixth less as long as the table is cached, and a session takes 120
  // bytes instead of 115; with 0.8 a third to two thirds more, and 112 (bench/session_table_bench).
  static constexpr double kLoad = 0.65;
  // Lines for so many entries at kLoad.
  static uint32_t lines_for(uint32_t entries);

  explicit SessionIndex(std::span<IndexLine> lines)
      : lines_(lines.data()), count_(static_cast<uint32_t>(lines.size())) {}

  // Places of keys of the outbound and of the inbound index. The inbound tag ends with the port's
  // low bits; the block hash must not depend on them.
  [[nodiscard]] IndexPlace outbound_place(SessionHashValue hash) const {
    const auto tag = static_cast<uint16_t>(hash.low >> 32);
    return {hash.high, line_of(hash.low), tag == 0 ? uint16_t{1} : tag};
  }
  [[nodiscard]] IndexPlace block_place(SessionHashValue hash) const {
    const auto tag = static_cast<uint16_t>((hash.low >> 32) & ~uint64_t{IndexLine::kPortBits});
    return {hash.high, line_of(hash.low), tag == 0 ? uint16_t{8} : tag};
  }
  [[nodiscard]] IndexPlace inbound_place(SessionHashValue hash, uint16_t port) const {
    IndexPlace place = block_place(hash);
    place.tag = static_cast<uint16_t>(place.tag | (port & IndexLine::kPortBits));
    return place;
  }

  [[nodiscard]] const IndexLine& line(uint32_t number) const { return lines_[number]; }
  void prefetch(uint32_t number) const {
    _mm_prefetch(reinterpret_cast<const char*>(&lines_[number]), _MM_HINT_T0);
  }

  // Asks for the lines beside home in which this key may be.
  void prefetch_others(const IndexPlace& place) const {
    uint64_t sequence = place.sequence;
    for (uint32_t step = 0; step < lines_[place.home].reach; ++step, sequence *= kJump) {
      prefetch(line_of(sequence >> 32));
    }
  }

  // The first handle with this tag in the key's lines that `is_it(handle)` accepts, or ~0u.
  template <typename Predicate>
  [[nodiscard]] uint32_t find(const IndexPlace& place, Predicate&& is_it) const {
    uint32_t found = ~0U;
    for_each_line(place, [&](const IndexLine& line) {
      for (SlotSet slots = line.with_tag(place.tag); !slots.empty(); slots.drop_first()) {
        const uint32_t handle = line.handle(slots.first());
        if (!is_it(handle)) continue;
        found = handle;
        return true;
      }
      return false;
    });
    return found;
  }

  // The first line in which this key may be beside its home.
  [[nodiscard]] uint32_t second_line(const IndexPlace& place) const {
    return line_of(place.sequence >> 32);
  }

  // Calls `visit(line) -> bool` for the lines in which this key may be, until it returns true.
  template <typename Visitor>
  bool for_each_line(const IndexPlace& place, Visitor&& visit) const {
    const IndexLine& home = lines_[place.home];
    if (visit(home)) return true;
    uint64_t sequence = place.sequence;
    for (uint32_t step = 0; step < home.reach; ++step, sequence *= kJump) {
      if (visit(lines_[line_of(sequence >> 32)])) return true;
    }
    return false;
  }

  // False when every line of the key is full.
  bool insert(const IndexPlace& place, uint32_t handle);
  // The pair must be in the index.
  void erase(const IndexPlace& place, uint32_t handle);

 private:
  [[nodiscard]] uint32_t line_of(uint64_t hash) const {
    return static_cast<uint32_t>((hash & 0xffffffff) * count_ >> 32);
  }

  IndexLine* lines_;
  uint32_t count_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_SESSION_INDEX_H_
