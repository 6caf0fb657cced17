// Random numbers that nobody without the key can predict: AES-128 in counter mode, a buffer ahead.
//
// Port choices are seen by strangers, so a reduced cipher would not do here (RFC 6056 5.3). A draw
// costs a load; every sixty-four draws, sixteen blocks are made side by side.
// Needs AES instructions (SessionHash::machine_can()). Owned and called by one worker.
#ifndef POSTERN_DATAPLANE_TABLE_RANDOM_STREAM_H_
#define POSTERN_DATAPLANE_TABLE_RANDOM_STREAM_H_

#include <emmintrin.h>

#include <array>
#include <cstdint>

namespace postern {

class RandomStream {
 public:
  // Draws that can be looked at before they are taken: one for each session of a burst that is made
  // (SessionTable::prefetch_create). A draw costs two cycles (bench/structure_bench).
  static constexpr unsigned kAhead = 64;

  explicit RandomStream(uint64_t key_low, uint64_t key_high);

  // The next 32 random bits.
  uint32_t next() {
    const uint32_t word = words_[position_];
    position_ = (position_ + 1) % (2 * kAhead);
    if (position_ % kAhead == 0) refill((position_ + kAhead) % (2 * kAhead));
    return word;
  }
  // What the call of next() after `ahead` others will return; ahead < kAhead.
  [[nodiscard]] uint32_t peek(unsigned ahead) const {
    return words_[(position_ + ahead) % (2 * kAhead)];
  }

 private:
  // Fills the half of the buffer that begins at `begin`.
  [[gnu::target("aes")]] void refill(unsigned begin);

  __m128i round_key_[11];
  uint64_t counter_ = 0;
  unsigned position_ = 0;
  alignas(64) std::array<uint32_t, 2 * kAhead> words_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_RANDOM_STREAM_H_
