#include "config/print.h"

#include <string_view>
#include <utility>
#include <vector>

#include "config/schema.h"
#include "config/slot.h"

namespace postern::config {
namespace {

constexpr size_t kColumns = 100;

class Printer {
 public:
  template <typename Owner, typename Table>
  void write_settings(const Owner& owner, const Table& table) {
    std::apply([&](const auto&... row) { (write(row.name, owner.*row.member, row.form), ...); },
               table);
  }

  std::string take() { return std::move(out_); }

 private:
  template <typename Member, typename Form>
  void write(std::string_view name, const Member& member, const Form& form) {
    const auto* value = value_of<typename Form::Value>(member);
    if (value == nullptr) return;
    indent().append(name) += " = " + form.print(static_cast<typename Form::Value>(*value)) + ";\n";
  }

  template <typename Value, typename Form>
  void write(std::string_view name, const ListOf<Value>& member, const List<Form>& list) {
    if (member.empty() && list.never_empty) return;
    std::vector<std::string> texts;
    texts.reserve(member.size());
    for (const At<Value>& element : member) texts.push_back(list.form.print(element.value));
    write_array(name, texts);
  }

  template <typename Member, typename Form>
  void write(std::string_view name, const Member& member, const PerFamily<Form>& family) {
    write(name, member, family.form);
  }

  void write(std::string_view name, const ListOf<std::string>& member, const Lines&) {
    std::vector<std::string> texts;
    texts.reserve(member.size());
    for (const At<std::string>& line : member) texts.push_back(quoted(line.value));
    write_array(name, texts);
  }

  template <typename Member, const auto& keys>
  void write(std::string_view name, const Member& member, const Group<keys>&) {
    const size_t before = out_.size();
    indent().append(name) += " : {\n";
    const size_t empty = out_.size();
    ++depth_;
    write_settings(member, keys);
    --depth_;
    if (out_.size() == empty) return out_.resize(before);
    indent() += "};\n";
  }

  template <typename Entry, const auto& keys>
  void write(std::string_view name, const std::vector<Entry>& member, const Groups<keys>&) {
    indent().append(name) += " = (";
    ++depth_;
    for (size_t i = 0; i < member.size(); ++i) {
      out_ += i == 0 ? "\n" : ",\n";
      indent() += "{\n";
      ++depth_;
      write_settings(member[i], keys);
      --depth_;
      indent() += "}";
    }
    --depth_;
    out_ += member.empty() ? " );\n" : "\n";
    if (!member.empty()) indent() += ");\n";
  }

  // On one line where it fits, else as many values on each line as fit.
  void write_array(std::string_view name, const std::vector<std::string>& texts) {
    size_t width = 2 * depth_ + name.size() + std::string_view(" = [ ];").size();
    for (const std::string& text : texts) width += text.size() + 2;
    const bool wrap = width > kColumns;
    indent().append(name) += " = [ ";
    ++depth_;
    size_t column = kColumns;
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::string text = texts[i] + (i + 1 < texts.size() ? ", " : wrap ? "" : " ");
      if (wrap && column + text.size() > kColumns) {
        while (out_.back() == ' ') out_.pop_back();
        out_ += '\n';
        indent();
        column = 2 * depth_;
      }
      out_ += text;
      column += text.size();
    }
    --depth_;
    if (wrap) {
      out_ += '\n';
      indent();
    }
    out_ += "];\n";
  }

  std::string& indent() { return out_.append(2 * depth_, ' '); }

  std::string out_;
  size_t depth_ = 0;
};

}  // namespace

std::string print(const Model& model) {
  Printer printer;
  printer.write_settings(model, kModelKeys);
  return printer.take();
}

}  // namespace postern::config
