// Rules that are allowed and do less than they seem to, and namespaces that no rule lets out.
#include <algorithm>
#include <unordered_set>

#include "config/check_parts.h"
#include "config/form.h"

namespace postern::config {
namespace {

constexpr size_t kNamed = 3;  // of the namespaces that are denied everything

// What a name stands for is known after the fact: whoever asks another DNS server, or asks sooner,
// may get an address that the gateway does not know. An allowance fails closed then, a denial open.
void check_denied_names(const Model& model, Report& report) {
  for (size_t i = 0; i < model.firewall.rules.size(); ++i) {
    const FirewallRule& rule = model.firewall.rules[i];
    if (rule.action != FirewallAction::kDeny || rule.to_names.empty()) continue;
    report.warn(rule.to_names[0].line,
                member_path(entry_path("firewall.rules", rule, i), "to_names"),
                "denies only the addresses that the gateway knows of the name, none before it is "
                "resolved",
                "where that is not enough, deny by default and allow what is wanted");
  }
}

// A rule that denies everything is meant; it needs no warning.
bool decides(const FirewallRule& rule) {
  if (rule.action == FirewallAction::kAllow) return true;
  const auto is_all = [](const At<Ipv4Prefix>& to) { return to->length == 0; };
  return rule.to_names.empty() && rule.ports.empty() &&
         (rule.to.empty() || std::any_of(rule.to.begin(), rule.to.end(), is_all));
}

using Names = std::unordered_set<std::string_view>;

template <typename Entry>
Names users_of(const std::vector<Entry>& entries) {
  Names names;
  for (const Entry& entry : entries) {
    for (const At<std::string>& name : entry.namespaces) names.insert(name.value);
  }
  return names;
}

// The firewall judges what leaves by egress addresses and node addresses; what goes to an egress
// router is judged by the router's list, so a namespace that has nothing else needs no rule.
void check_denied_all(const Model& model, Report& report) {
  if (model.firewall.default_action != FirewallAction::kDeny) return;
  Names decided;
  for (const FirewallRule& rule : model.firewall.rules) {
    if (!decides(rule)) continue;
    if (rule.name_space.value == kEveryNamespace) return;
    decided.insert(rule.name_space.value);
  }
  const bool shared =
      model.node_ip.mode.value != NodeIpMode::kOff && model.node_ip.for_whom == NodeIpFor::kAll;
  const Names leaving = users_of(model.egress_ips);
  const Names routed = users_of(model.egress_routers);
  size_t denied = 0;
  std::string first;
  for (const Namespace& each : model.namespaces) {
    const std::string_view name = each.name.value;
    if (decided.contains(name)) continue;
    if (routed.contains(name) && !shared && !leaving.contains(name)) continue;
    if (++denied <= kNamed) first.append(denied == 1 ? "" : ", ").append(name);
  }
  if (denied == 0) return;
  if (denied > kNamed) first += ", ...";
  const SourceLine line = model.firewall.line.line != 0 ? model.firewall.line : SourceLine{0, 1};
  report.warn(line, "firewall",
              "everything is denied to " + std::to_string(denied) +
                  (denied == 1 ? " namespace" : " namespaces") + " (" + first +
                  "): no rule allows anything, and firewall.default is \"deny\"",
              "write rules with action = \"allow\", or default = \"allow\"");
}

}  // namespace

void check_firewall(const Model& model, Report& report) {
  check_denied_names(model, report);
  // A rule that could not be read may be the one that allows.
  if (!report.has_errors()) check_denied_all(model, report);
}

}  // namespace postern::config
