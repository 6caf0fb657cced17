// Byte order as a type. A Be16 or Be32 is what lies in a packet: network order, alignment 1, no
// implicit conversion in either direction, so header structs need no packing and a missing
// ntohs() does not compile. Any thread; everything here is a value.
#ifndef POSTERN_DATAPLANE_WIRE_BYTES_H_
#define POSTERN_DATAPLANE_WIRE_BYTES_H_

#include <bit>
#include <cstdint>
#include <cstring>

namespace postern {

// Big-endian unsigned integer of the size of `T`, as bytes.
template <typename T>
class BigEndian {
 public:
  BigEndian() = default;
  // From host order.
  explicit constexpr BigEndian(T host) : bytes_(std::bit_cast<Bytes>(swap(host))) {}

  // The value in host order.
  [[nodiscard]] constexpr T host() const { return swap(raw()); }
  // The value as it lies in memory, for checksums, hashes and comparisons.
  [[nodiscard]] constexpr T raw() const { return std::bit_cast<T>(bytes_); }
  static constexpr BigEndian from_raw(T raw) {
    BigEndian value;
    value.bytes_ = std::bit_cast<Bytes>(raw);
    return value;
  }
  // As one number: the default goes byte by byte.
  friend constexpr bool operator==(const BigEndian& a, const BigEndian& b) {
    return a.raw() == b.raw();
  }

 private:
  struct Bytes {
    uint8_t byte[sizeof(T)];
  };
  static constexpr T swap(T value) {
    static_assert(std::endian::native == std::endian::little, "x86-64 only");
    if constexpr (sizeof(T) == 2) {
      // Turning 16 bits by 8 swaps them; the builtin compiles to the same instructions.
      return std::rotl(value, 8);
    } else if constexpr (sizeof(T) == 4) {
      return __builtin_bswap32(value);
    } else {
      return __builtin_bswap64(value);
    }
  }
  Bytes bytes_;
};

using Be16 = BigEndian<uint16_t>;
using Be32 = BigEndian<uint32_t>;
static_assert(sizeof(Be16) == 2 && alignof(Be16) == 1 && sizeof(Be32) == 4 && alignof(Be32) == 1);

// Reads a trivially copyable T from possibly unaligned bytes.
template <typename T>
inline T load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// A header where it lies: for reading a few fields of it. A copy of one would go through the stack
// in pieces that overlap, and the loads behind it would wait for the stores (bench, arrive: 8 to 15
// cycles each). Only types made of bytes, which may lie anywhere.
template <typename T>
inline const T& view(const void* at) {
  static_assert(alignof(T) == 1);
  return *static_cast<const T*>(at);
}

template <typename T>
inline void store(void* to, const T& value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_WIRE_BYTES_H_
