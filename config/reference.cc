#include "config/reference.h"

#include <string_view>
#include <vector>

#include "config/schema.h"
#include "config/slot.h"

namespace postern::config {
namespace {

constexpr std::string_view kIntroduction = R"(# The configuration file

Made from the schema by `postern-config-reference`; do not edit.

The file is the whole desired state, in the syntax of libconfig. `postern --check -c FILE` says
everything that is wrong with one, `postern --print-config -c FILE` shows what is in force with all
defaults. Examples are in [config/examples](../config/examples/small.cfg).

- `@include "FILE"` on a line of its own puts another file there, relative to the one that holds it.
- Lists are written `[ ... ]` or `( ... )`; lists of groups `( { ... }, { ... } )`.
- A prefix has no host bits; an address alone stands for itself. A name is given once in its list.
- Durations are texts: whole numbers with h, m and s in that order. Rates are texts: a whole number
  with bit, kbit, Mbit, Gbit or Tbit a second, in steps of 1000.
- What is marked "not supported yet" is checked for form and then refused, unless it says the
  default.
)";

std::string code(std::string_view text) { return std::string("`").append(text) + "`"; }

template <typename Form>
std::string expects(const Form& form) {
  return form.expects();
}
template <typename Form>
std::string expects(const List<Form>& list) {
  return "list, each " + list.form.expects();
}
template <typename Form>
std::string expects(const PerFamily<Form>& family) {
  return family.form.expects() + ", or a list with one for each address family";
}
std::string expects(const Lines&) { return "text of lines, or a list of lines"; }
template <const auto& keys>
std::string expects(const Group<keys>&) {
  return "group";
}
template <const auto& keys>
std::string expects(const Groups<keys>&) {
  return "list of groups";
}

// What stands in the model when the file is silent, as the file would say it. An empty text that
// the setting would not take is no default.
template <typename Form, typename Member>
std::string default_of(const Form& form, const Member& member) {
  const auto* value = value_of<typename Form::Value>(member);
  if (value == nullptr) return "none";
  const std::string text = form.print(static_cast<typename Form::Value>(*value));
  if (text == quoted("") && !form.read(Scalar(std::string_view())).value) return "none";
  return code(text);
}
template <typename Form, typename Value>
std::string default_of(const List<Form>& list, const ListOf<Value>& member) {
  if (member.empty()) return list.never_empty ? "all" : code("[ ]");
  std::string out;
  for (const At<Value>& element : member) {
    out += (out.empty() ? "[ " : ", ") + list.form.print(element.value);
  }
  return code(out + " ]");
}
template <typename Form, typename Member>
std::string default_of(const PerFamily<Form>& family, const Member& member) {
  return default_of(family.form, member);
}
std::string default_of(const Lines&, const ListOf<std::string>&) { return "none"; }
template <const auto& keys, typename Member>
std::string default_of(const Group<keys>&, const Member&) {
  return "its settings'";
}
template <const auto& keys, typename Member>
std::string default_of(const Groups<keys>&, const Member&) {
  return code("( )");
}

// What of the form is refused, or nothing.
template <typename Form>
std::string unsupported(const Form& form) {
  if constexpr (requires { form.unsupported(); }) return form.unsupported();
  return "";
}
template <typename Form>
std::string unsupported(const List<Form>& list) {
  return unsupported(list.form);
}

class Writer {
 public:
  template <typename Owner, typename Table>
  void write_section(const std::string& path, std::string_view about, const Table& table) {
    if (!path.empty()) {
      out_ += "\n## " + path + "\n\n";
      out_.append(about) += '\n';
    }
    out_ += "\n| setting | value | default | |\n| --- | --- | --- | --- |\n";
    std::apply([&](const auto&... row) { (write_row<Owner>(row), ...); }, table);
    std::apply([&](const auto&... row) { (descend(path, row, row.form), ...); }, table);
  }

  std::string take() { return std::move(out_); }

 private:
  template <typename Owner, typename Row>
  void write_row(const Row& row) {
    static const Owner kDefault{};
    const bool required = row.presence == kRequired;
    const std::string partly = unsupported(row.form);
    out_ += "| " + code(row.name) + " | " + expects(row.form) + " | ";
    out_ += required ? "required" : default_of(row.form, kDefault.*row.member);
    out_ += " | ";
    out_.append(row.help);
    if (row.later) out_ += " *Not supported yet.*";
    if (!partly.empty()) out_ += " *Not supported yet: " + partly + ".*";
    out_ += " |\n";
  }

  template <typename Row, typename Form>
  void descend(const std::string&, const Row&, const Form&) {}
  template <typename Owner, typename Member, typename Form, const auto& keys>
  void descend(const std::string& path, const Key<Owner, Member, Form>& row, const Group<keys>&) {
    write_section<Member>(below(path, row.name), row.help, keys);
  }
  template <typename Owner, typename Member, typename Form, const auto& keys>
  void descend(const std::string& path, const Key<Owner, Member, Form>& row, const Groups<keys>&) {
    write_section<typename Member::value_type>(below(path, row.name) + "[ ]", row.help, keys);
  }

  static std::string below(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : (path + ".").append(name);
  }

  std::string out_;
};

}  // namespace

std::string reference() {
  Writer writer;
  writer.write_section<Model>("", "", kModelKeys);
  return std::string(kIntroduction) + writer.take();
}

}  // namespace postern::config
