// Durations and rates as operators write them. Any thread.
#ifndef POSTERN_CONFIG_UNITS_H_
#define POSTERN_CONFIG_UNITS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::config {

// "2h4m", "1m30s", "300s", "0s": whole numbers with h, m, s, each at most once and in that order.
// Nothing where the text is not that, or beyond 2^32 - 1 seconds.
std::optional<uint32_t> parse_duration_s(std::string_view text);
// The units that it knows, for messages: "h, m and s".
std::string duration_units();
// The shortest such text: 7440 is "2h4m", 60 is "1m", 0 is "0s".
std::string duration_text(uint32_t seconds);

// "1Gbit", "500Mbit", "64kbit", "800bit": a whole number of 1000^n bits a second, above 0. Nothing
// where the text is not that, or beyond 64 bits.
std::optional<uint64_t> parse_rate_bits_per_second(std::string_view text);
// The units that it knows, for messages: "bit, kbit, Mbit, Gbit or Tbit".
std::string rate_units();
// The largest unit that leaves a whole number.
std::string rate_text(uint64_t bits_per_second);

}  // namespace postern::config

#endif  // POSTERN_CONFIG_UNITS_H_
