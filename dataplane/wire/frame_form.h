// What the fixed fields of a frame must be for it to be of one wanted form, so that a few vector
// compares tell what otherwise takes a branch a field. Which form that is, the tables say
// (table/expected_forms.h); this only compares. Values; any thread.
#ifndef POSTERN_DATAPLANE_WIRE_FRAME_FORM_H_
#define POSTERN_DATAPLANE_WIRE_FRAME_FORM_H_

#include <immintrin.h>

#include <array>
#include <cstdint>

#include "dataplane/wire/bytes.h"

namespace postern {

// A value under a mask for the first kBytes bytes of a frame.
class alignas(32) FrameForm {
 public:
  // The tunnel's headers and, of the IP header behind them, all up to its addresses.
  static constexpr uint32_t kBytes = 80;
  static constexpr uint32_t kPlainBytes = 32;

  // One that no frame is of: a bit is wanted that the mask takes out.
  FrameForm() { value_[0] = 1; }

  // From now on frames of this form have `value` at `offset`, in the bits of `mask` (both as they
  // lie on the wire).
  template <typename T>
  void expect(uint32_t offset, const T& value, const T& mask) {
    if (is_empty()) value_[0] = 0;
    store(&value_[offset], value);
    store(&mask_[offset], mask);
  }

  // Whether no frame is of this form.
  [[nodiscard]] bool is_empty() const { return mask_[0] == 0 && value_[0] != 0; }
  // Whether the frame is of this form; reads kBytes bytes.
  [[nodiscard]] bool fits(const uint8_t* frame) const {
    const __m256i first = difference(frame, 0);
    const __m256i second = difference(frame, 32);
    const __m128i third =
        _mm_xor_si128(_mm_and_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(frame + 64)),
                                    _mm_load_si128(reinterpret_cast<const __m128i*>(&mask_[64]))),
                      _mm_load_si128(reinterpret_cast<const __m128i*>(&value_[64])));
    const __m256i any =
        _mm256_or_si256(_mm256_or_si256(first, second), _mm256_zextsi128_si256(third));
    return _mm256_testz_si256(any, any) != 0;
  }
  // Likewise of a form that says nothing behind its first kPlainBytes bytes; reads these.
  [[nodiscard]] bool fits_plain(const uint8_t* frame) const {
    const __m256i any = difference(frame, 0);
    return _mm256_testz_si256(any, any) != 0;
  }

 private:
  [[nodiscard]] __m256i difference(const uint8_t* frame, uint32_t at) const {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(frame + at));
    const __m256i mask = _mm256_load_si256(reinterpret_cast<const __m256i*>(&mask_[at]));
    const __m256i value = _mm256_load_si256(reinterpret_cast<const __m256i*>(&value_[at]));
    return _mm256_xor_si256(_mm256_and_si256(bytes, mask), value);
  }

  std::array<uint8_t, 96> value_{};
  std::array<uint8_t, 96> mask_{};
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_WIRE_FRAME_FORM_H_
