// Texts and names: how they are quoted and shown, and the forms that hold them.
#include <algorithm>
#include <cctype>
#include <cstdio>

#include "config/form.h"

namespace postern::config {
namespace {

constexpr size_t kLongestShown = 80;
constexpr size_t kLongestName = 63;
constexpr size_t kLongestHostName = 253;  // RFC 1035 2.3.4

const std::string_view* text_of(const Scalar& scalar) {
  return std::get_if<std::string_view>(&scalar);
}

template <typename Form>
Reading<typename Form::Value> refuse(const Form& form, const Scalar& scalar) {
  return {std::nullopt, must_be(form.expects(), scalar)};
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}
bool is_break(char c) { return c == '\n' || c == '\r' || c == '\t'; }

std::string escaped(char c) {
  char escape[5];
  std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned>(static_cast<uint8_t>(c)));
  return escape;
}

// The bytes of the character that the text begins with, 0 where that is no UTF-8 (RFC 3629 4).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  const unsigned least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < least || byte(1) > most) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_name_letter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > kLongestHostName) return false;
  while (true) {
    const size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    const auto is_letter = [](char c) { return is_name_letter(c) && c != '.'; };
    if (label.empty() || label.size() > kLongestName || label.front() == '-' ||
        label.back() == '-' || !std::all_of(label.begin(), label.end(), is_letter)) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c)) {
      out += escaped(c);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length > 1 || (length == 1 && !is_control(text[0]))) {
      out += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    out += escaped(text[0]);
    text.remove_prefix(1);
  }
  return out;
}

std::string shown(const Scalar& scalar) {
  if (const auto* integer = std::get_if<int64_t>(&scalar)) return std::to_string(*integer);
  if (const auto* boolean = std::get_if<bool>(&scalar)) return *boolean ? "true" : "false";
  if (const auto* real = std::get_if<double>(&scalar)) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%g", *real);
    const std::string text = buffer;  // 100.0 is not to look like the integer
    return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
  }
  const std::string_view text = *text_of(scalar);
  if (text.size() <= kLongestShown) return printable(quoted(text));
  size_t cut = kLongestShown;  // not within a character
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return printable(quoted(text.substr(0, cut))) + "...";
}

std::string must_be(const std::string& expected, const Scalar& scalar) {
  return "must be " + expected + ", is " + shown(scalar);
}

std::string not_yet(const Scalar& scalar) { return "not supported yet: " + shown(scalar); }

Reading<std::string> Text::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  if (text == nullptr || text->size() < shortest || text->size() > longest) {
    return refuse(*this, scalar);
  }
  const auto is_good = [&](char c) { return !is_control(c) || (many_lines && is_break(c)); };
  if (!std::all_of(text->begin(), text->end(), is_good)) return refuse(*this, scalar);
  if (!is_utf8(*text)) return {std::nullopt, shown(scalar) + " is not UTF-8"};
  return {std::string(*text), ""};
}

std::string Text::expects() const {
  return "a text of " + std::to_string(shortest) + " to " + std::to_string(longest) +
         " printable characters";
}

Reading<std::string> Name::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  if (text != nullptr && star && *text == kEveryNamespace) return {std::string(*text), ""};
  if (text == nullptr || text->empty() || text->size() > kLongestName ||
      !std::all_of(text->begin(), text->end(), is_name_letter)) {
    return refuse(*this, scalar);
  }
  return {std::string(*text), ""};
}

std::string Name::expects() const {
  const std::string name = "a name of 1 to 63 letters, digits, '.', '_' or '-'";
  return star ? name + ", or \"*\"" : name;
}

Reading<std::string> HostName::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  if (text == nullptr) return refuse(*this, scalar);
  if (Ipv4Prefix::parse(*text)) {
    return {std::nullopt, shown(scalar) + " is an address; write it in `to`"};
  }
  const bool is_wildcard = text->starts_with("*.");
  if (!is_host_name(is_wildcard ? text->substr(2) : *text)) return refuse(*this, scalar);
  return {std::string(*text), is_wildcard && wildcard_later ? not_yet(scalar) : ""};
}

std::string HostName::expects() const {
  return "a host name such as \"api.example.com\", or \"*.example.com\" for all under it";
}

}  // namespace postern::config
