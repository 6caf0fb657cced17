// Text by printf's patterns. Any thread.
#ifndef POSTERN_BENCH_PRINTED_H_
#define POSTERN_BENCH_PRINTED_H_

#include <cstdarg>
#include <cstdio>
#include <string>

namespace postern::bench {

// Any length.
[[gnu::format(printf, 1, 2)]] inline std::string printed(const char* pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  va_list again;
  va_copy(again, arguments);
  const int length = vsnprintf(nullptr, 0, pattern, arguments);
  va_end(arguments);
  std::string text(static_cast<size_t>(length) + 1, '\0');
  vsnprintf(text.data(), text.size(), pattern, again);
  va_end(again);
  text.pop_back();
  return text;
}

}  // namespace postern::bench

#endif  // POSTERN_BENCH_PRINTED_H_
