#include "test/packet/question_maker.h"

#include <algorithm>
#include <cstdlib>

#include "config/router_lines.h"
#include "dataplane/wire/other_protocols.h"

namespace postern::test {
namespace {

Ipv4Prefix prefix(const char* text) { return *Ipv4Prefix::parse(text); }
Ipv4Prefix host(Ipv4Address address) { return {address, 32}; }

}  // namespace

void QuestionMaker::take(const config::Model& model) {
  pods_.clear();
  other_sources_ = {prefix("10.200.0.1"), prefix("127.0.0.1"), prefix("224.0.0.5")};
  remotes_ = {prefix("203.0.113.0/30"), prefix("198.51.100.1"), prefix("8.8.8.8/31")};
  inside_ = {prefix("127.0.0.1"), prefix("255.255.255.255")};
  routers_.clear();
  ports_ = {25, 53, 80, 443};
  nodes_ = {"10.0.0.99"};
  for (const config::Namespace& each : model.namespaces) {
    pods_.insert(pods_.end(), each.pods.begin(), each.pods.end());
  }
  for (const config::Node& node : model.nodes) {
    nodes_.push_back(node.name.value);
    nodes_.push_back(node.vtep->text());
    for (const auto& cidr : node.pod_cidrs) other_sources_.push_back(cidr);
    for (const auto& own : node.addresses) other_sources_.push_back(host(own));
    inside_.push_back(host(node.vtep));
    inside_.insert(inside_.end(), node.pod_cidrs.begin(), node.pod_cidrs.end());
  }
  for (const config::Port& port : model.ports) {
    for (const auto& own : port.addresses) {
      inside_.push_back(host(own->address));
      if (chance(4)) remotes_.push_back(own->subnet());
    }
  }
  for (const config::EgressIp& entry : model.egress_ips) {
    for (const auto& own : entry.addresses) inside_.push_back(host(own));
    remotes_.insert(remotes_.end(), entry.destinations.begin(), entry.destinations.end());
    remotes_.insert(remotes_.end(), entry.except.begin(), entry.except.end());
  }
  for (const config::EgressRouter& router : model.egress_routers) {
    routers_.push_back(host(router.listen));
    const auto lines = config::parse_router_lines(router).lines;
    for (const config::RouterLine& line : lines) ports_.push_back(line.listen_port);
  }
  for (const config::FirewallRule& rule : model.firewall.rules) {
    remotes_.insert(remotes_.end(), rule.to.begin(), rule.to.end());
    for (const auto& ports : rule.ports) ports_.push_back(ports->first);
  }
  for (const config::QosRule& rule : model.qos) {
    remotes_.insert(remotes_.end(), rule.to.begin(), rule.to.end());
  }
  inside_.insert(inside_.end(), model.cluster.no_snat.begin(), model.cluster.no_snat.end());
  std::erase(ports_, 0);
}

ExplainQuestion QuestionMaker::next(const SessionTable& table) {
  ExplainQuestion question;
  if (chance(6) && from_session(table, question)) return question;
  return from_pod();
}

ExplainQuestion QuestionMaker::from_pod() {
  ExplainQuestion question;
  question.source = within(pods_.empty() || chance(12) ? any(other_sources_) : any(pods_));
  question.destination = within(chance(15) ? any(inside_) : any(remotes_));
  if (!routers_.empty() && chance(5)) question.destination = within(any(routers_));
  put_service(question);
  if (chance(12)) question.node = any(nodes_);
  return question;
}

void QuestionMaker::put_service(ExplainQuestion& question) {
  static constexpr uint8_t kProtocols[] = {kProtocolTcp, kProtocolTcp,  kProtocolUdp,
                                           kProtocolUdp, kProtocolIcmp, kProtocolIcmp};
  const uint8_t others[] = {
      47, 47, kProtocolSctp, kProtocolUdpLite, kProtocolAh, static_cast<uint8_t>(number(0, 255))};
  question.protocol = chance(15) ? others[number(0, 5)] : kProtocols[number(0, 5)];
  if (has_ports(question.protocol)) question.destination_port = any(ports_);
  const bool has_source = has_ports(question.protocol) || question.protocol == kProtocolIcmp;
  if (has_source && chance(2)) {
    question.source_port = static_cast<uint16_t>(number(2000, 2001));
  }
}

// A packet of a live session, either way, or one that nearly is.
bool QuestionMaker::from_session(const SessionTable& table, ExplainQuestion& question) {
  std::vector<SessionHandle> live;
  for (SessionHandle handle = 0; handle < table.capacity(); ++handle) {
    if (table.is_live(handle)) live.push_back(handle);
  }
  if (live.empty()) return false;
  const SessionHandle handle = any(live);
  const SessionEntry& entry = table.entry(handle);
  const OutboundKey key = outbound_key_of(entry, table.cold(handle));
  question.protocol = entry.protocol();
  const bool echo = question.protocol == kProtocolIcmp;
  const bool portless = !echo && !has_ports(question.protocol);
  if (chance(2)) {
    question.source = Ipv4Address::from(key.source_ip);
    question.destination = Ipv4Address::from(key.remote_ip);
    if (!portless) question.source_port = key.source_port.host();
    if (!echo && !portless) question.destination_port = key.remote_port.host();
    if (chance(8)) question.node = any(nodes_);
    return true;
  }
  question.source = Ipv4Address::from(entry.remote_ip);
  question.destination = Ipv4Address::from(entry.egress_ip);
  if (chance(8)) question.source.value ^= 1;
  if (portless) return true;
  question.source_port = echo ? entry.egress_port.host() : entry.remote_port.host();
  if (!echo) question.destination_port = entry.egress_port.host();
  if (chance(8)) *question.source_port ^= 1;
  return true;
}

}  // namespace postern::test
