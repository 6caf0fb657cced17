// From the packet to the policy; explain_ends.cc has what follows.
#include "control/methods/explain_steps.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "control/methods/session_rows.h"
#include "dataplane/packet/reason.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {

using nlohmann::json;

namespace {

std::string end_text(Ipv4Address address, uint16_t port, uint8_t protocol) {
  return has_ports(protocol) ? absl::StrCat(address.text(), ":", port) : address.text();
}

// " (port 1234)", or nothing.
std::string egress_port_text(const SessionEntry& session) {
  const bool echo = session.protocol() == kProtocolIcmp;
  if (!echo && !has_ports(session.protocol())) return "";
  return absl::StrCat(echo ? " (identifier " : " (port ", session.egress_port.host(), ")");
}

}  // namespace

json ExplainSteps::answer() {
  tell_packet();
  e_.way.is_outbound ? tell_outbound() : tell_inbound();
  json answer = {{"verdict", is_dropped() ? "drop" : "forward"}};
  if (is_dropped()) {
    tell_drop();
    answer["reason"] = describe(e_.outcome.reason).name;
  } else if (e_.outcome.end != TrialOutcome::End::kAnswered) {
    answer["translated"] = translated();
  }
  answer["steps"] = std::move(steps_);
  return answer;
}

void ExplainSteps::add(std::string_view stage, std::string text, config::SourceLine line) {
  json step = {{"stage", stage}, {"text", std::move(text)}};
  const auto& files = e_.ground.file.files.name;
  if (line.line != 0 && line.file < files.size()) {
    step["file"] = files[line.file];
    step["line"] = line.line;
  }
  last_ = line;
  steps_.push_back(std::move(step));
}

std::string ExplainSteps::namespace_name(NamespaceIndex index) const {
  if (index == kPlatform) return "platform traffic";
  const auto& names = e_.ground.names.namespaces;
  return index < names.size() ? absl::StrCat("namespace ", names[index]) : "no namespace";
}

std::string ExplainSteps::service() const {
  const std::string name = protocol_name(e_.flow.protocol);
  return has_ports(e_.flow.protocol) ? absl::StrCat(name, "/", e_.flow.destination_port) : name;
}

std::string ExplainSteps::remote_end() const {
  return end_text(e_.decision.remote, e_.decision.remote_port, e_.flow.protocol);
}

void ExplainSteps::tell_packet() {
  const ExplainFlow& flow = e_.flow;
  std::string text =
      absl::StrCat(e_.made.what, " from ", end_text(flow.source, flow.source_port, flow.protocol),
                   " to ", end_text(flow.destination, flow.destination_port, flow.protocol));
  if (has_ports(flow.protocol) && !e_.source_port_given) {
    absl::StrAppend(&text, "; source port ", flow.source_port,
                    e_.way.is_outbound ? " stands for any free one"
                                       : " is made up: what belongs to a session bears its own");
  }
  add("packet", std::move(text));
}

void ExplainSteps::tell_outbound() {
  tell_tunnel();
  if (e_.way.node == kNoNode || e_.flow.protocol == kProtocolAh) return;
  if (by_session()) {
    tell_session();
  } else {
    if (e_.made.opens_again && e_.outcome.was_there) {
      add("session", "the connection of these ports is over; this opens it again");
    }
    tell_policy();
  }
}

void ExplainSteps::tell_tunnel() {
  const config::Tunnel& tunnel = e_.ground.file.tunnels[e_.way.tunnel];
  const std::string through =
      absl::StrCat("tunnel ", tunnel.name.value, " (VNI ", e_.way.vni, ") on port ",
                   e_.ground.file.ports[e_.way.port].name.value);
  if (const config::Node* node = places_.node(e_.way.node)) {
    return add("tunnel",
               absl::StrCat("node ", node->name.value, " (", e_.way.underlay.text(),
                            ") sends it through ", through),
               node->line);
  }
  add("tunnel",
      absl::StrCat(e_.way.underlay.text(), " sends it through ", through,
                   ", of which it is no node"),
      tunnel.line);
}

void ExplainSteps::tell_session() {
  const SessionCopy& session = *e_.outcome.session;
  const SessionEntry& entry = session.entry;
  const NamespaceIndex name =
      snapshot_.shared->source_records.load(entry.source_slot_epoch & 0xffffff).namespace_index;
  const uint64_t age_ms =
      session.copied_at_ms - std::min(session.copied_at_ms, session.cold.created_ms());
  std::string text = absl::StrCat(
      "it belongs to a live session of ", namespace_name(name), ", ", age_ms / 1000,
      " s old, that leaves as ", Ipv4Address::from(entry.egress_ip).text(), egress_port_text(entry),
      " to ",
      end_text(Ipv4Address::from(entry.remote_ip), entry.remote_port.host(), e_.flow.protocol),
      "; no rule or policy is asked again");
  add("session", std::move(text));
  if (is_dropped(Reason::kQuotaBandwidth)) return tell_limits(name);
  if (is_dropped() && e_.outcome.reason != Reason::kNoRoute &&
      e_.outcome.reason != Reason::kNeighbourFailed &&
      e_.outcome.reason != Reason::kNeighbourUnresolved) {
    if (is_dropped(Reason::kSourceNotOnNode)) tell_source_refused();
    return;
  }
  if (!e_.way.is_outbound) return tell_way_to_node();
  tell_mark();
  tell_route();
}

void ExplainSteps::tell_policy() {
  const Decision& decision = e_.decision;
  if (!tell_source()) return;
  const bool goes_on =
      decision.router != kNoRouter ? tell_router() : tell_destination() && tell_firewall();
  if (!goes_on || !tell_egress()) return;
  if (is_dropped(Reason::kBadTcpState)) {
    return add("session", "its session stands no more, and it is no SYN that could begin one");
  }
  tell_limits(decision.namespace_index);
  if (is_dropped(Reason::kQuotaSessions) || is_dropped(Reason::kQuotaRate) ||
      is_dropped(Reason::kQuotaBandwidth)) {
    return;
  }
  if (!tell_address()) return;
  tell_mark();
  tell_route();
}

// False where the packet ends with its source.
bool ExplainSteps::tell_source() {
  const Decision& decision = e_.decision;
  if (decision.namespace_index == kNoNamespace) {
    tell_source_refused();
    return false;
  }
  if (decision.namespace_index == kPlatform) {
    const ExplainPlace place = places_.on_node(e_.way.node, e_.flow.source);
    add("source",
        absl::StrCat(e_.flow.source.text(), " is ", place.what,
                     ": platform traffic, which is in no namespace"),
        place.line);
    return true;
  }
  const ExplainPlace place = places_.pod(decision.namespace_index, e_.flow.source);
  add("source",
      absl::StrCat(e_.flow.source.text(), " is in ", namespace_name(decision.namespace_index), ", ",
                   place.what),
      place.line);
  return true;
}

void ExplainSteps::tell_source_refused() {
  const std::string source = e_.flow.source.text();
  if (is_dropped(Reason::kBadAddress)) return tell_bad_address();
  const uint32_t vni = e_.way.vni;
  const SourceSlot slot =
      snapshot_.sources->find_sender(snapshot_.tunnels[e_.way.tunnel].network, vni, e_.flow.source);
  const NodeIndex owner =
      slot == kNoSource ? kNoNode : snapshot_.shared->source_records.load(slot).node;
  if (places_.node(owner) == nullptr) {
    advice_ =
        "If it is a pod, add its prefix to the `pod_cidrs` of the node that it runs on; if no node "
        "has it, somebody forges addresses.";
    return add("source", absl::StrCat(source,
                                      " is on no node of this tunnel: it lies in no node's "
                                      "pod_cidrs and is no node's address"));
  }
  owner == e_.way.node ? tell_source_unknown(vni) : tell_source_elsewhere(owner);
}

// The source belongs to another node than the one that sends it.
void ExplainSteps::tell_source_elsewhere(NodeIndex owner) {
  const std::string source = e_.flow.source.text();
  const config::Node& node = *places_.node(owner);
  const config::Node* const sender = places_.node(e_.way.node);
  const ExplainPlace place = places_.on_node(owner, e_.flow.source);
  advice_ = absl::StrCat("It belongs to node ", node.name.value, ", and no second node can have ",
                         "the same prefix; ");
  const bool is_own = std::any_of(node.addresses.begin(), node.addresses.end(),
                                  [&](const auto& own) { return own.value == e_.flow.source; });
  if (!is_own && sender != nullptr) {
    absl::StrAppend(&advice_, "a pod that moved to node ", sender->name.value,
                    " is an entry of its own length (", source,
                    "/32) in that node's `pod_cidrs`; ");
  }
  absl::StrAppend(&advice_, "otherwise somebody forges addresses.");
  add("source", absl::StrCat(source, " is ", place.what, ", and comes from another one"),
      place.line);
}

// The source is on its node and is nobody's pod.
void ExplainSteps::tell_source_unknown(uint32_t vni) {
  const std::string source = e_.flow.source.text();
  if (const auto out = places_.taken_out(vni, e_.flow.source)) {
    advice_ = absl::StrCat("Put the pod back: posternctl namespace add ", out->name, " ",
                           out->pod.text(), ".");
    return add("source",
               absl::StrCat(source, " is in namespace ", out->name,
                            " by the file, taken out by namespaces.patch"),
               out->line);
  }
  const ExplainPlace place = places_.on_node(e_.way.node, e_.flow.source);
  add("source", absl::StrCat(source, " is ", place.what, ", and in no namespace's pods"),
      place.line);
}

void ExplainSteps::tell_bad_address() {
  const Ipv4Address source = e_.flow.source;
  if (snapshot_.local(source) != nullptr) {
    const ExplainPlace own = places_.inside(source);
    return add("source", absl::StrCat(source.text(), " is ", own.what), own.line);
  }
  if (snapshot_.is_bad_source(source)) {
    return add("source", absl::StrCat(source.text(), " is no address that a host can have"));
  }
  add("destination",
      absl::StrCat(e_.flow.destination.text(), " is no address that anything is forwarded to"));
}

bool ExplainSteps::tell_destination() {
  if (!is_dropped(Reason::kClusterDestination)) return true;
  const ExplainPlace place = places_.inside(e_.flow.destination);
  add("destination", absl::StrCat(e_.flow.destination.text(), " is ", place.what), place.line);
  return false;
}

bool ExplainSteps::tell_router() {
  const Decision& decision = e_.decision;
  const config::EgressRouter& router = e_.ground.file.egress_routers[decision.router];
  const std::string who = absl::StrCat("egress router ", router.name.value);
  if (is_dropped(Reason::kRouterDenied)) {
    const config::SourceLine line =
        router.namespaces.empty() ? router.line : router.namespaces[0].line;
    add("router", absl::StrCat(namespace_name(decision.namespace_index), " may not use ", who),
        line);
    return false;
  }
  add("router",
      absl::StrCat(e_.flow.destination.text(), " is ", who, ", which ",
                   namespace_name(decision.namespace_index), " may use; no firewall rule is asked"),
      router.listen.line);
  if (decision.router_rule == kNoRouterRule) {
    const config::SourceLine line =
        router.destinations.empty() ? router.line : router.destinations[0].line;
    add("router", absl::StrCat("none of its lines is for ", service()), line);
    return false;
  }
  const config::At<std::string>& line =
      router.destinations[snapshot_.routers.rules[decision.router_rule].line];
  const std::string quoted = absl::StrCat("its line \"", line.value, "\"");
  if (is_dropped(Reason::kNameUnresolved)) {
    add("router", absl::StrCat(quoted, " leads to a name without an address"), line.line);
    return false;
  }
  add("router", absl::StrCat(quoted, " leads to ", remote_end()), line.line);
  if (decision.allowed) return true;
  if (is_dropped(Reason::kClusterDestination)) {
    const ExplainPlace place = places_.inside(decision.remote);
    add("destination", absl::StrCat(decision.remote.text(), " is ", place.what), place.line);
  } else {
    add("destination",
        absl::StrCat(decision.remote.text(), " is no address that anything is forwarded to"));
  }
  return false;
}

bool ExplainSteps::tell_firewall() {
  const Decision& decision = e_.decision;
  const config::Firewall& firewall = e_.ground.file.firewall;
  const std::string what = absl::StrCat(namespace_name(decision.namespace_index), " to ",
                                        e_.flow.destination.text(), ", ", service());
  if (decision.rule == kNoRule) {
    const bool allows = snapshot_.policy.firewall.default_allow;
    add("firewall",
        absl::StrCat("no rule is for ", what, ": firewall.default ", allows ? "allows" : "denies",
                     " it"),
        firewall.line);
    return allows;
  }
  const config::FirewallRule& rule = firewall.rules[decision.rule];
  const bool allows = rule.action == config::FirewallAction::kAllow;
  add("firewall",
      absl::StrCat("rule ", decision.rule, " (for ",
                   rule.name_space.value == config::kEveryNamespace ? "every namespace"
                                                                    : rule.name_space.value,
                   ") ", allows ? "allows " : "denies ", what),
      rule.line);
  return allows;
}

bool ExplainSteps::tell_egress() {
  const Decision& decision = e_.decision;
  const std::string whose = namespace_name(decision.namespace_index);
  if (decision.policy == kNoEgressPolicy) {
    const config::NodeIp& node_ip = e_.ground.file.node_ip;
    const bool is_off = node_ip.mode.value == config::NodeIpMode::kOff;
    const bool is_for_others = !is_off && node_ip.for_whom == config::NodeIpFor::kPlatform &&
                               decision.namespace_index != kPlatform;
    if (is_for_others) {
      advice_ = "Add an `egress_ips` entry that names the namespace, or let node_ip serve all.";
    }
    add("egress",
        absl::StrCat("no entry of egress_ips is for ", e_.flow.source.text(), " of ", whose, " to ",
                     e_.flow.destination.text(), ", and node_ip ",
                     is_for_others ? "is for platform traffic only" : "does not serve it"),
        is_for_others ? node_ip.line : node_ip.mode.line);
    return false;
  }
  const ExplainPlace place = places_.policy(decision.policy, e_.way, decision);
  add("egress", absl::StrCat(place.what, " gives the address"), place.line);
  return true;
}

}  // namespace postern
