// Whether packets to the world have a way there at all.
#include <algorithm>

#include "config/check_parts.h"
#include "config/form.h"

namespace postern::config {
namespace {

bool is_external(const Port& port) { return port.role.value != PortRole::kCluster; }

// A route that leads out: by an external port, to destinations that are not all inside.
bool leads_out(const Model& model, const Directory& directory, const std::vector<Interval>& cluster,
               const Route& route) {
  const auto port = directory.port(route.port.value);
  return port && is_external(model.ports[*port]) && !covers(cluster, Interval::of(route.to.value));
}

}  // namespace

// Said only where nothing else is wrong: what could not be read may be the way.
void check_way_out(const Model& model, const Directory& directory, Report& report) {
  if (report.has_errors()) return;
  const auto first = std::find_if(model.ports.begin(), model.ports.end(), is_external);
  if (first == model.ports.end()) {
    report.warn(model.ports.front().line, "ports",
                "no port has the role \"external\": nothing can leave",
                "sessions leave by an external port only");
    return;
  }
  const bool has_gateway =
      std::any_of(model.ports.begin(), model.ports.end(),
                  [](const Port& port) { return is_external(port) && port.gateway; });
  if (has_gateway) return;
  const std::vector<Interval> cluster = inside(model);
  for (const Route& route : model.routes) {
    if (leads_out(model, directory, cluster, route)) return;
  }
  const auto index = static_cast<size_t>(first - model.ports.begin());
  report.warn(first->line, member_path(entry_path("ports", *first, index), "gateway"),
              "no external port has a gateway and no route leads out: nothing can leave, but to "
              "hosts in the subnets of external ports",
              "write gateway = \"ADDRESS\", the router beside the port");
}

}  // namespace postern::config
