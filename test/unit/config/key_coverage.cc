#include "test/unit/config/key_coverage.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "config/slot.h"

namespace postern::config {
namespace {

constexpr size_t kMany = 20;

// Something that values of a setting may be, by name.
template <typename Value>
struct Trait {
  std::string name;
  std::function<bool(const Value&)> holds;
};
template <typename Value>
using Traits = std::vector<Trait<Value>>;

// The traits of being one of these values.
template <typename Form>
auto exactly(const Form& form, const std::vector<typename Form::Value>& values) {
  using Value = typename Form::Value;
  Traits<Value> traits;
  for (const Value& value : values) {
    traits.push_back({form.print(value), [value](const Value& other) { return other == value; }});
  }
  return traits;
}

// What values of a form must have been. Of these, nothing in particular: Address, Prefix,
// AddressInSubnet, Mac, GeneveOptions.
template <typename Form>
Traits<typename Form::Value> traits(const Form&) {
  return {};
}
template <typename E, size_t N>
Traits<E> traits(const Words<E, N>& form) {
  std::vector<E> built;
  for (const Word<E>& word : form.words) {
    if (!word.later) built.push_back(word.value);
  }
  return exactly(form, built);
}
Traits<bool> traits(const Boolean& form) { return exactly(form, {false, true}); }
Traits<int64_t> traits(const Integer& form) { return exactly(form, {form.min, form.max}); }
Traits<uint32_t> traits(const Duration& form) { return exactly(form, {form.min_s, form.max_s}); }
Traits<uint64_t> traits(const Rate& form) {
  return exactly(form, {1, std::numeric_limits<uint64_t>::max()});
}
Traits<MssClamp> traits(const Mss& form) {
  using enum MssClamp::Mode;
  return exactly(form, {{kOff, 0}, {kAuto, 0}, {kNumber, 64}, {kNumber, 65495}});
}
Traits<PortRange> traits(const ExternalPorts& form) { return exactly(form, {{8, 65535}}); }
Traits<FirewallPorts> traits(const Service& form) {
  using enum FirewallProtocol;
  return exactly(form, {{kTcp}, {kUdp}, {kIcmp}, {kTcp, 1, 1}, {kUdp, 1, 65535}});
}
Traits<std::optional<uint32_t>> traits(const Vni& form) {
  return exactly(form, {0u, 0xffffffu, std::nullopt});
}
Traits<std::vector<uint16_t>> traits(const CpuList& form) {
  auto made = exactly(form, {{0}, {1023}});
  if (form.most > 1) {
    made.push_back({"several", [](const auto& cpus) { return cpus.size() > 1; }});
  }
  return made;
}

Trait<std::string> contains(std::string_view what) {
  return {"with " + std::string(what),
          [what](const std::string& text) { return text.find(what) != std::string::npos; }};
}
Trait<std::string> starts(std::string_view what) {
  return {std::string(what) + "...",
          [what](const std::string& text) { return text.starts_with(what); }};
}
Trait<std::string> has_size(size_t size) {
  return {"of " + std::to_string(size) + " bytes",
          [size](const std::string& text) { return text.size() == size; }};
}

Traits<std::string> traits(const Text& form) {
  return {contains("\""),     contains("\\"), contains("#"),          contains("\u00e4"),
          contains("\u20ac"), contains("}"),  contains("\U0001f600"), has_size(form.longest)};
}
Traits<std::string> traits(const Name& form) {
  Traits<std::string> made = {has_size(63)};
  if (form.star) made.push_back(exactly(form, {kEveryNamespace})[0]);
  return made;
}
Traits<std::string> traits(const HostName& form) {
  Traits<std::string> made = {
      {"one host", [](const std::string& text) { return !text.starts_with("*."); }}};
  if (form.read(Scalar("*.example.com")).problem.empty()) made.push_back(starts("*."));
  return made;
}
Traits<std::string> traits(const Target& form) {
  if (form.kind == Target::Kind::kMetrics) {
    return {starts("off"), starts("unix:/"), contains("."), contains("\"")};
  }
  return {starts("off"), starts("file:/"), starts("syslog"), starts("ipfix:"), contains("\"")};
}

// Walks the tables, beside a model or without one.
class Walker {
 public:
  explicit Walker(std::map<std::string, bool>& seen) : seen_(seen) {}

  template <typename Owner, typename Table>
  void walk(const std::string& path, const Owner* owner, const Table& table) {
    std::apply([&](const auto&... row) { (visit_row(path, owner, row), ...); }, table);
  }

 private:
  void note(const std::string& path, std::string_view what, bool listed, bool seen) {
    if (!listed) {
      seen_.try_emplace(std::string(path).append(": ").append(what), false);
    } else if (seen) {
      seen_.at(std::string(path).append(": ").append(what)) = true;
    }
  }

  template <typename Owner, typename Row>
  void visit_row(const std::string& group, const Owner* owner, const Row& row) {
    if (row.later) return;
    static const Owner kDefault{};
    const std::string path = (group.empty() ? "" : group + ".") + std::string(row.name);
    const auto* member = owner != nullptr ? &(owner->*row.member) : nullptr;
    if constexpr (!requires { row.form.table(); }) {
      if (row.presence == kOptional) {
        const bool is_default = member != nullptr && *member == kDefault.*row.member;
        if (has_default(row.form, kDefault.*row.member)) {
          note(path, "at its default", member != nullptr, is_default);
        }
        if (has_others(row.form)) {
          note(path, "at another value", member != nullptr, !is_default);
        }
      }
    }
    visit(path, member, row.form);
  }

  // Whether the file may say the default: a default that it could not is filled in while loading.
  template <typename Form, typename Member>
  static bool has_default(const Form& form, const Member& member) {
    if constexpr (std::is_same_v<Form, Lines>) {
      return false;
    } else if constexpr (requires { form.expects(); }) {
      const auto* value = value_of<typename Form::Value>(member);
      const bool empty =
          value != nullptr && form.print(static_cast<typename Form::Value>(*value)) == quoted("");
      return !empty || form.read(Scalar(std::string_view())).value.has_value();
    } else {
      return true;
    }
  }

  // Whether there is more than the default: a choice may have no other word yet.
  template <typename Form>
  static bool has_others(const Form&) {
    return true;
  }
  template <typename E, size_t N>
  static bool has_others(const Words<E, N>& form) {
    return traits(form).size() > 1;
  }

  void note_size(const std::string& path, bool listed, size_t size, bool may_be_empty) {
    if (may_be_empty) note(path, "no entry", listed, size == 0);
    note(path, "one entry", listed, size == 1);
    note(path, "many entries", listed, size >= kMany);
  }

  template <typename Member, typename Form>
  void visit(const std::string& path, const Member* member, const Form& form) {
    using Value = typename Form::Value;
    const auto* value = member != nullptr ? value_of<Value>(*member) : nullptr;
    if (member != nullptr && value == nullptr) return;
    note(path, "a value", member != nullptr, true);
    for (const Trait<Value>& trait : traits(form)) {
      note(path, trait.name, member != nullptr,
           value != nullptr && trait.holds(static_cast<Value>(*value)));
    }
  }
  template <typename Member, typename Form>
  void visit(const std::string& path, const Member* member, const PerFamily<Form>& family) {
    visit(path, member, family.form);
  }
  template <typename Value, typename Form>
  void visit(const std::string& path, const ListOf<Value>* member, const List<Form>& list) {
    note_size(path, member != nullptr, member != nullptr ? member->size() : 0, !list.never_empty);
    const auto wanted = traits(list.form);
    for (const auto& trait : wanted) {
      const auto holds = [&](const At<Value>& element) { return trait.holds(element.value); };
      note(path, trait.name, member != nullptr,
           member != nullptr && std::any_of(member->begin(), member->end(), holds));
    }
  }
  void visit(const std::string& path, const ListOf<std::string>* member, const Lines&) {
    note_size(path, member != nullptr, member != nullptr ? member->size() : 0, false);
    for (const std::string_view what : {"#", "\"", "\\", "\t", "\r", "\u00e4"}) {
      const auto trait = contains(what);
      const auto holds = [&](const At<std::string>& line) { return trait.holds(line.value); };
      note(path, trait.name, member != nullptr,
           member != nullptr && std::any_of(member->begin(), member->end(), holds));
    }
  }
  template <typename Member, const auto& keys>
  void visit(const std::string& path, const Member* member, const Group<keys>&) {
    walk(path, member, keys);
  }
  template <typename Entry, const auto& keys>
  void visit(const std::string& path, const std::vector<Entry>* member, const Groups<keys>&) {
    note(path, "many entries", member != nullptr, member != nullptr && member->size() >= kMany);
    if (member == nullptr) return walk(path + "[]", static_cast<const Entry*>(nullptr), keys);
    for (const Entry& entry : *member) walk(path + "[]", &entry, keys);
  }

  std::map<std::string, bool>& seen_;
};

}  // namespace

KeyCoverage::KeyCoverage() {
  Walker(seen_).walk("", static_cast<const Model*>(nullptr), kModelKeys);
}

void KeyCoverage::see(const Model& model) { Walker(seen_).walk("", &model, kModelKeys); }

std::set<std::string> KeyCoverage::missing() const {
  std::set<std::string> out;
  for (const auto& [what, seen] : seen_) {
    if (!seen) out.insert(what);
  }
  return out;
}

}  // namespace postern::config
