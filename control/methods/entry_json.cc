#include "control/methods/entry_json.h"

namespace postern {
namespace {

int hex_digit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

// What the printer's quotes and escapes stand for: \" \\ and \xNN.
std::string unquoted(std::string_view text) {
  std::string out;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
    } else if (text[++i] == 'x' && i + 3 < text.size()) {
      out += static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

nlohmann::json scalar_json(std::string_view text) {
  if (text.starts_with('"')) return unquoted(text);
  return nlohmann::json::parse(text, nullptr, false);
}

}  // namespace postern
