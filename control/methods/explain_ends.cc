// From the egress address to the link, and what comes from outside.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "control/methods/explain_steps.h"
#include "control/methods/session_rows.h"
#include "dataplane/packet/reason.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {

using nlohmann::json;

namespace {

std::string limits_text(const config::Limits& limits, uint64_t active) {
  std::string text;
  const auto next = [&text]() -> std::string& {
    if (!text.empty()) text += ", ";
    return text;
  };
  if (limits.sessions) absl::StrAppend(&next(), active, " of ", *limits.sessions, " sessions");
  if (limits.new_sessions_per_second) {
    absl::StrAppend(&next(), *limits.new_sessions_per_second, " new sessions a second");
  }
  if (limits.bandwidth_bits_per_second) {
    absl::StrAppend(&next(), *limits.bandwidth_bits_per_second, " bits a second");
  }
  return text;
}

// The first of them, and how many more there are.
std::string some_of(const std::vector<Ipv4Address>& addresses) {
  constexpr size_t kMostNamed = 8;
  std::string text;
  for (size_t i = 0; i < std::min(addresses.size(), kMostNamed); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", addresses[i].text());
  }
  if (addresses.size() > kMostNamed) {
    absl::StrAppend(&text, " and ", addresses.size() - kMostNamed, " more");
  }
  return text;
}

}  // namespace

void ExplainSteps::tell_limits(NamespaceIndex name) {
  const config::Namespace* const entry = places_.name_space(name);
  if (entry == nullptr || snapshot_.limits.of(name) == nullptr || entry->limits.line.line == 0) {
    return;
  }
  uint64_t active = 0;
  for (const NamespaceFacts& of : e_.facts.namespaces) {
    if (of.name == name) active = of.active;
  }
  const bool within = !is_dropped(Reason::kQuotaSessions) && !is_dropped(Reason::kQuotaRate) &&
                      !is_dropped(Reason::kQuotaBandwidth);
  add("limits",
      absl::StrCat(within ? "within" : "over", " the limits of namespace ", entry->name.value, ": ",
                   limits_text(entry->limits, active)),
      entry->limits.line);
}

// False where no address can be had.
bool ExplainSteps::tell_address() {
  const Decision& decision = e_.decision;
  const PolicyTable& policy = snapshot_.policy;
  const config::SourceLine range = e_.ground.file.sessions.port_range.line;
  if (is_dropped(Reason::kSessionTableFull)) {
    add("session", "every entry of the session table is a live session",
        e_.ground.file.sessions.line);
    return false;
  }
  tell_unusable_addresses();
  if (!e_.outcome.session) return false;
  const SessionEntry& entry = e_.outcome.session->entry;
  const auto address = Ipv4Address::from(entry.egress_ip);
  const Range own = policy.policies[decision.policy].addresses;
  const auto first = policy.address_slots.begin() + own.first;
  const bool falls_back =
      std::find(first, first + own.count, entry.address_slot) == first + own.count;
  const ExplainPlace place = places_.egress_address(address);
  const std::vector<Ipv4Address> drawn = drawn_addresses();
  const std::string who = absl::StrCat(address.text(), ", ", place.what);
  std::string text = absl::StrCat("it leaves as ", who);
  if (falls_back) text += ", to which the entry falls back";
  if (!drawn.empty()) {
    text = absl::StrCat("it leaves as one of ", some_of(drawn), ", drawn for each session; this ",
                        "packet's source port would draw ", who);
  }
  add("address", std::move(text), place.line);
  if (is_other_protocol(e_.flow.protocol)) {
    add("port", kept_port_text());
    return true;
  }
  const char* const what = e_.flow.protocol == kProtocolIcmp ? "identifier" : "port";
  if (e_.outcome.was_there) {
    add("port", absl::StrCat("it keeps its ", what, " ", entry.egress_port.host()));
    return true;
  }
  const config::PortRange& ports = e_.ground.file.sessions.port_range.value;
  add("port",
      absl::StrCat("a free ", what, " of ", ports.first, " to ", ports.last,
                   " is drawn when it is sent"),
      range);
  return true;
}

// The addresses one of which a session to come may bear, where its source port decides and is not
// given; empty where it is certain.
std::vector<Ipv4Address> ExplainSteps::drawn_addresses() const {
  const PolicyTable& policy = snapshot_.policy;
  std::vector<Ipv4Address> drawn;
  if (e_.source_port_given || e_.outcome.was_there || !e_.way.is_outbound ||
      e_.decision.policy == kNoEgressPolicy ||
      policy.policies[e_.decision.policy].spread != Spread::kSession || !e_.outcome.session) {
    return drawn;
  }
  const Range own = policy.policies[e_.decision.policy].addresses;
  bool is_own = false;  // it may have fallen back to node_ip
  for (uint32_t i = 0; i < own.count; ++i) {
    const AddressSlot slot = policy.address_slots[own.first + i];
    const Ipv4Address address = policy.addresses[slot].address;
    const Route* const route = snapshot_.external_routes.find(e_.decision.remote, address);
    if (slot == e_.outcome.session->entry.address_slot) is_own = true;
    if (snapshot_.shared->drains.holds(slot) || route == nullptr) continue;
    if (!snapshot_.is_down(route->port)) drawn.push_back(address);
  }
  if (!is_own || drawn.size() < 2) drawn.clear();
  return drawn;
}

// Why addresses of the policy are passed over, as open.cc judges them.
void ExplainSteps::tell_unusable_addresses() {
  const Decision& decision = e_.decision;
  const PolicyTable& policy = snapshot_.policy;
  const Range own = policy.policies[decision.policy].addresses;
  if (is_dropped(Reason::kNoEgressAddress) && own.count == 0) {
    const ExplainPlace place = places_.policy(decision.policy, e_.way, decision);
    return add("address", absl::StrCat(place.what, " has no address"), place.line);
  }
  for (uint32_t i = 0; i < own.count; ++i) {
    const AddressSlot slot = policy.address_slots[own.first + i];
    const Ipv4Address address = policy.addresses[slot].address;
    const ExplainPlace place = places_.egress_address(address);
    const Route* const route = snapshot_.external_routes.find(decision.remote, address);
    if (snapshot_.shared->drains.holds(slot)) {
      add("address", absl::StrCat(address.text(), " is drained"), place.line);
    } else if (is_dropped(Reason::kNoRoute) && route == nullptr) {
      add("route", absl::StrCat("no route leads to ", decision.remote.text()));
      return;
    } else if (is_dropped(Reason::kBadAddress)) {
      add("destination",
          absl::StrCat(decision.remote.text(), " is the broadcast address of a link"));
      return;
    } else if (route != nullptr && snapshot_.is_down(route->port)) {
      const config::Port& port = e_.ground.file.ports[route->port];
      add("address",
          absl::StrCat(address.text(), " would leave by port ", port.name.value, ", which is down"),
          port.line);
    } else if (has_no_port(i)) {
      add("port", absl::StrCat(used_up_text(address), ", ", protocol_name(e_.flow.protocol)),
          place.line);
    } else if (is_out_of_ports()) {
      add("port",
          absl::StrCat(
              address.text(),
              " is not asked for a port: when_exhausted = \"drop\" keeps to the first one"),
          places_.policy(decision.policy, e_.way, decision).line);
    }
  }
}

// Of a protocol without external ports (nat.md O1).
std::string ExplainSteps::kept_port_text() const {
  return has_ports(e_.flow.protocol)
             ? "it keeps its ports, of which the address and that remote have one session"
             : "it has no port: the address and that remote have one session of the protocol";
}

std::string ExplainSteps::used_up_text(Ipv4Address address) const {
  if (!is_other_protocol(e_.flow.protocol)) {
    return absl::StrCat("every port of ", address.text(), " is in use to ", remote_end());
  }
  return absl::StrCat("another pod has the only session of ", address.text(), " to ", remote_end(),
                      has_ports(e_.flow.protocol) ? " with that source port" : "");
}

// Whether the address at that place of the policy was asked for a port in vain, or would be.
bool ExplainSteps::has_no_port(uint32_t place) const {
  const EgressPolicy& policy = snapshot_.policy.policies[e_.decision.policy];
  const bool is_asked =
      is_out_of_ports() || (policy.next_address_when_exhausted && !e_.outcome.was_there);
  // Those of the policy come first (Explanation::add_remotes).
  return is_asked && place < e_.facts.rooms.size() && e_.facts.rooms[place] == PortRoom::kNone;
}

void ExplainSteps::tell_mark() {
  if (!e_.outcome.session) return;
  const SessionEntry& entry = e_.outcome.session->entry;
  if ((entry.flags & kSessionMarked) == 0) return;
  const int dscp = entry.mark >> 2;
  const NamespaceIndex name =
      snapshot_.shared->source_records.load(entry.source_slot_epoch & 0xffffff).namespace_index;
  const auto remote = Ipv4Address::from(entry.remote_ip);
  // A session keeps the mark that it began with, whatever is written now.
  const bool is_written = snapshot_.policy.marks.find(name, remote) == entry.mark;
  const ExplainPlace place = is_written ? places_.mark(name, remote) : ExplainPlace{};
  add("qos",
      absl::StrCat("its packets are marked with DSCP ", dscp, place.what.empty() ? "" : ", by ",
                   place.what),
      place.line);
}

void ExplainSteps::tell_route() {
  if (!e_.outcome.session) return;
  const SessionEntry& entry = e_.outcome.session->entry;
  const auto remote = Ipv4Address::from(entry.remote_ip);
  const Route* const route =
      snapshot_.external_routes.find(remote, Ipv4Address::from(entry.egress_ip));
  if (route == nullptr) return add("route", absl::StrCat("no route leads to ", remote.text()));
  const ExplainPlace place = places_.external_route(*route);
  const config::Port& port = e_.ground.file.ports[route->port];
  add("route", absl::StrCat("it leaves by port ", port.name.value, ": ", place.what), place.line);
  tell_neighbour(remote, place.line);
}

// What is known of the next hop; `next` is it where the destination is on the link.
void ExplainSteps::tell_neighbour(Ipv4Address next, config::SourceLine line) {
  const NeighbourSlot slot = e_.outcome.meta.next_hop;
  std::string who = absl::StrCat(next.text(), " (on the link)");
  for (const auto& [key, number] : e_.ground.books.next_hops.all()) {
    if (number == slot)
      who = absl::StrCat("the next hop ", NeighbourKey::unpacked(key).address.text());
  }
  const uint64_t word = slot == kNoNeighbour ? 0 : snapshot_.shared->neighbours.word(slot);
  if (is_dropped(Reason::kNeighbourUnresolved)) {
    who += " is not resolved, and enough packets wait for it";
  } else if (is_dropped(Reason::kNeighbourFailed)) {
    who += " does not answer ARP";
  } else if (e_.outcome.end == TrialOutcome::End::kHeld) {
    who +=
        " is not resolved yet: the packet is held until it is, and dropped as neighbour-failed if "
        "it does not answer";
  } else {
    absl::StrAppend(&who, " is at ", MacAddress::from_packed(word).text());
  }
  add("neighbour", std::move(who), line);
}

void ExplainSteps::tell_inbound() {
  const config::Port& port = e_.ground.file.ports[e_.way.port];
  add("port", absl::StrCat("it arrives on port ", port.name.value), port.line);
  const auto destination = e_.flow.destination;
  const ExplainPlace place = places_.inside(destination);
  if (snapshot_.is_inside(destination)) {
    add("destination", absl::StrCat(destination.text(), " is ", place.what), place.line);
  }
  if (e_.outcome.end == TrialOutcome::End::kAnswered) {
    return add("answer", "the gateway answers it itself");
  }
  if (e_.outcome.was_there) return tell_session();
  if (is_dropped(Reason::kNoSession)) {
    add("session", "no live session has these addresses and ports");
  }
  if (is_dropped(Reason::kBadAddress)) tell_bad_address();
}

void ExplainSteps::tell_way_to_node() {
  const NodeIndex index = e_.outcome.meta.node;
  const config::Node* const node = places_.node(index);
  if (node == nullptr || index >= snapshot_.nodes.size()) return;
  const NodeEntry& entry = snapshot_.nodes[index];
  const TunnelEntry& tunnel = snapshot_.tunnels[entry.tunnel];
  add("tunnel",
      absl::StrCat("it goes through tunnel ", node->tunnel.value, " to node ", node->name.value,
                   " (", entry.vtep.text(), ")"),
      node->line);
  if (is_dropped(Reason::kNoRoute)) {
    return add("route", absl::StrCat("no route leads to ", entry.vtep.text()));
  }
  const ExplainPlace place = places_.cluster_route(entry.vtep, tunnel.local);
  const config::Port& port = e_.ground.file.ports[entry.port];
  add("route", absl::StrCat("it leaves by port ", port.name.value, ": ", place.what), place.line);
  tell_neighbour(entry.vtep, place.line);
}

void ExplainSteps::tell_drop() {
  const ReasonInfo& info = describe(e_.outcome.reason);
  std::string text = absl::StrCat(std::string(info.name), ": ", std::string(info.text), " ",
                                  advice_.empty() ? std::string(info.advice) : advice_);
  if (e_.outcome.told == TrialOutcome::Told::kReset) text += " The sender is told by a TCP reset.";
  if (e_.outcome.told == TrialOutcome::Told::kIcmpError) {
    text += " The sender is told by an ICMP error.";
  }
  add("drop", std::move(text), config::SourceLine{last_});
}

// Read off the packet as it leaves, but for the port of a new session, which is drawn.
json ExplainSteps::translated() const {
  constexpr size_t kEthernetBytes = sizeof(EthernetHeader);
  size_t ip_at = kEthernetBytes;
  if (!e_.way.is_outbound) {
    ip_at = sizeof(TunnelEncapsulation) + snapshot_.nodes[e_.outcome.meta.node].option_bytes;
  }
  const std::vector<uint8_t>& frame = e_.outcome.frame;
  if (frame.size() < ip_at + sizeof(Ipv4Header) + 8) return json::object();
  const auto ip = load<Ipv4Header>(&frame[ip_at]);
  const uint8_t* const transport = &frame[ip_at + sizeof ip];
  json out = {{"src", Ipv4Address::from(ip.source).text()},
              {"dst", Ipv4Address::from(ip.destination).text()},
              {"port", e_.ground.file.ports[e_.outcome.meta.out_port].name.value}};
  // Then `src` is what the source port of the trial draws, and one of these.
  const std::vector<Ipv4Address> drawn = drawn_addresses();
  for (const Ipv4Address each : drawn) out["src_one_of"].push_back(each.text());
  const bool port_is_known = e_.outcome.was_there;
  if (has_ports(ip.protocol)) {
    if (port_is_known) out["sport"] = load<Be16>(transport).host();
    out["dport"] = load<Be16>(transport + 2).host();
  } else if (port_is_known && ip.protocol == kProtocolIcmp) {
    const auto icmp = load<IcmpHeader>(transport);
    out[e_.way.is_outbound ? "sport" : "dport"] = icmp.identifier.host();
  }
  const SessionEntry& entry = e_.outcome.session->entry;
  if (e_.way.is_outbound && (entry.flags & kSessionMarked) != 0) out["dscp"] = ip.tos >> 2;
  return out;
}

}  // namespace postern
