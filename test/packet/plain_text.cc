// The plain model as a configuration file.
#include <optional>
#include <string>

#include "test/packet/plain_model.h"

namespace postern::test {
namespace {

constexpr char kHead[] = R"(version = 1;
gateway : { name = "gw-test"; };
ports = (
  { name = "underlay"; device = "net_ring0"; role = "cluster"; addresses = [ "10.0.0.254/24" ];
    mtu = 1600; },
  { name = "uplink"; device = "net_ring1"; role = "external"; addresses = [ "192.0.2.10/24" ];
    gateway = "192.0.2.1"; } );
tunnels = ( { name = "overlay"; type = "vxlan"; local = "10.0.0.254"; vni = 100;
              inner_mac = "02:00:00:00:00:30"; } );
)";

std::string quoted(const std::string& text) { return "\"" + text + "\""; }
template <typename T>
std::string item(const T& value) {
  return quoted(value.text());
}
std::string item(const std::string& value) { return quoted(value); }
std::string item(const PlainService& service) {
  if (service.protocol == 1) return quoted("icmp");
  const std::string name = service.protocol == 6 ? "tcp" : "udp";
  if (service.first == 0) return quoted(name);
  return quoted(name + "/" + std::to_string(service.first) + "-" + std::to_string(service.last));
}
template <typename List>
std::string items(const char* key, const List& list) {
  std::string out = std::string(key) + " = [ ";
  bool first = true;
  for (const auto& value : list) {
    out += (first ? "" : ", ") + item(value);
    first = false;
  }
  return out + " ]; ";
}
template <typename List>
std::string items_if_any(const char* key, const List& list) {
  return list.empty() ? "" : items(key, list);
}
template <typename List, typename Text>
std::string groups(const char* key, const List& list, Text text) {
  std::string out = std::string(key) + " = (";
  for (size_t i = 0; i < list.size(); ++i)
    out += (i == 0 ? "\n  { " : ",\n  { ") + text(list[i]) + "}";
  return out + " );\n";
}

std::string line_text(const PlainLine& line, bool dns_proxy) {
  const std::string place = line.name.empty() ? line.address.text() : line.name;
  if (line.port == 0) return place;
  const std::string protocol = line.protocol == 6 ? " tcp " : " udp ";
  const std::string port = std::to_string(line.port) + (dns_proxy ? " " : protocol) + place;
  return line.remote_port == 0 ? port : port + " " + std::to_string(line.remote_port);
}

}  // namespace

std::string PlainWorld::text() const {
  std::string out = kHead;
  out += groups("nodes", nodes, [](const PlainNode& node) {
    return "name = " + quoted(node.name) + "; tunnel = \"overlay\"; vtep = " + item(node.vtep) +
           "; " + items("pod_cidrs", node.cidrs) + items("addresses", node.addresses) +
           (node.external_ip ? "external_ip = " + item(*node.external_ip) + "; " : "");
  });
  out += "cluster : { " + items("no_snat", no_snat) + "};\n";
  out += groups("namespaces", namespaces, [](const PlainNamespace& name_space) {
    const std::string limits =
        name_space.most_sessions
            ? "limits : { sessions = " + std::to_string(*name_space.most_sessions) + "; }; "
            : "";
    return "name = " + quoted(name_space.name) + "; " + items("pods", name_space.pods) + limits;
  });
  out += "node_ip : { mode = " + quoted(node_ip) + "; " + items("addresses", node_ip_addresses) +
         "for = " + quoted(platform_only ? "platform" : "all") + "; };\n";
  out += groups("egress_ips", egress, [](const PlainEgress& entry) {
    return "name = " + quoted(entry.name) + "; " + items("namespaces", entry.namespaces) +
           items_if_any("pods", entry.pods) + items_if_any("destinations", entry.destinations) +
           items("except", entry.except) + items("addresses", entry.addresses) +
           "spread = " + quoted(entry.spread) +
           "; fallback = " + quoted(entry.fall_back ? "node-ip" : "drop") + "; ";
  });
  out += groups("egress_routers", routers, [](const PlainRouter& router) {
    std::vector<std::string> lines;
    for (const PlainLine& line : router.lines) lines.push_back(line_text(line, router.dns_proxy));
    return "name = " + quoted(router.name) + "; " + items("namespaces", router.namespaces) +
           "listen = " + item(router.listen) + "; source = " + item(router.source) +
           "; mode = " + quoted(router.dns_proxy ? "dns-proxy" : "redirect") + "; " +
           items("destinations", lines);
  });
  out += "firewall : { default = " + quoted(default_allow ? "allow" : "deny") +
         "; refuse = " + quoted(reject ? "reject" : "drop") + ";\n";
  out += groups("rules", rules, [](const PlainRule& rule) {
    return "namespace = " + quoted(rule.name_space) +
           "; action = " + quoted(rule.allow ? "allow" : "deny") + "; " +
           items_if_any("to", rule.to) + items_if_any("to_names", rule.to_names) +
           items_if_any("ports", rule.ports);
  });
  return out + "};\n";
}

}  // namespace postern::test
