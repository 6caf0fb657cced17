// Which keys of an entry a configuration changes, from what to what: what an operator wants to see
// beside the path of the entry. Values are texts in the file's syntax, cut where they are long; of
// long lists only what one side has and the other lacks is told. There is a bound on how many keys
// are told: whoever replaces thousands of entries reads none of them.
//
// The schema is walked (config/schema.h), as for the diff itself. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_KEY_CHANGES_H_
#define POSTERN_CONTROL_APPLY_KEY_CHANGES_H_

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "config/schema.h"
#include "config/slot.h"

namespace postern {

struct KeyChange {
  std::string path;  // as in the diff: the entry, or the setting of a group
  std::string key;   // within the entry, as "limits.bandwidth"; the setting's own name
  std::optional<std::string> was;  // nothing: not set
  std::optional<std::string> is;
};

inline constexpr size_t kMostKeyChanges = 500;
inline constexpr size_t kLongestChangedValue = 120;  // bytes of `was` and `is`, about

// "[ a, b ]" of both, or what they do not have in common where that is too long.
struct ChangedTexts {
  std::string was;
  std::string is;
};
ChangedTexts changed_lists(const std::vector<std::string>& was, const std::vector<std::string>& is);
// Not longer than it may be, cut between characters.
std::string bounded(std::string text);

class KeyChanges {
 public:
  // The keys in which two entries differ.
  template <typename Owner, typename Table>
  void compare_entry(const std::string& path, const Owner& was, const Owner& is,
                     const Table& table) {
    compare_table(path, "", was, is, table);
  }
  // One setting, whose name ends `path`.
  template <typename Member, typename Form>
  void compare_setting(const std::string& path, const Member& was, const Member& is,
                       const Form& form) {
    compare(path, path.substr(path.rfind('.') + 1), was, is, form);
  }

  std::vector<KeyChange> take() { return std::move(changes_); }

 private:
  template <typename Owner, typename Table>
  void compare_table(const std::string& path, const std::string& above, const Owner& was,
                     const Owner& is, const Table& table) {
    std::apply(
        [&](const auto&... row) {
          (compare(path, above + std::string(row.name), was.*row.member, is.*row.member, row.form),
           ...);
        },
        table);
  }

  template <typename Member, typename Form>
  void compare(const std::string& path, const std::string& key, const Member& was, const Member& is,
               const Form& form) {
    if (is_told(was, is)) return;
    add(path, key, text_of(was, form), text_of(is, form));
  }
  template <typename Value, typename Form>
  void compare(const std::string& path, const std::string& key, const config::ListOf<Value>& was,
               const config::ListOf<Value>& is, const config::List<Form>& list) {
    if (is_told(was, is)) return;
    const auto print = [&list](const Value& value) { return list.form.print(value); };
    add_lists(path, key, texts_of(was, print), texts_of(is, print));
  }
  void compare(const std::string& path, const std::string& key,
               const config::ListOf<std::string>& was, const config::ListOf<std::string>& is,
               const config::Lines&) {
    if (is_told(was, is)) return;
    const auto print = [](const std::string& line) { return config::quoted(line); };
    add_lists(path, key, texts_of(was, print), texts_of(is, print));
  }
  template <typename Member, typename Form>
  void compare(const std::string& path, const std::string& key, const Member& was, const Member& is,
               const config::PerFamily<Form>& family) {
    compare(path, key, was, is, family.form);
  }
  template <typename Member, const auto& keys>
  void compare(const std::string& path, const std::string& key, const Member& was, const Member& is,
               const config::Group<keys>&) {
    compare_table(path, key + ".", was, is, keys);
  }

  // Nothing to tell, or no room for it.
  template <typename Member>
  bool is_told(const Member& was, const Member& is) const {
    return changes_.size() >= kMostKeyChanges || was == is;
  }
  template <typename Member, typename Form>
  static std::optional<std::string> text_of(const Member& member, const Form& form) {
    using Value = typename Form::Value;
    const auto* value = config::value_of<Value>(member);
    if (value == nullptr) return std::nullopt;
    return bounded(form.print(static_cast<Value>(*value)));
  }
  template <typename Value, typename Print>
  static std::vector<std::string> texts_of(const config::ListOf<Value>& list, Print print) {
    std::vector<std::string> texts;
    texts.reserve(list.size());
    for (const config::At<Value>& element : list) texts.push_back(print(element.value));
    return texts;
  }
  void add_lists(const std::string& path, const std::string& key,
                 const std::vector<std::string>& was, const std::vector<std::string>& is) {
    ChangedTexts texts = changed_lists(was, is);
    add(path, key, std::move(texts.was), std::move(texts.is));
  }
  void add(const std::string& path, const std::string& key, std::optional<std::string> was,
           std::optional<std::string> is) {
    changes_.push_back({path, key, std::move(was), std::move(is)});
  }

  std::vector<KeyChange> changes_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_KEY_CHANGES_H_
