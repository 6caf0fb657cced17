// The world of world.h with two egress routers, and a firewall that lets nobody out: what a router
// leads out is not subject to it.
//
//   db   listen 10.131.255.10, source 192.0.2.70, for payments: three ports, nothing else
//   all  listen 10.131.255.11, source 192.0.2.71, for payments and web: one port, and a fallback
#ifndef POSTERN_TEST_PACKET_ROUTER_WORLD_H_
#define POSTERN_TEST_PACKET_ROUTER_WORLD_H_

#include <string>
#include <string_view>

#include "test/packet/world.h"

namespace postern::test {

inline constexpr std::string_view kDb = "10.131.255.10";
inline constexpr std::string_view kDbSource = "192.0.2.70";
inline constexpr std::string_view kAll = "10.131.255.11";
inline constexpr std::string_view kAllSource = "192.0.2.71";
inline constexpr std::string_view kDbServer = "203.0.113.25";
inline constexpr std::string_view kFallback = "203.0.113.9";

inline constexpr std::string_view kDbRouter = R"(
  { name = "db"; namespaces = [ "payments" ]; listen = "10.131.255.10"; source = "192.0.2.70";
    destinations = "5432 tcp 203.0.113.25\n53 udp 203.0.113.53 5353\n80 tcp 203.0.113.25 8080"; })";
inline constexpr std::string_view kAllRouter = R"(
  { name = "all"; namespaces = [ "payments", "web" ]; listen = "10.131.255.11";
    source = "192.0.2.71"; destinations = [ "# one port", "443 tcp 203.0.113.5 8443",
                                            "203.0.113.9" ]; })";

// With these egress routers, entries of egress_ips and the firewall's default.
inline std::string router_world(const std::string& routers, const std::string& egress_ips = "",
                                std::string_view firewall_default = "deny") {
  return world(
      "namespaces = ( { name = \"payments\"; pods = [ \"10.128.0.11\" ]; },\n"
      "  { name = \"web\"; pods = [ \"10.128.2.0/24\" ]; },\n"
      "  { name = \"lab\"; pods = [ \"10.128.0.77\" ]; } );\n"
      "egress_ips = ( " +
      egress_ips + " );\negress_routers = ( " + routers + " );\nfirewall : { default = \"" +
      std::string(firewall_default) + "\"; };\n");
}
inline std::string router_world() {
  return router_world(std::string(kDbRouter) + "," + std::string(kAllRouter));
}

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_ROUTER_WORLD_H_
