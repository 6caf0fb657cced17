#include "control/apply/networks.h"

namespace postern {

NetworkId network_of(const config::Tunnel& tunnel, const Books& books) {
  if (tunnel.vni.value) return *tunnel.vni.value;
  return wide_network(*books.wide_tunnels.find(tunnel.name.value));
}

Networks::Networks(const config::Model& model, const Books& books) {
  for (const config::Tunnel& tunnel : model.tunnels) {
    by_tunnel_.emplace(tunnel.name.value, network_of(tunnel, books));
  }
}

NetworkId Networks::of(const config::Node& node) const { return by_tunnel_.at(node.tunnel.value); }

// In a tunnel of one VNI, a namespace can name that one only.
NetworkId Networks::of(const config::Namespace& name_space) const {
  const NetworkId network = by_tunnel_.at(name_space.tunnel.value);
  if (is_fixed(network) || !name_space.vni) return network;
  return narrow_network(network, name_space.vni->value);
}

}  // namespace postern
