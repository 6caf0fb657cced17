#include "control/apply/name_addresses.h"

#include <absl/strings/ascii.h>

#include "config/router_lines.h"

namespace postern {

std::string host_key(std::string_view name) {
  return absl::AsciiStrToLower(absl::string_view(name.data(), name.size()));
}

std::set<std::string> names_of(const config::Model& model) {
  std::set<std::string> names;
  for (const config::EgressRouter& router : model.egress_routers) {
    if (router.mode != config::RouterMode::kDnsProxy) continue;
    for (const config::RouterLine& line : config::parse_router_lines(router).lines) {
      if (!line.name.empty()) names.insert(host_key(line.name));
    }
  }
  for (const config::FirewallRule& rule : model.firewall.rules) {
    for (const auto& name : rule.to_names) names.insert(host_key(name.value));
  }
  return names;
}

}  // namespace postern
