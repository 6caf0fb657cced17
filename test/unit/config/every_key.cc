#include "test/unit/config/every_key.h"

#include <array>

#include "gtest/gtest.h"

namespace postern::config {
namespace {

// Each setting: "KEY = VALUE; # PATH" on a line of its own.
constexpr std::string_view kEveryKey = R"(version = 1; # version
gateway : {
  name = "gw-a"; # gateway.name
  control_socket = "/run/postern/postern.sock"; # gateway.control_socket
  control_group = "postern"; # gateway.control_group
  control_readers = "postern-read"; # gateway.control_readers
  metrics = "off"; # gateway.metrics
  log_level = "info"; # gateway.log_level
  log_format = "text"; # gateway.log_format
  //state_dir = "/var/lib/postern"; # gateway.state_dir
};
eal : {
  memory = "auto"; # eal.memory
  memory_mb = 1024; # eal.memory_mb
  args = [ "--log-level=4" ]; # eal.args
};
workers : {
  cpus = "1"; # workers.cpus
  idle = "poll"; # workers.idle
};
ports = (
  { name = "underlay"; device = "net_tap0"; role = "cluster"; addresses = [ "10.0.0.254/24" ]; },
  {
    name = "uplink"; # ports.uplink.name
    device = "net_tap1"; # ports.uplink.device
    role = "external"; # ports.uplink.role
    addresses = [ "192.0.2.10/24" ]; # ports.uplink.addresses
    mtu = 1500; # ports.uplink.mtu
    gateway = "192.0.2.1"; # ports.uplink.gateway
    vlan = 7; # ports.uplink.vlan
    //mac = "02:00:00:00:00:01"; # ports.uplink.mac
  } );
routes = ( {
  to = "198.51.100.0/24"; # routes[0].to
  via = "192.0.2.2"; # routes[0].via
  port = "uplink"; # routes[0].port
} );
tunnels = ( {
  name = "overlay"; # tunnels.overlay.name
  type = "vxlan"; # tunnels.overlay.type
  local = "10.0.0.254"; # tunnels.overlay.local
  vni = 100; # tunnels.overlay.vni
  udp_port = 4789; # tunnels.overlay.udp_port
  inner_addresses = [ "10.128.0.1" ]; # tunnels.overlay.inner_addresses
  inner_mac = "02:00:00:00:00:30"; # tunnels.overlay.inner_mac
} );
nodes = ( {
  name = "node-1"; # nodes.node-1.name
  tunnel = "overlay"; # nodes.node-1.tunnel
  vtep = "10.0.0.1"; # nodes.node-1.vtep
  pod_cidrs = [ "10.128.0.0/23" ]; # nodes.node-1.pod_cidrs
  addresses = [ "10.0.0.1" ]; # nodes.node-1.addresses
  external_ip = "192.0.2.101"; # nodes.node-1.external_ip
  geneve_options = ""; # nodes.node-1.geneve_options
  mac = "0a:58:0a:80:00:01"; # nodes.node-1.mac
} );
cluster : {
  no_snat = [ "10.128.0.0/14" ]; # cluster.no_snat
};
namespaces = ( {
  name = "payments"; # namespaces.payments.name
  pods = [ "10.128.0.11" ]; # namespaces.payments.pods
  tunnel = "overlay"; # namespaces.payments.tunnel
  //vni = 100; # namespaces.payments.vni
  limits : {
    sessions = 100; # namespaces.payments.limits.sessions
    new_sessions_per_second = 5; # namespaces.payments.limits.new_sessions_per_second
    bandwidth = "1Gbit"; # namespaces.payments.limits.bandwidth
  };
} );
node_ip : {
  mode = "gateway"; # node_ip.mode
  addresses = [ "192.0.2.20" ]; # node_ip.addresses
  for = "all"; # node_ip.for
};
egress_ips = ( {
  name = "out"; # egress_ips.out.name
  namespaces = [ "payments" ]; # egress_ips.out.namespaces
  pods = [ "10.128.0.11" ]; # egress_ips.out.pods
  destinations = [ "0.0.0.0/0" ]; # egress_ips.out.destinations
  except = [ "198.51.100.0/24" ]; # egress_ips.out.except
  addresses = [ "192.0.2.50", "192.0.2.51" ]; # egress_ips.out.addresses
  spread = "source"; # egress_ips.out.spread
  when_exhausted = "drop"; # egress_ips.out.when_exhausted
  fallback = "node-ip"; # egress_ips.out.fallback
} );
firewall : {
  default = "deny"; # firewall.default
  refuse = "drop"; # firewall.refuse
  rules = ( {
    namespace = "payments"; # firewall.rules[0].namespace
    action = "allow"; # firewall.rules[0].action
    to = [ "203.0.113.0/24" ]; # firewall.rules[0].to
    //to_names = [ "api.example.com" ]; # firewall.rules[0].to_names
    ports = [ "tcp/443" ]; # firewall.rules[0].ports
    log = false; # firewall.rules[0].log
  } );
};
egress_routers = ( {
  name = "db"; # egress_routers.db.name
  namespaces = [ "payments" ]; # egress_routers.db.namespaces
  listen = "10.131.255.10"; # egress_routers.db.listen
  source = "192.0.2.70"; # egress_routers.db.source
  mode = "redirect"; # egress_routers.db.mode
  destinations = "203.0.113.9"; # egress_routers.db.destinations
} );
qos = ( {
  namespace = "payments"; # qos[0].namespace
  to = [ "203.0.113.0/24" ]; # qos[0].to
  dscp = 46; # qos[0].dscp
} );
sessions : {
  max = 1048576; # sessions.max
  port_range = "1024-65535"; # sessions.port_range
  port_hold = "60s"; # sessions.port_hold
  fragments : {
    timeout = "30s"; # sessions.fragments.timeout
    max = 65536; # sessions.fragments.max
    max_per_source = 1024; # sessions.fragments.max_per_source
  };
  mss_clamp = "auto"; # sessions.mss_clamp
  timeouts : {
    tcp_established = "2h4m"; # sessions.timeouts.tcp_established
    tcp_transitory = "4m"; # sessions.timeouts.tcp_transitory
    udp = "5m"; # sessions.timeouts.udp
    icmp = "60s"; # sessions.timeouts.icmp
    other = "5m"; # sessions.timeouts.other
  };
};
log_sessions : {
  target = "off"; # log_sessions.target
};
)";

constexpr std::string_view kBefore = "; # ";

// The lists of entries that messages call by name.
constexpr std::array<std::string_view, 6> kNamed = {
    "ports.", "tunnels.", "nodes.", "namespaces.", "egress_ips.", "egress_routers."};

}  // namespace

std::string_view every_key() { return kEveryKey; }

KeyEdit with_key(const KeyCase& wanted) {
  const std::string mark = std::string(kBefore) + wanted.path + "\n";
  const size_t end = kEveryKey.find(mark);
  if (end == std::string_view::npos) {
    ADD_FAILURE() << "no line for " << wanted.path;
    return {};
  }
  const size_t begin = kEveryKey.rfind('\n', end) + 1;
  const std::string_view line = kEveryKey.substr(begin, end - begin);
  KeyEdit edit;
  edit.text = kEveryKey.substr(0, begin);
  edit.line = 1;
  for (const char c : edit.text) edit.line += c == '\n' ? 1 : 0;
  std::string key(line.substr(0, line.find(" = ")));
  if (const size_t comment = key.find("//"); comment != std::string::npos) key.erase(comment, 2);
  edit.text += key + " = " + wanted.value;
  edit.text += kEveryKey.substr(end);
  return edit;
}

std::vector<std::string> every_key_places() {
  std::vector<std::string> paths;
  for (size_t at = kEveryKey.find(kBefore); at != std::string_view::npos;
       at = kEveryKey.find(kBefore, at + 1)) {
    const size_t begin = at + kBefore.size();
    paths.emplace_back(kEveryKey.substr(begin, kEveryKey.find('\n', begin) - begin));
  }
  return paths;
}

std::vector<std::string> every_key_paths() {
  std::vector<std::string> paths;
  for (const std::string& place : every_key_places()) paths.push_back(general(place));
  return paths;
}

std::string general(std::string_view path) {
  std::string out(path);
  for (const std::string_view list : kNamed) {
    if (!path.starts_with(list)) continue;
    const size_t end = path.find('.', list.size());
    out = std::string(list.substr(0, list.size() - 1)) + "[]";
    if (end != std::string_view::npos) out += path.substr(end);
    return out;
  }
  while (out.find("[0]") != std::string::npos) out.replace(out.find("[0]"), 3, "[]");
  return out;
}

}  // namespace postern::config
