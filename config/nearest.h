// The known word that a mistyped one probably means. Any thread.
#ifndef POSTERN_CONFIG_NEAREST_H_
#define POSTERN_CONFIG_NEAREST_H_

#include <optional>
#include <span>
#include <string_view>

namespace postern::config {

// The closest of `known` by inserted, removed, changed and swapped letters (case aside), when it is
// close enough to be meant: at most a third of the letters differ, one in short words.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> known);

}  // namespace postern::config

#endif  // POSTERN_CONFIG_NEAREST_H_
