// The command lines of subcommands: options in a table, words beside them, quantities with units.
// Values; any thread.
#ifndef POSTERN_BENCH_COMMAND_LINE_H_
#define POSTERN_BENCH_COMMAND_LINE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::bench {

// One option. `take` is false where the value is not one.
struct Flag {
  std::string_view name;   // "--json"
  std::string_view value;  // in words, "FILE"; empty: the option takes none
  std::string help;
  std::function<bool(std::string_view)> take;
  std::span<const std::string_view> words = {};  // that the value may be, if it is a word
};

struct Grammar {
  std::string_view usage;  // "compare A.json B.json [OPTION VALUE]...", after the program's name
  std::string about;       // paragraphs between that and the options
  std::vector<Flag> flags;
  size_t least_words = 0;  // beside options
  size_t most_words = 0;
  std::string_view words_are;  // "two result files"
};

struct CommandLine {
  std::vector<std::string> words;
  bool help_wanted = false;
  std::string error;  // empty: none
};

// `arguments` begin with the subcommand's name.
[[nodiscard]] CommandLine read_command_line(std::span<const char* const> arguments,
                                            const Grammar& grammar);
// What --help prints.
[[nodiscard]] std::string usage_of(const Grammar& grammar);
// Prints help or the error, where there is one, and returns the exit status then: 0 or 2.
[[nodiscard]] std::optional<int> settle(const CommandLine& line, const Grammar& grammar);

// What is wrong with a word: "WHAT "WORD"", with the one of `known` that may have been meant, or
// all of them.
[[nodiscard]] std::string unknown_word(std::string_view what, std::string_view word,
                                       std::span<const std::string_view> known);

// "1000": a number with nothing behind it, from `low` to `high`.
[[nodiscard]] std::optional<uint64_t> number_of(std::string_view text, uint64_t low, uint64_t high);
// "1000", "64k", "1M": k and M are powers of 1024, the steps of a session ladder. 1 to 16M.
[[nodiscard]] std::optional<uint32_t> sessions_of(std::string_view text);
// "500ms", "5s", "10m" or "1h", up to a day.
[[nodiscard]] std::optional<uint32_t> milliseconds_of(std::string_view text);
// "0.5", "5%": a share from 0 to below 1; a bare number is one already.
[[nodiscard]] std::optional<double> share_of(std::string_view text);
// "14.88M", "500k", "1000000": packets or sessions a second; k and M are powers of 1000.
[[nodiscard]] std::optional<double> per_second_of(std::string_view text);

// For `take` of a Flag: puts a quantity where it belongs, and says whether it was one.
template <typename T, typename U>
bool put(T& where, const std::optional<U>& quantity) {
  if (quantity) where = static_cast<T>(*quantity);
  return quantity.has_value();
}

}  // namespace postern::bench

#endif  // POSTERN_BENCH_COMMAND_LINE_H_
