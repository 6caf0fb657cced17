// What the grammar has and the gateway does not do yet is refused where it is written, never
// ignored.
#include "gtest/gtest.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

const BadSample kSamples[] = {
    {"metrics",
     {{"name = \"gw-a\";", "name = \"gw-a\"; metrics = \"127.0.0.1:9477\";"}},
     {{2, "gateway.metrics: not supported yet"}}},
    {"JSON logs",
     {{"name = \"gw-a\";", "name = \"gw-a\"; log_format = \"json\";"}},
     {{2, "gateway.log_format: not supported yet: \"json\""}}},
    {"MAC address of a port",
     {{"role = \"external\";", "role = \"external\"; mac = \"02:00:00:00:00:01\";"}},
     {{5, "ports.uplink.mac: not supported yet"}}},
    {"egress routers of other modes",
     {{"firewall :",
       "egress_routers = (\n"
       "  { name = \"web\"; namespaces = [ \"lab\" ]; listen = \"10.131.255.11\"; source = "
       "\"192.0.2.71\"; mode = \"http-proxy\"; destinations = \"*\"; } );\nfirewall :"}},
     {{25, "egress_routers.web.mode: not supported yet: \"http-proxy\""}}},
    {"destinations by name",
     {{"to = [ \"203.0.113.0/24\" ];", "to_names = [ \"api.example.com\", \"*.example.org\" ];"}},
     {{26, "firewall.rules[0].to_names[1]: not supported yet: \"*.example.org\""}}},
    {"session log",
     {{"firewall :", "log_sessions : { target = \"syslog\"; };\nfirewall :"}},
     {{24, "log_sessions.target: not supported yet"}}},
    {"IPv6 address",
     {{"gateway = \"192.0.2.1\"", "gateway = [ \"192.0.2.1\", \"2001:db8::1\" ]"}},
     {{6, "ports.uplink.gateway[1]: not supported yet: IPv6 (2001:db8::1)"}}},
    {"IPv6 address on a port",
     {{"\"192.0.2.10/24\"", "\"192.0.2.10/24\", \"2001:db8::10/64\""}},
     {{6, "ports.uplink.addresses[1]: not supported yet: IPv6 (2001:db8::10/64)"}}},
    {"IPv6 pod",
     {{"\"10.128.2.0/25\"", "\"10.128.2.0/25\", \"fd00::/64\", \"fd00::5\""}},
     {{16, "namespaces.lab.pods[1]: not supported yet: IPv6 (fd00::/64)"},
      {16, "namespaces.lab.pods[2]: not supported yet: IPv6 (fd00::5)"}}},
    {"IPv6 egress address",
     {{"\"192.0.2.60\"", "\"192.0.2.60\", \"2001:db8::60\""}},
     {{22, "egress_ips.lab-out.addresses[1]: not supported yet: IPv6 (2001:db8::60)"}}},
    {"IPv6 vtep",
     {{"vtep = \"10.0.0.2\"", "vtep = \"fd00::2\""}},
     {{11, "nodes.node-2.vtep: not supported yet: IPv6 (fd00::2)"}}},
    {"IPv6 route",
     {{"tunnels =",
       "routes = ( { to = \"::/0\"; via = \"2001:db8::1\"; port = \"uplink\"; } );\ntunnels ="}},
     {{8, "routes[0].to: not supported yet: IPv6 (::/0)"},
      {8, "routes[0].via: not supported yet: IPv6 (2001:db8::1)"}}},
    {"IPv6 of bad form",
     {{"vtep = \"10.0.0.2\"", "vtep = \"fd00::2::1\""}},
     {{11, "nodes.node-2.vtep: must be an address such as \"192.0.2.1\", is \"fd00::2::1\""}}},
    {"IPv6 with host bits",
     {{"\"10.128.2.0/25\"", "\"10.128.2.0/25\", \"fd00::1/64\""}},
     {{16, "namespaces.lab.pods[1]: \"fd00::1/64\" has host bits"}}},
    {"IPv6 multicast",
     {{"vtep = \"10.0.0.2\"", "vtep = \"ff02::1\""}},
     {{11, "nodes.node-2.vtep: must be an address such as \"192.0.2.1\", is \"ff02::1\""}}},
    {"IPv6 prefix too long",
     {{"\"10.128.2.0/25\"", "\"10.128.2.0/25\", \"fd00::/129\""}},
     {{16,
       "namespaces.lab.pods[1]: must be a prefix such as \"192.0.2.0/24\", or an address, is "
       "\"fd00::/129\""}}},
};

TEST(NotYet, EveryComplaintInItsWordsAndLine) {
  for (const BadSample& sample : kSamples) expect_complaints(sample);
}

}  // namespace
}  // namespace postern::config
