#include "config/check.h"

#include <algorithm>

#include "config/check_parts.h"

namespace postern::config {
namespace {

constexpr uint32_t kPortsPerWorker = 64;

void check_sessions(const Model& model, Report& report) {
  const PortRange& range = model.sessions.port_range;
  const size_t workers = model.workers.cpus.value.size();
  if (range.size() >= kPortsPerWorker * workers) return;
  report.error(model.sessions.port_range.line, "sessions.port_range",
               std::to_string(range.size()) + " ports are too few for " + std::to_string(workers) +
                   (workers == 1 ? " worker" : " workers"),
               "each worker needs at least 64");
}

template <typename Entry>
std::unordered_map<std::string_view, size_t> index_names(const std::vector<Entry>& entries) {
  std::unordered_map<std::string_view, size_t> index;
  index.reserve(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].name.value.empty()) index.emplace(entries[i].name.value, i);
  }
  return index;
}

}  // namespace

Findings check(const Model& model) {
  Report report(model.files);
  check(model, {}, report);
  return {report.take_errors(), report.take_warnings()};
}

void check(const Model& model, const Gaps& gaps, Report& report) {
  const Directory directory(model);
  check_names(model, gaps, directory, report);
  check_ports(model, gaps, directory, report);
  check_addresses(model, directory, report);
  check_routers(model, gaps, report);
  check_qos(model, report);
  check_ties(model, gaps, directory, report);
  check_sessions(model, report);
  check_egress(model, gaps, directory, report);
  check_pods(model, directory, report);
  check_firewall(model, report);
  check_way_out(model, directory, report);
  check_replies(model, report);
  check_ways(model, report);
}

std::vector<Interval> joined(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.first < b.first; });
  std::vector<Interval> out;
  for (const Interval& next : intervals) {
    if (!out.empty() && uint64_t{next.first} <= uint64_t{out.back().last} + 1) {
      out.back().last = std::max(out.back().last, next.last);
    } else {
      out.push_back(next);
    }
  }
  return out;
}

bool touches(const std::vector<Interval>& joined, Interval wanted) {
  const auto after =
      std::upper_bound(joined.begin(), joined.end(), wanted.last,
                       [](uint32_t value, const Interval& i) { return value < i.first; });
  return after != joined.begin() && std::prev(after)->last >= wanted.first;
}

bool covers(const std::vector<Interval>& joined, Interval wanted) {
  const auto after =
      std::upper_bound(joined.begin(), joined.end(), wanted.first,
                       [](uint32_t value, const Interval& i) { return value < i.first; });
  return after != joined.begin() && std::prev(after)->last >= wanted.last;
}

Directory::Directory(const Model& model)
    : model_(model),
      ports_(index_names(model.ports)),
      tunnels_(index_names(model.tunnels)),
      namespaces_(index_names(model.namespaces)) {}

std::optional<size_t> Directory::find(const Index& index, std::string_view name) {
  const auto found = index.find(name);
  return found != index.end() ? std::optional(found->second) : std::nullopt;
}

std::optional<size_t> Directory::port(std::string_view name) const { return find(ports_, name); }
std::optional<size_t> Directory::tunnel(std::string_view name) const {
  return find(tunnels_, name);
}
std::optional<size_t> Directory::name_space(std::string_view name) const {
  return find(namespaces_, name);
}

std::optional<Network> Directory::network(const Node& node) const {
  return network(node.tunnel.value);
}

std::optional<Network> Directory::network(std::string_view tunnel_name) const {
  const auto index = tunnel(tunnel_name);
  if (!index) return std::nullopt;
  const auto& vni = model_.tunnels[*index].vni.value;
  return vni ? network_of_vni(*vni) : network_of_tunnel(*index);
}

std::optional<Network> Directory::network(const Namespace& name_space) const {
  const auto index = tunnel(name_space.tunnel.value);
  if (!index) return std::nullopt;
  const auto& vni = model_.tunnels[*index].vni.value;
  if (vni) return network_of_vni(*vni);
  return name_space.vni ? network_of_vni(name_space.vni->value) : network_of_tunnel(*index);
}

}  // namespace postern::config
