#include "control/methods/attention.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/units.h"
#include "control/methods/session_rows.h"
#include "control/methods/session_sums.h"
#include "control/methods/totals.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr size_t kMostOfAKind = 8;

// Of many sentences of one kind the first ones, and how many more there are.
void add_some(std::vector<std::string> texts, const char* of_what, json& all) {
  const size_t shown = std::min(texts.size(), kMostOfAKind);
  for (size_t i = 0; i < shown; ++i) all.push_back(std::move(texts[i]));
  if (texts.size() == shown) return;
  all.push_back(absl::StrCat("... and ", texts.size() - shown, " more ", of_what, " like these"));
}

void add_links(const MethodContext& context, json& all) {
  const auto& ports = context.gateway->file().ports;
  for (size_t i = 0; i < context.ports.size(); ++i) {
    if (context.ports[i].link().up) continue;
    const bool external = ports[i].role != config::PortRole::kCluster;
    all.push_back(absl::StrCat("the link of port ", ports[i].name.value, " is down",
                               external ? ": no session can start by it" : "",
                               "; check the cable and the other end"));
  }
}

void add_nodes(const MethodContext& context, json& all) {
  const Snapshot& snapshot = context.gateway->snapshot();
  std::vector<std::string> texts;
  for (size_t i = 0; i < snapshot.nodes.size(); ++i) {
    const NodeEntry& node = snapshot.nodes[i];
    if (!node.in_use || node.next_hop != kNoNeighbour) continue;
    texts.push_back(absl::StrCat("there is no route to the VTEP ", node.vtep.text(), " of node ",
                                 context.gateway->names().nodes[i],
                                 ": give a cluster port a `gateway`"));
  }
  add_some(std::move(texts), "nodes", all);
}

uint64_t sessions_in_all(const MethodContext& context) {
  uint64_t active = 0;
  for (const WorkerView& worker : context.workers) active += active_sessions(*worker.counters);
  return active;
}

void add_sessions(const MethodContext& context, json& all) {
  const uint64_t active = sessions_in_all(context);
  const uint64_t max = context.gateway->file().sessions.max;
  if (active * 100 < max * kSessionsWarning_percent) return;
  all.push_back(absl::StrCat("the session table is ", active * 100 / max,
                             " % full: raise sessions.max and restart the gateway, or see who "
                             "opens so many (posternctl top)"));
}

// A drain is an operator's measure that is easily forgotten: nothing else ends it but a restart.
void add_drains(const MethodContext& context, json& all) {
  std::vector<std::string> texts;
  for (const auto& [address, drain] : context.gateway->drains().all()) {
    const std::string name = address.text();
    const uint64_t sessions = sessions_of_address(context, address);
    if (sessions == 0) {
      texts.push_back(absl::StrCat("egress address ", name,
                                   " is drained, it has no session left: take it out of the "
                                   "configuration, or posternctl drain ",
                                   name, " --undo"));
      continue;
    }
    const std::optional<uint32_t> left_s = drain.left_s(context.loop->now_us());
    texts.push_back(absl::StrCat(
        "egress address ", name, " is being drained, ", sessions,
        sessions == 1 ? " session is left" : " sessions are left",
        left_s ? absl::StrCat(" and will be ended in ", config::duration_text(*left_s)) : "",
        ": it takes no new ones until posternctl drain ", name, " --undo"));
  }
  add_some(std::move(texts), "drained addresses", all);
}

uint64_t ports_in_all(const MethodContext& context) {
  return context.gateway->file().sessions.port_range->size();
}

// Addresses of which some protocol has so many ports in use that one destination may have most.
std::vector<AddressSlot> suspects(const MethodContext& context) {
  std::vector<AddressSlot> slots;
  const uint64_t many = ports_in_all(context) * kPortsWarning_percent;
  for (const auto& [address, slot] : context.gateway->books().addresses.all()) {
    for (size_t protocol = 0; protocol < 3; ++protocol) {
      uint64_t used = 0;
      for (const WorkerView& worker : context.workers) {
        used += worker.accounts->ports_used[slot][protocol].read();
      }
      if (used * 100 < many) continue;
      slots.push_back(static_cast<AddressSlot>(slot));
      break;
    }
  }
  return slots;
}

// What can be done for an address that runs out of ports, by what it is an address of.
const char* advice_of_ports(const config::Model& model, Ipv4Address address) {
  for (const config::EgressRouter& router : model.egress_routers) {
    if (router.source.value == address) {
      return "an egress router has one source: give some of its namespaces or destinations to "
             "another router";
    }
  }
  for (const config::EgressIp& entry : model.egress_ips) {
    for (const config::At<Ipv4Address>& own : entry.addresses) {
      if (own.value == address) {
        return "add addresses to its entry, or set when_exhausted = \"next-address\"";
      }
    }
  }
  if (model.node_ip.mode.value == config::NodeIpMode::kPerNode) {
    return "a node has one external_ip: give some of its namespaces an egress_ips entry";
  }
  return "add addresses to node_ip.addresses, or give some namespaces an egress_ips entry";
}

}  // namespace

std::vector<Attention::Nearly> Attention::nearly_used_up(const std::vector<AddressSlot>& slots,
                                                         const SessionSums& sums) const {
  const uint64_t ports = ports_in_all(context_);
  const std::vector<EgressAddress>& addresses = context_.gateway->snapshot().policy.addresses;
  std::vector<Nearly> all;
  for (const AddressSlot slot : slots) {
    const auto fullest = sums.fullest({&slot, 1}, 1);
    if (fullest.empty() || slot >= addresses.size()) continue;
    const auto& [remote, used] = fullest[0];
    const uint64_t percent = used * 100 / ports;
    if (percent < kPortsWarning_percent) continue;
    const Ipv4Address address = addresses[slot].address;
    all.push_back({address, percent,
                   absl::StrCat("egress address ", address.text(), " has ", percent,
                                " % of its ports in use towards ", remote.address.text(), ":",
                                remote.port, " (", protocol_name(remote.protocol),
                                "): ", advice_of_ports(context_.gateway->file(), address))});
  }
  std::sort(all.begin(), all.end(), [](const Nearly& a, const Nearly& b) {
    return a.percent != b.percent ? a.percent > b.percent : a.text < b.text;
  });
  return all;
}

void Attention::read_in_background(std::vector<AddressSlot> slots) {
  const bool is_fresh = read_at_us_ != 0 && context_.loop->now_us() - read_at_us_ < kReadAgain_us;
  if (reading_ || is_fresh) return;
  reading_ = true;
  sum_sessions(context_,
               [self = shared_from_this(), slots = std::move(slots)](const SessionSums& sums) {
                 self->last_ = self->nearly_used_up(slots, sums);
                 self->read_at_us_ = self->context_.loop->now_us();
                 self->reading_ = false;
               });
}

void Attention::find(std::function<void(json)> done) {
  json all = json::array();
  add_links(context_, all);
  add_nodes(context_, all);
  for (std::string& text : context_.neighbours->complaints()) all.push_back(std::move(text));
  if (std::string text = context_.gateway->attention(); !text.empty()) all.push_back(text);
  for (std::string& text : context_.host_names->complaints()) all.push_back(std::move(text));
  if (context_.daemon_attention) {
    for (std::string& text : context_.daemon_attention()) all.push_back(std::move(text));
  }
  add_sessions(context_, all);
  add_drains(context_, all);
  std::vector<AddressSlot> slots = suspects(context_);
  if (slots.empty()) return done(std::move(all));
  const auto add_texts = [](const std::vector<Nearly>& found, json& to) {
    std::vector<std::string> texts;
    for (const Nearly& each : found) texts.push_back(each.text);
    add_some(std::move(texts), "egress addresses", to);
  };
  if (sessions_in_all(context_) <= kReadAtOnce) {
    return sum_sessions(context_,
                        [self = shared_from_this(), slots = std::move(slots), all = std::move(all),
                         done = std::move(done), add_texts](const SessionSums& sums) mutable {
                          add_texts(self->nearly_used_up(slots, sums), all);
                          done(std::move(all));
                        });
  }
  // Addresses that have been relieved since, or are none any more, are not worth a sentence.
  const std::vector<EgressAddress>& addresses = context_.gateway->snapshot().policy.addresses;
  std::erase_if(last_, [&](const Nearly& each) {
    return std::none_of(slots.begin(), slots.end(), [&](AddressSlot slot) {
      return slot < addresses.size() && addresses[slot].address == each.address;
    });
  });
  add_texts(last_, all);
  read_in_background(std::move(slots));
  done(std::move(all));
}

}  // namespace postern
