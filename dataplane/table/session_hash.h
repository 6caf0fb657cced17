// The hash of sessions: three AES rounds over the 16-byte key, with round keys made at start.
//
// Keyed and not linear: a seeded CRC keeps its collisions under every seed, so whoever finds one
// set of colliding tuples could fill one line of every gateway. 1.0 cycle a key when many are
// hashed in a row, against 1.3 for CRC32 and 15 for SipHash-1-3 (docs/decisions/0001).
// x86-64-v3 does not promise AES instructions, so these functions and those that shall have them
// inlined carry the target as an attribute, and the program asks machine_can() at start.
// Values only after construction; any thread.
#ifndef POSTERN_DATAPLANE_TABLE_SESSION_HASH_H_
#define POSTERN_DATAPLANE_TABLE_SESSION_HASH_H_

#include <emmintrin.h>
#include <wmmintrin.h>

#include <cstdint>

#include "dataplane/table/session_entry.h"

namespace postern {

// 128 hashed bits, as two words.
struct SessionHashValue {
  uint64_t low;
  uint64_t high;
};

class SessionHash {
 public:
  SessionHash(uint64_t key_low, uint64_t key_high);

  // Whether this machine has the instructions. Ask before anything here is called.
  static bool machine_can() { return __builtin_cpu_supports("aes") != 0; }

  [[gnu::target("aes")]] SessionHashValue outbound(const OutboundKey& key) const {
    return hash(_mm_load_si128(reinterpret_cast<const __m128i*>(&key)));
  }

  // Of sixteen bytes that were never in memory.
  [[gnu::target("aes")]] SessionHashValue of(uint64_t low, uint64_t high) const {
    return hash(_mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low)));
  }

  // Of an inbound key, the same for the eight ports of a block, so that they share an index line.
  [[gnu::target("aes")]] SessionHashValue inbound_block(const InboundKey& key) const {
    const __m128i block_mask =
        _mm_set_epi8(-1, -8, -1, -1, -1, -1, -1, 0, 0, -1, -1, -1, -1, -1, -1, -1);
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&key));
    return hash(_mm_and_si128(bytes, block_mask));
  }
  [[gnu::target("aes")]] SessionHashValue inbound_block(InboundWords key) const {
    return hash(_mm_set_epi64x(static_cast<int64_t>(key.high & 0xfff8'ffff'ffff'ff00),
                               static_cast<int64_t>(key.low & 0x00ff'ffff'ffff'ffff)));
  }
  // Of a remote, independent of the hashes of its blocks.
  [[gnu::target("aes")]] uint32_t fingerprint(InboundWords remote) const {
    return static_cast<uint32_t>(inbound_block({remote.low, remote.high | uint64_t{1} << 56}).low);
  }

 private:
  [[gnu::target("aes")]] SessionHashValue hash(__m128i bytes) const {
    bytes = _mm_xor_si128(bytes, round_key_[0]);
    bytes = _mm_aesenc_si128(bytes, round_key_[1]);
    bytes = _mm_aesenc_si128(bytes, round_key_[2]);
    bytes = _mm_aesenc_si128(bytes, round_key_[3]);
    return {.low = static_cast<uint64_t>(_mm_cvtsi128_si64(bytes)),
            .high = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(bytes, bytes)))};
  }

  __m128i round_key_[4];
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_SESSION_HASH_H_
