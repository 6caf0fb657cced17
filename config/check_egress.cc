// The ways out have what they need.
#include "config/check_parts.h"
#include "config/form.h"

namespace postern::config {
namespace {

void check_node_ip(const Model& model, const Gaps& gaps, Report& report) {
  switch (model.node_ip.mode.value) {
    case NodeIpMode::kOff:
      return;
    case NodeIpMode::kGateway:
      if (!model.node_ip.addresses.empty() || gaps.unread.contains(&model.node_ip.addresses))
        return;
      report.error(model.node_ip.mode.line, "node_ip.addresses", "missing setting",
                   "mode \"gateway\" needs at least one address");
      return;
    case NodeIpMode::kPerNode:
      break;
  }
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    if (model.nodes[i].external_ip) continue;
    report.error(model.nodes[i].line,
                 member_path(entry_path("nodes", model.nodes[i], i), "external_ip"),
                 "missing setting",
                 "node_ip.mode is \"per-node\" on " +
                     report.call(model.node_ip.mode.line, model.nodes[i].line));
  }
}

std::vector<Interval> pods_of_namespaces(const Model& model, const Directory& directory,
                                         const EgressIp& egress) {
  std::vector<Interval> all;
  for (const At<std::string>& name : egress.namespaces) {
    const auto index = directory.name_space(name.value);
    if (!index) continue;
    for (const At<Ipv4Prefix>& pod : model.namespaces[*index].pods) {
      all.push_back(Interval::of(pod.value));
    }
  }
  return joined(std::move(all));
}

void check_entry(const Model& model, const Gaps& gaps, const Directory& directory, size_t index,
                 Report& report) {
  const EgressIp& egress = model.egress_ips[index];
  const std::string path = entry_path("egress_ips", egress, index);
  if (egress.addresses.empty() && !gaps.unread.contains(&egress.addresses)) {
    report.warn(egress.line, member_path(path, "addresses"),
                "is empty: the sessions of this entry are dropped");
  }
  if (egress.namespaces.empty() && !gaps.unread.contains(&egress.namespaces)) {
    report.warn(egress.line, member_path(path, "namespaces"), "is empty: the entry is for nobody");
  }
  // What follows from other settings is said only where all of them could be read.
  if (report.has_errors()) return;
  const bool node_ip =
      model.node_ip.mode.value != NodeIpMode::kOff && model.node_ip.for_whom == NodeIpFor::kAll;
  if (egress.fallback == Fallback::kNodeIp && !node_ip) {
    report.warn(egress.line, member_path(path, "fallback"),
                "node_ip is off or for the platform only: there is nothing to fall back to");
  }
  if (egress.pods.empty()) return;
  // Pods may come later, over the control socket: no error.
  const auto pods = pods_of_namespaces(model, directory, egress);
  for (size_t j = 0; j < egress.pods.size(); ++j) {
    if (covers(pods, Interval::of(egress.pods[j].value))) continue;
    report.warn(egress.pods[j].line, member_path(path, "pods", j),
                egress.pods[j]->text() + " is not within the pods of the entry's namespaces");
  }
}

}  // namespace

void check_egress(const Model& model, const Gaps& gaps, const Directory& directory,
                  Report& report) {
  check_node_ip(model, gaps, report);
  for (size_t i = 0; i < model.egress_ips.size(); ++i) {
    check_entry(model, gaps, directory, i, report);
  }
}

}  // namespace postern::config
