#include "control/apply/address_owners.h"

#include <absl/strings/str_cat.h>

namespace postern {
namespace {

void add_node_ip(const config::Model& model, AddressOwners& owners) {
  switch (model.node_ip.mode.value) {
    case config::NodeIpMode::kOff:
      return;
    case config::NodeIpMode::kGateway:
      for (const Ipv4Address address : model.node_ip.addresses) owners[address.value] = "node_ip";
      return;
    case config::NodeIpMode::kPerNode:
      break;
  }
  for (const config::Node& node : model.nodes) {
    if (!node.external_ip) continue;
    owners[node.external_ip->value.value] = absl::StrCat("nodes ", node.name.value);
  }
}

}  // namespace

AddressOwners address_owners(const config::Model& model) {
  AddressOwners owners;
  add_node_ip(model, owners);
  for (const config::EgressIp& entry : model.egress_ips) {
    for (const Ipv4Address address : entry.addresses) owners[address.value] = "egress_ips";
  }
  for (const config::EgressRouter& router : model.egress_routers) {
    owners[router.source->value] =
        absl::StrCat("egress_routers ", router.name.value, " ", router.listen->text());
  }
  return owners;
}

}  // namespace postern
