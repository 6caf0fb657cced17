// Configurations whose settings are well-formed one by one and make no sense together.
#include "gtest/gtest.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

const BadSample kSamples[] = {
    {"port twice",
     {{"name = \"uplink\"", "name = \"underlay\""}},
     {{5, "ports.underlay.name: duplicate name \"underlay\", first on line 4"}}},
    {"node twice",
     {{"name = \"node-2\"", "name = \"node-1\""}},
     {{11, "nodes.node-1.name: duplicate name \"node-1\", first on line 10"}}},
    {"namespace twice",
     {{"name = \"lab\"", "name = \"payments\""}},
     {{16, "namespaces.payments.name: duplicate name \"payments\", first on line 15"},
      {22, "egress_ips.lab-out.namespaces[0]: no namespace is named \"lab\""}}},
    {"egress entry twice",
     {{"name = \"lab-out\"", "name = \"payments-out\""}},
     {{22, "egress_ips.payments-out.name: duplicate name \"payments-out\", first on line 20"}}},
    {"device twice",
     {{"device = \"net_tap1\"", "device = \"net_tap0\""}},
     {{5, "ports.uplink.device: another port has this device, on line 4"}}},
    {"interface twice",
     {{"device = \"net_tap0\"", "device = \"net_af_packet0,blocksz=4096,iface=eth0\""},
      {"device = \"net_tap1\"", "device = \"net_af_packet1,iface=eth0\""}},
     {{5,
       "ports.uplink.device: another port has the interface eth0, on line 4; each would get every "
       "packet of it: give one of them another"}}},
    {"no such tunnel",
     {{"name = \"node-2\"; tunnel = \"overlay\"", "name = \"node-2\"; tunnel = \"overlai\""}},
     {{11, "nodes.node-2.tunnel: no tunnel is named \"overlai\"; did you mean \"overlay\"?"}}},
    {"no such namespace",
     {{"namespaces = [ \"lab\" ]", "namespaces = [ \"lab\", \"labs\" ]"}},
     {{22,
       "egress_ips.lab-out.namespaces[1]: no namespace is named \"labs\"; did you mean \"lab\"?"}}},
    {"no such namespace in a rule",
     {{"namespace = \"payments\"; action", "namespace = \"billing\"; action"}},
     {{26, "firewall.rules[0].namespace: no namespace is named \"billing\""}}},
    {"two marks for one destination",
     {{"firewall :",
       "qos = ( { namespace = \"lab\"; to = [ \"198.51.100.0/24\", \"203.0.113.0/24\" ]; dscp = "
       "46; },\n{ namespace = \"lab\"; to = [ \"203.0.113.0/24\", \"203.0.113.7\" ]; dscp = 8; "
       "},\n{ namespace = \"payments\"; to = [ \"203.0.113.0/24\" ]; dscp = 8; } );\nfirewall "
       ":"}},
     {{25,
       "qos[1].to[0]: qos[0] on line 24 marks 203.0.113.0/24 of namespace \"lab\" already; give "
       "one "
       "of them other destinations"}}},
    {"two marks for every destination",
     {{"firewall :",
       "qos = ( { namespace = \"lab\"; dscp = 46; },\n{ namespace = \"lab\"; to = [ "
       "\"0.0.0.0/0\" ]; dscp = 8; } );\nfirewall :"}},
     {{25,
       "qos[1].to[0]: qos[0] on line 24 marks 0.0.0.0/0 of namespace \"lab\" already; give one of "
       "them other destinations"}}},
    {"no such port",
     {{"tunnels =",
       "routes = ( { to = \"198.51.100.0/24\"; via = \"192.0.2.2\"; port = \"uplnk\"; } "
       ");\ntunnels ="}},
     {{8, "routes[0].port: no port is named \"uplnk\"; did you mean \"uplink\"?"}}},
    {"namespace without a tunnel",
     {{"vni = 100; } );",
       "vni = 100; },\n  { name = \"second\"; type = \"vxlan\"; local = \"10.0.0.254\"; vni = 200; "
       "} );"}},
     {{16, "namespaces.payments.tunnel: missing setting; there are several tunnels: name one"},
      {17, "namespaces.lab.tunnel: missing setting; there are several tunnels: name one"}}},
    {"gateway outside its subnet",
     {{"gateway = \"192.0.2.1\"", "gateway = \"192.0.3.1\""}},
     {{6, "ports.uplink.gateway: 192.0.3.1 is outside of every subnet of port \"uplink\""}}},
    {"gateway is a broadcast address",
     {{"gateway = \"192.0.2.1\"", "gateway = \"192.0.2.255\""}},
     {{6, "ports.uplink.gateway: 192.0.2.255 is the broadcast address of 192.0.2.0/24"}}},
    {"route through nowhere",
     {{"tunnels =",
       "routes = ( { to = \"198.51.100.0/24\"; via = \"192.0.3.2\"; port = \"uplink\"; } "
       ");\ntunnels ="}},
     {{8, "routes[0].via: 192.0.3.2 is outside of every subnet of port \"uplink\""}}},
    {"local on no cluster port",
     {{"local = \"10.0.0.254\"", "local = \"192.0.2.10\""}},
     {{8, "tunnels.overlay.local: 192.0.2.10 is not an address of a cluster port"}}},
    {"same tunnel twice",
     {{"vni = 100; } );",
       "vni = 100; },\n  { name = \"second\"; type = \"vxlan\"; local = \"10.0.0.254\"; vni = 100; "
       "} );"}},
     {{9, "tunnels.second: same local, udp_port and vni as tunnels.overlay on line 8"},
      {16, "namespaces.payments.tunnel: missing setting; there are several tunnels: name one"},
      {17, "namespaces.lab.tunnel: missing setting; there are several tunnels: name one"}}},
    {"pods overlap",
     {{"\"10.128.2.0/25\"", "\"10.128.1.32/27\""}},
     {{16,
       "namespaces.lab.pods[0]: 10.128.1.32/27 overlaps 10.128.1.0/26 of namespace \"payments\" on "
       "line 15"}}},
    {"pods overlap across lines",
     {{"\"10.128.0.11\", \"10.128.1.0/26\" ]", "\"10.128.0.11\",\n    \"10.128.2.0/24\" ]"}},
     {{17,
       "namespaces.lab.pods[0]: 10.128.2.0/25 overlaps 10.128.2.0/24 of namespace \"payments\" on "
       "line 16"}}},
    {"pods overlap within a namespace",
     {{"\"10.128.0.11\", ", "\"10.128.0.11\", \"10.128.0.11\", "}},
     {{15,
       "namespaces.payments.pods[1]: 10.128.0.11 overlaps 10.128.0.11 of the same namespace on "
       "line 15"}}},
    {"pod CIDR on two nodes",
     {{"\"10.128.2.0/23\"", "\"10.128.0.0/23\""}},
     {{11, "nodes.node-2.pod_cidrs[0]: 10.128.0.0/23 belongs to node \"node-1\" on line 10"}}},
    {"VTEP of two nodes",
     {{"vtep = \"10.0.0.2\"", "vtep = \"10.0.0.1\""}},
     {{11,
       "nodes.node-2.vtep: 10.0.0.1 belongs to another node of the tunnel: nodes.node-1.vtep on "
       "line 10"}}},
    {"VTEP is the gateway's",
     {{"vtep = \"10.0.0.2\"", "vtep = \"10.0.0.254\""}},
     {{11,
       "nodes.node-2.vtep: 10.0.0.254 is the gateway's own: ports.underlay.addresses[0] on line "
       "4"}}},
    {"egress address twice",
     {{"\"192.0.2.60\"", "\"192.0.2.51\""}},
     {{22,
       "egress_ips.lab-out.addresses[0]: 192.0.2.51 is owned twice, also by "
       "egress_ips.payments-out.addresses[1] on line 21"}}},
    {"egress address twice in an entry",
     {{"\"192.0.2.51\"", "\"192.0.2.50\""}},
     {{21,
       "egress_ips.payments-out.addresses[1]: 192.0.2.50 is owned twice, also by "
       "egress_ips.payments-out.addresses[0] on line 21"}}},
    {"egress address is a Node IP",
     {{"\"192.0.2.60\"", "\"192.0.2.20\""}},
     {{22,
       "egress_ips.lab-out.addresses[0]: 192.0.2.20 is owned twice, also by node_ip.addresses[0] "
       "on line 18"}}},
    {"egress address is a port's",
     {{"\"192.0.2.60\"", "\"192.0.2.10\""}},
     {{22,
       "egress_ips.lab-out.addresses[0]: 192.0.2.10 is owned twice, also by "
       "ports.uplink.addresses[0] on line 6"}}},
    {"egress address is a gateway's",
     {{"\"192.0.2.60\"", "\"192.0.2.1\""}},
     {{22,
       "egress_ips.lab-out.addresses[0]: 192.0.2.1 is a gateway's: ports.uplink.gateway on line "
       "6"}}},
    {"egress address is a node's",
     {{"\"192.0.2.60\"", "\"10.0.0.2\""}},
     {{22, "egress_ips.lab-out.addresses[0]: 10.0.0.2 is a node's: nodes.node-2.vtep on line 11"}}},
    {"a port is its own gateway",
     {{"gateway = \"192.0.2.1\"", "gateway = \"192.0.2.10\""}},
     {{6,
       "ports.uplink.gateway: 192.0.2.10 is the gateway's own: ports.uplink.addresses[0] on line "
       "6"}}},
    {"the same address on two ports",
     {{"\"10.0.0.254/24\"", "\"10.0.0.254/24\", \"192.0.2.10/24\""}},
     {{6,
       "ports.uplink.addresses[0]: 192.0.2.10 is owned twice, also by ports.underlay.addresses[1] "
       "on line 4"}}},
    {"node address twice",
     {{"vtep = \"10.0.0.1\";", "vtep = \"10.0.0.1\"; addresses = [ \"10.0.0.7\" ];"},
      {"vtep = \"10.0.0.2\";", "vtep = \"10.0.0.2\"; addresses = [ \"10.0.0.7\" ];"}},
     {{11,
       "nodes.node-2.addresses[0]: 10.0.0.7 is owned twice, also by nodes.node-1.addresses[0] on "
       "line 10"}}},
    {"Node IP without addresses",
     {{"addresses = [ \"192.0.2.20\" ];", ""}},
     {{18, "node_ip.addresses: missing setting; mode \"gateway\" needs at least one address"}}},
    {"Node IP per node without the nodes' addresses",
     {{"mode = \"gateway\"; addresses = [ \"192.0.2.20\" ];", "mode = \"per-node\";"}},
     {{10, "nodes.node-1.external_ip: missing setting; node_ip.mode is \"per-node\" on line 18"},
      {11, "nodes.node-2.external_ip: missing setting; node_ip.mode is \"per-node\" on line 18"}}},
    {"no external port",
     {{"role = \"external\"", "role = \"cluster\""}},
     {{4, "ports: no port has the role \"external\"; sessions leave by an external port only"}}},
    {"tie",
     {{"namespaces = [ \"lab\" ]", "namespaces = [ \"lab\", \"payments\" ]"}},
     {{22,
       "egress_ips.lab-out: ties with egress_ips.payments-out on line 20: both hold for namespace "
       "\"payments\" and destination 0.0.0.0/0; give one of them other destinations, an except, or "
       "pods"}}},
    {"tie of pods",
     {{"namespaces = [ \"payments\" ];",
       "namespaces = [ \"payments\" ]; pods = [ \"10.128.1.0/26\" ];"},
      {"namespaces = [ \"lab\" ];",
       "namespaces = [ \"lab\", \"payments\" ]; pods = [ \"10.128.1.5\" ];"}},
     {{22,
       "egress_ips.lab-out: ties with egress_ips.payments-out on line 20: both hold for the same "
       "pods of namespace \"payments\" and destination 0.0.0.0/0; give one of them other "
       "destinations, an except, or pods"}}},
    {"pods that cannot be read tie with nobody",
     {{"namespaces = [ \"lab\" ];",
       "namespaces = [ \"lab\", \"payments\" ]; pods = [ \"10.128.1.5/26\" ];"}},
     {{22,
       "egress_ips.lab-out.pods[0]: \"10.128.1.5/26\" has host bits: write \"10.128.1.5\" or "
       "\"10.128.1.0/26\""}}},
    {"the same PCI device, written twice",
     {{"device = \"net_tap0\"", "device = \"3b:00.0\""},
      {"device = \"net_tap1\"", "device = \"0000:3b:00.0,dv_flow_en=1\""}},
     {{5, "ports.uplink.device: another port has this device, on line 4"}}},
    {"no ports",
     {{"ports = (\n  { name = \"underlay\"; device = \"net_tap0\"; role = \"cluster\"; addresses = "
       "[ \"10.0.0.254/24\" ]; },\n  { name = \"uplink\"; device = \"net_tap1\"; role = "
       "\"external\";\n    addresses = [ \"192.0.2.10/24\" ]; gateway = \"192.0.2.1\"; }\n);",
       "ports = ( );"}},
     {{1, "ports: is empty; a gateway needs a cluster and an external port"}}},
};

TEST(BadWhole, EveryComplaintInItsWordsAndLine) {
  for (const BadSample& sample : kSamples) expect_complaints(sample);
}

}  // namespace
}  // namespace postern::config
