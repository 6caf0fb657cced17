#include "dataplane/wire/address.h"

#include <cstdio>

namespace postern {
namespace {

// Takes a plain decimal number of at most `max` from the front of `text`.
std::optional<uint32_t> take_decimal(std::string_view& text, uint32_t max) {
  uint32_t value = 0;
  size_t used = 0;
  while (used < text.size() && used < 4 && text[used] >= '0' && text[used] <= '9') {
    value = value * 10 + static_cast<uint32_t>(text[used++] - '0');
  }
  const bool leading_zero = used > 1 && text[0] == '0';
  if (used == 0 || leading_zero || value > max) return std::nullopt;
  text.remove_prefix(used);
  return value;
}

std::optional<uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

std::optional<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) {
      if (text.empty() || text[0] != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    const auto octet = take_decimal(text, 255);
    if (!octet) return std::nullopt;
    value = value << 8 | *octet;
  }
  if (!text.empty()) return std::nullopt;
  return Ipv4Address{value};
}

std::string Ipv4Address::text() const {
  char buffer[16];
  const int n = std::snprintf(buffer, sizeof buffer, "%u.%u.%u.%u", value >> 24, value >> 16 & 255,
                              value >> 8 & 255, value & 255);
  return {buffer, static_cast<size_t>(n)};
}

std::optional<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = Ipv4Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Ipv4Prefix{*address, 32};
  text.remove_prefix(slash + 1);
  const auto length = take_decimal(text, 32);
  if (!length || !text.empty()) return std::nullopt;
  return Ipv4Prefix{*address, static_cast<uint8_t>(*length)};
}

std::string Ipv4Prefix::text() const {
  return length == 32 ? address.text() : address.text() + "/" + std::to_string(length);
}

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  MacAddress mac;
  for (size_t i = 0; i < 6; ++i) {
    const auto high = hex_digit(text[i * 3]);
    const auto low = hex_digit(text[i * 3 + 1]);
    if (!high || !low || (i < 5 && text[i * 3 + 2] != ':')) return std::nullopt;
    mac.byte[i] = static_cast<uint8_t>(*high << 4 | *low);
  }
  return mac;
}

std::string MacAddress::text() const {
  char buffer[18];
  const int n = std::snprintf(buffer, sizeof buffer, "%02x:%02x:%02x:%02x:%02x:%02x", byte[0],
                              byte[1], byte[2], byte[3], byte[4], byte[5]);
  return {buffer, static_cast<size_t>(n)};
}

}  // namespace postern
