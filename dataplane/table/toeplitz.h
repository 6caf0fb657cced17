// The hash by which NICs spread packets (Toeplitz, as RSS defines it), of IPv4 addresses and ports.
//
// Bit j of the hash is the sum without carries of the input's bits i where bit i + j of the key is
// set, both counted from the first bit on the wire. That is a product without carries of the input
// and the reversed key, which the CPU multiplies: two instructions, where bit by bit it takes 147
// cycles (docs/decisions/0009-steering.md). Only the hash's lowest six bits are computed, which
// choose a place of a NIC's redirection table.
//
// It is linear: whoever sees enough results knows the key. It chooses among workers, nothing else.
// x86-64-v3 does not promise the instruction: machine_can(). Values; any thread.
#ifndef POSTERN_DATAPLANE_TABLE_TOEPLITZ_H_
#define POSTERN_DATAPLANE_TABLE_TOEPLITZ_H_

#include <emmintrin.h>
#include <wmmintrin.h>

#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/wire/bytes.h"

namespace postern {

// `index` with its lowest `bits` bits in the opposite order; the others are left out.
constexpr uint32_t reversed(uint32_t index, uint32_t bits) {
  uint32_t result = 0;
  for (uint32_t bit = 0; bit < bits; ++bit) result |= (index >> bit & 1) << (bits - 1 - bit);
  return result;
}

class Toeplitz {
 public:
  static constexpr uint32_t kResultBits = 6;  // of the hash, the lowest
  // What an IPv4 input uses of a key, in bytes on the wire: 96 bits and 32 of the hash. NICs have
  // longer ones.
  using Key = std::array<uint8_t, 16>;

  explicit Toeplitz(const Key& key) {
    for (uint32_t half = 0; half < 2; ++half) {
      for (uint32_t bit = 0; bit < kInputBits + kResultBits - 1; ++bit) {
        const uint32_t on_wire = half * kInputBits + 32 - kResultBits + bit;
        const uint64_t is_set = key[on_wire / 8] >> (7 - on_wire % 8) & 1;
        window_[half] |= is_set << bit;
      }
    }
  }

  // Whether this machine has the instruction. Ask before anything here is called.
  static bool machine_can() { return __builtin_cpu_supports("pclmul") != 0; }

  // The hash's lowest six bits, the lowest one first: reversed(hash & 63, 6). Without ports, as
  // NICs do it for what is neither TCP nor UDP: zeros.
  [[nodiscard, gnu::target("pclmul")]] uint32_t low_bits_reversed(Be32 source, Be32 destination,
                                                                  Be16 source_port,
                                                                  Be16 destination_port) const {
    const uint64_t middle = destination.host();
    const uint64_t first = uint64_t{source.host()} << 16 | middle >> 16;
    const uint64_t second =
        (middle & 0xffff) << 32 | uint32_t{source_port.host()} << 16 | destination_port.host();
    const __m128i sum = _mm_xor_si128(product(first, window_[0]), product(second, window_[1]));
    // The first result bit is where the input's last bit meets the window's first.
    return static_cast<uint32_t>(static_cast<uint64_t>(_mm_cvtsi128_si64(sum)) >>
                                 (kInputBits - 1)) &
           63;
  }

 private:
  static constexpr uint32_t kInputBits =
      48;  // half of an IPv4 input: product and window fit a word

  [[gnu::target("pclmul")]] static __m128i product(uint64_t a, uint64_t b) {
    return _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<int64_t>(a)),
                                _mm_cvtsi64_si128(static_cast<int64_t>(b)), 0);
  }

  // For each half of the input what it meets of the key: the first bit on the wire is the lowest.
  std::array<uint64_t, 2> window_{};
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_TOEPLITZ_H_
