// What was meant by words that are no command: those that begin so, else what is spelled nearly so,
// else nothing. Values only; one thread.
#ifndef POSTERN_CONTROL_CTL_MEANT_H_
#define POSTERN_CONTROL_CTL_MEANT_H_

#include <absl/status/status.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "control/ctl/command.h"

namespace postern {

size_t word_count(std::string_view words);

// The first of the plain words as a command's words are written.
std::string first_words(const std::vector<std::string>& plain, size_t count);

// The usage error for the words of a line that has no command; says what would be one.
absl::Status unknown_command(const std::vector<Command>& commands,
                             const std::vector<std::string>& plain);

// Of those names the one that was probably meant: a letter of every three may be wrong, missing,
// too many or changed with its neighbour, one at least. An empty text: none is so near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& names);

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_MEANT_H_
