#include "control/methods/explain_question.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr std::string_view kProtocolHelp =
    "tcp, udp, icmp (an echo), or the name or number of another protocol";

struct NamedProtocol {
  std::string_view name;
  uint8_t number;
};
// Those that people ask for, by the names that /etc/protocols has.
constexpr NamedProtocol kProtocols[] = {
    {"tcp", kProtocolTcp},
    {"udp", kProtocolUdp},
    {"icmp", kProtocolIcmp},
    {"sctp", kProtocolSctp},
    {"udplite", kProtocolUdpLite},
    {"dccp", kProtocolDccp},
    {"gre", 47},
    {"esp", 50},
    {"ah", kProtocolAh},
    {"igmp", 2},
    {"ipip", 4},
    {"ipv6", 41},
    {"ospf", 89},
    {"vrrp", 112},
    {"icmp6", 58},
};

std::optional<uint8_t> protocol_of(const std::string& text) {
  for (const NamedProtocol& each : kProtocols) {
    if (each.name == text) return each.number;
  }
  uint32_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number > 255) return std::nullopt;
  return static_cast<uint8_t>(number);
}

RpcError wrong(const char* path, std::string text, std::string_view hint) {
  return {kRpcInvalidParams,
          absl::StrCat("`", path, "`: ", text),
          {{.path = path, .text = text, .hint = std::string(hint)}}};
}

std::optional<RpcError> take_address(const json& params, const char* name, Ipv4Address& address) {
  const auto text = params.at(name).get<std::string>();
  const std::optional<Ipv4Address> parsed = Ipv4Address::parse(text);
  if (parsed) {
    address = *parsed;
    return std::nullopt;
  }
  const size_t colon = text.find(':');
  if (colon != std::string::npos && Ipv4Address::parse(text.substr(0, colon))) {
    return wrong(
        name,
        absl::StrCat("\"", text, "\" is an address with a port: write the port after the protocol"),
        "an address alone, then the protocol, then the destination port: "
        "10.128.0.11 203.0.113.10 tcp 80");
  }
  if (colon != std::string::npos) {
    return wrong(name, absl::StrCat("IPv6 is not supported yet: \"", text, "\""),
                 "write an IPv4 address");
  }
  return wrong(name, absl::StrCat("\"", text, "\" is not an IPv4 address"),
               "write it as 203.0.113.5, without a prefix length");
}

std::optional<RpcError> check_ports(const ExplainQuestion& question) {
  const uint8_t protocol = question.protocol;
  const bool needs_port = protocol == kProtocolTcp || protocol == kProtocolUdp;
  if (needs_port && !question.destination_port) {
    return wrong("dport", "tcp and udp go to a port", "add the destination port, such as 443");
  }
  if (!has_ports(protocol) && question.destination_port) {
    return wrong("dport", "only tcp, udp, sctp, udplite and dccp have ports", "leave it out");
  }
  if (!has_ports(protocol) && protocol != kProtocolIcmp && question.source_port) {
    return wrong("sport", "only tcp, udp, sctp, udplite, dccp and icmp (its identifier) have one",
                 "leave it out");
  }
  return std::nullopt;
}

}  // namespace

std::vector<Param> explain_params() {
  return {
      {.name = "src",
       .kind = ParamKind::kText,
       .required = true,
       .help = "the packet's source address: a pod's, or one outside"},
      {.name = "dst",
       .kind = ParamKind::kText,
       .required = true,
       .help = "its destination address"},
      {.name = "protocol", .kind = ParamKind::kText, .required = true, .help = kProtocolHelp},
      {.name = "dport",
       .kind = ParamKind::kInteger,
       .min = 1,
       .max = 65535,
       .help = "its destination port; tcp and udp need one, sctp, udplite and dccp may have one"},
      {.name = "sport",
       .kind = ParamKind::kInteger,
       .max = 65535,
       .help = "its source port, of icmp the identifier; where it is left out a packet that "
               "begins something is meant"},
      {.name = "node",
       .kind = ParamKind::kText,
       .help = "the name or the underlay address of the node that sends it; where it is left out "
               "the node that the source belongs to"},
  };
}

std::variant<ExplainQuestion, RpcError> explain_question(const json& params) {
  ExplainQuestion question;
  if (auto error = take_address(params, "src", question.source)) return *std::move(error);
  if (auto error = take_address(params, "dst", question.destination)) return *std::move(error);
  const auto protocol = params.at("protocol").get<std::string>();
  const std::optional<uint8_t> number = protocol_of(protocol);
  if (!number) {
    return wrong("protocol", absl::StrCat("\"", protocol, "\" is no protocol"), kProtocolHelp);
  }
  question.protocol = *number;
  if (params.contains("dport")) question.destination_port = params.at("dport").get<uint16_t>();
  if (params.contains("sport")) question.source_port = params.at("sport").get<uint16_t>();
  question.node = params.value("node", "");
  if (auto error = check_ports(question)) return *std::move(error);
  return question;
}

}  // namespace postern
