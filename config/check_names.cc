// Names are given once and lead somewhere.
#include <unordered_map>

#include "config/check_parts.h"
#include "config/form.h"
#include "config/nearest.h"

namespace postern::config {
namespace {

// A dangling name is compared with all that exist, for the hint: not for more than this many.
constexpr int kMostHints = 20;

template <typename Entry>
void check_unique(std::string_view list, const std::vector<Entry>& entries, Report& report) {
  std::unordered_map<std::string_view, SourceLine> first;
  first.reserve(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    const At<std::string>& name = entries[i].name;
    if (name.value.empty()) continue;
    const auto [known, fresh] = first.emplace(name.value, name.line);
    if (fresh) continue;
    report.error(name.line, member_path(entry_path(list, entries[i], i), "name"),
                 "duplicate name " + quoted(name.value) + ", first on " +
                     report.call(known->second, name.line));
  }
}

// The names of one list, asked for by other entries.
template <typename Entry>
class Known {
 public:
  // With a gap in the list, or an entry without a readable name, every name may be meant.
  Known(const char* kind, const std::vector<Entry>& entries, bool gap, Report& report)
      : kind_(kind), report_(report), lenient_(gap) {
    for (const Entry& entry : entries) {
      names_.push_back(entry.name.value);
      lenient_ = lenient_ || entry.name.value.empty();
    }
  }

  // Complains unless `found`.
  void expect(bool found, const At<std::string>& name, const std::string& path) {
    if (found || lenient_ || name.value.empty()) return;
    std::string hint;
    if (hints_++ < kMostHints) {
      if (const auto meant = nearest(name.value, names_)) {
        hint = "did you mean " + quoted(*meant) + "?";
      }
    }
    report_.error(name.line, path, std::string("no ") + kind_ + " is named " + quoted(name.value),
                  std::move(hint));
  }

 private:
  const char* kind_;
  Report& report_;
  bool lenient_;
  int hints_ = 0;
  std::vector<std::string_view> names_;
};

// "any" takes what no other tunnel of the same socket names.
void check_narrowed(const Model& model, const Tunnel& any, const At<uint32_t>& vni,
                    const std::string& path, Report& report) {
  for (const Tunnel& other : model.tunnels) {
    if (other.vni.value != vni.value || other.local.value != any.local.value ||
        other.udp_port.value != any.udp_port.value) {
      continue;
    }
    report.error(vni.line, member_path(path, "vni"),
                 "VNI " + std::to_string(vni.value) + " comes by tunnel " +
                     quoted(other.name.value) + ", which names it");
  }
}

void check_namespace_tunnel(const Model& model, const Directory& directory, size_t index,
                            Known<Tunnel>& tunnels, const Gaps& gaps, Report& report) {
  const Namespace& name_space = model.namespaces[index];
  const std::string path = entry_path("namespaces", name_space, index);
  if (name_space.tunnel.value.empty()) {
    // The tunnel may be left out only where there is no choice.
    if (gaps.tunnels || model.tunnels.size() == 1) return;
    report.error(
        name_space.line, member_path(path, "tunnel"), "missing setting",
        model.tunnels.empty() ? "there is no tunnel yet" : "there are several tunnels: name one");
    return;
  }
  const auto tunnel = directory.tunnel(name_space.tunnel.value);
  tunnels.expect(tunnel.has_value(), name_space.tunnel, member_path(path, "tunnel"));
  if (!tunnel || !name_space.vni || gaps.unread.contains(&name_space.vni)) return;
  const auto& vni = model.tunnels[*tunnel].vni.value;
  if (vni && *vni != name_space.vni->value) {
    report.error(name_space.vni->line, member_path(path, "vni"),
                 "tunnel " + quoted(name_space.tunnel.value) + " has VNI " + std::to_string(*vni));
  }
  if (!vni) check_narrowed(model, model.tunnels[*tunnel], *name_space.vni, path, report);
}

void check_node_tunnel(const Model& model, const Directory& directory, size_t index,
                       Known<Tunnel>& tunnels, Report& report) {
  const Node& node = model.nodes[index];
  const std::string path = entry_path("nodes", node, index);
  const auto tunnel = directory.tunnel(node.tunnel.value);
  tunnels.expect(tunnel.has_value(), node.tunnel, member_path(path, "tunnel"));
  if (!tunnel || node.geneve_options->empty()) return;
  if (model.tunnels[*tunnel].type == TunnelType::kGeneve) return;
  report.error(node.geneve_options.line, member_path(path, "geneve_options"),
               "tunnel " + quoted(node.tunnel.value) + " is none of type \"geneve\"",
               "other tunnels have no options");
}

template <typename Entry>
void check_users(std::string_view list, const std::vector<Entry>& entries,
                 const Directory& directory, Known<Namespace>& namespaces) {
  for (size_t i = 0; i < entries.size(); ++i) {
    for (size_t j = 0; j < entries[i].namespaces.size(); ++j) {
      const At<std::string>& name = entries[i].namespaces[j];
      const bool found = directory.name_space(name.value).has_value();
      if (found) continue;
      namespaces.expect(found, name, member_path(entry_path(list, entries[i], i), "namespaces", j));
    }
  }
}

}  // namespace

void check_names(const Model& model, const Gaps& gaps, const Directory& directory, Report& report) {
  check_unique("ports", model.ports, report);
  check_unique("tunnels", model.tunnels, report);
  check_unique("nodes", model.nodes, report);
  check_unique("namespaces", model.namespaces, report);
  check_unique("egress_ips", model.egress_ips, report);
  check_unique("egress_routers", model.egress_routers, report);

  Known<Port> ports("port", model.ports, gaps.ports, report);
  Known<Tunnel> tunnels("tunnel", model.tunnels, gaps.tunnels, report);
  Known<Namespace> namespaces("namespace", model.namespaces, gaps.namespaces, report);
  for (size_t i = 0; i < model.routes.size(); ++i) {
    const Route& route = model.routes[i];
    ports.expect(directory.port(route.port.value).has_value(), route.port,
                 member_path(entry_path("routes", route, i), "port"));
  }
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    check_node_tunnel(model, directory, i, tunnels, report);
  }
  for (size_t i = 0; i < model.namespaces.size(); ++i) {
    check_namespace_tunnel(model, directory, i, tunnels, gaps, report);
  }
  check_users("egress_ips", model.egress_ips, directory, namespaces);
  check_users("egress_routers", model.egress_routers, directory, namespaces);
  for (size_t i = 0; i < model.firewall.rules.size(); ++i) {
    const FirewallRule& rule = model.firewall.rules[i];
    const bool found = rule.name_space.value == kEveryNamespace ||
                       directory.name_space(rule.name_space.value).has_value();
    namespaces.expect(found, rule.name_space,
                      member_path(entry_path("firewall.rules", rule, i), "namespace"));
  }
  for (size_t i = 0; i < model.qos.size(); ++i) {
    const QosRule& rule = model.qos[i];
    namespaces.expect(directory.name_space(rule.name_space.value).has_value(), rule.name_space,
                      member_path(entry_path("qos", rule, i), "namespace"));
  }
}

}  // namespace postern::config
