#include "control/port_steering.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>

#include "control/apply/port_role.h"

namespace postern {
namespace {

SteeringNeeds needs_of(const Port& opened, const config::Port& port, const OwnerMap& owners,
                       const std::vector<TunnelPackets>& tunnels) {
  return {.owners = &owners,
          .role = role_of(port.role),
          .vlan = port.vlan.value_or(0),
          .mac = opened.mac(),
          .tunnels = tunnels};
}

}  // namespace

std::vector<TunnelPackets> tunnel_packets(const config::Model& model) {
  std::vector<TunnelPackets> all;
  for (const config::Tunnel& tunnel : model.tunnels) {
    const TunnelPackets packets{
        tunnel.type == config::TunnelType::kGeneve ? TunnelType::kGeneve : TunnelType::kVxlan,
        tunnel.udp_port};
    if (std::ranges::find(all, packets) == all.end()) all.push_back(packets);
  }
  return all;
}

std::optional<Toeplitz::Key> owner_key(const std::vector<Port>& ports, const config::Model& model,
                                       OwnerMap::Setup owners, const Toeplitz::Key& random) {
  if (owners.workers < 2 || !Toeplitz::machine_can()) return std::nullopt;
  owners.toeplitz_key = random;
  const OwnerMap map(owners);
  const std::vector<TunnelPackets> tunnels = tunnel_packets(model);
  for (size_t i = 0; i < ports.size(); ++i) {
    const SteeringPlan plan =
        ports[i].plan_steering(needs_of(ports[i], model.ports[i], map, tunnels));
    if (plan.tunnels == SteeringWay::kInnerRss) return random;
  }
  return std::nullopt;
}

void PortSteering::steer(const config::Model& model) {
  std::vector<TunnelPackets> tunnels = tunnel_packets(model);
  if (tunnels_ == tunnels) return;
  tunnels_ = std::move(tunnels);
  for (size_t i = 0; i < ports_->size(); ++i) {
    Port& port = (*ports_)[i];
    port.steer(needs_of(port, model.ports[i], *owners_, *tunnels_));
    if (owners_->workers() == 1) continue;
    const std::vector<std::string>& left = port.steering().plan().left;
    log_->info(absl::StrCat(
        "port ", port.name(), ": steering ", port.steering().text(),
        left.empty() ? "" : "; handed over between workers: ", absl::StrJoin(left, ", ")));
  }
}

}  // namespace postern
