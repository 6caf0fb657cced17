#include "control/ctl/json_rows.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace postern {
namespace {

using nlohmann::json;

// The names of the rows' members: what says which row it is first, the others by the alphabet.
std::vector<std::string> names_in(const json& rows) {
  std::set<std::string> left;
  for (const json& row : rows) {
    for (const auto& [name, value] : row.items()) left.insert(name);
  }
  std::vector<std::string> names;
  for (const char* first :
       {"rule", "name", "id", "worker", "reason", "key", "device", "role", "state"}) {
    if (left.erase(first) > 0) names.emplace_back(first);
  }
  names.insert(names.end(), left.begin(), left.end());
  return names;
}

std::string as_title(std::string name) {
  for (char& c : name) c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<int>(c)));
  return printable(name);
}

}  // namespace

const json& member(const json& object, const char* name) {
  static const json null;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : null;
}

bool is_list_of_objects(const json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const json& item) { return item.is_object(); });
}

void print_rows(const json& rows, Display& display) {
  const std::vector<std::string> names = names_in(rows);
  std::vector<Column> columns;
  std::vector<Row> cells(rows.size());
  for (size_t i = 0; i < names.size(); ++i) {
    bool numbers = true;
    for (size_t r = 0; r < rows.size(); ++r) {
      const json& value = member(rows[r], names[i].c_str());
      numbers &= value.is_number() || value.is_null();
      cells[r].push_back(text_of(value));
    }
    columns.push_back(
        {.title = as_title(names[i]), .to_the_right = numbers, .rank = static_cast<int>(i)});
  }
  display.table(columns, cells);
}

}  // namespace postern
