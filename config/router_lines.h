// The lines of an egress router's destinations, in the grammar of OpenShift's egress router images,
// taken unchanged: what stood in EGRESS_DESTINATION, EGRESS_DNS_PROXY_DESTINATION or
// EGRESS_HTTP_PROXY_DESTINATION can be pasted, and what is wrong is said in the same words.
//
// Stricter than the images on purpose: addresses are checked octet by octet, ports are plain
// decimal from 1 to 65535. Any thread.
#ifndef POSTERN_CONFIG_ROUTER_LINES_H_
#define POSTERN_CONFIG_ROUTER_LINES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/model.h"

namespace postern::config {

enum class RouterProtocol : uint8_t { kTcp, kUdp, kSctp };

// One line that means something. Which members count follows from the mode:
//   redirect    listen_port, protocol, prefix (an address), remote_port; the fallback has
//               listen_port 0 and stands for every port and protocol without a line of its own
//   dns-proxy   listen_port, prefix (an address) or name, remote_port; TCP
//   http-proxy  prefix or name ("*.domain" for all under it, "*" for the rest), deny
struct RouterLine {
  size_t index = 0;  // in EgressRouter::destinations
  uint16_t listen_port = 0;
  RouterProtocol protocol = RouterProtocol::kTcp;
  std::optional<Ipv4Prefix> prefix;
  std::string name;
  uint16_t remote_port = 0;
  bool deny = false;
};

struct RouterProblem {
  std::optional<size_t> index;  // in EgressRouter::destinations; nothing: of them all
  std::string text;
};

struct RouterLines {
  std::vector<RouterLine> lines;
  std::vector<RouterProblem> problems;
};

RouterLines parse_router_lines(const EgressRouter& router);

}  // namespace postern::config

#endif  // POSTERN_CONFIG_ROUTER_LINES_H_
