// Egress routers lead where their lines say, and never back into the cluster.
#include <vector>

#include "config/check_parts.h"
#include "config/form.h"
#include "config/router_lines.h"

namespace postern::config {
namespace {

void check_router(const EgressRouter& router, size_t index, const std::vector<Interval>& cluster,
                  Report& report) {
  const std::string path = entry_path("egress_routers", router, index);
  const RouterLines parsed = parse_router_lines(router);
  for (const RouterProblem& problem : parsed.problems) {
    const SourceLine line = problem.index                 ? router.destinations[*problem.index].line
                            : router.destinations.empty() ? router.line
                                                          : router.destinations[0].line;
    report.error(line,
                 problem.index ? member_path(path, "destinations", *problem.index)
                               : member_path(path, "destinations"),
                 problem.text);
  }
  for (const RouterLine& line : parsed.lines) {
    // A proxy's lines may deny what is inside, and allow a prefix around it.
    if (!line.prefix || line.deny || !covers(cluster, Interval::of(*line.prefix))) continue;
    report.error(router.destinations[line.index].line,
                 member_path(path, "destinations", line.index),
                 line.prefix->text() + " is inside the cluster");
  }
}

}  // namespace

std::vector<Interval> inside(const Model& model) {
  std::vector<Interval> all;
  const auto add = [&](Ipv4Address address) { all.push_back(Interval::of({address, 32})); };
  for (const Node& node : model.nodes) {
    add(node.vtep);
    for (const At<Ipv4Prefix>& cidr : node.pod_cidrs) all.push_back(Interval::of(cidr));
    for (const At<Ipv4Address>& own : node.addresses) add(own);
    if (node.external_ip) add(*node.external_ip);
  }
  for (const At<Ipv4Prefix>& prefix : model.cluster.no_snat) all.push_back(Interval::of(prefix));
  for (const Port& port : model.ports) {
    for (const At<PortAddress>& own : port.addresses) add(own->address);
  }
  for (const At<Ipv4Address>& shared : model.node_ip.addresses) add(shared);
  for (const EgressIp& egress : model.egress_ips) {
    for (const At<Ipv4Address>& address : egress.addresses) add(address);
  }
  for (const EgressRouter& router : model.egress_routers) {
    add(router.listen);
    add(router.source);
  }
  return joined(std::move(all));
}

void check_routers(const Model& model, const Gaps& gaps, Report& report) {
  if (model.egress_routers.empty()) return;
  const std::vector<Interval> cluster = inside(model);
  for (size_t i = 0; i < model.egress_routers.size(); ++i) {
    const EgressRouter& router = model.egress_routers[i];
    // What could be read of the lines, or in which grammar, decides nothing.
    if (gaps.unread.contains(&router.destinations) || gaps.unread.contains(&router.mode)) continue;
    check_router(router, i, cluster, report);
  }
}

}  // namespace postern::config
