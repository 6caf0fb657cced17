#include "dataplane/table/session_hash.h"

#include "dataplane/table/random_stream.h"

namespace postern {

SessionHash::SessionHash(uint64_t key_low, uint64_t key_high) {
  RandomStream stream(key_low, key_high);
  for (__m128i& round_key : round_key_) {
    const auto word = [&stream] { return static_cast<int>(stream.next()); };
    round_key = _mm_setr_epi32(word(), word(), word(), word());
  }
}

}  // namespace postern
