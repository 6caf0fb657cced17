#include "dataplane/table/random_stream.h"

#include <wmmintrin.h>

namespace postern {
namespace {

// One step of the AES-128 key schedule (FIPS 197 5.2).
template <int kRoundConstant>
[[gnu::target("aes")]] __m128i next_round_key(__m128i key) {
  const __m128i assist =
      _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, kRoundConstant), _MM_SHUFFLE(3, 3, 3, 3));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
  return _mm_xor_si128(key, assist);
}

[[gnu::target("aes")]] void key_schedule(__m128i key, __m128i* round) {
  round[0] = key;
  round[1] = next_round_key<0x01>(round[0]);
  round[2] = next_round_key<0x02>(round[1]);
  round[3] = next_round_key<0x04>(round[2]);
  round[4] = next_round_key<0x08>(round[3]);
  round[5] = next_round_key<0x10>(round[4]);
  round[6] = next_round_key<0x20>(round[5]);
  round[7] = next_round_key<0x40>(round[6]);
  round[8] = next_round_key<0x80>(round[7]);
  round[9] = next_round_key<0x1b>(round[8]);
  round[10] = next_round_key<0x36>(round[9]);
}

}  // namespace

RandomStream::RandomStream(uint64_t key_low, uint64_t key_high) {
  key_schedule(_mm_set_epi64x(static_cast<int64_t>(key_high), static_cast<int64_t>(key_low)),
               round_key_);
  refill(0);
  refill(kAhead);
}

void RandomStream::refill(unsigned begin) {
  constexpr unsigned kBlocks = kAhead / 4;
  __m128i block[kBlocks];
  for (__m128i& b : block) {
    b = _mm_xor_si128(_mm_set_epi64x(0, static_cast<int64_t>(counter_++)), round_key_[0]);
  }
  for (unsigned round = 1; round < 10; ++round) {
    for (__m128i& b : block) b = _mm_aesenc_si128(b, round_key_[round]);
  }
  auto* out = reinterpret_cast<__m128i*>(words_.data() + begin);
  for (unsigned i = 0; i < kBlocks; ++i) {
    _mm_store_si128(out + i, _mm_aesenclast_si128(block[i], round_key_[10]));
  }
}

}  // namespace postern
