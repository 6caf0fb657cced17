#include "config/load.h"

#include <libconfig.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <set>
#include <type_traits>

#include "config/check.h"
#include "config/nearest.h"
#include "config/report.h"
#include "config/schema.h"
#include "config/slot.h"
#include "config/source.h"

namespace postern::config {
namespace {

// The way from the root to a setting. Kept as links: the text is needed for complaints only.
struct Path {
  const Path* up = nullptr;
  std::string_view key;  // a setting, or the name of an entry
  int index = -1;        // a nameless element

  [[nodiscard]] std::string text() const {
    if (up == nullptr) return "";
    std::string out = up->text();
    if (key.empty()) return out + "[" + std::to_string(index) + "]";
    if (!out.empty()) out += '.';
    return out.append(key);
  }
};

// An address that could not be read keeps its place as 0.0.0.0, so that its list is not taken for
// empty by the checks that follow.
template <typename Value>
constexpr bool kKeepsPlace =
    std::is_same_v<Value, Ipv4Address> || std::is_same_v<Value, PortAddress>;

template <typename Form>
concept ScalarForm = requires(const Form& form, const Scalar& scalar) {
  { form.read(scalar) } -> std::same_as<Reading<typename Form::Value>>;
};

bool is_list(const config_setting_t* setting) {
  return config_setting_is_list(setting) || config_setting_is_array(setting);
}

// What the setting is, for "must be ..., is ...".
std::string kind_of(const config_setting_t* setting) {
  if (config_setting_is_group(setting)) return "a group { }";
  return is_list(setting) ? "a list" : "a single value";
}

std::optional<Scalar> scalar_of(const config_setting_t* setting) {
  switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
      return Scalar(int64_t{config_setting_get_int(setting)});
    case CONFIG_TYPE_INT64:
      return Scalar(int64_t{config_setting_get_int64(setting)});
    case CONFIG_TYPE_FLOAT:
      return Scalar(config_setting_get_float(setting));
    case CONFIG_TYPE_BOOL:
      return Scalar(config_setting_get_bool(setting) == CONFIG_TRUE);
    case CONFIG_TYPE_STRING:
      return Scalar(std::string_view(config_setting_get_string(setting)));
    default:
      return std::nullopt;
  }
}

// The problem behind the preface of its row, if there is one.
std::string prefaced(std::string_view preface, std::string_view value, const std::string& problem) {
  if (preface.empty()) return problem;
  std::string out(preface);
  if (const size_t at = out.find('%'); at != std::string::npos) out.replace(at, 1, value);
  return out + ": " + problem;
}

// Walks the tables of the schema and libconfig's tree side by side.
class Loader {
 public:
  Loader(const Source& source, Report& report) : source_(source), report_(report) {}

  template <typename Owner, typename Table>
  void read_group(const config_setting_t* group, Owner& owner, const Table& table, const Path& path,
                  SourceLine line);

  // Where the settings are kept that could not be read, or not all of them.
  [[nodiscard]] std::set<const void*> take_damaged() { return std::move(damaged_); }
  // Whether the list that is kept in `member` may lack entries that the operator meant.
  [[nodiscard]] bool has_gap(const void* member) const {
    return damaged_.contains(member) || (absent_.contains(member) && report_.has_errors());
  }

 private:
  [[nodiscard]] SourceLine line_of(const config_setting_t* setting) const {
    return source_.at(config_setting_source_line(setting));
  }
  void error(const config_setting_t* setting, const Path& path, std::string message,
             std::string hint = {}) {
    report_.error(line_of(setting), path.text(), std::move(message), std::move(hint));
  }
  template <typename Table>
  void unknown(const config_setting_t* setting, const Path& path, const Table& table);
  template <typename Owner, typename Row>
  void absent(Owner& owner, const Row& row, const Path& group, SourceLine line);
  template <typename Table>
  void absent_in(const Table& table, const Path& group, SourceLine line);
  template <typename Owner, typename Row>
  void read_row(const config_setting_t* setting, Owner& owner, const Row& row, const Path& path);

  // Each reads a setting of one form; false when it complained.
  template <typename Form>
  std::optional<typename Form::Value> read_scalar(const config_setting_t* setting, const Form& form,
                                                  const Path& path, bool& good);
  template <ScalarForm Form, typename Member>
  bool read(const config_setting_t* setting, Member& member, const Form& form, const Path& path);
  template <typename Form, typename Value>
  bool read(const config_setting_t* setting, ListOf<Value>& member, const List<Form>& form,
            const Path& path);
  template <typename Form, typename Member>
  bool read(const config_setting_t* setting, Member& member, const PerFamily<Form>& form,
            const Path& path);
  bool read(const config_setting_t* setting, ListOf<std::string>& member, const Lines& form,
            const Path& path);
  template <typename Member, const auto& table>
  bool read(const config_setting_t* setting, Member& member, const Group<table>& form,
            const Path& path);
  template <typename Entry, const auto& table>
  bool read(const config_setting_t* setting, std::vector<Entry>& member, const Groups<table>& form,
            const Path& path);

  const Source& source_;
  Report& report_;
  std::string_view preface_;  // of the row that is read
  std::set<const void*> damaged_;
  std::set<const void*> absent_;
};

template <typename Owner, typename Table>
void Loader::read_group(const config_setting_t* group, Owner& owner, const Table& table,
                        const Path& path, SourceLine line) {
  std::array<bool, std::tuple_size_v<Table>> seen{};
  if constexpr (requires { owner.line; }) owner.line = line;
  for (int i = 0; i < config_setting_length(group); ++i) {
    const config_setting_t* setting = config_setting_get_elem(group, static_cast<unsigned>(i));
    const std::string_view name = config_setting_name(setting);
    if (const Repeated* repeated = source_.find_repeated(name)) {
      const SourceLine here = line_of(setting);
      report_.error(here, Path{&path, repeated->name}.text(),
                    "duplicate setting, first on " + report_.call(repeated->first, here));
      continue;
    }
    bool known = false;
    size_t index = 0;
    const auto match = [&](const auto& row) {
      if (row.name == name) {
        known = seen[index] = true;
        read_row(setting, owner, row, Path{&path, row.name});
      }
      ++index;
    };
    std::apply([&](const auto&... row) { (match(row), ...); }, table);
    if (!known) unknown(setting, Path{&path, name}, table);
  }
  size_t index = 0;
  const auto note = [&](const auto& row) {
    if (!seen[index++]) absent(owner, row, path, line);
  };
  std::apply([&](const auto&... row) { (note(row), ...); }, table);
}

template <typename Table>
void Loader::unknown(const config_setting_t* setting, const Path& path, const Table& table) {
  const auto names = std::apply(
      [](const auto&... row) { return std::array<std::string_view, sizeof...(row)>{row.name...}; },
      table);
  std::string hint;
  if (const auto meant = nearest(path.key, names)) {
    hint = "did you mean " + quoted(*meant) + "?";
  } else {
    hint = "known here:";
    for (const std::string_view name : names) (hint += " ").append(name);
  }
  error(setting, path, "unknown setting", std::move(hint));
}

template <typename Owner, typename Row>
void Loader::absent(Owner& owner, const Row& row, const Path& group, SourceLine line) {
  absent_.insert(&(owner.*row.member));
  const Path path{&group, row.name};
  if (row.presence == kRequired) {
    report_.error(line, path.text(), prefaced(row.preface, "", "missing setting"));
  }
  // A group that is not there lacks what it must hold.
  if constexpr (requires { row.form.table(); }) absent_in(row.form.table(), path, line);
}

template <typename Table>
void Loader::absent_in(const Table& table, const Path& group, SourceLine line) {
  const auto note = [&](const auto& row) {
    if (row.presence == kRequired) {
      report_.error(line, Path{&group, row.name}.text(), "missing setting");
    }
  };
  std::apply([&](const auto&... row) { (note(row), ...); }, table);
}

template <typename Owner, typename Row>
void Loader::read_row(const config_setting_t* setting, Owner& owner, const Row& row,
                      const Path& path) {
  static const Owner kDefault{};
  preface_ = row.preface;
  const bool good = read(setting, owner.*row.member, row.form, path);
  if (row.later && good && !(owner.*row.member == kDefault.*row.member)) {
    error(setting, path, "not supported yet");
    damaged_.insert(&(owner.*row.member));
  }
}

template <typename Form>
std::optional<typename Form::Value> Loader::read_scalar(const config_setting_t* setting,
                                                        const Form& form, const Path& path,
                                                        bool& good) {
  const auto scalar = scalar_of(setting);
  if (!scalar) {
    error(setting, path,
          prefaced(preface_, "", "must be " + form.expects() + ", is " + kind_of(setting)));
    good = false;
    return std::nullopt;
  }
  auto reading = form.read(*scalar);
  if (!reading.problem.empty()) {
    const auto* text = std::get_if<std::string_view>(&*scalar);
    // A value that is known, but not supported yet, is not what the preface says.
    const std::string_view preface = reading.value ? std::string_view() : preface_;
    error(setting, path, prefaced(preface, text != nullptr ? *text : "", reading.problem));
    good = false;
  }
  return std::move(reading.value);
}

template <ScalarForm Form, typename Member>
bool Loader::read(const config_setting_t* setting, Member& member, const Form& form,
                  const Path& path) {
  bool good = true;
  auto value = read_scalar(setting, form, path, good);
  if (!value) damaged_.insert(&member);
  if (value) store(member, *std::move(value), line_of(setting));
  return good;
}

template <typename Form, typename Value>
bool Loader::read(const config_setting_t* setting, ListOf<Value>& member, const List<Form>& form,
                  const Path& path) {
  member.clear();
  if (!is_list(setting)) {
    const auto scalar = scalar_of(setting);
    const std::string hint = scalar ? "write [ " + shown(*scalar) + " ]" : "";
    error(setting, path, "must be a list [ ... ], is " + kind_of(setting), hint);
    damaged_.insert(&member);
    return false;
  }
  const int length = config_setting_length(setting);
  if (length == 0 && form.never_empty) {
    error(setting, path, "is empty", "leave the setting out when all are meant");
    damaged_.insert(&member);
    return false;
  }
  bool good = true;
  member.reserve(static_cast<size_t>(length));
  for (int i = 0; i < length; ++i) {
    const config_setting_t* element = config_setting_get_elem(setting, static_cast<unsigned>(i));
    auto value = read_scalar(element, form.form, Path{&path, {}, i}, good);
    if (!value && kKeepsPlace<Value>) value.emplace();
    if (value) store(member.emplace_back(), *std::move(value), line_of(element));
  }
  if (!good) damaged_.insert(&member);
  return good;
}

template <typename Form, typename Member>
bool Loader::read(const config_setting_t* setting, Member& member, const PerFamily<Form>& form,
                  const Path& path) {
  if (!is_list(setting)) return read(setting, member, form.form, path);
  bool good = true;
  for (int i = 0; i < config_setting_length(setting); ++i) {
    const config_setting_t* element = config_setting_get_elem(setting, static_cast<unsigned>(i));
    const Path element_path{&path, {}, i};
    auto value = read_scalar(element, form.form, element_path, good);
    if (!value) continue;
    if (member.has_value()) {
      error(element, element_path, "more than one for the same address family");
      return false;
    }
    store(member, *std::move(value), line_of(element));
  }
  return good;
}

bool Loader::read(const config_setting_t* setting, ListOf<std::string>& member, const Lines&,
                  const Path& path) {
  constexpr size_t kLongestText = 1 << 20;
  member.clear();
  const auto split = [&](const config_setting_t* from, const Path& at) {
    bool good = true;
    const auto text = read_scalar(from, Text{kLongestText, 0, /*many_lines=*/true}, at, good);
    size_t within = 0;
    for (size_t begin = 0; text && begin <= text->size();) {
      const size_t end = std::min(text->find('\n', begin), text->size());
      const SourceLine line = source_.at(config_setting_source_line(from), within++);
      member.push_back({text->substr(begin, end - begin), line});
      begin = end + 1;
    }
    return good;
  };
  bool good = is_list(setting) || split(setting, path);
  if (!is_list(setting)) {
    if (!good) damaged_.insert(&member);
    return good;
  }
  for (int i = 0; i < config_setting_length(setting); ++i) {
    const config_setting_t* element = config_setting_get_elem(setting, static_cast<unsigned>(i));
    good = split(element, Path{&path, {}, i}) && good;
  }
  if (!good) damaged_.insert(&member);
  return good;
}

template <typename Member, const auto& table>
bool Loader::read(const config_setting_t* setting, Member& member, const Group<table>&,
                  const Path& path) {
  if (!config_setting_is_group(setting)) {
    error(setting, path, "must be a group { ... }, is " + kind_of(setting));
    return false;
  }
  read_group(setting, member, table, path, line_of(setting));
  return true;
}

template <typename Entry, const auto& table>
bool Loader::read(const config_setting_t* setting, std::vector<Entry>& member, const Groups<table>&,
                  const Path& path) {
  if (!is_list(setting)) {
    damaged_.insert(&member);
    error(setting, path, "must be a list of groups ( { ... } ), is " + kind_of(setting));
    return false;
  }
  bool good = true;
  const int length = config_setting_length(setting);
  member.reserve(static_cast<size_t>(length));
  for (int i = 0; i < length; ++i) {
    const config_setting_t* element = config_setting_get_elem(setting, static_cast<unsigned>(i));
    Path entry{&path, {}, i};
    if (!config_setting_is_group(element)) {
      damaged_.insert(&member);
      error(element, entry, "must be a group { ... }, is " + kind_of(element));
      good = false;
      continue;
    }
    const char* name = nullptr;
    config_setting_lookup_string(element, "name", &name);
    if (name != nullptr && Name{}.read(Scalar(std::string_view(name))).value) entry.key = name;
    read_group(element, member.emplace_back(), table, entry, line_of(element));
  }
  return good;
}

struct Tree {
  config_t config;
  Tree() { config_init(&config); }
  ~Tree() { config_destroy(&config); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
};

// What the file leaves to other settings.
void fill_in(Model& model) {
  for (Tunnel& tunnel : model.tunnels) {
    const bool silent = tunnel.udp_port.line.line == 0;
    if (silent && tunnel.type == TunnelType::kGeneve) tunnel.udp_port.value = kGeneveUdpPort;
  }
  if (model.tunnels.size() != 1) return;
  for (Namespace& name_space : model.namespaces) {
    if (!name_space.tunnel.value.empty()) continue;
    name_space.tunnel = {model.tunnels[0].name.value, name_space.line};
  }
}

std::string parse_hint(std::string_view text) {
  if (text == "syntax error") return "a sign, a quote or a bracket is missing here or just before";
  if (text == "mismatched element type in array") return "values of one kind only, or ( )";
  return "";
}

// `report` was made with the files of `model`.
void load(const Source& source, Model& model, Report& report) {
  Tree tree;
  if (config_read_string(&tree.config, source.text.c_str()) != CONFIG_TRUE) {
    const char* text = config_error_text(&tree.config);
    const std::string message = text != nullptr ? text : "syntax error";
    const int line = config_error_line(&tree.config);
    report.error(source.at(static_cast<unsigned>(std::max(line, 0))), "", message,
                 parse_hint(message));
    return;
  }
  Loader loader(source, report);
  loader.read_group(config_root_setting(&tree.config), model, kModelKeys, Path{}, {0, 1});
  fill_in(model);
  const Gaps gaps{.ports = loader.has_gap(&model.ports),
                  .tunnels = loader.has_gap(&model.tunnels),
                  .namespaces = loader.has_gap(&model.namespaces),
                  .unread = loader.take_damaged()};
  check(model, gaps, report);
}

template <typename Read>
LoadResult load_with(Read read) {
  Model model;
  LoadResult result;
  Report report(model.files);
  const Source source = read(model.files, report);
  if (!report.has_errors()) load(source, model, report);
  result.errors = report.take_errors();
  result.warnings = report.take_warnings();
  if (result.errors.empty()) result.model = std::move(model);
  return result;
}

}  // namespace

LoadResult load_file(const std::string& path) {
  return load_with(
      [&](SourceFiles& files, Report& report) { return read_file(path, files, report); });
}

LoadResult load_text(std::string_view text, const std::string& name) {
  return load_with(
      [&](SourceFiles& files, Report& report) { return read_text(text, name, files, report); });
}

}  // namespace postern::config
