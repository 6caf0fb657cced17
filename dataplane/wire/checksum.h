// The Internet checksum (RFC 1071) and its incremental update (RFC 1624). All sums are over raw
// (network-order) 16-bit words, which the one's complement sum allows. Any thread.
#ifndef POSTERN_DATAPLANE_WIRE_CHECKSUM_H_
#define POSTERN_DATAPLANE_WIRE_CHECKSUM_H_

#include <bit>
#include <cstddef>
#include <cstdint>

#include "dataplane/wire/bytes.h"

namespace postern {

// Folds a sum of 16-bit words to 16 bits: adding a number to itself with its halves exchanged
// leaves the sum of both halves, with the carry that runs around, in the upper half.
constexpr uint16_t fold_sum(uint64_t sum) {
  const auto half = static_cast<uint32_t>((sum + std::rotl(sum, 32)) >> 32);
  return static_cast<uint16_t>((half + std::rotl(half, 16)) >> 16);
}

// The one's complement sum of `bytes` bytes, added to `sum`, not folded. An odd last byte is
// padded with zero.
inline uint64_t add_to_sum(uint64_t sum, const void* data, size_t bytes) {
  const auto* at = static_cast<const uint8_t*>(data);
  for (; bytes >= 4; bytes -= 4, at += 4) sum += load<uint32_t>(at);
  if (bytes >= 2) {
    sum += load<uint16_t>(at);
    at += 2;
    bytes -= 2;
  }
  if (bytes == 1) sum += *at;
  return sum;
}

// The same of an IPv4 header without options (20 bytes), in three loads.
inline uint64_t ipv4_header_sum(const void* header) {
  const auto* at = static_cast<const uint8_t*>(header);
  const auto first = load<uint64_t>(at);
  const auto second = load<uint64_t>(at + 8);
  return (first & 0xffffffff) + (first >> 32) + (second & 0xffffffff) + (second >> 32) +
         load<uint32_t>(at + 16);
}

// The checksum field's value for `bytes` bytes whose checksum field is zero; 0xffff-complemented
// verification: the result over a correct header including its checksum is zero.
inline Be16 checksum_of(const void* data, size_t bytes, uint64_t sum = 0) {
  return Be16::from_raw(static_cast<uint16_t>(~fold_sum(add_to_sum(sum, data, bytes))));
}

// The sum of the TCP or UDP pseudo header (RFC 9293 3.1); `bytes` is the transport length.
inline uint64_t pseudo_header_sum(Be32 source, Be32 destination, uint8_t protocol, uint16_t bytes) {
  return uint64_t{source.raw()} + destination.raw() + Be16(protocol).raw() + Be16(bytes).raw();
}

// What changes in a checksum when some of its words change: collect every replaced word, then
// apply to each checksum that covers them (RFC 1624, equation 3).
class ChecksumDelta {
 public:
  void replace(Be16 before, Be16 after) {
    sum_ += static_cast<uint16_t>(~before.raw());
    sum_ += after.raw();
  }
  void replace(Be32 before, Be32 after) {
    sum_ += static_cast<uint32_t>(~before.raw());
    sum_ += after.raw();
  }
  // The first byte of a word, which was not zero, became less by one.
  void lower_high_byte() { sum_ += 0xfffe; }
  // The checksum after the replacements.
  [[nodiscard]] Be16 apply(Be16 checksum) const {
    return Be16::from_raw(
        static_cast<uint16_t>(~fold_sum(static_cast<uint16_t>(~checksum.raw()) + sum_)));
  }

 private:
  uint64_t sum_ = 0;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_WIRE_CHECKSUM_H_
