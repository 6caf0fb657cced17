// The list methods: each row an entry as configured, and how it fares.
#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/nearest.h"
#include "config/router_lines.h"
#include "control/methods/entry_json.h"
#include "control/methods/methods.h"
#include "control/methods/name_json.h"
#include "control/methods/session_rows.h"
#include "control/methods/session_sums.h"
#include "control/methods/totals.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr size_t kFullest = 3;

// The rows of an answer: all, or those of one name.
class Rows {
 public:
  explicit Rows(std::string name) : name_(std::move(name)) {}
  // Of every name that there is: whether its row is wanted.
  bool wants(std::string_view name) {
    if (name_.empty()) return true;
    if (name == name_) return is_known_ = true;
    others_.emplace_back(name);
    return false;
  }
  // Whether nothing goes by the name that was asked for.
  [[nodiscard]] bool is_stranger() const { return !name_.empty() && !is_known_; }
  // What may have been meant.
  [[nodiscard]] std::string advice(std::string_view method) const;
  void add(json row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] json& all() { return rows_; }

 private:
  std::string name_;
  bool is_known_ = false;
  std::vector<std::string> others_;
  json rows_ = json::array();
};

std::string Rows::advice(std::string_view method) const {
  if (others_.empty()) return "; there are none";
  const std::vector<std::string_view> names(others_.begin(), others_.end());
  if (const auto meant = config::nearest(name_, names)) {
    return absl::StrCat("; did you mean \"", std::string(*meant), "\"?");
  }
  constexpr size_t kMostNamed = 8;
  if (names.size() > kMostNamed) return absl::StrCat("; ", std::string(method), " shows them");
  return "; there are: " + absl::StrJoin(others_, ", ");
}

double rounded(double value) { return std::round(value * 10) / 10; }

void port_rows(const MethodContext& context, const SessionSums& sums, Rows& rows) {
  const auto& ports = context.gateway->file().ports;
  for (size_t i = 0; i < context.ports.size(); ++i) {
    if (!rows.wants(ports[i].name.value)) continue;
    const PortView& port = context.ports[i];
    const PortLink link = port.link();
    const PortStatistics device = port.statistics();
    json row = entry_json(ports[i], config::kPortKeys);
    row["mac"] = port.mac.text();
    row["driver"] = port.driver;
    row["link"] = link.up ? "up" : "down";
    row["speed_mbit"] = link.speed_mbit;
    row["sessions"] = sums.of_port(i).sessions;
    const uint64_t received = total(
        context.workers, [i](const Counters& c) -> const Counter& { return c.ports[i].received; });
    const uint64_t forwarded = total(
        context.workers, [i](const Counters& c) -> const Counter& { return c.ports[i].forwarded; });
    row["packets"] = {{"out", forwarded}, {"in", received}};
    row["bytes"] = {{"out", device.sent_bytes}, {"in", device.received_bytes}};
    row["missed"] = device.missed;
    row["steering"] = port.steering();
    row["handed_over"] = total(context.workers, [i](const Counters& c) -> const Counter& {
      return c.ports[i].handed_over;
    });
    rows.add(std::move(row));
  }
}

void worker_rows(const MethodContext& context, const SessionSums&, Rows& rows) {
  for (size_t i = 0; i < context.workers.size(); ++i) {
    if (!rows.wants(std::to_string(i))) continue;
    const WorkerView& worker = context.workers[i];
    rows.add(
        {{"worker", i},
         {"cpu", worker.cpu},
         {"busy_percent", rounded(context.rates->busy_percent(i))},
         {"cycles_per_packet", rounded(context.rates->cycles_per_packet(i))},
         {"sessions", active_sessions(*worker.counters)},
         {"packets",
          {{"out", worker.counters->forwarded.read()}, {"in", worker.counters->received.read()}}}});
  }
}

void tunnel_rows(const MethodContext& context, const SessionSums& sums, Rows& rows) {
  const config::Model& model = context.gateway->file();
  for (const config::Tunnel& tunnel : model.tunnels) {
    if (!rows.wants(tunnel.name.value)) continue;
    SessionSum sum;
    uint64_t nodes = 0;
    for (const config::Node& node : model.nodes) {
      if (node.tunnel.value != tunnel.name.value) continue;
      ++nodes;
      const auto index = context.gateway->books().nodes.find(node.name.value);
      if (index) sum.add(sums.of_node(*index));
    }
    json row = entry_json(tunnel, config::kTunnelKeys);
    row["nodes"] = nodes;
    sum.put_into(row);
    rows.add(std::move(row));
  }
}

// How the VTEP of a node is reached.
const char* node_state(const Snapshot& snapshot, const NodeEntry& node) {
  if (node.next_hop == kNoNeighbour) return "no-route";
  switch (snapshot.shared->neighbours.load(node.next_hop).state) {
    case NeighbourState::kUnresolved:
      return "unresolved";
    case NeighbourState::kReachable:
      return "reachable";
    case NeighbourState::kFailed:
      return "failed";
  }
  return "";
}

void node_rows(const MethodContext& context, const SessionSums& sums, Rows& rows) {
  const Snapshot& snapshot = context.gateway->snapshot();
  for (const config::Node& node : context.gateway->file().nodes) {
    if (!rows.wants(node.name.value)) continue;
    json row = entry_json(node, config::kNodeKeys);
    const auto index = context.gateway->books().nodes.find(node.name.value);
    if (index && *index < snapshot.nodes.size()) {
      row["state"] = node_state(snapshot, snapshot.nodes[*index]);
      const uint64_t learned = snapshot.shared->node_macs.load(*index);
      if (learned != 0) row["learned_mac"] = MacAddress::from_packed(learned).text();
      sums.of_node(*index).put_into(row);
    }
    rows.add(std::move(row));
  }
}

template <typename Prefixes>
json texts_of(const Prefixes& prefixes) {
  json texts = json::array();
  for (const Ipv4Prefix& prefix : prefixes) texts.push_back(prefix.text());
  return texts;
}

// Packets over the namespace's limits.
uint64_t refused(const MethodContext& context, NamespaceIndex index) {
  uint64_t sum = 0;
  for (const WorkerView& worker : context.workers) sum += worker.accounts->refused[index].read();
  return sum;
}

void namespace_rows(const MethodContext& context, const SessionSums& sums, Rows& rows) {
  const auto& layer = context.gateway->layer().all();
  for (const config::Namespace& each : context.gateway->file().namespaces) {
    if (!rows.wants(each.name.value)) continue;
    json row = entry_json(each, config::kNamespaceKeys);
    if (const auto pods = layer.find(each.name.value); pods != layer.end()) {
      row["pods_added"] = texts_of(pods->second.added);
      row["pods_removed"] = texts_of(pods->second.removed);
    }
    if (const auto index = context.gateway->books().namespaces.find(each.name.value)) {
      sums.of_namespace(*index).put_into(row);
      row["refused"] = refused(context, *index);
    }
    rows.add(std::move(row));
  }
}

// TCP, UDP and ICMP, as SessionAccounts counts them.
using PortsUsed = std::array<uint64_t, 3>;

PortsUsed ports_used(const MethodContext& context, AddressSlot slot) {
  PortsUsed used{};
  for (const WorkerView& worker : context.workers) {
    for (size_t i = 0; i < used.size(); ++i) used[i] += worker.accounts->ports_used[slot][i].read();
  }
  return used;
}

json ports_used_json(const PortsUsed& used) {
  return {{"tcp", used[SessionAccounts::kTcp]},
          {"udp", used[SessionAccounts::kUdp]},
          {"icmp", used[SessionAccounts::kIcmp]}};
}

json fullest_json(const std::vector<SessionSums::Fullness>& fullest) {
  json list = json::array();
  for (const auto& [remote, ports] : fullest) {
    list.push_back({{"dst", remote.address.text()},
                    {"dport", remote.port},
                    {"protocol", protocol_name(remote.protocol)},
                    {"ports", ports}});
  }
  return list;
}

// "active", or why an egress address takes no new session. It leaves by external ports. A drain
// goes on until no session is left.
const char* address_state(const MethodContext& context, Ipv4Address address, uint64_t sessions) {
  if (context.gateway->drains().find(address) != nullptr) {
    return sessions == 0 ? "drained" : "draining";
  }
  const Snapshot& snapshot = context.gateway->snapshot();
  const LocalAddress* local = snapshot.local(address);
  const uint64_t down = snapshot.shared->ports_down.load(std::memory_order_relaxed);
  return local != nullptr && (local->ports & ~down) == 0 ? "port-down" : "active";
}

// Seconds until what is left on a drained address is ended.
std::optional<uint32_t> drain_deadline_s(const MethodContext& context, Ipv4Address address) {
  const Drain* drain = context.gateway->drains().find(address);
  return drain == nullptr ? std::nullopt : drain->left_s(context.loop->now_us());
}

// Of all addresses of an entry: the one state of all, or "partly-" and the state of some.
std::string entry_state(const std::vector<std::string>& states) {
  for (const std::string_view state : {"draining", "drained", "port-down"}) {
    const auto those = std::count(states.begin(), states.end(), state);
    if (those == 0) continue;
    const bool all = static_cast<size_t>(those) == states.size();
    return absl::StrCat(all ? "" : "partly-", std::string(state));
  }
  return "active";
}

// The live part of an entry with egress addresses.
void put_addresses(const MethodContext& context, const SessionSums& sums,
                   const config::ListOf<Ipv4Address>& addresses, json& row) {
  SessionSum sum;
  PortsUsed used{};
  std::vector<AddressSlot> slots;
  std::vector<std::string> states;
  json each = json::array();
  for (const Ipv4Address address : addresses) {
    const auto found = context.gateway->books().addresses.find(address.value);
    if (!found) continue;
    const auto slot = static_cast<AddressSlot>(*found);
    slots.push_back(slot);
    const uint64_t sessions = sums.of_address(slot).sessions;
    states.emplace_back(address_state(context, address, sessions));
    const PortsUsed its = ports_used(context, slot);
    for (size_t i = 0; i < used.size(); ++i) used[i] += its[i];
    sum.add(sums.of_address(slot));
    each.push_back({{"address", address.text()},
                    {"state", states.back()},
                    {"sessions", sessions},
                    {"ports_used", ports_used_json(its)}});
    if (const std::optional<uint32_t> left_s = drain_deadline_s(context, address)) {
      each.back()["deadline_s"] = *left_s;
    }
  }
  row["state"] = entry_state(states);
  row["ports_used"] = ports_used_json(used);
  row["fullest"] = fullest_json(sums.fullest(slots, kFullest));
  row["by_address"] = std::move(each);
  sum.put_into(row);
}

void egress_ip_rows(const MethodContext& context, const SessionSums& sums, Rows& rows) {
  for (const config::EgressIp& each : context.gateway->file().egress_ips) {
    if (!rows.wants(each.name.value)) continue;
    json row = entry_json(each, config::kEgressIpKeys);
    put_addresses(context, sums, each.addresses, row);
    rows.add(std::move(row));
  }
}

void egress_router_rows(const MethodContext& context, const SessionSums& sums, Rows& rows) {
  for (const config::EgressRouter& each : context.gateway->file().egress_routers) {
    if (!rows.wants(each.name.value)) continue;
    json row = entry_json(each, config::kEgressRouterKeys);
    put_addresses(context, sums, {each.source}, row);
    std::vector<std::string> names;
    if (each.mode == config::RouterMode::kDnsProxy) {
      for (config::RouterLine& line : config::parse_router_lines(each).lines) {
        if (!line.name.empty()) names.push_back(std::move(line.name));
      }
    }
    put_names(*context.host_names, names, row);
    rows.add(std::move(row));
  }
}

// Rules have no names: NAME is a namespace, and those for every namespace are
// its rules, too. `hits`: the sessions that an allowing rule let begin, the packets that a denying
// one refused, since the rules last changed.
void firewall_rows(const MethodContext& context, const SessionSums&, Rows& rows) {
  const config::Model& model = context.gateway->file();
  const auto& rules = model.firewall.rules;
  for (const config::Namespace& each : model.namespaces) rows.wants(each.name.value);
  rows.wants(config::kEveryNamespace);
  const uint64_t version = context.gateway->books().rules_version;
  for (size_t i = 0; i < rules.size(); ++i) {
    const std::string& name = rules[i].name_space.value;
    const bool is_wanted = rows.name().empty() || name == rows.name();
    if (name != config::kEveryNamespace && !is_wanted) continue;
    json row = entry_json(rules[i], config::kFirewallRuleKeys);
    row["rule"] = i;
    put_names(*context.host_names, {rules[i].to_names.begin(), rules[i].to_names.end()}, row);
    uint64_t hits = 0;
    for (const WorkerView& worker : context.workers) {
      hits += worker.accounts->rules.hits(version, static_cast<RuleNumber>(i));
    }
    row["hits"] = hits;
    rows.add(std::move(row));
  }
}

struct List {
  std::string_view method;
  std::string_view help;
  std::string_view what;  // an entry
  void (*fill)(const MethodContext& context, const SessionSums& sums, Rows& rows);
  bool has_sums = true;  // needs a reading of all sessions
};

constexpr List kLists[] = {
    {"ports.list", "The ports, their links and their traffic.", "port", port_rows},
    {"workers.list", "The workers and how busy they are.", "worker", worker_rows, false},
    {"tunnels.list", "The tunnels and the sessions through them.", "tunnel", tunnel_rows},
    {"nodes.list", "The nodes, whether they are reached, and their sessions.", "node", node_rows},
    {"namespaces.list", "The namespaces, their pods and their sessions.", "namespace",
     namespace_rows},
    {"egress_ips.list", "The egress addresses, their sessions and ports in use.",
     "entry of egress_ips", egress_ip_rows},
    {"egress_routers.list", "The egress routers and their sessions.", "egress router",
     egress_router_rows},
    {"firewall.list", "The firewall's rules in order; `name`: those of a namespace.", "namespace",
     firewall_rows, false},
};

void answer(const MethodContext& context, const List& list, const SessionSums& sums,
            std::string name, Responder& responder) {
  Rows rows(std::move(name));
  list.fill(context, sums, rows);
  if (rows.is_stranger()) {
    responder.error(absl::NotFoundError(absl::StrCat("no ", std::string(list.what), " \"",
                                                     rows.name(), "\"", rows.advice(list.method))));
    return;
  }
  json result = {{"rows", std::move(rows.all())}};
  if (list.fill == firewall_rows) {
    json firewall = entry_json(context.gateway->file().firewall, config::kFirewallKeys);
    result["default"] = firewall["default"];
    result["refuse"] = firewall["refuse"];
  }
  responder.result(result);
}

}  // namespace

void add_list_methods(MethodTable& table, const MethodContext& context) {
  for (const List& list : kLists) {
    table.add({.name = list.method,
               .access = Access::kRead,
               .help = list.help,
               .params = {{.name = "name", .kind = ParamKind::kText, .help = "only this one"}},
               .handler = [&context, &list](const json& params, Responder responder) {
                 const std::string name = params.value("name", "");
                 if (!list.has_sums) {
                   answer(context, list, SessionSums(context), name, responder);
                   return;
                 }
                 auto held = std::make_shared<Responder>(std::move(responder));
                 sum_sessions(context, [&context, &list, name, held](const SessionSums& sums) {
                   answer(context, list, sums, name, *held);
                 });
               }});
  }
}

}  // namespace postern
