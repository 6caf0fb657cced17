// Which parts of a datagram have come: in units of eight bytes, as fragments count (RFC 791 3.2).
//
// A few ranges are kept as a list; many (a datagram of 64 KB, or one in tiny pieces) as two bit
// maps, so that a question costs the same however many fragments there were. Pure functions.
#ifndef POSTERN_DATAPLANE_TABLE_FRAGMENT_RANGES_H_
#define POSTERN_DATAPLANE_TABLE_FRAGMENT_RANGES_H_

#include <array>
#include <cstdint>
#include <span>

namespace postern {

inline constexpr uint32_t kFragmentUnitBytes = 8;  // RFC 791 3.1

// first <= unit < end.
struct UnitRange {
  uint16_t first = 0;
  uint16_t end = 0;

  friend bool operator==(const UnitRange&, const UnitRange&) = default;
};

// What a range is to those that came before.
enum class RangeFit : uint8_t {
  kNew,      // touches none of them
  kSame,     // is exactly one of them
  kOverlap,  // anything else
};

inline RangeFit fit_of(std::span<const UnitRange> before, UnitRange range) {
  bool touches = false;
  bool same = false;
  for (const UnitRange& other : before) {
    touches |= range.first < other.end && other.first < range.end;
    same |= range == other;
  }
  if (!touches) return RangeFit::kNew;
  return same ? RangeFit::kSame : RangeFit::kOverlap;
}

// Any number of ranges that do not overlap, of a datagram of 65,535 bytes.
class RangeMap {
 public:
  void clear() { *this = RangeMap{}; }

  void add(UnitRange range) {
    for_words(range, [this](uint32_t word, uint64_t mask) { covered_[word] |= mask; });
    starts_[range.first / 64] |= bit(range.first);
  }

  [[nodiscard]] RangeFit fit(UnitRange range) const {
    uint64_t touched = 0;
    uint64_t missing = 0;
    uint64_t starts = 0;
    for_words(range, [&](uint32_t word, uint64_t mask) {
      touched |= covered_[word] & mask;
      missing |= ~covered_[word] & mask;
      const bool first = word == range.first / 64u;
      starts |= starts_[word] & (first ? mask & ~bit(range.first) : mask);
    });
    if (touched == 0) return RangeFit::kNew;
    const bool begins = (starts_[range.first / 64] & bit(range.first)) != 0;
    const bool whole = missing == 0 && starts == 0 && begins && ends_at(range.end);
    return whole ? RangeFit::kSame : RangeFit::kOverlap;
  }

 private:
  static constexpr uint32_t kWords = 8192 / 64;  // a bit for every unit of the largest datagram

  static constexpr uint64_t bit(uint32_t unit) { return uint64_t{1} << (unit % 64); }
  // True where what covers the unit before does not go on here.
  [[nodiscard]] bool ends_at(uint32_t unit) const {
    if (unit / 64 == kWords || (covered_[unit / 64] & bit(unit)) == 0) return true;
    return (starts_[unit / 64] & bit(unit)) != 0;
  }
  // The words that the range touches, each with the range's bits in it.
  template <typename Visit>
  static void for_words(UnitRange range, Visit visit) {
    const uint32_t last = (range.end - 1u) / 64;
    for (uint32_t word = range.first / 64; word <= last; ++word) {
      uint64_t mask = ~uint64_t{0};
      if (word == range.first / 64u) mask &= ~uint64_t{0} << (range.first % 64);
      if (word == last) mask &= ~uint64_t{0} >> (63 - (range.end - 1u) % 64);
      visit(word, mask);
    }
  }

  std::array<uint64_t, kWords> covered_{};
  std::array<uint64_t, kWords> starts_{};  // where a range begins
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_FRAGMENT_RANGES_H_
