// Ports, next hops and tunnel ends fit together.
#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "config/check_parts.h"
#include "config/form.h"

namespace postern::config {
namespace {

bool is_cluster(const Port& port) { return port.role.value != PortRole::kExternal; }
bool is_external(const Port& port) { return port.role.value != PortRole::kCluster; }

// Whether all addresses of the port could be read.
bool is_whole(const Port& port, const Gaps& gaps) {
  return !gaps.unread.contains(&port.addresses) &&
         std::all_of(port.addresses.begin(), port.addresses.end(),
                     [](const At<PortAddress>& a) { return a->address.value != 0; });
}

// A next hop lies in a subnet of its port and is a host's address there.
void check_next_hop(const Port& port, const Gaps& gaps, const At<Ipv4Address>& hop,
                    const std::string& path, Report& report) {
  if (hop->value == 0 || !is_whole(port, gaps)) return;
  for (const At<PortAddress>& own : port.addresses) {
    const Ipv4Prefix subnet = own->subnet();
    if (!subnet.contains(hop.value)) continue;
    const uint32_t host = hop->value & ~subnet.mask();
    if (subnet.length < 31 && (host == 0 || host == ~subnet.mask())) {
      report.error(hop.line, path,
                   hop->text() + " is the " + (host == 0 ? "network's own" : "broadcast") +
                       " address of " + subnet.text());
    }
    return;
  }
  report.error(hop.line, path,
               hop->text() + " is outside of every subnet of port " + quoted(port.name.value));
}

// What EAL takes for the same device: a name without its arguments, a PCI address with its domain.
std::string device_name(std::string_view device) {
  const std::string name(device.substr(0, device.find(',')));
  const bool short_pci = name.size() == 7 && name[2] == ':' && name[5] == '.';
  return short_pci ? "0000:" + name : name;
}

// The kernel's interface that a vdev opens, "" where it names none.
std::string_view interface_of(std::string_view device) {
  constexpr std::string_view kKey = "iface=";
  for (size_t comma = device.find(','); comma != std::string_view::npos;
       comma = device.find(',', comma + 1)) {
    std::string_view argument = device.substr(comma + 1);
    argument = argument.substr(0, argument.find(','));
    if (argument.starts_with(kKey)) return argument.substr(kKey.size());
  }
  return {};
}

void check_devices(const Model& model, Report& report) {
  std::map<std::string, SourceLine> first;
  std::map<std::string_view, SourceLine> interfaces;
  for (size_t i = 0; i < model.ports.size(); ++i) {
    const At<std::string>& device = model.ports[i].device;
    if (device.value.empty()) continue;
    const std::string path = member_path(entry_path("ports", model.ports[i], i), "device");
    const auto [known, fresh] = first.emplace(device_name(device.value), device.line);
    if (!fresh) {
      report.error(device.line, path,
                   "another port has this device, on " + report.call(known->second, device.line));
      continue;
    }
    const std::string_view interface = interface_of(device.value);
    if (interface.empty()) continue;
    const auto [taken, is_free] = interfaces.emplace(interface, device.line);
    if (is_free) continue;
    report.error(device.line, path,
                 "another port has the interface " + std::string(interface) + ", on " +
                     report.call(taken->second, device.line),
                 "each would get every packet of it: give one of them another");
  }
}

void check_routes(const Model& model, const Gaps& gaps, const Directory& directory,
                  Report& report) {
  for (size_t i = 0; i < model.ports.size(); ++i) {
    const Port& port = model.ports[i];
    if (!port.gateway) continue;
    check_next_hop(port, gaps, *port.gateway, member_path(entry_path("ports", port, i), "gateway"),
                   report);
  }
  for (size_t i = 0; i < model.routes.size(); ++i) {
    const Route& route = model.routes[i];
    const auto port = directory.port(route.port.value);
    if (!port) continue;
    check_next_hop(model.ports[*port], gaps, route.via,
                   member_path(entry_path("routes", route, i), "via"), report);
  }
}

// The tunnel's own end is an address of a cluster port. On a port of role both, it may also be an
// egress address (nat.md V8).
void check_local(const Model& model, const Gaps& gaps, size_t index, Report& report) {
  const Tunnel& tunnel = model.tunnels[index];
  if (tunnel.local->value == 0) return;
  bool both = false;
  for (const Port& port : model.ports) {
    both = both || port.role.value == PortRole::kBoth;
    if (!is_whole(port, gaps)) return;
    for (const At<PortAddress>& own : port.addresses) {
      if (is_cluster(port) && own->address == tunnel.local.value) return;
    }
  }
  for (const EgressIp& egress : model.egress_ips) {
    for (const At<Ipv4Address>& address : egress.addresses) {
      if (both && address.value == tunnel.local.value) return;
    }
  }
  report.error(tunnel.local.line, member_path(entry_path("tunnels", tunnel, index), "local"),
               tunnel.local->text() + " is not an address of a cluster port");
}

void check_tunnels(const Model& model, const Gaps& gaps, Report& report) {
  using End = std::pair<uint32_t, uint16_t>;  // local, udp_port
  std::map<std::tuple<End, std::optional<uint32_t>>, size_t> networks;
  std::map<End, size_t> ends;
  for (size_t i = 0; i < model.tunnels.size(); ++i) {
    const Tunnel& tunnel = model.tunnels[i];
    if (tunnel.local->value == 0) continue;
    if (!gaps.ports && !model.ports.empty()) check_local(model, gaps, i, report);
    const End end{tunnel.local->value, tunnel.udp_port.value};
    const std::string path = entry_path("tunnels", tunnel, i);
    const auto [network, fresh] = networks.emplace(std::tuple(end, tunnel.vni.value), i);
    if (!fresh) {
      report.error(tunnel.line, path,
                   "same local, udp_port and vni as " +
                       entry_path("tunnels", model.tunnels[network->second], network->second) +
                       " on " + report.call(model.tunnels[network->second].line, tunnel.line));
      continue;
    }
    const Tunnel& other = model.tunnels[ends.emplace(end, i).first->second];
    if (other.type != tunnel.type) {
      report.error(tunnel.line, path,
                   "same local and udp_port as a tunnel of another type on " +
                       report.call(other.line, tunnel.line));
    }
  }
}

}  // namespace

void check_ports(const Model& model, const Gaps& gaps, const Directory& directory, Report& report) {
  check_devices(model, report);
  check_routes(model, gaps, directory, report);
  check_tunnels(model, gaps, report);
  if (model.tunnels.empty() && !gaps.tunnels) {
    report.warn({0, 1}, "tunnels", "is empty: there is no cluster to take packets from");
  }
  if (gaps.ports) return;
  if (model.ports.empty()) {
    report.error({0, 1}, "ports", "is empty", "a gateway needs a cluster and an external port");
    return;
  }
  // A role that could not be read may have been the missing one.
  if (report.has_errors()) return;
  const bool leaves = !model.egress_ips.empty() || !model.egress_routers.empty() ||
                      model.node_ip.mode.value != NodeIpMode::kOff;
  const auto& ports = model.ports;
  if (leaves && std::none_of(ports.begin(), ports.end(), is_external)) {
    report.error(ports.front().line, "ports", "no port has the role \"external\"",
                 "sessions leave by an external port only");
  }
}

}  // namespace postern::config
