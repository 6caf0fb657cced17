#include "control/ctl/display.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

namespace postern {
namespace {

using nlohmann::json;

constexpr std::string_view kGap = "  ";

// The length of the code point that begins here; 1 where it is no UTF-8.
size_t code_point_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const size_t length = lead < 0xc2 || lead > 0xf4 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (length > text.size()) return 1;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 1;
  }
  return length;
}

// Whether the code point, as UTF-8, could steer a terminal or the eye.
bool is_dangerous(std::string_view point) {
  const auto first = static_cast<unsigned char>(point.front());
  if (point.size() == 1) return first < 0x20 || first >= 0x7f;  // control, or broken UTF-8
  const auto second = static_cast<unsigned char>(point[1]);
  if (point.size() == 2) return first == 0xc2 && second < 0xa0;  // C1
  if (point.size() != 3 || first != 0xe2) return false;
  const auto third = static_cast<unsigned char>(point[2]);
  // U+200E, U+200F, U+2028..202E, U+2066..2069: directions and line separators.
  return (second == 0x80 && (third == 0x8e || third == 0x8f || (third >= 0xa8 && third <= 0xae))) ||
         (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

// The columns that fit, by their numbers: the highest rank gives way first.
std::vector<size_t> fitting(const std::vector<Column>& columns, const std::vector<size_t>& widths,
                            size_t room) {
  std::vector<size_t> shown(columns.size());
  size_t total = 0;
  for (size_t i = 0; i < columns.size(); ++i) {
    shown[i] = i;
    total += widths[i] + (i == 0 ? 0 : kGap.size());
  }
  while (room != 0 && total > room) {
    const auto last = std::max_element(shown.begin(), shown.end(), [&](size_t a, size_t b) {
      return columns[a].rank <= columns[b].rank;
    });
    if (last == shown.end() || columns[*last].rank == 0) break;
    total -= widths[*last] + kGap.size();
    shown.erase(last);
  }
  return shown;
}

std::string padded(std::string_view text, size_t width, bool to_the_right) {
  const std::string blanks(width - std::min(width, width_of(text)), ' ');
  return to_the_right ? blanks + std::string(text) : std::string(text) + blanks;
}

}  // namespace

void Display::line(std::string_view text) {
  titles_.clear();
  out_ << text << '\n';
}

size_t Display::table(const std::vector<Column>& columns, const std::vector<Row>& rows) {
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  const bool goes_on = titles == titles_;
  if (!goes_on) {
    widths_.clear();
    for (const std::string& title : titles) widths_.push_back(width_of(title));
  }
  for (const Row& cells : rows) {
    for (size_t i = 0; i < columns.size(); ++i) {
      widths_[i] = std::max(widths_[i], width_of(cells[i]));
    }
  }
  const std::vector<size_t> shown = fitting(columns, widths_, columns_);
  if (!goes_on) {
    hidden_before_ += std::exchange(hidden_, 0);
    row(columns, shown, titles);
  }
  for (const Row& cells : rows) row(columns, shown, cells);
  titles_ = std::move(titles);
  const size_t hidden = columns.size() - shown.size();
  hidden_ = std::max(hidden_, hidden);
  return hidden;
}

void Display::end() {
  const size_t hidden = std::exchange(hidden_before_, 0) + std::exchange(hidden_, 0);
  if (hidden == 0) return;
  line(std::to_string(hidden) + (hidden == 1 ? " column" : " columns") +
       " hidden: widen the terminal, or -j");
}

void Display::row(const std::vector<Column>& columns, const std::vector<size_t>& shown,
                  const Row& cells) {
  std::string text;
  for (const size_t i : shown) {
    if (!text.empty()) text += kGap;
    text += padded(cells[i], widths_[i], columns[i].to_the_right);
  }
  out_ << text.substr(0, text.find_last_not_of(' ') + 1) << '\n';
}

void Display::pairs(const std::vector<Row>& rows) {
  size_t width = 0;
  for (const Row& pair : rows) width = std::max(width, width_of(pair[0]));
  for (const Row& pair : rows) line(padded(pair[0], width, false) + std::string(kGap) + pair[1]);
}

std::string printable(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const std::string_view point = text.substr(0, code_point_bytes(text));
    if (!is_dangerous(point)) {
      safe += point;
    } else {
      for (const char c : point) {
        char escaped[8];
        std::snprintf(escaped, sizeof(escaped), "\\x%02x", static_cast<unsigned char>(c));
        safe += escaped;
      }
    }
    text.remove_prefix(point.size());
  }
  return safe;
}

size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // no continuation byte
  }));
}

std::string text_of(const json& value) {
  if (value.is_null()) return "-";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return printable(value.get_ref<const std::string&>());
  if (!value.is_structured()) return value.dump();
  std::string text;
  for (const auto& [name, item] : value.items()) {
    if (!text.empty()) text += value.is_object() ? " " : ", ";
    if (value.is_object()) text += printable(name) + "=";
    text += text_of(item);
  }
  return text.empty() ? "-" : text;
}

std::string text_at(const json& object, std::string_view path) {
  const json* at = &object;
  while (!path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    if (!at->is_object()) return "-";
    const auto found = at->find(path.substr(0, dot));
    if (found == at->end()) return "-";
    at = &*found;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return text_of(*at);
}

std::string duration_text(const json& seconds) {
  if (!seconds.is_number()) return text_of(seconds);
  const double total = seconds.get<double>();
  if (!(total >= 0 && total < 1e15)) return text_of(seconds);
  const auto s = static_cast<int64_t>(total);
  const auto two = [](int64_t a, const char* unit, int64_t b, const char* smaller) {
    return std::to_string(a) + unit + (b == 0 ? "" : std::to_string(b) + smaller);
  };
  if (s < 60) return std::to_string(s) + "s";
  if (s < 3600) return two(s / 60, "m", s % 60, "s");
  if (s < 86400) return two(s / 3600, "h", s % 3600 / 60, "m");
  return two(s / 86400, "d", s % 86400 / 3600, "h");
}

std::string size_text(const json& bytes) {
  if (!bytes.is_number()) return text_of(bytes);
  double size = bytes.get<double>();
  if (size < 1000) return text_of(bytes);
  const char* unit = "kMGTPE";
  size /= 1000;
  while (size >= 999.95 && unit[1] != '\0') {
    size /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f%c", size, *unit);
  return text;
}

std::string json_text(const json& value, Format format) {
  return value.dump(format == Format::kPretty ? 2 : -1, ' ', true, json::error_handler_t::replace);
}

}  // namespace postern
