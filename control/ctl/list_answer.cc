// The answers of `show`.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "control/ctl/answers.h"
#include "control/ctl/json_rows.h"

namespace postern {
namespace {

using nlohmann::json;

// What host names stand for, short enough for a cell: two names, an address of each.
std::string short_names(const json& names) {
  constexpr size_t kMostNames = 2;
  if (!names.is_array()) return text_of(names);
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
    const json& addresses = member(names[i], "addresses");
    text += (i == 0 ? "" : ", ") + text_at(names[i], "name");
    if (!addresses.is_array() || addresses.empty()) {
      text += " " + text_at(names[i], "state");
      continue;
    }
    text += "=" + text_of(addresses[0]);
    if (addresses.size() > 1) text += "+" + std::to_string(addresses.size() - 1);
  }
  if (names.size() > kMostNames) text += ", ...";
  return text;
}

// The members that say something.
json without_empty(const json& row) {
  json left = json::object();
  for (const auto& [name, value] : row.items()) {
    const bool empty = value.is_string() ? value == "" : value.is_null() || value.empty();
    if (!empty) left[name] = value;
  }
  return left;
}

}  // namespace

bool print_list(const json& answer, const CommandLine& line, Display& display) {
  const json& rows = member(answer, "rows");
  const json& otherwise = member(answer, "default");  // of rules, which have no names
  if (!line.arguments.empty() && rows.is_array() && rows.size() == 1 && otherwise.is_null()) {
    print_any(without_empty(rows[0]), display);
    return true;
  }
  // Further columns would not fit a line; they are there for one that is named, and for programs.
  static const std::set<std::string> kInTables = {"name",       "role",
                                                  "device",     "link",
                                                  "addresses",  "worker",
                                                  "vlan",       "cpu",
                                                  "type",       "local",
                                                  "vni",        "nodes",
                                                  "vtep",       "tunnel",
                                                  "state",      "missed",
                                                  "sessions",   "busy_percent",
                                                  "rule",       "ports_used",
                                                  "namespaces", "cycles_per_packet",
                                                  "action",     "to",
                                                  "to_names",   "ports",
                                                  "namespace",  "listen",
                                                  "source",     "hits",
                                                  "log",        "steering",
                                                  "handed_over"};
  json shown = json::array();
  for (const json& row : rows) {
    json cells = json::object();
    for (const auto& [name, value] : row.items()) {
      if (kInTables.contains(name)) cells[name] = value;
    }
    if (row.contains("names")) cells["names"] = short_names(row["names"]);
    shown.push_back(std::move(cells));
  }
  if (shown.empty()) {
    display.line("there are none");
  } else {
    print_rows(shown, display);
  }
  if (!otherwise.is_null()) {
    display.line("");
    display.line("otherwise " + text_of(otherwise));
  }
  return true;
}

}  // namespace postern
