// Values that their settings do not take. Every complaint with its exact words and line.
#include "gtest/gtest.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

const BadSample kSamples[] = {
    {"integer of 33 bits",
     {{"vni = 100", "vni = 4294967396"}},
     {{8,
       "tunnels.overlay.vni: must be an integer from 0 to 16777215, or \"any\", is 4294967396"}}},
    {"integer of 33 bits, L",
     {{"vni = 100", "vni = 4294967396L"}},
     {{8,
       "tunnels.overlay.vni: must be an integer from 0 to 16777215, or \"any\", is 4294967396"}}},
    {"hexadecimal integer of 33 bits",
     {{"vni = 100", "vni = 0x100000064"}},
     {{8,
       "tunnels.overlay.vni: must be an integer from 0 to 16777215, or \"any\", is 4294967396"}}},
    {"integer of 65 bits",
     {{"max = 1000", "max = 18446744073709552616"}},
     {{30, "sessions.max: must be an integer from 1 to 134217728, is 9223372036854775807"}}},
    {"negative integer of 33 bits",
     {{"max = 1000", "max = -4294966296"}},
     {{30, "sessions.max: must be an integer from 1 to 134217728, is -4294966296"}}},
    {"integer too large",
     {{"vni = 100", "vni = 16777216"}},
     {{8, "tunnels.overlay.vni: must be an integer from 0 to 16777215, or \"any\", is 16777216"}}},
    {"integer too small",
     {{"max = 1000", "max = 0"}},
     {{30, "sessions.max: must be an integer from 1 to 134217728, is 0"}}},
    {"string for an integer",
     {{"max = 1000", "max = \"1000\""}},
     {{30, "sessions.max: must be an integer from 1 to 134217728, is \"1000\""}}},
    {"float for an integer",
     {{"max = 1000", "max = 1000.5"}},
     {{30, "sessions.max: must be an integer from 1 to 134217728, is 1000.5"}}},
    {"boolean for an integer",
     {{"max = 1000", "max = true"}},
     {{30, "sessions.max: must be an integer from 1 to 134217728, is true"}}},
    {"list for an integer",
     {{"max = 1000", "max = [ 1000 ]"}},
     {{30, "sessions.max: must be an integer from 1 to 134217728, is a list"}}},
    {"group for an integer",
     {{"max = 1000", "max = { }"}},
     {{30, "sessions.max: must be an integer from 1 to 134217728, is a group { }"}}},
    {"integer for a string",
     {{"name = \"gw-a\"", "name = 5"}},
     {{2, "gateway.name: must be a name of 1 to 63 letters, digits, '.', '_' or '-', is 5"}}},
    {"integer for an address",
     {{"vtep = \"10.0.0.2\"", "vtep = 10"}},
     {{11, "nodes.node-2.vtep: must be an address such as \"192.0.2.1\", is 10"}}},
    {"string for a list",
     {{"pods = [ \"10.128.2.0/25\" ]", "pods = \"10.128.2.0/25\""}},
     {{16,
       "namespaces.lab.pods: must be a list [ ... ], is a single value; write [ \"10.128.2.0/25\" "
       "]"}}},
    {"group for a list of groups",
     {{"tunnels = ( { name = \"overlay\"; type = \"vxlan\"; local = \"10.0.0.254\"; vni = 100; } )",
       "tunnels : { name = \"overlay\"; }"}},
     {{8, "tunnels: must be a list of groups ( { ... } ), is a group { }"}}},
    {"value in a list of groups",
     {{"node-2\"; tunnel = \"overlay\"; vtep = \"10.0.0.2\"; pod_cidrs = [ \"10.128.2.0/23\" ]; }",
       "node-2\"; tunnel = \"overlay\"; vtep = \"10.0.0.2\"; pod_cidrs = [ \"10.128.2.0/23\" ]; }, "
       "5"}},
     {{11, "nodes[2]: must be a group { ... }, is a single value"}}},
    {"list for a group",
     {{"cluster : { no_snat = [ \"10.128.0.0/14\" ]; }", "cluster = [ \"10.128.0.0/14\" ]"}},
     {{13, "cluster: must be a group { ... }, is a list"}}},
    {"empty name",
     {{"name = \"gw-a\"", "name = \"\""}},
     {{2, "gateway.name: must be a name of 1 to 63 letters, digits, '.', '_' or '-', is \"\""}}},
    {"name with a blank",
     {{"name = \"lab-out\"", "name = \"lab out\""}},
     {{22,
       "egress_ips[1].name: must be a name of 1 to 63 letters, digits, '.', '_' or '-', is \"lab "
       "out\""}}},
    {"name of 64 letters",
     {{"name = \"gw-a\"",
       "name = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""}},
     {{2,
       "gateway.name: must be a name of 1 to 63 letters, digits, '.', '_' or '-', is "
       "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""}}},
    {"unknown word",
     {{"role = \"external\"", "role = \"outside\""}},
     {{5, "ports.uplink.role: must be \"cluster\", \"external\" or \"both\", is \"outside\""}}},
    {"word in capitals",
     {{"type = \"vxlan\"", "type = \"VXLAN\""}},
     {{8, "tunnels.overlay.type: must be \"vxlan\" or \"geneve\", is \"VXLAN\""}}},
    {"unknown version", {{"version = 1", "version = 2"}}, {{1, "version: must be 1, is 2"}}},
    {"octet out of range",
     {{"vtep = \"10.0.0.2\"", "vtep = \"10.0.0.256\""}},
     {{11, "nodes.node-2.vtep: must be an address such as \"192.0.2.1\", is \"10.0.0.256\""}}},
    {"address with a prefix",
     {{"gateway = \"192.0.2.1\"", "gateway = \"192.0.2.1/24\""}},
     {{6,
       "ports.uplink.gateway: must be an address without a length, is \"192.0.2.1/24\": write "
       "\"192.0.2.1\""}}},
    {"host bits",
     {{"\"10.128.1.0/26\"", "\"10.128.1.1/26\""}},
     {{15,
       "namespaces.payments.pods[1]: \"10.128.1.1/26\" has host bits: write \"10.128.1.1\" or "
       "\"10.128.1.0/26\""}}},
    {"prefix too long",
     {{"\"10.128.1.0/26\"", "\"10.128.1.0/33\""}},
     {{15,
       "namespaces.payments.pods[1]: must be a prefix such as \"192.0.2.0/24\", or an address, is "
       "\"10.128.1.0/33\""}}},
    {"multicast egress address",
     {{"\"192.0.2.60\"", "\"224.0.0.5\""}},
     {{22, "egress_ips.lab-out.addresses[0]: 224.0.0.5 is a multicast address"}}},
    {"loopback egress address",
     {{"\"192.0.2.60\"", "\"127.0.0.1\""}},
     {{22,
       "egress_ips.lab-out.addresses[0]: 127.0.0.1 is not an address that a host on a network can "
       "have"}}},
    {"address 0.0.0.0",
     {{"vtep = \"10.0.0.2\"", "vtep = \"0.0.0.0\""}},
     {{11, "nodes.node-2.vtep: 0.0.0.0 is not an address that a host on a network can have"}}},
    {"a network's own address on a port",
     {{"\"192.0.2.10/24\"", "\"192.0.2.0/24\""}},
     {{6, "ports.uplink.addresses[0]: 192.0.2.0 is the network's own address of 192.0.2.0/24"}}},
    {"a broadcast address on a port",
     {{"\"192.0.2.10/24\"", "\"192.0.2.255/24\""}},
     {{6, "ports.uplink.addresses[0]: 192.0.2.255 is the broadcast address of 192.0.2.0/24"}}},
    {"bad MAC address",
     {{"pod_cidrs = [ \"10.128.2.0/23\" ];",
       "pod_cidrs = [ \"10.128.2.0/23\" ]; mac = \"0a:58:0a:80:00\";"}},
     {{11,
       "nodes.node-2.mac: must be a unicast MAC address such as \"0a:58:0a:80:00:01\", is "
       "\"0a:58:0a:80:00\""}}},
    {"multicast MAC address",
     {{"pod_cidrs = [ \"10.128.2.0/23\" ];",
       "pod_cidrs = [ \"10.128.2.0/23\" ]; mac = \"01:58:0a:80:00:01\";"}},
     {{11,
       "nodes.node-2.mac: must be a unicast MAC address such as \"0a:58:0a:80:00:01\", is "
       "\"01:58:0a:80:00:01\""}}},
    {"duration without a unit",
     {{"max = 1000", "port_hold = \"60\""}},
     {{30,
       "sessions.port_hold: must be a duration in h, m and s such as \"2h4m\" or \"30s\", from 0s "
       "to 10m, is "
       "\"60\""}}},
    {"duration as a number",
     {{"max = 1000", "port_hold = 60"}},
     {{30,
       "sessions.port_hold: must be a duration in h, m and s such as \"2h4m\" or \"30s\", from 0s "
       "to 10m, is "
       "60"}}},
    {"duration too long",
     {{"max = 1000", "port_hold = \"10m1s\""}},
     {{30,
       "sessions.port_hold: must be a duration in h, m and s such as \"2h4m\" or \"30s\", from 0s "
       "to 10m, is "
       "\"10m1s\""}}},
    {"timeout too short",
     {{"max = 1000", "timeouts : { udp = \"0s\"; }"}},
     {{30,
       "sessions.timeouts.udp: must be a duration in h, m and s such as \"2h4m\" or \"30s\", from "
       "1s to 8h, is "
       "\"0s\""}}},
    {"timeout too long",
     {{"max = 1000", "timeouts : { tcp_established = \"8h1s\"; }"}},
     {{30,
       "sessions.timeouts.tcp_established: must be a duration in h, m and s such as \"2h4m\" or "
       "\"30s\", from 1s "
       "to 8h, is \"8h1s\""}}},
    {"units in the wrong order",
     {{"max = 1000", "timeouts : { udp = \"1s1m\"; }"}},
     {{30,
       "sessions.timeouts.udp: must be a duration in h, m and s such as \"2h4m\" or \"30s\", from "
       "1s to 8h, is "
       "\"1s1m\""}}},
    {"port range not on multiples of 8",
     {{"max = 1000", "port_range = \"1025-65535\""}},
     {{30,
       "sessions.port_range: must be ports such as \"1024-65535\": the first and the one after the "
       "last multiples of 8, is \"1025-65535\""}}},
    {"port range ends off a multiple of 8",
     {{"max = 1000", "port_range = \"1024-65528\""}},
     {{30,
       "sessions.port_range: must be ports such as \"1024-65535\": the first and the one after the "
       "last multiples of 8, is \"1024-65528\""}}},
    {"port range backwards",
     {{"max = 1000", "port_range = \"2048-1031\""}},
     {{30,
       "sessions.port_range: must be ports such as \"1024-65535\": the first and the one after the "
       "last multiples of 8, is \"2048-1031\""}}},
    {"port range too small",
     {{"max = 1000", "port_range = \"1024-1079\""}},
     {{30,
       "sessions.port_range: 56 ports are too few for 1 worker; each worker needs at least 64"}}},
    {"MSS out of range",
     {{"max = 1000", "mss_clamp = 70000"}},
     {{30,
       "sessions.mss_clamp: must be \"off\", \"auto\" or an integer from 64 to 65495, is 70000"}}},
    {"MSS word",
     {{"max = 1000", "mss_clamp = \"on\""}},
     {{30,
       "sessions.mss_clamp: must be \"off\", \"auto\" or an integer from 64 to 65495, is \"on\""}}},
    {"CPU twice",
     {{"version = 1;", "version = 1; workers : { cpus = \"2,1-3\"; };"}},
     {{1, "workers.cpus: two workers on CPU 2"}}},
    {"bad CPU list",
     {{"version = 1;", "version = 1; workers : { cpus = \"1-\"; };"}},
     {{1, "workers.cpus: must be CPU numbers up to 1023 such as \"1\" or \"2-3,6\", is \"1-\""}}},
    {"firewall: unknown protocol",
     {{"\"tcp/443\"", "\"sctp/443\""}},
     {{26,
       "firewall.rules[0].ports[0]: must be \"tcp/443\", \"tcp/8000-8999\", \"udp/53\", \"tcp\", "
       "\"udp\" or \"icmp\", is \"sctp/443\""}}},
    {"firewall: port out of range",
     {{"\"tcp/443\"", "\"tcp/65536\""}},
     {{26,
       "firewall.rules[0].ports[0]: must be \"tcp/443\", \"tcp/8000-8999\", \"udp/53\", \"tcp\", "
       "\"udp\" or \"icmp\", is \"tcp/65536\""}}},
    {"firewall: ports backwards",
     {{"\"tcp/443\"", "\"tcp/9-8\""}},
     {{26,
       "firewall.rules[0].ports[0]: must be \"tcp/443\", \"tcp/8000-8999\", \"udp/53\", \"tcp\", "
       "\"udp\" or \"icmp\", is \"tcp/9-8\""}}},
    {"firewall: icmp with a port",
     {{"\"tcp/443\"", "\"icmp/8\""}},
     {{26,
       "firewall.rules[0].ports[0]: must be \"tcp/443\", \"tcp/8000-8999\", \"udp/53\", \"tcp\", "
       "\"udp\" or \"icmp\", is \"icmp/8\""}}},
    {"firewall: empty list",
     {{"to = [ \"203.0.113.0/24\" ]", "to = [ ]"}},
     {{26, "firewall.rules[0].to: is empty; leave the setting out when all are meant"}}},
    {"firewall: unknown action",
     {{"action = \"deny\"", "action = \"refuse\""}},
     {{27, "firewall.rules[1].action: must be \"allow\" or \"deny\", is \"refuse\""}}},
    {"firewall: host name",
     {{"to = [ \"203.0.113.0/24\" ]", "to_names = [ \"-bad-.example\" ]"}},
     {{26,
       "firewall.rules[0].to_names[0]: must be a host name such as \"api.example.com\", or "
       "\"*.example.com\" for all under it, is \"-bad-.example\""}}},
    {"log that is no boolean",
     {{"action = \"deny\";", "action = \"deny\"; log = 1;"}},
     {{27, "firewall.rules[1].log: must be true or false, is 1"}}},
    {"rate without a unit",
     {{"name = \"lab\";", "name = \"lab\"; limits : { bandwidth = \"1000\"; };"}},
     {{16,
       "namespaces.lab.limits.bandwidth: must be a rate in bit, kbit, Mbit, Gbit or Tbit such as "
       "\"1Gbit\" or \"500Mbit\", is "
       "\"1000\""}}},
    {"Geneve options cut off",
     {{"vtep = \"10.0.0.2\";", "vtep = \"10.0.0.2\"; geneve_options = \"01028001000000\";"}},
     {{11,
       "nodes.node-2.geneve_options: must be whole Geneve options in hexadecimal, at most 252 "
       "bytes, is \"01028001000000\": option 1 is cut off: it says 8 bytes with its header, 7 "
       "bytes "
       "left"}}},
    {"Geneve options with a header cut off",
     {{"vtep = \"10.0.0.2\";", "vtep = \"10.0.0.2\"; geneve_options = \"010280010000000001\";"}},
     {{11,
       "nodes.node-2.geneve_options: must be whole Geneve options in hexadecimal, at most 252 "
       "bytes, is \"010280010000000001\": option 2 is cut off: its header has 4 bytes, 1 byte "
       "left"}}},
    {"Geneve options with reserved bits",
     {{"vtep = \"10.0.0.2\";", "vtep = \"10.0.0.2\"; geneve_options = \"0102802100000000\";"}},
     {{11,
       "nodes.node-2.geneve_options: must be whole Geneve options in hexadecimal, at most 252 "
       "bytes, is \"0102802100000000\": option 1 has reserved bits set, in the byte of its "
       "length"}}},
    {"Geneve options for a node behind VXLAN",
     {{"vtep = \"10.0.0.2\";", "vtep = \"10.0.0.2\"; geneve_options = \"0102800100000001\";"}},
     {{11,
       "nodes.node-2.geneve_options: tunnel \"overlay\" is none of type \"geneve\"; other tunnels "
       "have no options"}}},
    {"Geneve options of half a byte",
     {{"vtep = \"10.0.0.2\";", "vtep = \"10.0.0.2\"; geneve_options = \"010\";"}},
     {{11,
       "nodes.node-2.geneve_options: must be whole Geneve options in hexadecimal, at most 252 "
       "bytes, is \"010\""}}},
    {"metrics nowhere",
     {{"name = \"gw-a\";", "name = \"gw-a\"; metrics = \"localhost\";"}},
     {{2,
       "gateway.metrics: must be \"off\", \"ADDRESS:PORT\" or \"unix:/PATH\", is \"localhost\""}}},
    {"session log nowhere",
     {{"firewall :", "log_sessions : { target = \"ipfix:10.9.9.9\"; };\nfirewall :"}},
     {{24,
       "log_sessions.target: must be \"off\", \"file:/PATH\", \"syslog\" or "
       "\"ipfix:ADDRESS:PORT\", is \"ipfix:10.9.9.9\""}}},
    {"DSCP out of range",
     {{"firewall :", "qos = ( { namespace = \"lab\"; dscp = 64; } );\nfirewall :"}},
     {{24, "qos[0].dscp: must be an integer from 0 to 63, is 64"}}},
    {"VLAN out of range",
     {{"role = \"external\";", "role = \"external\"; vlan = 4095;"}},
     {{5, "ports.uplink.vlan: must be an integer from 1 to 4094, is 4095"}}},
    {"router: mode",
     {{"firewall :",
       "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = \"10.131.255.10\"; "
       "source = \"192.0.2.70\";\n  mode = \"proxy\"; destinations = \"203.0.113.25\"; } "
       ");\nfirewall :"}},
     {{25,
       "egress_routers.r.mode: Unrecognized EGRESS_ROUTER_MODE 'proxy': must be \"redirect\", "
       "\"dns-proxy\" or \"http-proxy\", is \"proxy\""}}},
    {"router: source",
     {{"firewall :",
       "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = \"10.131.255.10\"; "
       "source = \"gw\";\n  destinations = \"203.0.113.25\"; } );\nfirewall :"}},
     {{24,
       "egress_routers.r.source: EGRESS_SOURCE unspecified or invalid: must be an address such as "
       "\"192.0.2.1\", is \"gw\""}}},
    {"router: no source, no destinations",
     {{"firewall :",
       "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = \"10.131.255.10\";\n "
       " destinations = [ \"# none\", \"\" ]; } );\nfirewall :"}},
     {{24, "egress_routers.r.source: EGRESS_SOURCE unspecified or invalid: missing setting"},
      {25, "egress_routers.r.destinations: EGRESS_DESTINATION unspecified"}}},
    {"router: lines",
     {{"firewall :",
       "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = \"10.131.255.10\"; "
       "source = \"192.0.2.70\";\n  destinations = [ \"80 tcp 203.0.113.25\", \"80 udp "
       "203.0.113.26\",\n    \"81 xctp 203.0.113.27\",\n    \"82 tcp 10.128.0.11\", "
       "\"203.0.113.28\", \"203.0.113.29\" ]; } );\nfirewall :"}},
     {{25,
       "egress_routers.r.destinations[1]: EGRESS_DESTINATION localport 80 is already used, must be "
       "unique for each destination"},
      {26,
       "egress_routers.r.destinations[2]: EGRESS_DESTINATION value '81 xctp 203.0.113.27' is "
       "invalid"},
      {27,
       "egress_routers.r.destinations[5]: EGRESS_DESTINATION fallback IP must be the last line"},
      {27, "egress_routers.r.destinations[3]: 10.128.0.11 is inside the cluster"}}},
    {"router: one text of lines",
     {{"firewall :",
       "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = \"10.131.255.10\"; "
       "source = \"192.0.2.70\";\n  destinations = \"# web\\n80 tcp 203.0.113.25\\n0 tcp "
       "203.0.113.25\"; } );\nfirewall :"}},
     {{25, "egress_routers.r.destinations[2]: Invalid port: 0, must be in the range 1 to 65535"}}},
    {"egress: empty pods",
     {{"namespaces = [ \"lab\" ];", "namespaces = [ \"lab\" ]; pods = ( );"}},
     {{22, "egress_ips.lab-out.pods: is empty; leave the setting out when all are meant"}}},
    {"bad element on its own line",
     {{"\"10.128.0.11\", \"10.128.1.0/26\" ]",
       "\"10.128.0.11\",\n    \"10.128.1.0/26\",\n    \"10.128.1.300\"\n  ]"}},
     {{17,
       "namespaces.payments.pods[2]: must be a prefix such as \"192.0.2.0/24\", or an address, is "
       "\"10.128.1.300\""}}},
    {"two gateways of one family",
     {{"gateway = \"192.0.2.1\"", "gateway = [ \"192.0.2.1\", \"192.0.2.2\" ]"}},
     {{6, "ports.uplink.gateway[1]: more than one for the same address family"}}},
    {"socket path too long",
     {{"name = \"gw-a\";",
       "name = \"gw-a\"; control_socket = "
       "\"/"
       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
       "xxxxxxxxxxxxxxxx\";"}},
     {{2,
       "gateway.control_socket: must be a text of 1 to 107 printable characters, is "
       "\"/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"..."}}},
    {"all at once, by line",
     {{"vni = 100", "vni = -1"},
      {"max = 1000", "max = \"x\""},
      {"name = \"gw-a\"", "nam = \"gw-a\""},
      {"\"192.0.2.51\"", "\"192.0.2.999\""},
      {"role = \"external\"", "role = \"out\""}},
     {{2, "gateway.nam: unknown setting; did you mean \"name\"?"},
      {2, "gateway.name: missing setting"},
      {5, "ports.uplink.role: must be \"cluster\", \"external\" or \"both\", is \"out\""},
      {8, "tunnels.overlay.vni: must be an integer from 0 to 16777215, or \"any\", is -1"},
      {21,
       "egress_ips.payments-out.addresses[1]: must be an address such as \"192.0.2.1\", is "
       "\"192.0.2.999\""},
      {30, "sessions.max: must be an integer from 1 to 134217728, is \"x\""}}},
};

TEST(BadValue, EveryComplaintInItsWordsAndLine) {
  for (const BadSample& sample : kSamples) expect_complaints(sample);
}

}  // namespace
}  // namespace postern::config
