#include "config/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

namespace postern::config {
namespace {

struct Unit {
  std::string_view name;
  uint64_t size;
};

// The largest first.
constexpr Unit kTimes[] = {{"h", 3600}, {"m", 60}, {"s", 1}};
constexpr Unit kRates[] = {{"Tbit", 1'000'000'000'000},
                           {"Gbit", 1'000'000'000},
                           {"Mbit", 1'000'000},
                           {"kbit", 1'000},
                           {"bit", 1}};

// Takes digits from the front. Nothing where there are none or too many.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(read.ptr - text.data()));
  return value;
}

// "a, b and c".
std::string listed(std::span<const std::string_view> names, std::string_view last_joint) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? last_joint : ", ";
    out += names[i];
  }
  return out;
}

template <size_t N>
std::array<std::string_view, N> names_of(const Unit (&units)[N]) {
  std::array<std::string_view, N> names;
  std::transform(std::begin(units), std::end(units), names.begin(),
                 [](const Unit& unit) { return unit.name; });
  return names;
}

}  // namespace

std::string duration_units() { return listed(names_of(kTimes), " and "); }

std::string rate_units() {
  auto names = names_of(kRates);
  std::reverse(names.begin(), names.end());
  return listed(names, " or ");
}

std::optional<uint32_t> parse_duration_s(std::string_view text) {
  constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
  if (text.empty()) return std::nullopt;
  uint64_t total = 0;
  size_t next = 0;  // units before this one are used up
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number || *number > kMost) return std::nullopt;
    while (next < std::size(kTimes) && !text.starts_with(kTimes[next].name)) ++next;
    if (next == std::size(kTimes)) return std::nullopt;
    text.remove_prefix(1);
    total += *number * kTimes[next++].size;
  }
  if (total > kMost) return std::nullopt;
  return static_cast<uint32_t>(total);
}

std::string duration_text(uint32_t seconds) {
  if (seconds == 0) return "0s";
  std::string out;
  uint64_t rest = seconds;
  for (const Unit& unit : kTimes) {
    if (rest >= unit.size) out += std::to_string(rest / unit.size).append(unit.name);
    rest %= unit.size;
  }
  return out;
}

std::optional<uint64_t> parse_rate_bits_per_second(std::string_view text) {
  const auto number = take_number(text);
  if (!number || *number == 0) return std::nullopt;
  for (const Unit& unit : kRates) {
    if (text != unit.name) continue;
    if (*number > std::numeric_limits<uint64_t>::max() / unit.size) return std::nullopt;
    return *number * unit.size;
  }
  return std::nullopt;
}

std::string rate_text(uint64_t bits_per_second) {
  for (const Unit& unit : kRates) {
    if (bits_per_second % unit.size == 0) {
      return std::to_string(bits_per_second / unit.size).append(unit.name);
    }
  }
  return {};
}

}  // namespace postern::config
