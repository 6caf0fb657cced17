// An entry of the configuration as JSON, with the names and values of the file:
// the schema's tables walked once more (config/schema.h), so that a list shows
// what was configured and nothing has to be listed twice. What is absent and
// has no default stays out. Any thread.
#ifndef POSTERN_CONTROL_METHODS_ENTRY_JSON_H_
#define POSTERN_CONTROL_METHODS_ENTRY_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "config/schema.h"
#include "config/slot.h"

namespace postern {

// A scalar of the file's syntax: "text" with escapes, an integer, true or
// false.
nlohmann::json scalar_json(std::string_view text);

class EntryWriter {
 public:
  template <typename Owner, typename Table>
  static nlohmann::json write_entry(const Owner& owner, const Table& table) {
    nlohmann::json entry = nlohmann::json::object();
    std::apply(
        [&](const auto&... row) {
          (write(entry, std::string(row.name), owner.*row.member, row.form), ...);
        },
        table);
    return entry;
  }

 private:
  using Json = nlohmann::json;

  template <typename Member, typename Form>
  static void write(Json& entry, const std::string& name, const Member& member, const Form& form) {
    const auto* value = config::value_of<typename Form::Value>(member);
    if (value == nullptr) return;
    entry[name] = scalar_json(form.print(static_cast<typename Form::Value>(*value)));
  }
  template <typename Value, typename Form>
  static void write(Json& entry, const std::string& name, const config::ListOf<Value>& member,
                    const config::List<Form>& list) {
    if (member.empty() && list.never_empty) return;
    Json& values = entry[name] = Json::array();
    for (const config::At<Value>& element : member) {
      values.push_back(scalar_json(list.form.print(element.value)));
    }
  }
  template <typename Member, typename Form>
  static void write(Json& entry, const std::string& name, const Member& member,
                    const config::PerFamily<Form>& family) {
    write(entry, name, member, family.form);
  }
  static void write(Json& entry, const std::string& name, const config::ListOf<std::string>& member,
                    const config::Lines&) {
    Json& lines = entry[name] = Json::array();
    for (const config::At<std::string>& line : member) lines.push_back(line.value);
  }
  template <typename Member, const auto& keys>
  static void write(Json& entry, const std::string& name, const Member& member,
                    const config::Group<keys>&) {
    Json group = write_entry(member, keys);
    if (!group.empty()) entry[name] = std::move(group);
  }
  template <typename Entry, const auto& keys>
  static void write(Json& entry, const std::string& name, const std::vector<Entry>& member,
                    const config::Groups<keys>&) {
    Json& entries = entry[name] = Json::array();
    for (const Entry& each : member) entries.push_back(write_entry(each, keys));
  }
};

// The entry as its table has it, as entry_json(model.nodes[0],
// config::kNodeKeys).
template <typename Owner, typename Table>
nlohmann::json entry_json(const Owner& owner, const Table& table) {
  return EntryWriter::write_entry(owner, table);
}

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_ENTRY_JSON_H_
