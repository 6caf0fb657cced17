#include "control/apply/restart_errors.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "config/schema.h"
#include "config/slot.h"
#include "control/apply/diff.h"

namespace postern {
namespace {

using config::Diagnostic;
using config::Model;
using config::SourceLine;

constexpr std::string_view kPorts = "ports";

template <typename Member>
SourceLine own_line(const Member& member) {
  if constexpr (config::IsAt<Member>::value) {
    return member.line;
  } else if constexpr (config::IsOptional<Member>::value) {
    return member ? own_line(*member) : SourceLine{};
  } else if constexpr (requires { member.front().line; }) {
    return member.empty() ? SourceLine{} : member.front().line;
  } else if constexpr (requires { member.line; }) {
    return member.line;
  } else {
    return {};
  }
}

SourceLine or_else(SourceLine line, SourceLine other) { return line.line != 0 ? line : other; }

// The line of the setting "KEY" or "GROUP.KEY" of an owner, `around` where none is kept.
template <typename Owner, typename Table>
SourceLine line_of(const Owner& owner, const Table& table, std::string_view key, SourceLine around);

template <typename Owner, typename Row>
void find_line(const Owner& owner, const Row& row, std::string_view key, SourceLine& found) {
  if (!key.starts_with(row.name)) return;
  const auto& member = owner.*row.member;
  const std::string_view rest = key.substr(row.name.size());
  if (rest.empty()) found = or_else(own_line(member), found);
  if constexpr (requires { row.form.table(); }) {
    if (rest.starts_with('.')) {
      found = line_of(member, row.form.table(), rest.substr(1), or_else(member.line, found));
    }
  }
}

template <typename Owner, typename Table>
SourceLine line_of(const Owner& owner, const Table& table, std::string_view key,
                   SourceLine around) {
  std::apply([&](const auto&... row) { (find_line(owner, row, key, around), ...); }, table);
  return around;
}

// What the list of restart.h is about, and nothing else.
Model fixed_part(const Model& whole) {
  Model part;
  part.gateway = whole.gateway;
  part.eal = whole.eal;
  part.workers = whole.workers;
  part.ports = whole.ports;
  part.sessions.max = whole.sessions.max;
  part.sessions.port_range = whole.sessions.port_range;
  return part;
}

class Complaints {
 public:
  explicit Complaints(const Model& wanted) : wanted_(wanted) {}

  void add_difference(const std::string& path, const std::vector<KeyChange>& details) {
    bool told = false;
    for (const KeyChange& detail : details) {
      if (detail.path != path) continue;
      told = true;
      if (const config::Port* port = port_at(path)) {
        add(line_of(*port, config::kPortKeys, detail.key, port->line), path + "." + detail.key);
      } else {
        add(line_of(wanted_, config::kModelKeys, path, {0, 1}), path);
      }
    }
    if (told) return;
    const config::Port* port = port_at(path);
    const SourceLine first = wanted_.ports.empty() ? SourceLine{0, 1} : wanted_.ports.front().line;
    add(port != nullptr ? port->line : first, path);
  }

  std::vector<Diagnostic> take() { return std::move(all_); }

 private:
  [[nodiscard]] const config::Port* port_at(std::string_view path) const {
    if (!path.starts_with(kPorts) || path.size() <= kPorts.size() + 1) return nullptr;
    const std::string_view name = path.substr(kPorts.size() + 1);
    const auto found = std::find_if(wanted_.ports.begin(), wanted_.ports.end(),
                                    [name](const auto& port) { return port.name.value == name; });
    return found != wanted_.ports.end() ? &*found : nullptr;
  }
  void add(SourceLine line, std::string path) {
    const auto& files = wanted_.files.name;
    all_.push_back({line.file < files.size() ? files[line.file] : "", line.line, std::move(path),
                    "cannot change while the gateway runs", "restart it"});
  }

  const Model& wanted_;
  std::vector<Diagnostic> all_;
};

}  // namespace

std::vector<Diagnostic> restart_errors(const Model& running, const Model& wanted) {
  const ConfigDiff difference = diff(fixed_part(running), fixed_part(wanted));
  Complaints complaints(wanted);
  for (const std::string& path : difference.needs_restart) {
    complaints.add_difference(path, difference.details);
  }
  return complaints.take();
}

}  // namespace postern
