// What posternctl prints for people: tables, pairs of name and value, texts of values. A table is
// as wide as its cells; where it is wider than the terminal, the least important columns give
// way. Nothing that comes from the gateway reaches the terminal with control characters. One
// thread.
#ifndef POSTERN_CONTROL_CTL_DISPLAY_H_
#define POSTERN_CONTROL_CTL_DISPLAY_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

enum class Format : uint8_t { kPeople, kJson, kPretty };

struct Column {
  std::string title;
  bool to_the_right = false;  // aligned, as numbers are
  int rank = 0;               // where the room is short the highest rank gives way first; 0: never
};

using Row = std::vector<std::string>;

class Display {
 public:
  // `columns` of the terminal; 0: no terminal, nothing gives way.
  explicit Display(std::ostream& out, size_t columns = 0) : out_(out), columns_(columns) {}

  void line(std::string_view text);
  // Each row has as many cells as there are columns. A second table of the same titles that
  // follows directly goes on under the head of the first: pages of one answer.
  // Returns how many columns gave way.
  size_t table(const std::vector<Column>& columns, const std::vector<Row>& rows);
  // Names and values, aligned.
  void pairs(const std::vector<Row>& rows);
  // After the answer: says how many columns gave way, if any did.
  void end();

 private:
  void row(const std::vector<Column>& columns, const std::vector<size_t>& shown, const Row& cells);

  std::ostream& out_;
  size_t columns_;
  std::vector<std::string> titles_;  // of the table that was printed last
  std::vector<size_t> widths_;       // its columns
  size_t hidden_ = 0;                // its columns that gave way
  size_t hidden_before_ = 0;         // those of the tables before it
};

// The text with everything that could steer a terminal replaced: control characters (C0, DEL, C1)
// and marks that turn the direction of text.
std::string printable(std::string_view text);

// Characters that the UTF-8 text takes on a terminal, one for each code point.
size_t width_of(std::string_view text);

// A value in a cell: "-" for null, "yes" and "no", lists with commas, objects as name=value.
std::string text_of(const nlohmann::json& value);

// The member at a path of names with dots between, as text; "-" where there is none.
std::string text_at(const nlohmann::json& object, std::string_view path);

// 7,265 seconds as "2h1m"; not a number as text_of() has it.
std::string duration_text(const nlohmann::json& seconds);
// 12,345 bytes as "12.3k"; not a number as text_of() has it.
std::string size_text(const nlohmann::json& bytes);

// JSON for programs: one line, or indented. ASCII only, so that no text steers a terminal.
std::string json_text(const nlohmann::json& value, Format format);

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_DISPLAY_H_
