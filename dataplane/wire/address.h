// Addresses as types: IPv4 addresses and prefixes, MAC addresses, and their text. Parsing is
// strict: four plain decimal octets without leading zeros, prefixes without host bits.
// Values only; any thread.
#ifndef POSTERN_DATAPLANE_WIRE_ADDRESS_H_
#define POSTERN_DATAPLANE_WIRE_ADDRESS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "dataplane/wire/bytes.h"

namespace postern {

// An IPv4 address, kept in host order so that prefixes are plain arithmetic.
struct Ipv4Address {
  uint32_t value = 0;

  static constexpr Ipv4Address from(Be32 wire) { return {wire.host()}; }
  [[nodiscard]] constexpr Be32 wire() const { return Be32(value); }
  // Dotted quad, or nothing where the text is not exactly that.
  static std::optional<Ipv4Address> parse(std::string_view text);
  [[nodiscard]] std::string text() const;

  [[nodiscard]] constexpr bool is_multicast() const { return value >> 28 == 0xe; }
  // 0/8, 127/8, multicast, 240/4 and the limited broadcast: never a source or destination of
  // forwarded traffic (RFC 1122 3.2.1.3, RFC 1812 5.3.7).
  [[nodiscard]] constexpr bool is_martian() const {
    return value >> 24 == 0 || value >> 24 == 127 || value >> 28 >= 0xe;
  }
  auto operator<=>(const Ipv4Address&) const = default;
};

// An IPv4 prefix without host bits.
struct Ipv4Prefix {
  Ipv4Address address;
  uint8_t length = 0;

  [[nodiscard]] static constexpr uint32_t mask_of(unsigned length) {
    return static_cast<uint32_t>(~uint64_t{0} << (32 - length));
  }
  [[nodiscard]] constexpr uint32_t mask() const { return mask_of(length); }
  [[nodiscard]] constexpr bool contains(Ipv4Address a) const {
    return ((a.value ^ address.value) & mask()) == 0;
  }
  [[nodiscard]] constexpr bool contains(const Ipv4Prefix& other) const {
    return other.length >= length && contains(other.address);
  }
  [[nodiscard]] constexpr bool overlaps(const Ipv4Prefix& other) const {
    return contains(other) || other.contains(*this);
  }
  [[nodiscard]] constexpr bool has_host_bits() const { return (address.value & ~mask()) != 0; }
  // "a.b.c.d/n"; a bare address is a /32. Host bits are kept (ask has_host_bits()).
  static std::optional<Ipv4Prefix> parse(std::string_view text);
  // "a.b.c.d/n", without the length for a /32.
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Ipv4Prefix&) const = default;
};

// A MAC address in wire order.
struct MacAddress {
  std::array<uint8_t, 6> byte{};

  // Six two-digit hexadecimal octets, colons between.
  static std::optional<MacAddress> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  // The six bytes in the low 48 bits, first byte lowest: what a table word or a register holds.
  [[nodiscard]] constexpr uint64_t packed() const {
    if (!std::is_constant_evaluated()) {
      return load<uint32_t>(byte.data()) | uint64_t{load<uint16_t>(byte.data() + 4)} << 32;
    }
    uint64_t value = 0;
    for (int i = 5; i >= 0; --i) value = value << 8 | byte[static_cast<size_t>(i)];
    return value;
  }
  static constexpr MacAddress from_packed(uint64_t value) {
    MacAddress mac;
    if (!std::is_constant_evaluated()) {
      store(mac.byte.data(), static_cast<uint32_t>(value));
      store(mac.byte.data() + 4, static_cast<uint16_t>(value >> 32));
      return mac;
    }
    for (auto& b : mac.byte) {
      b = static_cast<uint8_t>(value);
      value >>= 8;
    }
    return mac;
  }
  [[nodiscard]] constexpr bool is_multicast() const { return (byte[0] & 1) != 0; }
  [[nodiscard]] constexpr bool is_zero() const { return packed() == 0; }
  static constexpr MacAddress broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  auto operator<=>(const MacAddress&) const = default;
  // In two registers; the default goes byte by byte.
  constexpr bool operator==(const MacAddress& other) const { return packed() == other.packed(); }
};
static_assert(sizeof(MacAddress) == 6 && alignof(MacAddress) == 1);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_WIRE_ADDRESS_H_
