#include "control/apply/diff.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

#include "config/schema.h"
#include "config/slot.h"
#include "control/apply/alignment.h"
#include "control/apply/restart.h"
#include "dataplane/table/fragment_table.h"

namespace postern {
namespace {

using config::At;
using config::Group;
using config::Groups;
using config::List;
using config::ListOf;
using config::PerFamily;

// An entry as text: the same text for equal entries, for those that have no name to go by.
class Fingerprint {
 public:
  template <typename Owner, typename Table>
  static std::string of(const Owner& entry, const Table& table) {
    Fingerprint made;
    std::apply([&](const auto&... row) { (made.add(entry.*row.member, row.form), ...); }, table);
    return std::move(made.text_);
  }

 private:
  template <typename Member, typename Form>
  void add(const Member& member, const Form& form) {
    const auto* value = config::value_of<typename Form::Value>(member);
    if (value != nullptr) text_ += form.print(static_cast<typename Form::Value>(*value));
    text_ += ';';
  }
  template <typename Value, typename Form>
  void add(const ListOf<Value>& member, const List<Form>& list) {
    for (const At<Value>& element : member) text_ += list.form.print(element.value) + ',';
    text_ += ';';
  }

  std::string text_;
};

template <typename Entry>
constexpr bool kHasName = requires(const Entry& entry) {
  entry.name.value;
};

class Comparison {
 public:
  template <typename Owner, typename Table>
  void compare_settings(const std::string& path, const Owner& running, const Owner& wanted,
                        const Table& table) {
    std::apply(
        [&](const auto&... row) {
          (compare(below(path, row.name), running.*row.member, wanted.*row.member, row.form), ...);
        },
        table);
  }

  ConfigDiff take() {
    out_.details = details_.take();
    return std::move(out_);
  }

 private:
  static std::string below(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : (path + ".").append(name);
  }

  // One setting, whatever its form.
  template <typename Member, typename Form>
  void compare(const std::string& path, const Member& running, const Member& wanted,
               const Form& form) {
    if (running == wanted) return;
    note(out_.changed, path);
    details_.compare_setting(path, running, wanted, form);
  }
  template <typename Member, const auto& keys>
  void compare(const std::string& path, const Member& running, const Member& wanted,
               const Group<keys>&) {
    compare_settings(path, running, wanted, keys);
  }
  template <typename Entry, const auto& keys>
  void compare(const std::string& path, const std::vector<Entry>& running,
               const std::vector<Entry>& wanted, const Groups<keys>&) {
    if constexpr (kHasName<Entry>) {
      compare_named(path, running, wanted, keys);
    } else {
      compare_places(path, running, wanted, keys);
    }
  }

  template <typename Entry, typename Table>
  void compare_named(const std::string& path, const std::vector<Entry>& running,
                     const std::vector<Entry>& wanted, const Table& table) {
    absl::flat_hash_map<std::string_view, size_t> places;
    for (size_t i = 0; i < wanted.size(); ++i) places.emplace(wanted[i].name.value, i);
    std::vector<bool> is_old(wanted.size());
    size_t next = 0;
    bool moved = false;
    for (const Entry& entry : running) {
      const auto found = places.find(entry.name.value);
      if (found == places.end()) {
        note(out_.removed, below(path, entry.name.value));
        continue;
      }
      const size_t place = found->second;
      is_old[place] = true;
      moved |= place < next;
      next = place + 1;
      if (wanted[place] == entry) continue;
      note(out_.changed, below(path, entry.name.value));
      details_.compare_entry(out_.changed.back(), entry, wanted[place], table);
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!is_old[i]) note(out_.added, below(path, wanted[i].name.value));
    }
    if (moved) note(out_.changed, path);
  }

  template <typename Entry, typename Table>
  void compare_places(const std::string& path, const std::vector<Entry>& running,
                      const std::vector<Entry>& wanted, const Table& table) {
    if (running == wanted) return;
    const auto texts = [&table](const std::vector<Entry>& entries) {
      std::vector<std::string> made;
      made.reserve(entries.size());
      for (const Entry& entry : entries) made.push_back(Fingerprint::of(entry, table));
      return made;
    };
    for (const Gap& gap : align(texts(running), texts(wanted))) {
      const size_t both = std::min(gap.running_count, gap.wanted_count);
      for (size_t i = 0; i < gap.wanted_count; ++i) {
        note(i < both ? out_.changed : out_.added, at(path, gap.wanted_first + i));
        if (i >= both) continue;
        details_.compare_entry(out_.changed.back(), running[gap.running_first + i],
                               wanted[gap.wanted_first + i], table);
      }
      for (size_t i = both; i < gap.running_count; ++i) {
        note(out_.removed, at(path, gap.running_first + i));
      }
    }
  }

  static std::string at(const std::string& path, size_t place) {
    return absl::StrCat(path, "[", place, "]");
  }

  void note(std::vector<std::string>& kind, std::string path) {
    if (needs_restart(path)) out_.needs_restart.push_back(path);
    kind.push_back(std::move(path));
  }

  ConfigDiff out_;
  KeyChanges details_;
};

}  // namespace

ConfigDiff diff(const config::Model& running, const config::Model& wanted) {
  Comparison comparison;
  comparison.compare_settings("", running, wanted, config::kModelKeys);
  ConfigDiff found = comparison.take();
  const uint32_t room = std::max(running.sessions.fragments.max, kLeastFragmentRoom);
  if (wanted.sessions.fragments.max > room) found.needs_restart.push_back("sessions.fragments.max");
  return found;
}

}  // namespace postern
